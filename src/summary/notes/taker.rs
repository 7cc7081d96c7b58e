//! Takes notes while a document is read.

use crate::llama::Token;
use crate::reader::Reader;
use crate::summary::error::SummaryError;
use crate::summary::prompt::{Instructions, PromptError};
use crate::summary::prompts::{Prompts, Task, Values};
use crate::summary::scribe::Scribe;
use crate::text::novelty::{News, Novelty};
use crate::text::one_line;
use crate::text::sentences::is_whole;

use super::clean::Cleaner;
use super::note::{Detail, Note};
use super::sizes::QUOTED;

/// Sentences of the document that are kept with each note.
const DETAILS: usize = 2;

/// Sentences that are looked at for them: some are too long.
const CANDIDATES: usize = 12;

/// Longest sentence that is kept, in tokens.
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
    /// Tokens of the prompt, which are in the first segment.
    n_prefix: usize,
    /// What was read since the last note.
    since: Vec<Token>,
    /// Tokens and bytes of the document before that.
    begin: (u64, u64),
    novelty: Novelty,
    notes: Vec<Note>,
    /// Whether the stretch before ended in the middle of a sentence.
    torn: bool,
}

impl NoteTaker {
    /// One that takes a note after each `every` tokens, of at most `max_tokens`. `document` is what stands around the document, `values`
    /// what was asked.
    pub fn new(prompts: Prompts, document: Instructions, values: Values, (every, max_tokens): (u32, u32)) -> Self {
        let words = (max_tokens as f32 / TOKENS_PER_WORD) as u32;
        Self {
            prompts,
            document,
            values: Values { words, ..values },
            every,
            max_tokens,
            since: Vec::new(),
            begin: (0, 0),
            novelty: Novelty::default(),
            notes: Vec::new(),
            torn: false,
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

    /// Lets the model write a note of what was decoded since the last one.
    ///
    /// # Errors
    /// Those of [`Scribe::aside`].
    pub fn take<'m>(&mut self, reader: &mut Reader<'m>, scribe: &mut Scribe<'m>) -> Result<&Note, SummaryError> {
        let n_pending = reader.n_pending();
        let rest = self.since.split_off(self.since.len().saturating_sub(n_pending));
        let covered = std::mem::replace(&mut self.since, rest);
        let bytes = scribe.bytes(&covered);
        let text = String::from_utf8_lossy(&bytes);
        let news = if self.values.question.is_empty() {
            self.novelty.take(&text, CANDIDATES)
        } else {
            self.novelty.relevant(&text, &self.values.question, CANDIDATES)
        };
        let mut details: Vec<Detail> = Vec::new();
        // a stretch may begin in the middle of a sentence
        let is_torn = |n: &News| n.range.start == text.len() - text.trim_start().len() && self.torn;
        for n in news.iter().filter(|n| !is_torn(n)) {
            let detail = Detail { score: n.score, text: one_line(&text[n.range.clone()]) };
            // a word has many tokens in a script that the model hardly knows
            if details.len() < DETAILS && scribe.tokens(&detail.text)?.len() <= LONGEST_DETAIL {
                details.push(detail);
            }
        }

        self.torn = !is_whole(&text);
        let earlier = self.notes.last().map(|note| note.text.clone()).unwrap_or_default();
        // a few tokens at the end of a document speak for themselves
        let draft = if covered.len() < SHORTEST {
            one_line(&text)
        } else {
            let suffix = self.suffix(scribe, &details, &earlier)?;
            let written = scribe.aside(reader, &suffix, self.max_tokens)?;
            if written.incomplete.is_none() { written.text } else { String::new() }
        };
        let mut cleaner = Cleaner::new(true);
        cleaner.heard(&self.values.question);
        cleaner.asked(&self.prompts.own_words(self.task(), &self.values).map_err(PromptError::from)?);
        // the window still has what the note before is about
        cleaner.clean(&earlier, &[&earlier]);
        let mut note = cleaner.clean(&draft, &[&text, &earlier]);
        if note.is_empty() {
            // better the document's own words than none
            note = details.iter().map(|detail| detail.text.as_str()).collect::<Vec<_>>().join(" ");
        }
        if note.is_empty() {
            let begin = scribe.bytes(&covered[..covered.len().min(LONGEST_DETAIL)]);
            note = one_line(&String::from_utf8_lossy(&begin)) + " …";
        }
        let end = (self.begin.0 + covered.len() as u64, self.begin.1 + bytes.len() as u64);
        let (tokens, bytes) = (self.begin.0..end.0, self.begin.1..end.1);
        self.begin = end;
        let at = self.notes.len();
        self.notes.push(Note { text: note, details, tokens, bytes });
        Ok(&self.notes[at])
    }

    /// All notes.
    pub fn finish(self) -> Vec<Note> {
        self.notes
    }

    /// What is asked for a note, with as much of what there is to quote as there is room for.
    fn suffix(&self, scribe: &mut Scribe<'_>, details: &[Detail], earlier: &str) -> Result<Vec<Token>, SummaryError> {
        let room = self.room(scribe)?.saturating_sub(self.max_tokens) as usize;
        let joined = |n: usize| details[..n].iter().map(|d| d.text.as_str()).collect::<Vec<_>>().join(" ");
        let choices = (0..=details.len()).rev().flat_map(|n| [(n, earlier), (n, "")]);
        for (n, earlier) in choices {
            let suffix = scribe.prompt(&self.instructions(&joined(n), earlier)?)?.suffix;
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
