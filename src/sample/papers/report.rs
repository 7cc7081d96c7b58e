//! The report of a committee on the year that has passed, with figures.

use std::io::{self, Write};

use super::super::calendar::Day;
use super::super::figures::grouped;
use super::super::matter;
use super::super::scribe::Scribe;
use super::super::sheet::Sheet;
use super::super::topic;
use super::topic_of;

/// Tokens that the end of a report takes.
const CLOSING: u64 = 45;

/// Writes a report until the document is about `limit` tokens long.
pub(super) fn write<W: Write>(scribe: &mut Scribe, sheet: &mut Sheet<W>, limit: u64) -> io::Result<()> {
    let body = limit.saturating_sub(CLOSING);
    let today = scribe.scene.day;
    // the last day of the year that is reported on
    let year = today.year() - 1;
    let committee = scribe.phrase("report.committee").to_uppercase();
    sheet.line(&format!("REPORT OF THE {committee} OF {} FOR THE YEAR {year}", scribe.town.name.to_uppercase()))?;
    sheet.blank()?;
    scribe.scene.day = Day(Day::new_year(year + 1).0 - 1);
    if let Some(sentence) = scribe.sentence("report.open") {
        sheet.add(&sentence);
        sheet.end_paragraph()?;
    }
    let receipts = figures(scribe, sheet, "Receipts", "report.receipt")?;
    let payments = figures(scribe, sheet, "Payments", "report.payment")?;
    let rule = if receipts >= payments { "report.surplus" } else { "report.deficit" };
    let difference = grouped(receipts.abs_diff(payments));
    if let Some(sentence) = scribe.sentence(rule) {
        sheet.add(&sentence.replace("DIFFERENCE", &difference));
        sheet.end_paragraph()?;
    }
    let (mut matters, mut topics) = (Vec::new(), Vec::new());
    while sheet.has_room(body) {
        if scribe.rng.chance(60) && matter::choose(scribe, &mut matters).is_some() {
            matter::write(scribe, sheet, "report", body)?;
        } else {
            let topic = topic_of(scribe, topic::YEARLY, &mut topics);
            topic::write(scribe, sheet, topic, "report", body)?;
        }
    }
    if let Some(sentence) = scribe.sentence("report.close") {
        sheet.add(&sentence);
        sheet.end_paragraph()?;
    }
    scribe.scene.day = today;
    Ok(())
}

/// A list of sums, whose total is returned.
fn figures<W: Write>(scribe: &mut Scribe, sheet: &mut Sheet<W>, heading: &str, rule: &str) -> io::Result<u64> {
    sheet.line(heading)?;
    let mut total = 0;
    for _ in 0..scribe.rng.between(3, 5) {
        let item = scribe.title(rule);
        let pounds = if scribe.rng.chance(75) { scribe.rng.between(3, 60) } else { scribe.rng.between(61, 240) };
        total += pounds;
        sheet.line(&format!("- {item}: {pounds} pounds"))?;
    }
    sheet.line(&format!("- In all: {} pounds", grouped(total)))?;
    sheet.blank()?;
    Ok(total)
}
