//! A number of the newspaper.

use std::io::{self, Write};

use super::super::calendar::Day;
use super::super::matter;
use super::super::scribe::Scribe;
use super::super::sheet::Sheet;
use super::super::topic;
use super::topic_of;

/// Writes notices until the document is about `limit` tokens long.
pub(super) fn write<W: Write>(scribe: &mut Scribe, sheet: &mut Sheet<W>, limit: u64) -> io::Result<()> {
    head(scribe, sheet)?;
    let (mut matters, mut topics) = (Vec::new(), Vec::new());
    while sheet.has_room(limit) {
        // each notice is read by itself
        scribe.begin_paper(scribe.scene.day);
        if scribe.rng.chance(45) && matter::choose(scribe, &mut matters).is_some() {
            let title = scribe.title("matter.name");
            sheet.line(&format!("NOTICE: {title}"))?;
            matter::write(scribe, sheet, "news", limit)?;
        } else {
            let topic = topic_of(scribe, topic::PUBLIC, &mut topics);
            scribe.begin_topic(topic);
            let title = scribe.title(&format!("{topic}.item"));
            sheet.line(&format!("NOTICE: {title}"))?;
            topic::finish(scribe, sheet, topic, "news", limit)?;
        }
        if sheet.tokens() + 200 < limit && scribe.rng.chance(12) {
            sheet.line("ADVERTISEMENTS")?;
            for _ in 0..scribe.rng.between(2, 4) {
                if let Some(sentence) = scribe.sentence("news.advertisement") {
                    sheet.add(&sentence);
                    sheet.end_paragraph()?;
                }
            }
        }
    }
    Ok(())
}

/// The newspaper's name and date. It comes out on Saturdays.
pub(super) fn head<W: Write>(scribe: &mut Scribe, sheet: &mut Sheet<W>) -> io::Result<()> {
    let day = scribe.scene.day.0;
    scribe.scene.day = Day(day - day.rem_euclid(7));
    sheet.line(&format!("THE {}, {}", scribe.town.paper.to_uppercase(), scribe.scene.day.full()))?;
    sheet.blank()
}
