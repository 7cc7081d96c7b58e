//! One run that is measured at several lengths of the text it reads.
//!
//! Where memory and speed do not depend on the length, a text of n tokens is read as the first n tokens of a longer one are, and
//! what comes after the text (instruction, first token) takes the same time after each. So one reading gives the time to the first
//! token at every length on its way. Under full attention that does not hold: each length is a run of its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::input::TokenStream;
use crate::llama::{MemoryUsage, Model, Sampler, Token};
use crate::memory::layout::ANSWER_RESERVE;
use crate::memory::policy::Policy;
use crate::report::memory::peak_rss_bytes;
use crate::summary::plan::{Plan, Settings, windowed_layout};
use crate::summary::prompt::{Instructions, PromptTokens};
use crate::summary::request::Length;

use super::ANSWER_TOKENS;
use super::error::BenchError;
use super::estimate::median;

/// What one process measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LengthRun {
    /// From the start of the program until reading began.
    pub load_seconds: f64,
    /// Tokens before and after the text.
    pub prompt_tokens: u64,
    /// One for each length, in ascending order.
    pub marks: Vec<LengthMark>,
    /// From the last token of the text to the first of the answer.
    pub closing_seconds: f64,
    /// For a token of the answer, the median of 32.
    pub seconds_per_answer_token: f64,
    /// Bytes of the weights, mapped from the file.
    pub weights_bytes: u64,
    /// Bytes of the KV cache.
    pub kv_cache_bytes: u64,
    /// Bytes of M and z, twice, with the gate.
    pub compressed_bytes: u64,
    /// Bytes of un-rotated keys, and of what retained tokens are chosen with.
    pub originals_bytes: u64,
    /// Bytes of scratch buffers.
    pub compute_bytes: u64,
}

/// A length, when it had been read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LengthMark {
    /// Tokens of the text, prompt not included.
    pub tokens: u64,
    /// Since the start of the program.
    pub seconds: f64,
    /// Largest resident set so far, in bytes.
    pub peak_rss_bytes: u64,
}

impl LengthRun {
    /// From the start of the program to the first token of the answer, for a text that ends at a mark.
    pub fn ttft_seconds(&self, mark: &LengthMark) -> f64 {
        mark.seconds + self.closing_seconds
    }

    /// The part of it in which the model read: prompt, text and instruction.
    pub fn reading_seconds(&self, mark: &LengthMark) -> f64 {
        self.ttft_seconds(mark) - self.load_seconds
    }

    /// Tokens that were read for a text that ends at a mark.
    pub fn tokens_read(&self, mark: &LengthMark) -> u64 {
        mark.tokens + self.prompt_tokens
    }
}

