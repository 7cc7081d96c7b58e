//! Paragraphs about the matters that occupy the town: what is new, what is said for and against, what is to be done.

use std::io::{self, Write};

use super::scribe::Scribe;
use super::sheet::Sheet;
use super::town::STEPS;

/// Days for which people speak of a matter after its end.
const AFTERMATH: i64 = 700;

/// Sentences in such a paragraph, with the chance of each in percent.
pub(super) const PARTS: [(&str, u64); 7] =
    [("recap", 45), ("news", 100), ("more", 60), ("pro", 60), ("con", 60), ("do", 55), ("doubt", 45)];

/// Chooses what to write about, if there is anything: first of all what is new. `taken` are those that were written
/// about in this paper.
pub(super) fn choose(scribe: &mut Scribe, taken: &mut Vec<usize>) -> Option<usize> {
    let day = scribe.scene.day;
    let talked_of: Vec<usize> = (0..scribe.town.matters.len())
        .filter(|i| !taken.contains(i))
        .filter(|&i| {
            let matter = &scribe.town.matters[i];
            matter.step(day) > 0 && day.0 - matter.days[STEPS - 1].0 < AFTERMATH
        })
        .collect();
    let new = talked_of.iter().copied().find(|&i| scribe.town.matters[i].told < scribe.town.matters[i].step(day));
    let chosen = match new {
        Some(index) => index,
        None if talked_of.is_empty() => return None,
        None => scribe.rng.pick(&talked_of),
    };
    taken.push(chosen);
    let matter = &mut scribe.town.matters[chosen];
    // told step by step: nothing is left out if two happen at once
    matter.told = (matter.told + 1).min(matter.step(day));
    let step = if new.is_some() { matter.told } else { matter.step(day) };
    scribe.begin_matter(chosen, step);
    Some(chosen)
}

/// Whether the matter that was chosen has been over for a while.
pub(super) fn is_over(scribe: &Scribe) -> bool {
    let matter = &scribe.town.matters[scribe.scene.matter];
    scribe.scene.step == STEPS && scribe.scene.day.0 - matter.days[STEPS - 1].0 > 120
}

/// Writes a paragraph about the matter that was chosen.
pub(super) fn write<W: Write>(scribe: &mut Scribe, sheet: &mut Sheet<W>, voice: &str, limit: u64) -> io::Result<()> {
    if is_over(scribe) {
        for part in ["after", "more_after"] {
            sentence(scribe, sheet, voice, part, limit);
        }
        return sheet.end_paragraph();
    }
    for (part, percent) in PARTS {
        let is_possible = match part {
            "recap" => scribe.scene.step > 2,
            "do" => scribe.scene.step < STEPS,
            "doubt" | "pro" | "con" => scribe.town.matters[scribe.scene.matter].is_open(scribe.scene.day),
            _ => true,
        };
        if is_possible && scribe.rng.chance(percent) {
            sentence(scribe, sheet, voice, part, limit);
        }
    }
    sheet.end_paragraph()
}

/// In the voice of the paper if that has words of its own for this, else, or sometimes, in anybody's.
fn sentence<W: Write>(scribe: &mut Scribe, sheet: &mut Sheet<W>, voice: &str, part: &str, limit: u64) {
    if sheet.is_full(limit) {
        return;
    }
    let own = format!("{voice}.{part}");
    let common = format!("talk.{part}");
    let use_own = scribe.knows(&own) && (!scribe.knows(&common) || voice == "minutes" || scribe.rng.chance(60));
    let rules = if use_own { [own, common] } else { [common, own] };
    if let Some(sentence) = rules.iter().find_map(|rule| scribe.sentence(rule)) {
        sheet.add(&sentence);
    }
}
