//! What a summary would cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::input::TokenStream;
use crate::llama::{LlamaError, Model, Token};
use crate::memory::policy::Policy;

use super::error::SummaryError;
use super::extract;
use super::plan::{Settings, plan};
use super::prompt::PromptTokens;
use super::scribe::Scribe;
use super::strategy::Strategy;
use super::writing::Writing;

/// Segments of the document that are read to see how fast that goes, after one that warms up.
const PROBE_SEGMENTS: usize = 2;
/// Tokens that are generated to see how fast that goes.
const PROBE_ANSWER: u32 = 8;

/// What a run will need.
#[derive(Debug)]
pub struct Forecast {
    /// The policy that would run.
    pub policy: Policy,
    /// The strategy that would run.
    pub strategy: Strategy,
    /// Why no notes would be taken though they were due.
    pub no_notes: Option<SummaryError>,
    /// Notes that would be taken, or chunks summarized.
    pub notes: u64,
    /// Predicted time for them, merges included, if each is as long as it may be.
    pub notes_time: Duration,
    /// Tokens of the document.
    pub document_tokens: u64,
    /// Segments that it would be decoded in.
    pub segments: u64,
    /// Predicted peak memory in bytes.
    pub peak_bytes: u64,
    /// Predicted time until the first token of the answer, without loading the model and without notes.
    pub prefill: Duration,
    /// Predicted time for the longest answer.
    pub generation: Duration,
}

/// Counts the tokens of the document and measures the speed on its first segments.
///
/// # Errors
/// Those of [`summarize`](super::run::summarize), as far as they are found without reading everything.
pub fn forecast(
    model: &Model,
    document: &mut TokenStream<'_>,
    settings: &Settings,
    writing: &Writing,
    interrupt: &Arc<AtomicBool>,
) -> Result<Forecast, SummaryError> {
    if writing.strategy == Some(Strategy::Extract) {
        return extract::forecast(model, document, settings);
    }
    let settings = &writing.settings(settings.clone(), model);
    let prompt = PromptTokens::new(model, &writing.around(model)?)?;
    let mut head = Vec::new();
    let plan = plan(model, document, settings, &prompt, &mut head)?;
    let strategy = writing.strategy(plan.policy, model);
    let mut scribe = Scribe::new(model, settings.sampler, interrupt)?;
    let (plan, strategy, no_notes) = writing.room(model, settings, plan, strategy, &mut scribe)?;
    let segment = settings.sizes.segment.max(1) as usize;
    let wanted = (1 + PROBE_SEGMENTS) * segment;
    while head.len() < wanted && document.next_chunk(&mut head)? {}

    let gate = plan.policy.gate_from(settings.gate.as_ref());
    let mut reader = plan.reader(model, settings, gate, 1, interrupt)?;
    let mut timed = |tokens: &[Token]| -> Result<Duration, LlamaError> {
        let start = Instant::now();
        reader.push(tokens)?;
        reader.flush()?;
        Ok(start.elapsed().div_f64(tokens.len().max(1) as f64))
    };
    // the first segment pays for pages of the weights that are not in memory yet
    let (warm, rest) = head.split_at(head.len().min(segment));
    let mut per_token = timed(warm)?;
    if !rest.is_empty() {
        per_token = timed(&rest[..rest.len().min(PROBE_SEGMENTS * segment)])?;
    }
    let start = Instant::now();
    let token = prompt.suffix.last().copied().unwrap_or_default();
    for _ in 0..PROBE_ANSWER {
        reader.step(token)?;
    }
    let per_step = start.elapsed() / PROBE_ANSWER;

    let mut document_tokens = head.len() as u64;
    loop {
        if interrupt.load(Ordering::Relaxed) {
            return Err(LlamaError::Interrupted.into());
        }
        head.clear();
        if !document.next_chunk(&mut head)? && head.is_empty() {
            break;
        }
        document_tokens += head.len() as u64;
    }
    let cost = writing.cost(model, settings, (&plan, strategy), document_tokens, &mut scribe)?;
    let all = prompt.prefix.len() as u64 + document_tokens;
    Ok(Forecast {
        policy: plan.policy,
        strategy,
        no_notes,
        notes: cost.notes,
        notes_time: per_token.mul_f64(cost.tokens_read as f64) + per_step.mul_f64(cost.tokens_written as f64),
        document_tokens,
        segments: all.div_ceil(segment as u64),
        peak_bytes: plan.peak_bytes,
        prefill: per_token.mul_f64((all + prompt.suffix.len() as u64) as f64),
        generation: per_step * writing.longest_text(strategy, settings.max_tokens),
    })
}
