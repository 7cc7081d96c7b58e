//! From notes to a summary.
//!
//! The summary has as many parts as its length allows, each from the notes on an equal stretch of the document, so that no stretch
//! is passed over. Where the notes of a part do not fit the cache, neighbours are merged until they do.

use std::mem;

use crate::reader::Reader;
use crate::summary::error::SummaryError;
use crate::summary::prompt::PromptError;
use crate::summary::prompts::{Prompts, Task, Values};
use crate::summary::request::Request;
use crate::summary::scribe::Scribe;
use crate::summary::writer::Written;
use crate::text::one_line;
use crate::text::sentences::{is_whole, sentences};

use super::clean::{Cleaner, original, without_preamble};
use super::note::{Detail, Note};
use super::page::Page;
use super::sizes::QUOTED;

/// Words of a part of the summary, about.
const PART_WORDS: u32 = 60;

/// Tokens from which on a part can be expected to have a sentence.
const SHORTEST: u32 = 24;

/// Of a hundred words of a part those that the model writes at most before the document's own sentences follow.
const OWN: u32 = 50;

/// Tokens of ten words, about.
const TEN_WORDS: u32 = 17;

/// Notes that become one at most.
const MERGED: usize = 8;

/// Sentences of the document that a merged note keeps.
const DETAILS: usize = 3;

/// Longest merged note in tokens.
const MERGED_TOKENS: u32 = 128;

/// Times that notes are merged at most: eight become one each time, so this is more than any document needs.
const LEVELS: u32 = 12;

/// Writes a summary from notes.
struct Composer<'a, 'm> {
    scribe: &'a mut Scribe<'m>,
    reader: &'a mut Reader<'m>,
    prompts: &'a Prompts,
    request: &'a Request,
    values: Values,
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
    (notes, max_tokens): (Vec<Note>, u32),
    sink: &mut dyn FnMut(&str),
) -> Result<Written, SummaryError> {
    let mut composer = Composer { scribe, reader, prompts, request, values: values.clone() };
    let words = request.length.words();
    // a part that may not have a sentence is worse than a longer stretch for the others
    let most = (max_tokens / SHORTEST).max(1);
    let wanted = if request.question.is_some() { 1 } else { ((words + PART_WORDS / 2) / PART_WORDS).clamp(1, most) };
    let (parts, n_parts) = composer.parts(notes, wanted as usize)?;
    composer.write(&parts, words.div_ceil(n_parts.max(1) as u32), max_tokens, sink)
}

impl Composer<'_, '_> {
    /// The notes of each part.
    fn parts(&mut self, mut notes: Vec<Note>, wanted: usize) -> Result<(Vec<Vec<Note>>, usize), SummaryError> {
        let task = self.task();
        let room = self.room(task, self.request.length.max_tokens().min(512))?;
        for _ in 0..LEVELS {
            let parts = split(&notes, wanted);
            let mut fits = true;
            for part in &parts {
                fits &= self.scribe.tokens(&listed(part))?.len() <= room;
            }
            let n = notes.len();
            if fits {
                break;
            }
            notes = self.merge(notes)?;
            if notes.len() == n {
                break;
            }
        }
        // what cannot be merged any more is written in more parts
        let mut n = wanted;
        loop {
            let parts = split(&notes, n);
            let mut fits = true;
            for part in &parts {
                fits &= part.len() == 1 || self.scribe.tokens(&listed(part))?.len() <= room;
            }
            if fits {
                let n_parts = parts.len();
                return Ok((parts, n_parts));
            }
            n += 1;
        }
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
        let mut text = Cleaner::new(true).clean(&draft, &[&source]);
        if text.is_empty() {
            text = details.join(" ");
        }
        Ok(Note::merged(&group, text, DETAILS))
    }

