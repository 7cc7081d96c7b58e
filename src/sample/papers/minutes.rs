//! Minutes of the council.

use std::io::{self, Write};

use super::super::matter;
use super::super::scribe::Scribe;
use super::super::sheet::Sheet;
use super::super::topic;
use super::super::town::{PLAYERS, some_of};
use super::topic_of;

/// Tokens that the end of the minutes takes.
const CLOSING: u64 = 40;

/// Writes minutes until the document is about `limit` tokens long.
pub(super) fn write<W: Write>(scribe: &mut Scribe, sheet: &mut Sheet<W>, limit: u64) -> io::Result<()> {
    let body = limit.saturating_sub(CLOSING);
    sheet.line(&format!("MINUTES OF THE TOWN COUNCIL OF {}", scribe.town.name.to_uppercase()))?;
    scribe.scene.day = scribe.scene.day.workday();
    let hall = scribe.phrase("minutes.hall");
    sheet.line(&format!("Held at {hall}, {}", scribe.scene.day.full()))?;
    // offices come first; the clerk writes
    let n = scribe.rng.between(4, 7) as usize;
    let indices: Vec<usize> = (0..PLAYERS).collect();
    let present: Vec<String> =
        some_of(&mut scribe.rng, &indices, n).into_iter().map(|i| scribe.town.cast[i].formal()).collect();
    sheet.line(&format!("Present: {}", present.join(", ")))?;
    sheet.blank()?;
    let mut item = 1;
    if scribe.rng.chance(60)
        && let Some(sentence) = scribe.sentence("minutes.last")
    {
        sheet.line(&format!("Item {item}: Minutes"))?;
        sheet.add(&sentence);
        if scribe.rng.chance(50)
            && let Some(sentence) = scribe.sentence("minutes.absent")
        {
            sheet.add(&sentence);
        }
        sheet.end_paragraph()?;
        item += 1;
    }
    let (mut matters, mut topics) = (Vec::new(), Vec::new());
    let mut has_payments = false;
    while sheet.has_room(body) {
        let is_matter = scribe.rng.chance(65) && matter::choose(scribe, &mut matters).is_some();
        let title = if is_matter { scribe.title("matter.name") } else { String::new() };
        if is_matter {
            sheet.line(&format!("Item {item}: {title}"))?;
            matter::write(scribe, sheet, "minutes", body)?;
        } else if !has_payments && scribe.rng.chance(25) {
            has_payments = true;
            sheet.line(&format!("Item {item}: Payments"))?;
            payments(scribe, sheet, body)?;
        } else {
            let topic = topic_of(scribe, topic::CIVIC, &mut topics);
            scribe.begin_topic(topic);
            let title = scribe.title(&format!("{topic}.item"));
            sheet.line(&format!("Item {item}: {title}"))?;
            topic::finish(scribe, sheet, topic, "minutes", body)?;
        }
        item += 1;
    }
    if let Some(sentence) = scribe.sentence("minutes.close") {
        sheet.add(&sentence);
        sheet.end_paragraph()?;
    }
    Ok(())
}

/// A list of bills that were passed.
fn payments<W: Write>(scribe: &mut Scribe, sheet: &mut Sheet<W>, limit: u64) -> io::Result<()> {
    if let Some(sentence) = scribe.sentence("minutes.bills") {
        sheet.add(&sentence);
        sheet.end_paragraph()?;
    }
    for _ in 0..scribe.rng.between(2, 5) {
        if !sheet.is_full(limit) {
            let line = scribe.title("minutes.bill");
            sheet.line(&format!("- {line}"))?;
        }
    }
    sheet.blank()
}