/// Reads the first tokens of `document` under a policy, as many as the last of `lengths`, which are in ascending order and, under
/// full attention, only one. `started` is when the program began.
///
/// # Errors
/// [`BenchError`].
pub fn run(
    model: &Model,
    (path, document): (&Path, &mut TokenStream<'_>),
    mut settings: Settings,
    policy: Policy,
    lengths: &[u64],
    started: Instant,
    interrupt: &Arc<AtomicBool>,
) -> Result<LengthRun, BenchError> {
    let wanted = lengths.last().copied().unwrap_or(0);
    let prompt = PromptTokens::new(model, &Instructions::summary(Length::default())?)?;
    let n_prompt = (prompt.prefix.len() + prompt.suffix.len()) as u64;
    let plan = match policy {
        Policy::Full => {
            let n_cells = u32::try_from(wanted + n_prompt).unwrap_or(u32::MAX).saturating_add(ANSWER_RESERVE);
            Plan::new(model, &settings, policy, None, n_cells)
        }
        _ => {
            let layout = windowed_layout(model, settings.sizes_of(policy, model)?, &prompt)?;
            Plan::new(model, &settings, policy, Some(layout), layout.n_cells)
        }
    };
    let gate = policy.gate_of(settings.gate.take());
    let mut reader = plan.reader(model, &settings, gate, 1, interrupt)?;
    let segment = settings.sizes.segment.max(1) as usize;
    let mut sampler = Sampler::new(model.vocab(), settings.sampler)?;
    // what writing needs is in memory before the first mark, as it would be after a short text
    sampler.sample(&vec![0.0; model.vocab().n_tokens()]);

    let load_seconds = started.elapsed().as_secs_f64();
    let mut marks = Marks::new(prompt.prefix.len() as u64, lengths, load_seconds);
    reader.push(&prompt.prefix)?;
    let (mut chunk, mut tokens): (Vec<Token>, u64) = (Vec::new(), 0);
    while tokens < wanted && document.next_chunk(&mut chunk)? {
        chunk.truncate((wanted - tokens) as usize);
        tokens += chunk.len() as u64;
        for part in chunk.chunks(segment) {
            reader.push(part)?;
            marks.pass(reader.progress().tokens_read, started);
        }
        chunk.clear();
    }
    if tokens < wanted {
        return Err(BenchError::TooShort { path: path.to_owned(), tokens, wanted });
    }
    reader.flush()?;
    marks.pass(reader.progress().tokens_read, started);

    let closing = Instant::now();
    reader.finish(&prompt.suffix)?;
    let mut token = sampler.sample(reader.logits()?);
    let closing_seconds = closing.elapsed().as_secs_f64();
    let mut answer = Vec::with_capacity(ANSWER_TOKENS);
    for _ in 0..ANSWER_TOKENS {
        let begin = Instant::now();
        token = sampler.sample(reader.step(token)?);
        answer.push(begin.elapsed().as_secs_f64());
    }
    let usage = reader.context().memory_usage();
    let MemoryUsage { kv_cache_bytes, memory_bytes, compute_bytes, .. } = usage;
    if let Some(last) = marks.passed.last_mut() {
        last.peak_rss_bytes = peak_rss_bytes().unwrap_or(0);
    }
    Ok(LengthRun {
        load_seconds,
        prompt_tokens: n_prompt,
        marks: marks.passed,
        closing_seconds,
        seconds_per_answer_token: median(answer).unwrap_or(0.0),
        weights_bytes: model.weight_bytes(),
        kv_cache_bytes,
        compressed_bytes: memory_bytes,
        originals_bytes: usage.originals_bytes(),
        compute_bytes,
    })
}

/// Lengths on the way of a reading.
struct Marks<'a> {
    /// Tokens before the text.
    n_prefix: u64,
    lengths: &'a [u64],
    passed: Vec<LengthMark>,
    /// Tokens decoded, prompt included, and when.
    before: (u64, f64),
}

impl<'a> Marks<'a> {
    fn new(n_prefix: u64, lengths: &'a [u64], seconds: f64) -> Self {
        Self { n_prefix, lengths, passed: Vec::new(), before: (0, seconds) }
    }

    /// Takes note that so many tokens were decoded, prompt included.
    fn pass(&mut self, tokens_read: u64, started: Instant) {
        if tokens_read > self.before.0 {
            self.pass_at(tokens_read, started.elapsed().as_secs_f64());
        }
    }

    fn pass_at(&mut self, tokens_read: u64, seconds: f64) {
        let (before, since) = self.before;
        for &tokens in &self.lengths[self.passed.len()..] {
            let end = self.n_prefix + tokens;
            if end > tokens_read {
                break;
            }
            // a text that ends within a segment takes its share of it
            let share = end.saturating_sub(before) as f64 / (tokens_read - before) as f64;
            let seconds = since + share * (seconds - since);
            self.passed.push(LengthMark { tokens, seconds, peak_rss_bytes: peak_rss_bytes().unwrap_or(0) });
        }
        self.before = (tokens_read, seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_within_a_segment_takes_its_share() {
        let mut marks = Marks::new(100, &[412, 924, 1000, 2000], 1.0);
        marks.pass_at(512, 3.0);
        marks.pass_at(1024, 5.0);
        assert_eq!(marks.passed.len(), 2);
        assert_eq!((marks.passed[0].tokens, marks.passed[0].seconds), (412, 3.0));
        assert_eq!((marks.passed[1].tokens, marks.passed[1].seconds), (924, 5.0));
        marks.pass_at(1536, 7.0);
        assert_eq!(marks.passed[2].tokens, 1000);
        assert!((marks.passed[2].seconds - (5.0 + 2.0 * 76.0 / 512.0)).abs() < 1e-9);
        // what is left of the text
        marks.pass_at(2100, 9.0);
        assert_eq!((marks.passed[3].tokens, marks.passed[3].seconds), (2000, 9.0));
        assert!(marks.passed.iter().all(|mark| mark.peak_rss_bytes > 0));
    }
}
