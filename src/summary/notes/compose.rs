//! From notes to a summary.
//!
//! The summary has as many parts as its length allows, each from the notes on an equal stretch of the document, so that no stretch
//! is passed over. Where the notes of a part do not fit the cache, sentences are left out of them.

use std::mem;

use crate::reader::Reader;
use crate::summary::error::SummaryError;
use crate::summary::prompt::PromptError;
use crate::summary::prompts::{Prompts, Task, Values};
use crate::summary::request::Request;
use crate::summary::scribe::Scribe;
use crate::summary::writer::Written;
use crate::text::relevance::Relevance;
use crate::text::sentences::sentences;

use super::clean::Cleaner;
use super::cost::{LEVELS, MERGED, MERGED_TOKENS, SHORTEST, n_parts};
use super::draft::{Draft, Sources};
use super::listing::{listed, shortened};
use super::note::{Detail, Note};
use super::page::Page;
use super::sizes::QUOTED;

/// Of a hundred words of a part those that the model writes at most before the document's own sentences follow.
const OWN: u32 = 50;

/// Sentences of the document or of notes that stand for an answer, or a part in another language, of which the model wrote nothing.
const FALLBACK: usize = 2;

/// Tokens of ten words, about.
const TEN_WORDS: u32 = 17;

/// Sentences of the document that a merged note keeps.
const DETAILS: usize = 3;

/// Writes a summary from notes.
struct Composer<'a, 'm> {
    scribe: &'a mut Scribe<'m>,
    reader: &'a mut Reader<'m>,
    prompts: &'a Prompts,
    request: &'a Request,
    values: Values,
    /// Where a question was asked.
    relevance: Option<Relevance>,
}

/// Writes a summary of at most so many tokens from notes, and gives it to `sink` as it comes. `values` is what was asked.
///
/// # Errors
/// Those of [`Scribe::apart`].
pub fn compose<'m>(
    scribe: &mut Scribe<'m>,
    reader: &mut Reader<'m>,
    prompts: &Prompts,
    request: &Request,
    values: &Values,
    (mut notes, max_tokens): (Vec<Note>, u32),
    sink: &mut dyn FnMut(&str),
) -> Result<Written, SummaryError> {
    let relevance =
        request.question.as_ref().map(|question| Relevance::new(question, notes.iter().flat_map(Note::texts)));
    if let Some(relevance) = &relevance {
        // they may have been taken for a summary, or for another question
        for detail in notes.iter_mut().flat_map(|note| &mut note.details) {
            detail.score = relevance.score(&detail.text);
        }
    }
    let mut composer = Composer { scribe, reader, prompts, request, values: values.clone(), relevance };
    let (words, wanted) = (request.length.words(), n_parts(request, max_tokens));
    let parts = composer.parts(notes, wanted as usize)?;
    composer.write(&parts, words.div_ceil(parts.len().max(1) as u32), max_tokens, sink)
}

/// A part of the summary.
struct Part {
    /// The notes that it is of.
    notes: Vec<Note>,
    /// What the model sees of them.
    source: String,
}

