//! What `--dry-run` prints.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::summary::forecast::Forecast;

use super::statistics::SCHEMA_VERSION;

/// What a summary would cost.
#[derive(Debug, Clone, Serialize)]
pub struct DryRun {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Always true.
    pub dry_run: bool,
    /// The policy that would run.
    pub policy: String,
    /// The strategy that would run.
    pub strategy: String,
    /// Notes that would be taken.
    pub notes: u64,
    /// Segments that would be decoded.
    pub segments: u64,
    /// The document.
    pub input: DryRunInput,
    /// What it would cost.
    pub predicted: Predicted,
}

/// The document.
#[derive(Debug, Clone, Serialize)]
pub struct DryRunInput {
    /// Its path, or `-`.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its tokens.
    pub tokens: u64,
}

/// What it would cost.
#[derive(Debug, Clone, Serialize)]
pub struct Predicted {
    /// Largest resident set of the process.
    pub peak_rss_bytes: u64,
    /// From the start of the program to the first token of the answer.
    pub ttft_ms: f64,
    /// How much of that goes into notes.
    pub notes_ms: f64,
    /// From the start to the end of the longest answer.
    pub total_ms: f64,
}

impl DryRun {
    /// For a document of `bytes` bytes, after `load` was spent on the model.
    pub fn new(path: &Path, bytes: u64, load: Duration, forecast: &Forecast) -> Self {
        let ms = |d: Duration| (d.as_secs_f64() * 1e3).round();
        Self {
            schema_version: SCHEMA_VERSION,
            dry_run: true,
            policy: forecast.policy.to_string(),
            strategy: forecast.strategy.to_string(),
            notes: forecast.notes,
            segments: forecast.segments,
            input: DryRunInput { path: path.display().to_string(), bytes, tokens: forecast.document_tokens },
            predicted: Predicted {
                peak_rss_bytes: forecast.peak_bytes,
                ttft_ms: ms(load + forecast.prefill + forecast.notes_time),
                notes_ms: ms(forecast.notes_time),
                total_ms: ms(load + forecast.prefill + forecast.notes_time + forecast.generation),
            },
        }
    }

    /// The form for people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "{name:<20} {value}");
        };
        let seconds = |ms: f64| format!("about {:.0} s", (ms / 1e3).ceil());
        line("document", format!("{} tokens in {} bytes: {}", self.input.tokens, self.input.bytes, self.input.path));
        line("policy", self.policy.clone());
        line("segments", self.segments.to_string());
        line("peak memory", format!("about {} MiB", self.predicted.peak_rss_bytes.div_ceil(1 << 20)));
        let notes = match self.notes {
            0 => String::new(),
            n => format!(", {n} of them, {}", seconds(self.predicted.notes_ms)),
        };
        line("strategy", format!("{}{notes}", self.strategy));
        line("time to first token", seconds(self.predicted.ttft_ms));
        line("time in all", format!("{} at most", seconds(self.predicted.total_ms)));
        text
    }
}
