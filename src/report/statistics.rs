//! The statistics of a summary.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use crate::quote::Quote;
use crate::summary::run::Outcome;
use crate::summary::strategy::Strategy;

/// Version of the JSON form; grows when a key changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// What `--json` prints.
#[derive(Debug, Clone, Serialize)]
pub struct Statistics {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The text.
    pub summary: String,
    /// Its sentences, with the passages of the document that support them; none unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quotes: Option<Vec<Quote>>,
    /// Whether the whole document was read and the summary ends at the end of a sentence.
    pub complete: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incomplete_reason: Option<String>,
    /// The policy that ran.
    pub policy: String,
    /// The strategy that ran.
    pub strategy: String,
    /// Notes taken, or chunks summarized.
    pub notes: u64,
    /// The model's file.
    pub model: String,
    /// The gate, if the policy used one.
    pub gate: Option<String>,
    /// Batches that the document was read in.
    pub segments: u64,
    /// Tokens that left the cache.
    pub tokens_dropped: u64,
    /// Tokens folded into the memory, in the layer that folded most.
    pub tokens_folded: u64,
    /// About the document.
    pub input: Input,
    /// About the answer.
    pub output: Output,
    /// Durations and speeds.
    pub time: Time,
    /// Memory by part.
    pub memory: Memory,
}

/// About the document.
#[derive(Debug, Clone, Serialize)]
pub struct Input {
    /// Its path, or `-`.
    pub path: String,
    /// Bytes read.
    pub bytes: u64,
    /// Tokens in the file.
    pub tokens: u64,
    /// Tokens of it that the model has read, or the program where the model reads nothing.
    pub tokens_read: u64,
}

/// About the answer.
#[derive(Debug, Clone, Serialize)]
pub struct Output {
    /// Tokens generated.
    pub tokens: u32,
    /// `end` if the model finished, `limit` if it was stopped: at `--max-tokens`, or because nothing new came.
    pub stopped: &'static str,
}

/// Durations and speeds.
#[derive(Debug, Clone, Serialize)]
pub struct Time {
    /// Reading the model's file.
    pub load_ms: f64,
    /// From the start of the program to the first token of the answer.
    pub ttft_ms: f64,
    /// How much of that went into notes.
    pub notes_ms: f64,
    /// Prompt and document.
    pub prefill_tokens_per_second: f64,
    /// Answer.
    pub generation_tokens_per_second: f64,
    /// Seconds for each 8,192 tokens read: they do not grow with the document, except with full attention.
    pub prefill_seconds_per_8192_tokens: Vec<f64>,
    /// From start to end.
    pub total_ms: f64,
}

/// Memory by part, in bytes.
#[derive(Debug, Clone, Serialize)]
pub struct Memory {
    /// Largest resident set of the process.
    pub peak_rss_bytes: Option<u64>,
    /// Weights, mapped from the file.
    pub weights_bytes: u64,
    /// KV cache.
    pub kv_cache_bytes: u64,
    /// The memory: M and z, twice, with the gate.
    pub compressed_bytes: u64,
    /// Un-rotated keys, in F32, of prompt, sinks and retained tokens, and what these are chosen with.
    pub originals_bytes: u64,
    /// Scratch buffers.
    pub compute_bytes: u64,
    /// What remains of the peak: program, vocabulary, tokenizer.
    pub rest_bytes: Option<u64>,
}

/// What a run knows beside its outcome.
#[derive(Debug, Clone)]
pub struct Run {
    /// The document's path, or `-`.
    pub input: String,
    /// Bytes read of it.
    pub input_bytes: u64,
    /// The model's file.
    pub model: String,
    /// The gate's file, or how it was made.
    pub gate: Option<String>,
    /// Bytes of the weights.
    pub weights_bytes: u64,
    /// Time to load the model.
    pub load: Duration,
    /// Time from the start of the program to the start of the pass.
    pub before: Duration,
    /// Time from start to end.
    pub total: Duration,
    /// Peak memory.
    pub peak_rss_bytes: Option<u64>,
}

