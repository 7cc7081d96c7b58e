//! What the parts of a summary are written from.
//!
//! Where the notes of a part do not fit the cache, sentences are left out of them.

use std::mem;
use std::ops::Range;

use crate::summary::error::SummaryError;
use crate::summary::prompt::PromptError;
use crate::summary::prompts::{Task, Values};

use super::clean::Cleaner;
use super::compose::Composer;
use super::cost::{LEVELS, MERGED, MERGED_TOKENS};
use super::listing::{listed, shortened};
use super::note::{Note, best, joined};
use super::sizes::QUOTED;

/// Sentences of the document that a merged note keeps.
pub(super) const DETAILS: usize = 3;

/// A part of the summary.
pub(super) struct Part {
    /// The notes that it is of.
    pub notes: Vec<Note>,
    /// What the model sees of them.
    pub source: String,
}

impl Composer<'_, '_> {
    /// What each part is written from. Where a part has more notes than there is room for, sentences are left out of them; neighbours are
    /// merged only where not even one of four neighbours fits, since a merge reads all notes once more and loses what it does not say.
    pub(super) fn parts(&mut self, mut notes: Vec<Note>, wanted: usize) -> Result<Vec<Part>, SummaryError> {
        let room = self.room(self.task(), self.request.length.max_tokens().min(512))?;
        for _ in 0..LEVELS {
            if let Some(parts) = self.parts_within(&notes, wanted, room)? {
                return Ok(parts);
            }
            let n = notes.len();
            notes = self.merge(notes)?;
            if notes.len() == n {
                break;
            }
        }
        // what cannot be merged any more is written in more parts
        let mut n = wanted;
        loop {
            if let Some(parts) = self.parts_within(&notes, n, room)? {
                return Ok(parts);
            }
            n += 1;
        }
    }

    /// All notes as far as there is room for them beside what is written, or as many of them, evenly: nothing is read once more for it. `None` if
    /// not even one has room.
    pub(super) fn whole(&mut self, notes: &[Note], n_answer: u32) -> Result<Option<Part>, SummaryError> {
        let room = self.room(self.task(), n_answer)?;
        let mut step = 1;
        while step <= notes.len() {
            let some: Vec<Note> = notes.iter().step_by(step).cloned().collect();
            let count = &mut |text: &str| Ok::<_, SummaryError>(self.scribe.tokens(text)?.len());
            if let Some(source) = shortened(&some, room, None, count)? {
                return Ok(Some(Part { notes: notes.to_vec(), source }));
            }
            step *= 2;
        }
        Ok(None)
    }

    /// So many parts, or as many as there are notes, each in so many tokens; `None` if one of several notes is too long.
    fn parts_within(&mut self, notes: &[Note], n: usize, room: usize) -> Result<Option<Vec<Part>>, SummaryError> {
        let mut parts = Vec::new();
        for notes in stretches(notes.len(), n).into_iter().map(|range| notes[range].to_vec()) {
            let question = self.relevance.as_ref();
            let short =
                shortened(&notes, room, question, &mut |text| Ok::<_, SummaryError>(self.scribe.tokens(text)?.len()))?;
            let source = match short {
                Some(source) => source,
                None if notes.len() < 2 => listed(&notes),
                None => return Ok(None),
            };
            parts.push(Part { notes, source });
        }
        Ok(Some(parts))
    }

    /// Merges neighbours.
    fn merge(&mut self, notes: Vec<Note>) -> Result<Vec<Note>, SummaryError> {
        let room = self.room(Task::Merge, MERGED_TOKENS)?;
        let mut merged = Vec::new();
        let mut group: Vec<Note> = Vec::new();
        for note in notes {
            group.push(note);
            let full = group.len() > MERGED || self.scribe.tokens(&listed(&group))?.len() > room;
            if full && group.len() > 1 {
                let next = group.split_off(group.len() - 1);
                merged.extend(self.merge_group(mem::replace(&mut group, next))?);
            }
        }
        merged.extend(self.merge_group(group)?);
        Ok(merged)
    }

    fn merge_group(&mut self, group: Vec<Note>) -> Result<Option<Note>, SummaryError> {
        // a single one is not reduced again
        if group.len() < 2 {
            return Ok(group.into_iter().next());
        }
        let source = listed(&group);
        let details = joined(best(group.iter().flat_map(|note| &note.details), DETAILS));
        let values = Values { words: MERGED_TOKENS * 10 / 17, details, ..self.values.clone() };
        let asked = self.prompts.render(Task::Merge, &values).map_err(PromptError::from)?;
        let text = self.scribe.tokens(&source)?;
        let written = self.scribe.apart(self.reader, &asked, &text, MERGED_TOKENS, &mut |_| true)?;
        let draft = if written.incomplete.is_none() { written.text } else { String::new() };
        let mut cleaner = Cleaner::new(true);
        cleaner.asked(&self.prompts.own_words(Task::Merge, &values).map_err(PromptError::from)?);
        let mut text = cleaner.clean(&draft, &[&source]);
        if text.is_empty() {
            text = values.details;
        }
        Ok(Note::merged(&group, text, DETAILS))
    }

    /// Tokens of notes that fit the cache together with what is asked and so many tokens of answer.
    fn room(&mut self, task: Task, n_answer: u32) -> Result<usize, SummaryError> {
        let asked = self.prompts.render(task, &self.values).map_err(PromptError::from)?;
        let prompt = self.scribe.prompt(&asked)?;
        let around = prompt.prefix.len() + prompt.suffix.len() + 2 * QUOTED as usize + n_answer as usize;
        Ok((self.reader.n_apart() as usize).saturating_sub(around))
    }
}

/// So many notes in `n` stretches of about the same length, or one for each note if there are fewer.
pub(super) fn stretches(n_notes: usize, n: usize) -> Vec<Range<usize>> {
    let n = n.clamp(1, n_notes.max(1));
    (0..n).map(|i| i * n_notes / n..(i + 1) * n_notes / n).collect()
}
