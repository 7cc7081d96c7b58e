//! One pass over the document, then the summary.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::input::TokenStream;
use crate::llama::{LlamaError, MemoryUsage, Model, NativeGate, Sampler};
use crate::memory::policy::Policy;
use crate::reader::{Progress, Reader};

use super::error::SummaryError;
use super::plan::{Settings, new_context, plan};
use super::prompt::PromptTokens;
use super::writer::{Written, write};

/// What happens meanwhile.
#[derive(Debug)]
pub enum Event<'a> {
    /// The policy was chosen and reading begins.
    Started(Policy),
    /// So much of the document was read: tokens and bytes.
    Read {
        /// Tokens decoded.
        tokens: u64,
        /// Bytes taken from the file.
        bytes: u64,
        /// Segments decoded, prompt included.
        segments: u64,
    },
    /// The whole document was read.
    ReadAll,
    /// A piece of the summary.
    Text(&'a str),
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The policy that ran.
    pub policy: Policy,
    /// The summary.
    pub written: Written,
    /// What was read.
    pub progress: Progress,
    /// Tokens of the document, as the tokenizer gave them.
    pub document_tokens: u64,
    /// Tokens of the document that were decoded.
    pub document_tokens_read: u64,
    /// Segments that they were decoded in.
    pub document_segments: u64,
    /// Tokens folded into the memory.
    pub tokens_folded: u64,
    /// From the start of the call until the model could write.
    pub prefill: Duration,
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
    mut settings: Settings,
    interrupt: &Arc<AtomicBool>,
    observer: &mut dyn FnMut(Event<'_>),
) -> Result<Outcome, SummaryError> {
    let start = Instant::now();
    let prompt = PromptTokens::new(model, &settings.instructions)?;
    let mut head = Vec::new();
    let plan = plan(model, document, &settings, &prompt, &mut head)?;
    observer(Event::Started(plan.policy));

    // handed over and dropped, so that it is in memory only once
    let gate = settings.gate.take().filter(|_| plan.policy.rule().folds());
    let gate = gate.map(|gate| NativeGate::new(model, &gate)).transpose()?;
    let context = new_context(model, &settings, gate, &plan, 1, interrupt)?;
    let mut reader = Reader::new(context, plan.layout, settings.sizes.segment);
    let segment = settings.sizes.segment.max(1) as usize;
    let mut document_tokens = 0;
    reader.push(&prompt.prefix)?;
    // everything that comes goes through here, so what the reader decoded can be checked against it
    let mut chunk = head;
    loop {
        for part in chunk.chunks(segment) {
            if interrupt.load(Ordering::Relaxed) {
                return Err(LlamaError::Interrupted.into());
            }
            reader.push(part)?;
            document_tokens += part.len() as u64;
            let segments = reader.progress().segments;
            observer(Event::Read { tokens: document_tokens, bytes: document.bytes_read(), segments });
        }
        chunk.clear();
        if !document.next_chunk(&mut chunk)? && chunk.is_empty() {
            break;
        }
    }
    reader.flush()?;
    let document_tokens_read = reader.progress().tokens_read - prompt.prefix.len() as u64;
    let document_segments = reader.progress().segments;
    reader.finish(&prompt.suffix)?;
    let prefill = start.elapsed();
    observer(Event::ReadAll);

    let mut sampler = Sampler::new(model.vocab(), settings.sampler)?;
    let mut give = |text: &str| observer(Event::Text(text));
    let written = write(&mut reader, model.vocab(), &mut sampler, settings.max_tokens, interrupt, &mut give)?;
    Ok(Outcome {
        policy: plan.policy,
        written,
        document_tokens,
        document_tokens_read,
        document_segments,
        tokens_folded: reader.context().n_folded(),
        memory: reader.context().memory_usage(),
        progress: reader.progress().clone(),
        prefill,
    })
}
