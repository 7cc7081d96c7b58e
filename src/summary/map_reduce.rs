//! Chunks one by one, then their summaries: what one would script without this program, to compare with.

use std::mem;

use crate::llama::{LlamaError, Token};
use crate::reader::Reader;

use super::error::SummaryError;
use super::prompt::{Instructions, PromptError};
use super::prompts::{Prompts, Task, Values};
use super::scribe::Scribe;
use super::writer::Written;

/// Summarizes chunks.
#[derive(Debug)]
pub struct MapReduce {
    prompts: Prompts,
    values: Values,
    every: usize,
    max_tokens: u32,
    chunk: Vec<Token>,
    summaries: Vec<String>,
    /// Tokens of the document that were decoded.
    pub tokens_read: u64,
    /// Chunks.
    pub n_chunks: u64,
}

impl MapReduce {
    /// Chunks of `every` tokens, each summarized in at most `max_tokens`.
    pub fn new(prompts: Prompts, values: Values, every: u32, max_tokens: u32) -> Self {
        let values = Values { words: max_tokens * 10 / 17, ..values };
        let every = every.max(1) as usize;
        Self {
            prompts,
            values,
            every,
            max_tokens,
            chunk: Vec::new(),
            summaries: Vec::new(),
            tokens_read: 0,
            n_chunks: 0,
        }
    }

    /// What is asked of a chunk.
    fn task(&self) -> Task {
        if self.values.question.is_empty() { Task::Chunk } else { Task::Question }
    }

    /// What is asked of the summaries of all chunks, or of the answers that they gave.
    pub fn last_task(values: &Values) -> Task {
        if values.question.is_empty() { Task::Reduce } else { Task::Answer }
    }

    /// Takes the next tokens of the document.
    ///
    /// # Errors
    /// Those of [`Scribe::apart`].
    pub fn read<'m>(
        &mut self,
        reader: &mut Reader<'m>,
        scribe: &mut Scribe<'m>,
        tokens: &[Token],
    ) -> Result<(), SummaryError> {
        self.chunk.extend_from_slice(tokens);
        while self.chunk.len() >= self.every {
            let rest = self.chunk.split_off(self.every);
            let chunk = mem::replace(&mut self.chunk, rest);
            self.summarize(reader, scribe, &chunk)?;
        }
        Ok(())
    }

    /// Summarizes what is left of the document.
    ///
    /// # Errors
    /// Those of [`Scribe::apart`].
    pub fn end<'m>(&mut self, reader: &mut Reader<'m>, scribe: &mut Scribe<'m>) -> Result<(), SummaryError> {
        let chunk = mem::take(&mut self.chunk);
        if chunk.is_empty() { Ok(()) } else { self.summarize(reader, scribe, &chunk) }
    }

    fn summarize<'m>(
        &mut self,
        reader: &mut Reader<'m>,
        scribe: &mut Scribe<'m>,
        chunk: &[Token],
    ) -> Result<(), SummaryError> {
        let asked = self.prompts.render(self.task(), &self.values).map_err(PromptError::from)?;
        let written = scribe.apart(reader, &asked, chunk, self.max_tokens, &mut |_| true)?;
        self.tokens_read += chunk.len() as u64;
        self.n_chunks += 1;
        // a chunk that the model has nothing to say of is left out
        self.summaries.extend(Some(written.text).filter(|text| !text.trim().is_empty()));
        Ok(())
    }

    /// Summarizes the summaries, as often as it takes until they fit the cache, and gives the last summary to `sink`.
    ///
    /// # Errors
    /// Those of [`Scribe::apart`].
    pub fn reduce<'m>(
        &mut self,
        reader: &mut Reader<'m>,
        scribe: &mut Scribe<'m>,
        values: &Values,
        max_tokens: u32,
        sink: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Written, SummaryError> {
        let last = self.prompts.render(Self::last_task(values), values).map_err(PromptError::from)?;
        let between = self.prompts.render(self.task(), &self.values).map_err(PromptError::from)?;
        let n_cells = reader.n_apart() as usize;
        let max_tokens = max_tokens.min(n_cells as u32 / 3);
        if self.summaries.is_empty() {
            return Ok(Written {
                incomplete: Some("the model wrote nothing of any chunk".into()),
                ..Written::default()
            });
        }
        let mut room = |asked, n_answer: u32| -> Result<usize, SummaryError> {
            let around = scribe.prompt(asked)?;
            Ok(n_cells.saturating_sub(around.prefix.len() + around.suffix.len() + n_answer as usize))
        };
        let (room, room_between) = (room(&last, max_tokens)?, room(&between, self.max_tokens)?);
        loop {
            let all = scribe.tokens(&self.summaries.join("\n\n"))?;
            let n = self.summaries.len();
            if all.len() <= room || n == 1 {
                return scribe.apart(reader, &last, &all, max_tokens, sink);
            }
            let mut group: Vec<Token> = Vec::new();
            let n_before = self.summaries.len();
            for text in mem::take(&mut self.summaries) {
                let tokens = scribe.tokens(&format!("{text}\n\n"))?;
                if !group.is_empty() && group.len() + tokens.len() > room_between {
                    self.merge(reader, scribe, &between, &group)?;
                    group.clear();
                }
                group.extend(tokens);
            }
            self.merge(reader, scribe, &between, &group)?;
            if self.summaries.len() == n_before {
                return Err(LlamaError::CacheFull { n_cells: n_cells as u32, n_tokens: all.len() }.into());
            }
        }
    }

    /// Makes one summary of several; what the model cannot sum up is left as it is.
    fn merge<'m>(
        &mut self,
        reader: &mut Reader<'m>,
        scribe: &mut Scribe<'m>,
        asked: &Instructions,
        group: &[Token],
    ) -> Result<(), SummaryError> {
        let written = scribe.apart(reader, asked, group, self.max_tokens, &mut |_| true)?;
        let empty = written.text.trim().is_empty();
        let text = if empty { String::from_utf8_lossy(&scribe.bytes(group)).into_owned() } else { written.text };
        self.summaries.push(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::request::Request;

    #[test]
    fn a_question_is_asked_of_each_chunk_and_of_what_they_answer() {
        let tasks = |request: &Request| {
            let chunks = MapReduce::new(Prompts::built_in().unwrap(), request.values(), 1024, 64);
            let asked = Prompts::built_in().unwrap().render(chunks.task(), &chunks.values).unwrap();
            (chunks.task(), MapReduce::last_task(&request.values()), asked.after)
        };
        let (chunk, last, _) = tasks(&Request::default());
        assert_eq!((chunk, last), (Task::Chunk, Task::Reduce));
        let (chunk, last, asked) = tasks(&Request { question: Some("Who left?".into()), ..Request::default() });
        assert_eq!((chunk, last), (Task::Question, Task::Answer));
        assert!(asked.contains("Who left?"), "{asked}");
    }
}