impl Statistics {
    /// Joins what happened.
    pub fn new(run: Run, outcome: &Outcome, quotes: Option<Vec<Quote>>) -> Self {
        let ms = |d: Duration| (d.as_secs_f64() * 1e6).round() / 1e3;
        let speed =
            |n: u64, d: Duration| if d.is_zero() { 0.0 } else { (10.0 * n as f64 / d.as_secs_f64()).round() / 10.0 };
        let written = &outcome.written;
        let parts = &outcome.memory;
        let known = run.weights_bytes
            + parts.kv_cache_bytes
            + parts.memory_bytes
            + parts.compute_bytes
            + parts.originals_bytes();
        Self {
            schema_version: SCHEMA_VERSION,
            summary: written.text.trim().to_owned(),
            quotes,
            complete: written.incomplete.is_none(),
            incomplete_reason: written.incomplete.clone(),
            policy: outcome.policy.to_string(),
            strategy: outcome.strategy.to_string(),
            notes: outcome.notes,
            model: run.model,
            gate: run.gate,
            segments: outcome.document_segments,
            tokens_dropped: outcome.progress.tokens_dropped,
            tokens_folded: outcome.tokens_folded,
            input: Input {
                path: run.input,
                bytes: run.input_bytes,
                tokens: outcome.document_tokens,
                tokens_read: outcome.document_tokens_read,
            },
            output: Output { tokens: written.tokens, stopped: if written.finished { "end" } else { "limit" } },
            time: Time {
                load_ms: ms(run.load),
                ttft_ms: ms(run.before + outcome.prefill + written.first_token),
                notes_ms: ms(outcome.notes_time),
                prefill_tokens_per_second: speed(
                    outcome.progress.tokens_read,
                    outcome.prefill.saturating_sub(outcome.notes_time),
                ),
                generation_tokens_per_second: speed(u64::from(written.tokens), written.generation),
                prefill_seconds_per_8192_tokens: outcome.progress.seconds_between_marks(),
                total_ms: ms(run.total),
            },
            memory: Memory {
                peak_rss_bytes: run.peak_rss_bytes,
                weights_bytes: run.weights_bytes,
                kv_cache_bytes: parts.kv_cache_bytes,
                compressed_bytes: parts.memory_bytes,
                originals_bytes: parts.originals_bytes(),
                compute_bytes: parts.compute_bytes,
                rest_bytes: run.peak_rss_bytes.map(|peak| peak.saturating_sub(known)),
            },
        }
    }

    /// The form for people: a few lines.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "{name:<20} {value}");
        };
        line(
            "policy",
            match &self.gate {
                Some(gate) => format!("{} (gate {gate})", self.policy),
                None => self.policy.clone(),
            },
        );
        line("document", format!("{} tokens in {} bytes", self.input.tokens, self.input.bytes));
        let is_decoded = self.segments > 0;
        let is_extract = self.strategy == Strategy::Extract.to_string();
        if is_extract {
            line("strategy", format!("{}: the model read nothing", self.strategy));
        } else if !is_decoded {
            line("strategy", format!("{}, {} of them, taken before", self.strategy, self.notes));
        } else {
            line("read", format!("{} tokens in {} segments", self.input.tokens_read, self.segments));
            let (dropped, folded) = (self.tokens_dropped, self.tokens_folded);
            // layers that retain less than others fold tokens that have not left all layers
            let most = if folded > dropped { "up to " } else { "" };
            line("left the cache", format!("{dropped} tokens, {most}{folded} folded into the memory"));
            if self.notes > 0 {
                let seconds = self.time.notes_ms / 1e3;
                line("strategy", format!("{}, {} of them, {seconds:.1} s", self.strategy, self.notes));
            }
        }
        line("time to first token", format!("{:.1} s", self.time.ttft_ms / 1e3));
        if is_decoded {
            line("prefill", format!("{:.1} tokens/s", self.time.prefill_tokens_per_second));
        }
        if !is_extract {
            let speed = self.time.generation_tokens_per_second;
            line("generation", format!("{speed:.1} tokens/s, {} tokens", self.output.tokens));
        }
        let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
        line("peak memory", self.memory.peak_rss_bytes.map_or("unknown".into(), mib));
        line("  weights, mapped", mib(self.memory.weights_bytes));
        line("  KV cache", mib(self.memory.kv_cache_bytes));
        line("  memory and gate", mib(self.memory.compressed_bytes));
        line("  original keys", mib(self.memory.originals_bytes));
        line("  compute buffers", mib(self.memory.compute_bytes));
        line("  rest", self.memory.rest_bytes.map_or("unknown".into(), mib));
        text
    }
}