impl Composer<'_, '_> {
    /// What each part is written from. Where a part has more notes than there is room for, sentences are left out of them; neighbours are
    /// merged only where not even one of four neighbours fits, since a merge reads all notes once more and loses what it does not say.
    fn parts(&mut self, mut notes: Vec<Note>, wanted: usize) -> Result<Vec<Part>, SummaryError> {
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

    /// So many parts, or as many as there are notes, each in so many tokens; `None` if one of several notes is too long.
    fn parts_within(&mut self, notes: &[Note], n: usize, room: usize) -> Result<Option<Vec<Part>>, SummaryError> {
        let mut parts = Vec::new();
        for notes in split(notes, n) {
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
        let merged = Note::merged(&group, String::new(), DETAILS);
        let details: Vec<&str> =
            merged.iter().flat_map(|note| &note.details).map(|detail| detail.text.as_str()).collect();
        let values = Values { words: MERGED_TOKENS * 10 / 17, details: details.join(" "), ..self.values.clone() };
        let asked = self.prompts.render(Task::Merge, &values).map_err(PromptError::from)?;
        let text = self.scribe.tokens(&source)?;
        let written = self.scribe.apart(self.reader, &asked, &text, MERGED_TOKENS, &mut |_| true)?;
        let draft = if written.incomplete.is_none() { written.text } else { String::new() };
        let mut cleaner = Cleaner::new(true);
        cleaner.asked(&self.prompts.own_words(Task::Merge, &values).map_err(PromptError::from)?);
        let mut text = cleaner.clean(&draft, &[&source]);
        if text.is_empty() {
            text = details.join(" ");
        }
        Ok(Note::merged(&group, text, DETAILS))
    }

    /// Writes the parts one after the other.
    fn write(
        &mut self,
        parts: &[Part],
        words: u32,
        max_tokens: u32,
        sink: &mut dyn FnMut(&str),
    ) -> Result<Written, SummaryError> {
        let task = self.task();
        // names are written in another way in another language
        let mut cleaner = Cleaner::new(self.request.language.is_none()).with_overview();
        if let Some(question) = &self.request.question {
            cleaner = cleaner.brief();
            cleaner.heard(question);
        }
        parts.iter().for_each(|part| cleaner.learn(&part.source));
        let mut page = Page::new(self.request.style, self.request.length);
        let mut all = Written::default();
        for (i, part) in parts.iter().enumerate() {
            let best = Note::merged(&part.notes, String::new(), DETAILS);
            let details: Vec<&str> =
                best.iter().flat_map(|note| &note.details).map(|detail| detail.text.as_str()).collect();
            let values = Values {
                words,
                details: details.join(" "),
                earlier: page.last_sentence().to_owned(),
                part: i + 1,
                parts: parts.len(),
                ..self.values.clone()
            };
            let asked = self.prompts.render(task, &values).map_err(PromptError::from)?;
            if i == 0 {
                cleaner.asked(&self.prompts.own_words(task, &values).map_err(PromptError::from)?);
            }
            let text = self.scribe.tokens(&part.source)?;
            // no more than there is room for, and no part at the cost of those that follow
            let prompt = self.scribe.prompt(&asked)?;
            let n_read = (prompt.prefix.len() + text.len() + prompt.suffix.len()) as u32;
            let share = (max_tokens - all.tokens) / (parts.len() - i) as u32;
            let limit = (words * TEN_WORDS).div_ceil(10).max(SHORTEST).min(share.max(1));
            let limit = limit.min(self.reader.n_apart().saturating_sub(n_read));
            let longest = words.min((limit * 10).div_ceil(TEN_WORDS)) as usize;
            let own = if self.quotes() { longest * OWN as usize / 100 } else { longest };
            let said = self.said(&part.notes);
            let details = part.notes.iter().map(|note| &note.details).enumerate();
            let details = details.flat_map(|(i, details)| details.iter().map(move |detail| (i, detail)));
            // what has nothing to do with a question is no answer
            let relevant = details.filter(|(_, detail)| self.relevance.is_none() || detail.score > 0.0);
            let all_details: Vec<(usize, &Detail)> =
                relevant.chain(said.iter().map(|(i, detail)| (*i, detail))).collect();
            let sources = Sources { source: &part.source, quoted: &values.details, details: &all_details };
            let mut draft = Draft::new(&mut page, &mut cleaner, i, sources);
            let mut take = |text: &str| draft.take(text, sink) && draft.n_words() < own;
            let written = self.scribe.apart(self.reader, &asked, &text, limit, &mut take)?;
            if written.finished && written.incomplete.is_none() {
                draft.take("\n", sink);
            }
            if self.quotes() {
                draft.fill(longest, usize::MAX, sink);
            } else if draft.n_words() == 0 {
                // better the document's own words than nothing of this part
                draft.fill(longest, FALLBACK, sink);
            }
            if i == 0 {
                all.first_token = written.first_token;
            }
            all.tokens += written.tokens;
            all.generation += written.generation;
            all.finished = true;
            if all.tokens >= max_tokens {
                all.finished = i + 1 == parts.len() && written.finished;
                break;
            }
        }
        all.text = page.into_text();
        if all.text.trim().is_empty() {
            all.incomplete = Some("the model wrote nothing that the notes support".into());
        }
        Ok(all)
    }

    /// Whether sentences of the document stand beside those of the model: not in an answer, and not in another language.
    fn quotes(&self) -> bool {
        self.request.question.is_none() && self.request.language.is_none()
    }

    /// Sentences of the notes themselves that have to do with a question, with the number of their note.
    fn said(&self, notes: &[Note]) -> Vec<(usize, Detail)> {
        let Some(relevance) = &self.relevance else { return Vec::new() };
        let scored = |text: &str| Detail { score: relevance.score(text), text: text.to_owned() };
        let notes = notes.iter().enumerate();
        let all =
            notes.flat_map(|(i, note)| sentences(&note.text).into_iter().map(move |range| (i, &note.text[range])));
        all.map(|(i, text)| (i, scored(text))).filter(|(_, detail)| detail.score > 0.0).collect()
    }

    fn task(&self) -> Task {
        if self.request.question.is_some() { Task::Answer } else { Task::Part }
    }

    /// Tokens of notes that fit the cache together with what is asked and so many tokens of answer.
    fn room(&mut self, task: Task, n_answer: u32) -> Result<usize, SummaryError> {
        let asked = self.prompts.render(task, &self.values).map_err(PromptError::from)?;
        let prompt = self.scribe.prompt(&asked)?;
        let around = prompt.prefix.len() + prompt.suffix.len() + 2 * QUOTED as usize + n_answer as usize;
        Ok((self.reader.n_apart() as usize).saturating_sub(around))
    }
}

/// The notes in `n` stretches of about the same length, or one for each note if there are fewer.
fn split(notes: &[Note], n: usize) -> Vec<Vec<Note>> {
    let n = n.clamp(1, notes.len().max(1));
    (0..n).map(|i| notes[i * notes.len() / n..(i + 1) * notes.len() / n].to_vec()).collect()
}
