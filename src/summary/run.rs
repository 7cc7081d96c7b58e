//! From a document to its summary, by each strategy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::input::TokenStream;
use crate::llama::{LlamaError, MemoryUsage, Model, Sampler, Token};
use crate::memory::policy::Policy;
use crate::reader::{Progress, Reader};

use super::error::SummaryError;
use super::extract::extract;
use super::filter::filtered;
use super::map_reduce::MapReduce;
use super::notes::{Note, compose};
use super::plan::{Settings, plan};
use super::prompt::PromptTokens;
use super::scribe::Scribe;
use super::strategy::Strategy;
use super::writer::{Written, write};
use super::writing::Writing;

/// What happens meanwhile.
#[derive(Debug)]
pub enum Event<'a> {
    /// There is no room for notes, which nobody asked for, so none will be taken.
    NoNotes(&'a SummaryError),
    /// Policy and strategy were chosen and reading begins.
    Started(Policy, Strategy),
    /// So much of the document was read: tokens and bytes.
    Read {
        /// Tokens decoded.
        tokens: u64,
        /// Bytes taken from the file.
        bytes: u64,
        /// Segments decoded, prompt included.
        segments: u64,
    },
    /// A note was taken.
    Note(&'a Note),
    /// The whole document was read.
    ReadAll {
        /// Bytes of its text; 0 where it was read before.
        text_bytes: u64,
    },
    /// A piece of the summary.
    Text(&'a str),
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The policy that ran.
    pub policy: Policy,
    /// The strategy that ran.
    pub strategy: Strategy,
    /// The summary.
    pub written: Written,
    /// What was read.
    pub progress: Progress,
    /// Tokens of the document, as the tokenizer gave them.
    pub document_tokens: u64,
    /// Tokens of the document that were decoded, or looked at where nothing is.
    pub document_tokens_read: u64,
    /// Segments that they were decoded in.
    pub document_segments: u64,
    /// Tokens folded into the memory, in the layer that folded most.
    pub tokens_folded: u64,
    /// From the start of the call until the model could write.
    pub prefill: Duration,
    /// How much of that went into notes.
    pub notes_time: Duration,
    /// Notes taken.
    pub notes: u64,
    /// Bytes by part.
    pub memory: MemoryUsage,
}

/// Reads the document and writes its summary.
///
/// # Errors
/// [`SummaryError`]; with [`LlamaError::Interrupted`] inside if `interrupt` was set.
pub fn summarize(
    model: &Model,
    document: &mut TokenStream<'_>,
    settings: Settings,
    writing: &Writing,
    interrupt: &Arc<AtomicBool>,
    observer: &mut dyn FnMut(Event<'_>),
) -> Result<Outcome, SummaryError> {
    if writing.strategy == Some(Strategy::Extract) {
        return extract(model, document, &settings, writing, interrupt, observer);
    }
    let start = Instant::now();
    let around = writing.around(model)?;
    let prompt = PromptTokens::new(model, &around)?;
    let mut head = Vec::new();
    let mut settings = writing.settings(settings, model);
    let plan = plan(model, document, &settings, &prompt, &mut head)?;
    let strategy = writing.strategy(plan.policy, model);
    let mut scribe = Scribe::new(model, writing.sampler(settings.sampler, strategy), interrupt)?;
    let (plan, strategy, refused) = writing.room(model, &settings, plan, strategy, &mut scribe)?;
    if let Some(error) = &refused {
        observer(Event::NoNotes(error));
    }
    observer(Event::Started(plan.policy, strategy));

    let gate = plan.policy.gate_of(settings.gate.take());
    let reader = plan.reader(model, &settings, gate, 1, interrupt)?;
    let pass = Pass { model, document, settings, writing, prompt, interrupt, observer, start };
    match strategy {
        // what is extracted was so before there was a plan
        Strategy::Direct | Strategy::Extract => pass.direct(reader, plan.policy, head),
        Strategy::Notes => pass.notes(reader, &mut scribe, plan.policy, head),
        Strategy::MapReduce => pass.map_reduce(reader, &mut scribe, plan.policy, head),
    }
}

/// A document on its way.
struct Pass<'a, 'm, 'd> {
    model: &'m Model,
    document: &'a mut TokenStream<'d>,
    settings: Settings,
    writing: &'a Writing,
    prompt: PromptTokens,
    interrupt: &'a Arc<AtomicBool>,
    observer: &'a mut dyn FnMut(Event<'_>),
    start: Instant,
}

/// Tokens that go by.
type Watch<'w, 'm> = &'w mut dyn FnMut(&mut Reader<'m>, &[Token]) -> Result<Option<Note>, SummaryError>;

