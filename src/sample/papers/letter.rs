//! Letters to people elsewhere.

use std::io::{self, Write};

use super::super::matter;
use super::super::scribe::Scribe;
use super::super::sheet::Sheet;
use super::super::topic;
use super::super::town::{PLAYERS, WRITERS};
use super::topic_of;

/// Tokens that the end of a letter takes.
const CLOSING: u64 = 55;

/// Whom each of the writers writes to, and what a man or a woman is to them.
const ADDRESSEES: [(&str, &str, &str); WRITERS] = [
    ("brother", "brother", "sister"),
    ("sister", "brother", "sister"),
    ("aunt", "nephew", "niece"),
    ("cousin", "cousin", "cousin"),
    ("friend", "friend", "friend"),
    ("uncle", "nephew", "niece"),
];

/// Writes a letter until the document is about `limit` tokens long.
pub(super) fn write<W: Write>(scribe: &mut Scribe, sheet: &mut Sheet<W>, limit: u64) -> io::Result<()> {
    let body = limit.saturating_sub(CLOSING);
    let number = scribe.rng.index(WRITERS);
    scribe.scene.w = PLAYERS + number;
    let writer = scribe.town.cast[scribe.scene.w].clone();
    let (to, man, woman) = ADDRESSEES[number];
    // the same address each time
    let place = scribe.town.villages[number % scribe.town.villages.len()].clone();
    let his = if writer.is_woman { "HER" } else { "HIS" };
    sheet.line(&format!(
        "LETTER OF {} TO {his} {} AT {}",
        writer.full().to_uppercase(),
        to.to_uppercase(),
        place.to_uppercase()
    ))?;
    let date = scribe.scene.day.long();
    sheet.line(&format!("{}, {date}", writer.home))?;
    sheet.blank()?;
    let dear = if scribe.rng.chance(50) { "Dear" } else { "My dear" };
    sheet.line(&format!("{dear} {to},"))?;
    sheet.blank()?;
    for part in ["letter.open", "letter.turn"] {
        if !sheet.is_full(body)
            && let Some(sentence) = scribe.sentence(part)
        {
            sheet.add(&sentence);
        }
    }
    sheet.end_paragraph()?;
    let (mut matters, mut topics) = (Vec::new(), Vec::new());
    while sheet.has_room(body) {
        if scribe.rng.chance(45) && matter::choose(scribe, &mut matters).is_some() {
            matter::write(scribe, sheet, "letter", body)?;
        } else {
            let topic = topic_of(scribe, topic::PRIVATE, &mut topics);
            if scribe.rng.chance(20)
                && let Some(sentence) = scribe.sentence("letter.link")
            {
                sheet.add(&sentence);
            }
            topic::write(scribe, sheet, topic, "letter", body)?;
        }
    }
    if let Some(sentence) = scribe.sentence("letter.close") {
        sheet.add(&sentence);
        sheet.end_paragraph()?;
    }
    let loving = scribe.rng.pick(&["loving", "affectionate", "faithful", "devoted"]);
    sheet.line(&format!("Your {loving} {},", if writer.is_woman { woman } else { man }))?;
    sheet.line(&format!("- {}", writer.full()))?;
    sheet.blank()
}
