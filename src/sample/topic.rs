//! Paragraphs about everyday life: each has one topic, two people and a thing, and runs from an opening to an end.

use std::io::{self, Write};

use super::scribe::Scribe;
use super::sheet::Sheet;

/// What the sentences of such a paragraph do, in this order. The grammar has rules `TOPIC.PART`; a topic may lack some.
pub(super) const PARTS: [&str; 5] = ["open", "why", "then", "said", "end"];

/// Topics that fit any private paper.
pub(super) const PRIVATE: &[&str] = &[
    "quarrel", "lost", "illness", "wedding", "stranger", "will", "debt", "memory", "kitchen", "work", "market",
    "repair", "music", "feast", "pupils", "night", "charity", "lecture", "road", "weather", "animal", "accident",
    "river", "garden", "harvest",
];

/// Topics of a newspaper.
pub(super) const PUBLIC: &[&str] = &[
    "quarrel", "lost", "wedding", "stranger", "will", "work", "market", "repair", "music", "feast", "pupils", "night",
    "charity", "lecture", "road", "weather", "animal", "accident", "river", "harvest",
];

/// Topics that a council hears of.
pub(super) const CIVIC: &[&str] =
    &["quarrel", "market", "repair", "night", "charity", "road", "animal", "accident", "debt"];

/// Topics of a report on a year.
pub(super) const YEARLY: &[&str] =
    &["market", "repair", "charity", "road", "harvest", "river", "weather", "accident", "pupils"];

/// Writes a paragraph, or a part of one if the document gets as long as `limit`.
pub(super) fn write<W: Write>(
    scribe: &mut Scribe,
    sheet: &mut Sheet<W>,
    topic: &str,
    voice: &str,
    limit: u64,
) -> io::Result<()> {
    scribe.begin_topic(topic);
    finish(scribe, sheet, topic, voice, limit)
}

/// As [`write()`], about people who are chosen already.
pub(super) fn finish<W: Write>(
    scribe: &mut Scribe,
    sheet: &mut Sheet<W>,
    topic: &str,
    voice: &str,
    limit: u64,
) -> io::Result<()> {
    for (i, part) in PARTS.iter().enumerate() {
        // most paragraphs leave something out, but all have a beginning
        if i > 0 && scribe.rng.chance(18) {
            continue;
        }
        if sheet.is_full(limit) {
            return sheet.end_paragraph();
        }
        if let Some(sentence) = scribe.sentence(&format!("{topic}.{part}")) {
            sheet.add(&sentence);
        }
    }
    if !sheet.is_full(limit)
        && scribe.rng.chance(30)
        && let Some(sentence) = scribe.sentence(&format!("{voice}.reflect"))
    {
        sheet.add(&sentence);
    }
    sheet.end_paragraph()
}
