//! Asks the model for short texts: in the middle of reading without a trace, or of a text by itself.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::input::Markers;
use crate::llama::{LlamaError, Model, Sampler, SamplerParams, Token, Vocab};
use crate::reader::Reader;

use super::error::SummaryError;
use super::prompt::{Instructions, PromptTokens};
use super::template::ChatTemplate;
use super::writer::{Written, write};

/// Writes what is asked for.
#[derive(Debug)]
pub struct Scribe<'m> {
    vocab: Vocab<'m>,
    template: ChatTemplate,
    markers: Markers<'m>,
    sampler: SamplerParams,
    interrupt: Arc<AtomicBool>,
    /// Tokens read for it.
    pub tokens_read: u64,
    /// Tokens written.
    pub tokens_written: u64,
    /// Time that it took.
    pub spent: Duration,
}

impl<'m> Scribe<'m> {
    /// One that has not written anything yet.
    ///
    /// # Errors
    /// [`LlamaError::Tokenize`] if the vocabulary's tokenizer does not work.
    pub fn new(model: &'m Model, sampler: SamplerParams, interrupt: &Arc<AtomicBool>) -> Result<Self, LlamaError> {
        let vocab = model.vocab();
        Ok(Self {
            vocab,
            template: ChatTemplate::from_model(model),
            markers: Markers::new(vocab)?,
            sampler,
            interrupt: Arc::clone(interrupt),
            tokens_read: 0,
            tokens_written: 0,
            spent: Duration::ZERO,
        })
    }

    /// What stands around a text.
    ///
    /// # Errors
    /// Those of [`PromptTokens::with`].
    pub fn prompt(&mut self, instructions: &Instructions) -> Result<PromptTokens, SummaryError> {
        Ok(PromptTokens::with(&self.template, self.vocab, Some(&mut self.markers), instructions)?)
    }

    /// The tokens of a text of the document or of the model: none of them steers.
    ///
    /// # Errors
    /// [`LlamaError::Tokenize`].
    pub fn tokens(&mut self, text: &str) -> Result<Vec<Token>, LlamaError> {
        let mut tokens = self.vocab.tokenize(text, false)?;
        self.markers.replace(&mut tokens)?;
        Ok(tokens)
    }

    /// The bytes that tokens of the document stand for.
    pub fn bytes(&self, tokens: &[Token]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for &token in tokens {
            self.vocab.append_piece(token, true, &mut bytes);
        }
        bytes
    }

    /// Asks in the middle of reading. Question and answer are taken out of the cache again, so that reading goes on as if
    /// nothing had been asked; there must be room for both.
    ///
    /// # Errors
    /// Those of [`write()`]; [`LlamaError::CacheFull`] without room.
    pub fn aside(
        &mut self,
        reader: &mut Reader<'m>,
        suffix: &[Token],
        max_tokens: u32,
    ) -> Result<Written, SummaryError> {
        let begin = Instant::now();
        let context = reader.context();
        let (n_before, n_cells) = (context.n_cached(), context.n_cells());
        if suffix.len() + max_tokens as usize > context.n_free() as usize {
            return Err(LlamaError::CacheFull { n_cells, n_tokens: suffix.len() + max_tokens as usize }.into());
        }
        reader.ask(suffix)?;
        let written = self.write(reader, max_tokens, &mut |_| true)?;
        reader.resume(n_before)?;
        self.count(suffix.len(), &written, begin);
        Ok(written)
    }

    /// Asks about a text by itself: the cache is emptied before. Whole sentences go to `sink` as they come, until it wants no more.
    ///
    /// # Errors
    /// Those of [`write()`].
    pub fn apart(
        &mut self,
        reader: &mut Reader<'m>,
        instructions: &Instructions,
        text: &[Token],
        max_tokens: u32,
        sink: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Written, SummaryError> {
        let begin = Instant::now();
        let prompt = self.prompt(instructions)?;
        let all = [&prompt.prefix, text, &prompt.suffix].concat();
        let n_cells = reader.n_apart();
        if all.len() + max_tokens as usize > n_cells as usize {
            return Err(LlamaError::CacheFull { n_cells, n_tokens: all.len() + max_tokens as usize }.into());
        }
        reader.begin_apart(&all)?;
        let written = self.write(reader, max_tokens, sink)?;
        self.count(all.len(), &written, begin);
        Ok(written)
    }

    fn write(
        &self,
        reader: &mut Reader<'_>,
        max_tokens: u32,
        sink: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Written, SummaryError> {
        let mut sampler = Sampler::new(self.vocab, self.sampler)?;
        Ok(write(reader, self.vocab, &mut sampler, max_tokens, &self.interrupt, sink)?)
    }

    fn count(&mut self, n_read: usize, written: &Written, begin: Instant) {
        self.tokens_read += n_read as u64;
        self.tokens_written += u64::from(written.tokens);
        self.spent += begin.elapsed();
    }
}
