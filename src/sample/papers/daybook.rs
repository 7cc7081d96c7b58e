//! The day-book of a shop, with remarks.

use std::io::{self, Write};

use super::super::calendar::Day;
use super::super::matter;
use super::super::scribe::Scribe;
use super::super::sheet::Sheet;
use super::super::town::PLAYERS;

/// Writes entries until the document is about `limit` tokens long.
pub(super) fn write<W: Write>(scribe: &mut Scribe, sheet: &mut Sheet<W>, limit: u64) -> io::Result<()> {
    // one of the writers keeps a shop
    scribe.scene.w = PLAYERS + 2;
    let heading =
        format!("FROM THE DAY-BOOK OF {}, IRONMONGER", scribe.town.cast[scribe.scene.w].full().to_uppercase());
    sheet.line(&heading)?;
    sheet.blank()?;
    let mut matters = Vec::new();
    while sheet.has_room(limit) {
        scribe.scene.day = scribe.scene.day.workday();
        let date = scribe.scene.day.full();
        sheet.line(&date)?;
        for _ in 0..scribe.rng.between(1, 4) {
            scribe.begin_topic("shop");
            for part in ["sale", "remark"] {
                if !sheet.is_full(limit)
                    && (part == "sale" || scribe.rng.chance(60))
                    && let Some(sentence) = scribe.sentence(&format!("shop.{part}"))
                {
                    sheet.add(&sentence);
                }
            }
        }
        sheet.end_paragraph()?;
        if sheet.has_room(limit) && scribe.rng.chance(30) && matter::choose(scribe, &mut matters).is_some() {
            matter::write(scribe, sheet, "shop", limit)?;
        }
        scribe.scene.day = Day(scribe.scene.day.0 + scribe.rng.between(1, 4) as i64);
    }
    Ok(())
}
