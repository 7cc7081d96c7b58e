//! A summary of sentences of the document, which no model reads.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::input::TokenStream;
use crate::llama::{MemoryUsage, Model};
use crate::memory::policy::Policy;
use crate::reader::Progress;

use super::error::SummaryError;
use super::forecast::Forecast;
use super::notes::extracted;
use super::plan::{Plan, Settings};
use super::run::{Event, Outcome};
use super::scribe::Scribe;
use super::strategy::Strategy;
use super::writer::Written;
use super::writing::Writing;

/// What stands in reports: there is no cache that a policy could fill.
const POLICY: Policy = Policy::Streaming;

/// Takes the sentences that tell most, or those that have most to do with a question, stretch by stretch. The model's tokenizer counts, the model
/// decodes nothing and has no context.
///
/// # Errors
/// As [`summarize`](super::run::summarize).
pub(super) fn extract(
    model: &Model,
    document: &mut TokenStream<'_>,
    settings: &Settings,
    writing: &Writing,
    interrupt: &Arc<AtomicBool>,
    observer: &mut dyn FnMut(Event<'_>),
) -> Result<Outcome, SummaryError> {
    let start = Instant::now();
    Plan::without_cache(model, settings, POLICY)?;
    let mut scribe = Scribe::new(model, settings.sampler, interrupt)?;
    let mut taker = writing.note_taker(model, settings, POLICY)?;
    if document.is_transcript() {
        taker.name_speakers();
    }
    observer(Event::Started(POLICY, Strategy::Extract));
    let (mut document_tokens, mut chunk) = (0, Vec::new());
    while document.next_chunk(&mut chunk)? || !chunk.is_empty() {
        document_tokens += chunk.len() as u64;
        taker.read(&chunk);
        chunk.clear();
        taker.skim(&mut scribe, false)?;
        observer(Event::Read { tokens: document_tokens, bytes: document.bytes_read(), segments: 0 });
    }
    taker.skim(&mut scribe, true)?;
    observer(Event::ReadAll { text_bytes: document.text_bytes() });
    let outcome = Outcome {
        policy: POLICY,
        strategy: Strategy::Extract,
        written: Written::default(),
        document_tokens,
        document_tokens_read: document_tokens,
        document_segments: 0,
        tokens_folded: 0,
        memory: MemoryUsage::default(),
        progress: Progress::default(),
        prefill: Duration::ZERO,
        notes_time: Duration::ZERO,
        notes: 0,
    };
    let (notes, max_tokens) = (taker.finish(), settings.max_tokens);
    outcome.written(start, observer, |give| Ok(extracted(&writing.request, &notes, max_tokens, give)))
}

/// What that would cost: no time that a model takes.
///
/// # Errors
/// Those of the document, and what `--max-memory` refuses.
pub(super) fn forecast(
    model: &Model,
    document: &mut TokenStream<'_>,
    settings: &Settings,
) -> Result<Forecast, SummaryError> {
    let plan = Plan::without_cache(model, settings, POLICY)?;
    let (mut document_tokens, mut chunk) = (0, Vec::new());
    while document.next_chunk(&mut chunk)? || !chunk.is_empty() {
        document_tokens += chunk.len() as u64;
        chunk.clear();
    }
    Ok(Forecast {
        policy: POLICY,
        strategy: Strategy::Extract,
        no_notes: None,
        notes: 0,
        notes_time: Duration::ZERO,
        document_tokens,
        segments: 0,
        peak_bytes: plan.peak_bytes,
        prefill: Duration::ZERO,
        generation: Duration::ZERO,
    })
}