    /// Writes the parts one after the other.
    fn write(
        &mut self,
        parts: &[Vec<Note>],
        words: u32,
        max_tokens: u32,
        sink: &mut dyn FnMut(&str),
    ) -> Result<Written, SummaryError> {
        let task = self.task();
        // names are written in another way in another language
        let mut cleaner = Cleaner::new(self.request.language.is_none());
        let mut page = Page::new(self.request.style, self.request.length);
        let mut all = Written::default();
        for (i, part) in parts.iter().enumerate() {
            cleaner.begin_part();
            let source = listed(part);
            let best = Note::merged(part, String::new(), DETAILS);
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
            let text = self.scribe.tokens(&source)?;
            // no more than there is room for, and no part at the cost of those that follow
            let prompt = self.scribe.prompt(&asked)?;
            let n_read = (prompt.prefix.len() + text.len() + prompt.suffix.len()) as u32;
            let share = (max_tokens - all.tokens) / (parts.len() - i) as u32;
            let limit = (words * TEN_WORDS).div_ceil(10).max(SHORTEST).min(share.max(1));
            let limit = limit.min(self.reader.n_apart().saturating_sub(n_read));
            let longest = words.min((limit * 10).div_ceil(TEN_WORDS)) as usize;
            let own = if self.quotes() { longest * OWN as usize / 100 } else { longest };
            let all_details: Vec<&Detail> = part.iter().flat_map(|note| &note.details).collect();
            let mut draft = Draft {
                page: &mut page,
                cleaner: &mut cleaner,
                part: i,
                source: &source,
                details: &all_details,
                tail: String::new(),
                n_words: 0,
            };
            let mut take = |text: &str| draft.take(text, sink) && draft.n_words < own;
            let written = self.scribe.apart(self.reader, &asked, &text, limit, &mut take)?;
            if written.finished && written.incomplete.is_none() {
                draft.take("\n", sink);
            }
            if self.quotes() {
                draft.fill(longest, sink);
            } else if draft.n_words == 0 {
                // better the document's own words than nothing of this part
                draft.fill(1, sink);
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

/// A part while it is written.
struct Draft<'a> {
    page: &'a mut Page,
    cleaner: &'a mut Cleaner,
    /// Counted from 0.
    part: usize,
    /// What the model has before it.
    source: &'a str,
    /// Sentences of the document that are in it.
    details: &'a [&'a Detail],
    /// The begin of a sentence.
    tail: String,
    n_words: usize,
}

impl Draft<'_> {
    /// Takes what the model wrote, and puts whole sentences that say something on the page. False if it only repeats itself.
    fn take(&mut self, text: &str, sink: &mut dyn FnMut(&str)) -> bool {
        self.tail.push_str(text);
        // a line is a sentence too, and what is neither may be cut
        if !self.tail.ends_with('\n') && !is_whole(&self.tail) {
            return true;
        }
        let text = mem::take(&mut self.tail);
        for sentence in sentences(&text).into_iter().map(|range| without_mark(&text[range])) {
            let sentence = without_preamble(&sentence);
            let sentence = original(sentence, self.details.iter().map(|detail| detail.text.as_str())).unwrap_or(sentence).to_owned();
            if self.cleaner.passes(&sentence, &[self.source]) {
                self.n_words += sentence.split_whitespace().count();
                self.page.put(self.part, &sentence, sink);
            }
        }
        !self.cleaner.is_looping()
    }

    /// Adds the newest of the document's own sentences that were not said, in their order, up to so many words; the first of them
    /// whatever its length if the page has nothing of this part.
    fn fill(&mut self, n_words: usize, sink: &mut dyn FnMut(&str)) {
        self.cleaner.begin_part();
        let mut by_score: Vec<usize> = (0..self.details.len()).collect();
        by_score.sort_by(|&a, &b| self.details[b].score.total_cmp(&self.details[a].score));
        let mut chosen = Vec::new();
        for at in by_score {
            let text = &self.details[at].text;
            let length = text.split_whitespace().count();
            let fits = self.n_words + length <= n_words || self.n_words == 0;
            if fits && self.cleaner.passes(text, &[self.source, text]) {
                self.n_words += length;
                chosen.push(at);
            }
        }
        chosen.sort_unstable();
        for at in chosen {
            self.page.put(self.part, &self.details[at].text, sink);
        }
    }
}

/// The notes in `n` stretches of about the same length, or one for each note if there are fewer.
fn split(notes: &[Note], n: usize) -> Vec<Vec<Note>> {
    let n = n.clamp(1, notes.len().max(1));
    (0..n).map(|i| notes[i * notes.len() / n..(i + 1) * notes.len() / n].to_vec()).collect()
}

/// Notes as the model sees them: a line for each, and one for each sentence of the document that the note does not have.
fn listed(notes: &[Note]) -> String {
    let mut text = String::new();
    for note in notes {
        text.push_str("- ");
        text.push_str(&note.text);
        text.push('\n');
        for detail in note.details.iter().filter(|detail| !note.text.contains(&detail.text)) {
            text.push_str("- ");
            text.push_str(&detail.text);
            text.push('\n');
        }
    }
    text
}

/// A sentence on one line, without the mark of an item.
fn without_mark(text: &str) -> String {
    one_line(text).trim_start_matches(['-', '*', '•', ' ']).to_owned()
}
