//! From notes to a summary.
//!
//! The model writes what comes first, of the whole. The other parts, as many as the length allows, are sentences of the document, each part
//! from an equal stretch, so that none is passed over: what tells most was seen while reading, and a small model that writes of it
//! once more loses facts and adds others. An answer, or a summary in another language, is written by the model throughout.

use crate::reader::Reader;
use crate::summary::error::SummaryError;
use crate::summary::prompt::PromptError;
use crate::summary::prompts::{Prompts, Task, Values};
use crate::summary::request::Request;
use crate::summary::scribe::Scribe;
use crate::summary::writer::Written;
use crate::text::relevance::Relevance;

use super::cost::{SHORTEST, TEN_WORDS, longest, n_parts, overview};
use super::draft::Sources;
use super::note::{Note, best, joined};

use super::parts::{DETAILS, Part};
use super::quotes::{answers, details};
use super::sheet::Sheet;
use super::whole::Whole;

/// Sentences that stand for an answer, or a part in another language, of which no model wrote anything.
const FALLBACK: usize = 2;

/// Why there is no summary.
const NOTHING: &str = "the model wrote nothing that the notes support";

/// Writes a summary from notes.
pub(super) struct Composer<'a, 'm> {
    pub(super) scribe: &'a mut Scribe<'m>,
    pub(super) reader: &'a mut Reader<'m>,
    pub(super) prompts: &'a Prompts,
    pub(super) request: &'a Request,
    pub(super) values: Values,
    /// Where a question was asked.
    pub(super) relevance: Option<Relevance>,
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
    if request.is_quoting() {
        return composer.write_and_quote(&notes, max_tokens, sink);
    }
    let parts = composer.parts(notes, n_parts(request, max_tokens) as usize)?;
    let words = request.length.words().div_ceil(parts.len().max(1) as u32);
    composer.write(&parts, words, max_tokens, sink)
}

/// A summary of the document's own sentences, or those of them that answer a question.
pub fn extracted(request: &Request, notes: &[Note], max_tokens: u32, sink: &mut dyn FnMut(&str)) -> Written {
    let mut sheet = Sheet::new(request, None);
    let longest = longest(request, max_tokens) as usize;
    if let Some(question) = &request.question {
        let relevant = answers(notes, &Relevance::new(question, notes.iter().flat_map(Note::texts)));
        // where all of them have its words none stands out
        let quotes = if relevant.is_empty() { details(notes) } else { relevant };
        sheet.answer(&quotes, longest, FALLBACK, sink);
    } else {
        sheet.quote(notes, longest, n_parts(request, max_tokens) as usize, sink);
    }
    sheet.all.finished = true;
    sheet.finish("no sentence of the document can stand for it")
}

/// How long it may be.
#[derive(Clone, Copy)]
struct Size {
    words: u32,
    tokens: u32,
}

impl Composer<'_, '_> {
    /// Lets the model write of all notes, and adds sentences of the document, stretch by stretch.
    fn write_and_quote(
        &mut self,
        notes: &[Note],
        max_tokens: u32,
        sink: &mut dyn FnMut(&str),
    ) -> Result<Written, SummaryError> {
        let n = n_parts(self.request, max_tokens) as usize;
        let (words, tokens) = overview(self.request, max_tokens);
        let part = self.whole(notes, tokens)?;
        let mut sheet = Sheet::new(self.request, part.as_ref());
        if let Some(part) = part {
            self.write_part(&mut sheet, &part, (1, n.min(1 + notes.len())), Size { words, tokens }, sink)?;
        }
        sheet.quote(notes, longest(self.request, max_tokens) as usize, n, sink);
        // what the model did not say the document does
        sheet.all.finished = true;
        Ok(sheet.finish(NOTHING))
    }

    /// Lets the model write the parts one after the other, each of so many words.
    fn write(
        &mut self,
        parts: &[Part],
        words: u32,
        max_tokens: u32,
        sink: &mut dyn FnMut(&str),
    ) -> Result<Written, SummaryError> {
        let mut sheet = Sheet::new(self.request, parts);
        for (i, part) in parts.iter().enumerate() {
            // no part at the cost of those that follow
            let share = (max_tokens - sheet.all.tokens) / (parts.len() - i) as u32;
            let tokens = (words * TEN_WORDS).div_ceil(10).max(SHORTEST).min(share.max(1));
            let place = (i + 1, parts.len());
            let finished = self.write_part(&mut sheet, part, place, Size { words, tokens }, sink)?;
            sheet.all.finished = true;
            if sheet.all.tokens >= max_tokens {
                sheet.all.finished = i + 1 == parts.len() && finished;
                break;
            }
        }
        Ok(sheet.finish(NOTHING))
    }

    /// Lets the model write the part `at` of `n`, from 1; whether it came to an end.
    fn write_part(
        &mut self,
        sheet: &mut Sheet,
        part: &Part,
        (at, n): (usize, usize),
        size: Size,
        sink: &mut dyn FnMut(&str),
    ) -> Result<bool, SummaryError> {
        let task = self.task();
        let values = Values {
            words: size.words,
            details: joined(best(part.notes.iter().flat_map(|note| &note.details), DETAILS)),
            earlier: sheet.last_sentence().to_owned(),
            part: at,
            parts: n,
            ..self.values.clone()
        };
        let asked = self.prompts.render(task, &values).map_err(PromptError::from)?;
        if at == 1 {
            sheet.cleaner.asked(&self.prompts.own_words(task, &values).map_err(PromptError::from)?);
        }
        let text = self.scribe.tokens(&part.source)?;
        // no more than there is room for
        let prompt = self.scribe.prompt(&asked)?;
        let n_read = (prompt.prefix.len() + text.len() + prompt.suffix.len()) as u32;
        let limit = size.tokens.min(self.reader.n_apart().saturating_sub(n_read));
        let longest = size.words.min((limit * 10).div_ceil(TEN_WORDS)) as usize;
        let quotes = self.relevance.as_ref().map_or_else(|| details(&part.notes), |asked| answers(&part.notes, asked));
        let whole = self.request.is_quoting().then(|| Whole::new(&part.notes, values.parameters));
        let sources = Sources { source: &part.source, quoted: &values.details, quotes: &quotes, whole: whole.as_ref() };
        let mut draft = sheet.draft(sources);
        let mut take = |text: &str| draft.take(text, sink) && draft.n_words() < longest;
        let written = self.scribe.apart(self.reader, &asked, &text, limit, &mut take)?;
        if written.finished && written.incomplete.is_none() {
            draft.take("\n", sink);
        }
        if draft.n_words() == 0 && !self.request.is_quoting() {
            // better the document's own words than nothing of this part
            draft.fill(longest, FALLBACK, sink);
            draft.fill_empty(sink);
        }
        let n_words = draft.n_words();
        sheet.end_part(n_words);
        if at == 1 {
            sheet.all.first_token = written.first_token;
        }
        sheet.all.tokens += written.tokens;
        sheet.all.generation += written.generation;
        Ok(written.finished)
    }

    pub(super) fn task(&self) -> Task {
        if self.request.question.is_some() { Task::Answer } else { Task::Part }
    }
}
