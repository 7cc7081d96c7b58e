//! Takes notes while a document is read.

use std::mem;

use crate::llama::Token;
use crate::reader::Reader;
use crate::summary::error::SummaryError;
use crate::summary::prompt::{Instructions, PromptError};
use crate::summary::prompts::{Prompts, Task, Values};
use crate::summary::scribe::Scribe;
use crate::text::counts::Counts;
use crate::text::licence::Licence;
use crate::text::one_line;
use crate::text::relevance::{Scored, relevant};
use crate::text::salience::{Salient, most_salient, shorten};
use crate::text::sentences::sentences;

use super::clean::{Cleaner, original};
use super::note::{Detail, Note, best, joined};
use super::sizes::{Bound, LEAST, QUOTED};
use super::speaking::Speaking;
use super::torn::Torn;

/// Sentences of the document that are kept with each note.
const DETAILS: usize = 4;

/// Sentences that are looked at for them: some are too long.
const CANDIDATES: usize = 12;

/// Longest sentence that is kept, in tokens, or twice the median of those that are looked at, if that is more: what is far longer than the
/// others is mostly no language, and in a script that the model hardly knows all are long.
const LONGEST_DETAIL: usize = QUOTED as usize / 2;

/// An English word takes about 1.3 tokens, and the last sentence wants to be finished.
const TOKENS_PER_WORD: f32 = 1.7;

/// A stretch at the end that is shorter is its own note.
const SHORTEST: usize = 64;

/// Takes notes.
#[derive(Debug)]
pub struct NoteTaker {
    prompts: Prompts,
    /// What stands around the document.
    document: Instructions,
    values: Values,
    every: u32,
    max_tokens: u32,
    /// What notes may cost.
    bound: Option<Bound>,
    /// Tokens of the prompt, which are in the first segment.
    n_prefix: usize,
    /// What was read since the last note.
    since: Vec<Token>,
    /// Tokens and bytes of the document before that.
    begin: (u64, u64),
    /// Words of the document so far.
    counts: Counts,
    notes: Vec<Note>,
    /// The begin of a sentence at the end of the stretch before.
    torn: Torn,
    /// What is added to a book.
    licence: Licence,
    /// Who speaks, in a transcript.
    speaking: Option<Speaking>,
}

impl NoteTaker {
    /// One that takes a note after each `every` tokens, of at most `max_tokens` and of what `bound` has left, if there is one.
    /// `document` is what stands around the document, `values` what was asked.
    pub fn new(
        prompts: Prompts,
        document: Instructions,
        values: Values,
        (every, max_tokens): (u32, u32),
        bound: Option<Bound>,
    ) -> Self {
        Self {
            prompts,
            document,
            values: Values { words: words(max_tokens), ..values },
            every,
            max_tokens,
            bound,
            since: Vec::new(),
            begin: (0, 0),
            counts: Counts::default(),
            notes: Vec::new(),
            torn: Torn::default(),
            licence: Licence::default(),
            speaking: None,
            n_prefix: 0,
        }
    }

    /// The most tokens that a note can take in the cache, with what is asked for it.
    ///
    /// # Errors
    /// Those of a prompt.
    pub fn room(&self, scribe: &mut Scribe<'_>) -> Result<u32, SummaryError> {
        let (asked, quoting) = (self.instructions("", "")?, self.instructions("x", "x")?);
        let quoted = if asked.after == quoting.after { 0 } else { QUOTED };
        Ok(scribe.prompt(&asked)?.suffix.len() as u32 + quoted + self.max_tokens)
    }

    /// Tells how many tokens stand before the document. They take their place in the cache, so the first note comes that much earlier.
    pub fn begin(&mut self, n_prefix: usize) {
        self.n_prefix = n_prefix;
    }

    /// Tells that the document is a transcript: its sentences are told with who says them.
    pub fn name_speakers(&mut self) {
        self.speaking = Some(Speaking::default());
    }

    /// Tells of tokens of the document that the reader was given.
    pub fn read(&mut self, tokens: &[Token]) {
        self.since.extend_from_slice(tokens);
    }

    /// Whether it is time for a note: `n_pending` of the tokens were not decoded yet.
    pub fn is_due(&self, n_pending: usize) -> bool {
        let n_before = if self.notes.is_empty() { self.n_prefix } else { 0 };
        (n_before + self.since.len()).saturating_sub(n_pending) >= self.every as usize
    }

    /// Whether the document ends with a stretch that wants a note of its own.
    pub fn is_due_at_end(&self) -> bool {
        !self.since.is_empty()
    }

