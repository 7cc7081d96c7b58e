//! Pages of a diary.

use std::io::{self, Write};

use super::super::calendar::Day;
use super::super::matter;
use super::super::scribe::Scribe;
use super::super::sheet::Sheet;
use super::super::topic;
use super::super::town::PLAYERS;
use super::topic_of;

/// Writes entries until the document is about `limit` tokens long.
pub(super) fn write<W: Write>(scribe: &mut Scribe, sheet: &mut Sheet<W>, limit: u64) -> io::Result<()> {
    // two of the writers keep a diary
    scribe.scene.w = PLAYERS + scribe.rng.index(2);
    let writer = &scribe.town.cast[scribe.scene.w];
    let heading = format!("FROM THE DIARY OF {}, {}", writer.full().to_uppercase(), writer.trade.to_uppercase());
    sheet.line(&heading)?;
    sheet.blank()?;
    let (mut matters, mut topics) = (Vec::new(), Vec::new());
    while sheet.has_room(limit) {
        let date = scribe.scene.day.full();
        sheet.line(&date)?;
        if scribe.rng.chance(70)
            && let Some(sentence) = scribe.sentence("diary.open")
        {
            sheet.add(&sentence);
        }
        if scribe.rng.chance(40) && matter::choose(scribe, &mut matters).is_some() {
            matter::write(scribe, sheet, "diary", limit)?;
        } else {
            let topic = topic_of(scribe, topic::PRIVATE, &mut topics);
            topic::write(scribe, sheet, topic, "diary", limit)?;
        }
        scribe.scene.day = Day(scribe.scene.day.0 + scribe.rng.between(1, 3) as i64);
    }
    Ok(())
}
