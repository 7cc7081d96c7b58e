//! What a run of `summarize --json` showed.

use serde::Deserialize;
use serde_json::Value;

use super::process::{End, Finished};

/// One run, as far as expectations look at it.
#[derive(Debug, Clone)]
pub struct Observed {
    /// How the process ended.
    pub end: End,
    /// What it printed, or why that cannot be used.
    pub seen: Result<Seen, String>,
    /// What it printed, as it is.
    pub statistics: Option<Value>,
    /// Its error message.
    pub error: Option<String>,
    /// From start to end, in seconds.
    pub seconds: f64,
}

/// The parts of the statistics that can be expected; see [`crate::report::statistics::Statistics`].
#[derive(Debug, Clone, Deserialize)]
pub struct Seen {
    /// The text.
    pub summary: String,
    /// Whether it is complete.
    pub complete: bool,
    /// Why not.
    #[serde(default)]
    pub incomplete_reason: Option<String>,
    /// The policy that ran.
    pub policy: String,
    /// About the document.
    pub input: SeenInput,
    /// About memory.
    pub memory: SeenMemory,
}

/// Of [`Seen`].
#[derive(Debug, Clone, Deserialize)]
pub struct SeenInput {
    /// Tokens in the document.
    pub tokens: u64,
    /// Tokens that were read.
    pub tokens_read: u64,
}

/// Of [`Seen`].
#[derive(Debug, Clone, Deserialize)]
pub struct SeenMemory {
    /// Largest resident set of the process, in bytes, where the system tells.
    pub peak_rss_bytes: Option<u64>,
}

impl Observed {
    /// Reads what a process left.
    pub(super) fn new(finished: &Finished) -> Self {
        let stdout = String::from_utf8_lossy(&finished.stdout);
        let stderr = String::from_utf8_lossy(&finished.stderr);
        let statistics: Option<Value> = serde_json::from_str(stdout.trim()).ok();
        let seen = match &statistics {
            // a failed run may print an object that only says why
            Some(value) if value.get("summary").is_some() => {
                Seen::deserialize(value).map_err(|e| format!("its statistics are not understood: {e}"))
            }
            None if !stdout.trim().is_empty() => Err("what it printed is not JSON".to_owned()),
            _ => Err("it printed no statistics".to_owned()),
        };
        let error = stderr.lines().rev().find_map(|line| line.strip_prefix("error: ")).map(ToOwned::to_owned);
        Self { end: finished.end, seen, statistics, error, seconds: finished.seconds }
    }
}