impl<'m> Pass<'_, 'm, '_> {
    /// Reads all, then writes.
    fn direct(mut self, mut reader: Reader<'m>, policy: Policy, head: Vec<Token>) -> Result<Outcome, SummaryError> {
        let n_prefix = self.prompt.prefix.len() as u64;
        reader.push(&self.prompt.prefix)?;
        let document_tokens = self.read(&mut reader, head, &mut |reader, part| {
            reader.push(part)?;
            Ok(None)
        })?;
        reader.flush()?;
        let mut outcome = Outcome::of_reading(&mut reader, policy, Strategy::Direct, document_tokens, n_prefix);
        reader.finish(&self.prompt.suffix)?;
        outcome.progress = reader.progress().clone();
        outcome.tokens_folded = reader.context().n_folded();
        outcome.prefill = self.start.elapsed();
        self.end_reading();
        let vocab = self.model.vocab();
        let mut sampler = Sampler::new(vocab, self.settings.sampler)?;
        let observer = self.observer;
        let (max_tokens, interrupt) = (self.settings.max_tokens, self.interrupt);
        let asked = self.writing.asked(self.writing.request.task(), &self.writing.values(self.model))?;
        outcome.written = filtered(&asked, &mut |text| observer(Event::Text(text)), |give| {
            Ok(write(&mut reader, vocab, &mut sampler, max_tokens, interrupt, give)?)
        })?;
        Ok(outcome)
    }

    /// Takes notes while reading, and writes from them.
    fn notes(
        mut self,
        mut reader: Reader<'m>,
        scribe: &mut Scribe<'m>,
        policy: Policy,
        head: Vec<Token>,
    ) -> Result<Outcome, SummaryError> {
        let n_prefix = self.prompt.prefix.len() as u64;
        let mut taker = self.writing.note_taker(self.model, &self.settings, policy)?;
        if self.document.is_transcript() {
            taker.name_speakers();
        }
        reader.push(&self.prompt.prefix)?;
        taker.begin(self.prompt.prefix.len());
        let document_tokens = self.read(&mut reader, head, &mut |reader, part| {
            taker.read(part);
            reader.push(part)?;
            Ok(if taker.is_due(reader.n_pending()) { Some(taker.take(reader, scribe, false)?.clone()) } else { None })
        })?;
        reader.flush()?;
        let mut outcome = Outcome::of_reading(&mut reader, policy, Strategy::Notes, document_tokens, n_prefix);
        if taker.is_due_at_end() {
            (self.observer)(Event::Note(taker.take(&mut reader, scribe, true)?));
        }
        self.end_reading();
        outcome.notes_time = scribe.spent;
        let max_tokens = self.settings.max_tokens;
        let notes = taker.finish();
        outcome.notes = notes.len() as u64;
        let (writing, values) = (self.writing, self.writing.values(self.model));
        outcome.written(self.start, self.observer, |give| {
            compose(scribe, &mut reader, &writing.prompts, &writing.request, &values, (notes, max_tokens), give)
        })
    }

