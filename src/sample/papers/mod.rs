//! The papers of a town, in the order of their dates.

mod daybook;
mod diary;
mod letter;
mod minutes;
mod newspaper;
mod report;

use std::io::{self, Write};

use super::calendar::Day;
use super::scribe::Scribe;
use super::sheet::Sheet;
use super::topic;

/// See [`super::BOILERPLATE`].
pub(super) const BOILERPLATE: &[&str] = &[
    // headings
    "THE PAPERS OF THE TOWN OF *",
    "PART *",
    "MINUTES OF THE TOWN COUNCIL OF *",
    "Item *: *",
    "LETTER OF *",
    "FROM THE DIARY OF *",
    "FROM THE DAY-BOOK OF *",
    "REPORT OF THE * FOR THE YEAR 18##",
    "THE *, *day, * 18##",
    "NOTICE: *",
    "ADVERTISEMENTS",
    "Receipts",
    "Payments",
    // dates and places
    "*day, * 18##",
    "*, * 18##",
    // formal lines
    "Held at *, * 18##",
    "Present: *",
    "Dear *,",
    "My dear *,",
    "Your *,",
    "Signed: *",
    // what ends a letter or a list: names, trades, sums
    "- *",
];

/// A paper that would leave less than this to the town is made longer instead.
const LEAST: u64 = 420;

/// How much of the document a town gets.
pub(super) struct Span {
    /// Its first day.
    pub(super) first: Day,
    /// Its days.
    pub(super) n_days: i64,
    /// Length of the document in tokens when the town's papers end.
    pub(super) end: u64,
    /// Its number, if there are several.
    pub(super) part: Option<u64>,
}

/// Kinds of papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Paper {
    #[default]
    Diary,
    Letter,
    Minutes,
    Newspaper,
    Report,
    DayBook,
}

/// Kinds in the proportion in which they come.
const SHELF: [Paper; 12] = [
    Paper::Minutes,
    Paper::Minutes,
    Paper::Minutes,
    Paper::Letter,
    Paper::Letter,
    Paper::Letter,
    Paper::Newspaper,
    Paper::Newspaper,
    Paper::Newspaper,
    Paper::Diary,
    Paper::Diary,
    Paper::DayBook,
];

/// Writes all papers of the scribe's town.
pub(super) fn write_town<W: Write>(scribe: &mut Scribe, sheet: &mut Sheet<W>, span: &Span) -> io::Result<()> {
    let begin = sheet.tokens();
    if let Some(part) = span.part {
        sheet.line(&format!("PART {part}"))?;
    }
    sheet.line(&format!("THE PAPERS OF THE TOWN OF {}", scribe.town.name.to_uppercase()))?;
    sheet.blank()?;
    scribe.begin_paper(span.first);
    if span.end - begin > 1000 {
        for part in ["place", "people", "papers"] {
            if let Some(sentence) = scribe.sentence(&format!("preface.{part}")) {
                sheet.add(&sentence);
            }
        }
        sheet.end_paragraph()?;
    }
    let mut shelf: Vec<Paper> = Vec::new();
    let mut year = span.first.year();
    while sheet.has_room(span.end) {
        let left = span.end - sheet.tokens();
        let passed = sheet.tokens() - begin;
        let day = Day(span.first.0 + (span.n_days as u64 * passed / (span.end - begin).max(1)) as i64);
        if shelf.is_empty() {
            shelf = SHELF.to_vec();
            scribe.rng.shuffle(&mut shelf);
        }
        let mut paper = if left < LEAST { Paper::Diary } else { shelf.pop().unwrap_or_default() };
        if day.year() != year && left > 1500 {
            year = day.year();
            paper = Paper::Report;
        }
        let length = match paper {
            Paper::Minutes | Paper::Newspaper => scribe.rng.between(700, 1300),
            Paper::Letter | Paper::Report => scribe.rng.between(600, 1100),
            Paper::Diary | Paper::DayBook => scribe.rng.between(400, 800),
        };
        let is_last = length + LEAST > left;
        let limit = if is_last { span.end } else { sheet.tokens() + length };
        // what has a formal end is hard to end at a given length
        if is_last && matches!(paper, Paper::Minutes | Paper::Letter | Paper::Report) {
            paper = Paper::Diary;
        }
        scribe.begin_paper(day);
        if let Some((index, person)) = {
            let mut rng = scribe.rng.fork(4);
            scribe.town.change(&mut rng, day)
        } {
            scribe.scene.departed = person;
            scribe.scene.p = index;
            farewell(scribe, sheet, limit)?;
            continue;
        }
        match paper {
            Paper::Minutes => minutes::write(scribe, sheet, limit)?,
            Paper::Letter => letter::write(scribe, sheet, limit)?,
            Paper::Newspaper => newspaper::write(scribe, sheet, limit)?,
            Paper::Report => report::write(scribe, sheet, limit)?,
            Paper::DayBook => daybook::write(scribe, sheet, limit)?,
            Paper::Diary => diary::write(scribe, sheet, limit)?,
        }
    }
    // what is left is too little for an item, but perhaps not for a sentence
    for _ in 0..3 {
        if sheet.is_full(span.end) {
            break;
        }
        scribe.begin_topic("weather");
        if let Some(sentence) = scribe.sentence("weather.open") {
            sheet.add(&sentence);
        }
    }
    sheet.end_paragraph()
}

/// Somebody has died or gone: a notice in the newspaper.
fn farewell<W: Write>(scribe: &mut Scribe, sheet: &mut Sheet<W>, limit: u64) -> io::Result<()> {
    newspaper::head(scribe, sheet)?;
    sheet.line(&format!("NOTICE: {} {}", scribe.scene.departed.title, scribe.scene.departed.full()))?;
    topic::finish(scribe, sheet, "farewell", "news", limit)
}

/// A topic for a paragraph of a voice.
fn topic_of(scribe: &mut Scribe, topics: &'static [&'static str], taken: &mut Vec<&'static str>) -> &'static str {
    loop {
        let topic = scribe.rng.pick(topics);
        if !taken.contains(&topic) {
            taken.push(topic);
            return topic;
        }
        // a long paper may return to a topic
        if taken.len() >= topics.len() {
            taken.clear();
        }
    }
}