    /// Lets the model write a note of what was decoded since the last one; `is_end` is whether the document ends with that.
    ///
    /// # Errors
    /// Those of [`Scribe::aside`].
    pub fn take<'m>(
        &mut self,
        reader: &mut Reader<'m>,
        scribe: &mut Scribe<'m>,
        is_end: bool,
    ) -> Result<&Note, SummaryError> {
        let (covered, bytes) = self.covered(scribe, reader.n_pending());
        let (whole, details) = self.quotes(scribe, &bytes, is_end, DETAILS)?;
        let text = String::from_utf8_lossy(&bytes);
        let earlier = self.notes.last().map(|note| note.text.clone()).unwrap_or_default();
        // a few tokens at the end of a document speak for themselves
        let draft = if covered.len() < SHORTEST {
            one_line(&whole)
        } else {
            self.ask(reader, scribe, (&details, &earlier), covered.len(), is_end)?
        };
        let mut cleaner = Cleaner::new(true);
        cleaner.heard(&self.values.question);
        cleaner.asked(&self.prompts.own_words(self.task(), &self.values).map_err(PromptError::from)?);
        // the window still has what the note before is about
        cleaner.clean(&earlier, &[&earlier]);
        let mut note = as_written(&cleaner.clean(&draft, &[&text, &earlier]), &whole);
        if note.is_empty() {
            // better the document's own words than none
            note = joined(&details);
        }
        if note.is_empty() {
            let begin = scribe.bytes(&covered[..covered.len().min(LONGEST_DETAIL)]);
            note = one_line(&String::from_utf8_lossy(&begin)) + " …";
        }
        self.put(Note { text: note, details, ..self.range(scribe, &covered) });
        let at = self.notes.len() - 1;
        Ok(&self.notes[at])
    }

    /// What the model writes of a stretch of so many tokens, in the time that is left of the bound; nothing where there is none at the end.
    fn ask<'m>(
        &mut self,
        reader: &mut Reader<'m>,
        scribe: &mut Scribe<'m>,
        (details, earlier): (&[Detail], &str),
        n_covered: usize,
        is_end: bool,
    ) -> Result<String, SummaryError> {
        let suffix = self.suffix(scribe, details, earlier)?;
        let n_read = self.begin.0 + n_covered as u64;
        let left = self.bound.map_or(Some(self.max_tokens), |bound| bound.left(n_read, suffix.len()));
        // a whole stretch has time for a short one
        let left = left.or_else(|| (!is_end).then_some(LEAST));
        let Some(max_tokens) = left.map(|left| left.min(self.max_tokens)) else { return Ok(String::new()) };
        let suffix = if max_tokens < self.max_tokens {
            let whole = mem::replace(&mut self.values.words, words(max_tokens));
            let suffix = self.suffix(scribe, details, earlier);
            self.values.words = whole;
            suffix?
        } else {
            suffix
        };
        let written = scribe.aside(reader, &suffix, max_tokens)?;
        if let Some(bound) = &mut self.bound {
            bound.spend(suffix.len(), written.tokens);
        }
        Ok(if written.incomplete.is_none() { written.text } else { String::new() })
    }

    /// Keeps sentences of each whole stretch that was read since the last note, at the end of the document of all of it, without asking the model
    /// for notes.
    ///
    /// # Errors
    /// Those of a tokenizer.
    pub fn skim(&mut self, scribe: &mut Scribe<'_>, is_end: bool) -> Result<(), SummaryError> {
        let every = self.every as usize;
        // whether it is the last one has to be known
        while self.since.len() > every || is_end && !self.since.is_empty() {
            let (covered, bytes) = self.covered(scribe, self.since.len().saturating_sub(every));
            let (_, details) = self.quotes(scribe, &bytes, is_end && self.since.is_empty(), CANDIDATES)?;
            self.put(Note { text: String::new(), details, ..self.range(scribe, &covered) });
        }
        Ok(())
    }

    /// Takes the tokens since the last note that were decoded, with their bytes.
    fn covered(&mut self, scribe: &Scribe<'_>, n_pending: usize) -> (Vec<Token>, Vec<u8>) {
        let rest = self.since.split_off(self.since.len().saturating_sub(n_pending));
        let covered = mem::replace(&mut self.since, rest);
        let bytes = scribe.bytes(&covered);
        (covered, bytes)
    }

    /// A note of the next tokens that says nothing yet.
    fn range(&self, scribe: &Scribe<'_>, covered: &[Token]) -> Note {
        let n_bytes = scribe.bytes(covered).len() as u64;
        let end = (self.begin.0 + covered.len() as u64, self.begin.1 + n_bytes);
        let (tokens, bytes) = (self.begin.0..end.0, self.begin.1..end.1);
        Note { text: String::new(), details: Vec::new(), tokens, bytes }
    }

    fn put(&mut self, note: Note) {
        self.begin = (note.tokens.end, note.bytes.end);
        self.notes.push(note);
    }

    /// The text of a stretch with the sentences that end there, and those of them that tell most, or have most to do with the question: at most
    /// `n`, in the order of the document.
    fn quotes(
        &mut self,
        scribe: &mut Scribe<'_>,
        stretch: &[u8],
        is_end: bool,
        n: usize,
    ) -> Result<(String, Vec<Detail>), SummaryError> {
        let text = self.torn.mend(stretch, !is_end);
        let book = self.licence.book(&text);
        let scored: Vec<Salient> = match self.values.question.as_str() {
            "" => most_salient(&mut self.counts, &book, CANDIDATES),
            question => {
                // at the beginning each word would be as rare as any other
                self.counts.add(&book);
                let relevant = relevant(&self.counts, &book, question, CANDIDATES).into_iter();
                relevant.map(|Scored { score, range }| Salient { score, news: score, range, closing: "" }).collect()
            }
        };
        let turns = self.speaking.as_mut().map(|speaking| speaking.read(&book));
        let mut quotes: Vec<(&Salient, Detail, usize)> = Vec::new();
        for sentence in &scored {
            let said = one_line(&book[sentence.range.clone()]) + sentence.closing;
            let name = turns.as_ref().and_then(|turns| turns.at(&book, sentence.range.start));
            let text = name.map_or(said.clone(), |name| format!("{name}: {said}"));
            let n_tokens = scribe.tokens(&text)?.len();
            quotes.push((sentence, Detail { score: sentence.score, text }, n_tokens));
        }
        let mut lengths: Vec<usize> = quotes.iter().map(|&(.., n_tokens)| n_tokens).collect();
        lengths.sort_unstable();
        let longest = lengths.get(lengths.len() / 2).map_or(0, |median| LONGEST_DETAIL.max(2 * median));
        quotes.retain(|&(.., n_tokens)| n_tokens <= longest);
        // again, as some were too long
        shorten(&mut quotes, n, |(sentence, ..)| sentence.news);
        let mut details: Vec<(usize, Detail)> =
            quotes.into_iter().map(|(sentence, detail, _)| (sentence.range.start, detail)).collect();
        details.sort_by_key(|&(begin, _)| begin);
        let details = details.into_iter().map(|(_, detail)| detail).collect();
        Ok((text, details))
    }

    /// All notes.
    pub fn finish(self) -> Vec<Note> {
        self.notes
    }

    /// What is asked for a note, with as much of what there is to quote as there is room for.
    fn suffix(&self, scribe: &mut Scribe<'_>, details: &[Detail], earlier: &str) -> Result<Vec<Token>, SummaryError> {
        let room = self.room(scribe)?.saturating_sub(self.max_tokens) as usize;
        let choices = (0..=details.len()).rev().flat_map(|n| [(n, earlier), (n, "")]);
        for (n, earlier) in choices {
            let suffix = scribe.prompt(&self.instructions(&joined(best(details, n)), earlier)?)?.suffix;
            if suffix.len() <= room {
                return Ok(suffix);
            }
        }
        Ok(scribe.prompt(&self.instructions("", "")?)?.suffix)
    }

    fn task(&self) -> Task {
        if self.values.question.is_empty() { Task::Note } else { Task::NoteQuestion }
    }

    fn instructions(&self, details: &str, earlier: &str) -> Result<Instructions, SummaryError> {
        let values = Values { details: details.into(), earlier: earlier.into(), ..self.values.clone() };
        let asked = self.prompts.render(self.task(), &values).map_err(PromptError::from)?;
        Ok(Instructions { after: asked.after, ..self.document.clone() })
    }
}

/// Words of a note of at most so many tokens.
fn words(max_tokens: u32) -> u32 {
    (max_tokens as f32 / TOKENS_PER_WORD) as u32
}

/// A note whose nearly copied sentences are as they stand in the text.
fn as_written(note: &str, text: &str) -> String {
    let own: Vec<String> = sentences(text).into_iter().map(|range| one_line(&text[range])).collect();
    let said = sentences(note).into_iter().map(|range| &note[range]);
    let written: Vec<&str> =
        said.map(|sentence| original(sentence, own.iter().map(String::as_str)).unwrap_or(sentence)).collect();
    written.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_nearly_copied_stands_as_it_was_written() {
        let text = "At noon the portrait of Quentin Hartley was stolen\nfrom the hall. Nobody saw it.";
        assert_eq!(
            as_written("The portrait of Quentin Hartley was stolen from the hall. The hall was empty.", text),
            "At noon the portrait of Quentin Hartley was stolen from the hall. The hall was empty."
        );
        assert_eq!(as_written("", text), "");
    }
}