    /// Summarizes chunks by themselves, then their summaries.
    fn map_reduce(
        mut self,
        mut reader: Reader<'m>,
        scribe: &mut Scribe<'m>,
        policy: Policy,
        head: Vec<Token>,
    ) -> Result<Outcome, SummaryError> {
        let mut chunks = self.writing.map_reduce(self.model, &self.settings, policy)?;
        let document_tokens =
            self.read(&mut reader, head, &mut |reader, part| chunks.read(reader, scribe, part).map(|()| None))?;
        chunks.end(&mut reader, scribe)?;
        let mut outcome = Outcome::of_reading(&mut reader, policy, Strategy::MapReduce, document_tokens, 0);
        outcome.document_tokens_read = chunks.tokens_read;
        outcome.progress.tokens_read = chunks.tokens_read;
        outcome.document_segments = chunks.n_chunks;
        self.end_reading();
        outcome.notes = chunks.n_chunks;
        let max_tokens = self.settings.max_tokens;
        let values = self.writing.values(self.model);
        let asked = self.writing.asked(MapReduce::last_task(&values), &values)?;
        outcome.written(self.start, self.observer, |give| {
            filtered(&asked, give, |give| chunks.reduce(&mut reader, scribe, &values, max_tokens, give))
        })
    }

    fn end_reading(&mut self) {
        (self.observer)(Event::ReadAll { text_bytes: self.document.text_bytes() });
    }

    /// Gives the document's tokens to `watch`, a segment at most at a time, and counts them.
    fn read(&mut self, reader: &mut Reader<'m>, head: Vec<Token>, watch: Watch<'_, 'm>) -> Result<u64, SummaryError> {
        let segment = self.settings.sizes.segment.max(1) as usize;
        let mut document_tokens = 0;
        // everything that comes goes through here, so what the reader decoded can be checked against it
        let mut chunk = head;
        loop {
            for part in chunk.chunks(segment) {
                if self.interrupt.load(Ordering::Relaxed) {
                    return Err(LlamaError::Interrupted.into());
                }
                let note = watch(reader, part)?;
                document_tokens += part.len() as u64;
                if let Some(note) = note {
                    (self.observer)(Event::Note(&note));
                }
                let (bytes, segments) = (self.document.bytes_read(), reader.progress().segments);
                (self.observer)(Event::Read { tokens: document_tokens, bytes, segments });
            }
            chunk.clear();
            if !self.document.next_chunk(&mut chunk)? && chunk.is_empty() {
                return Ok(document_tokens);
            }
        }
    }
}

impl Outcome {
    /// What is known when the document was read.
    pub(super) fn of_reading(
        reader: &mut Reader<'_>,
        policy: Policy,
        strategy: Strategy,
        tokens: u64,
        n_prefix: u64,
    ) -> Self {
        Self {
            policy,
            strategy,
            written: Written::default(),
            document_tokens: tokens,
            document_tokens_read: reader.progress().tokens_read.saturating_sub(n_prefix),
            document_segments: reader.progress().segments,
            tokens_folded: reader.context().n_folded(),
            memory: reader.context().memory_usage(),
            progress: reader.progress().clone(),
            prefill: Duration::ZERO,
            notes_time: Duration::ZERO,
            notes: 0,
        }
    }

    /// Writes the summary from what was noted.
    pub(super) fn written(
        mut self,
        start: Instant,
        observer: &mut dyn FnMut(Event<'_>),
        write: impl FnOnce(&mut dyn FnMut(&str)) -> Result<Written, SummaryError>,
    ) -> Result<Self, SummaryError> {
        let mut first = None;
        let mut give = |text: &str| {
            first.get_or_insert_with(|| start.elapsed());
            observer(Event::Text(text));
        };
        self.written = write(&mut give)?;
        // with the merges, until the first sentence: what a reader waits for
        self.prefill = first.unwrap_or_else(|| start.elapsed());
        self.written.first_token = Duration::ZERO;
        Ok(self)
    }
}
