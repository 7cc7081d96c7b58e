//! What came of the cases, for people and for programs.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

use super::observed::Seen;
use super::{Case, Document};

/// Version of the JSON form; grows when a key changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// What came of one case.
#[derive(Debug, Clone, Serialize)]
pub struct CaseResult {
    /// Its name.
    pub name: String,
    /// Whether everything was as expected.
    pub passed: bool,
    /// What was not, one line each.
    pub failures: Vec<String>,
    /// What was summarized.
    pub document: Document,
    /// Arguments of `summarize`, beside the document and `--json`.
    pub arguments: Vec<String>,
    /// Exit code; nothing if a signal or the time limit ended the run.
    pub exit_code: Option<i32>,
    /// From start to end.
    pub seconds: f64,
    /// Of a sample with facts that was summarized.
    pub facts: Option<Facts>,
    /// The run's error message.
    pub error: Option<String>,
    /// What the run printed, understood.
    #[serde(skip)]
    pub seen: Option<Seen>,
    /// What the run printed.
    pub statistics: Option<Value>,
}

/// How many facts of a sample came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// In the document.
    pub planted: usize,
    /// In the summary.
    pub found: usize,
}

/// What came of all cases.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The cases file.
    pub file: String,
    /// Cases that passed.
    pub passed: usize,
    /// Cases that did not.
    pub failed: usize,
    /// Time of all runs.
    pub seconds: f64,
    /// In the order of the file.
    pub cases: Vec<CaseResult>,
}

impl Report {
    /// Adds up.
    pub fn new(file: String, cases: Vec<CaseResult>) -> Self {
        let passed = cases.iter().filter(|case| case.passed).count();
        let seconds = cases.iter().map(|case| case.seconds).sum();
        Self { schema_version: SCHEMA_VERSION, file, passed, failed: cases.len() - passed, seconds, cases }
    }

    /// The form for programs, on one line.
    ///
    /// # Errors
    /// None that is known; serde's if there is one.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|json| json + "\n")
    }
}

/// Lays out a table row by row, so that each can be shown as soon as its case is done.
#[derive(Debug, Clone, Copy)]
pub struct TableStyle {
    name_width: usize,
}

impl TableStyle {
    /// For these cases.
    pub fn new(cases: &[Case]) -> Self {
        let widest = cases.iter().map(|case| case.name.chars().count()).max();
        Self { name_width: widest.unwrap_or(0).max("case".len()) }
    }

    /// The titles of the columns.
    pub fn head(self) -> String {
        self.line("case", ["result", "policy", "tokens", "peak MiB", "facts", "seconds"].map(ToOwned::to_owned))
    }

    /// A case, and beneath it what was not as expected.
    pub fn row(self, case: &CaseResult) -> String {
        let seen = case.seen.as_ref();
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let tokens = seen.map(|seen| match (seen.input.tokens_read, seen.input.tokens) {
            (read, tokens) if read == tokens => tokens.to_string(),
            (read, tokens) => format!("{read}/{tokens}"),
        });
        let peak = seen.and_then(|seen| seen.memory.peak_rss_bytes);
        let mut text = self.line(
            &case.name,
            [
                if case.passed { "ok" } else { "FAILED" }.to_owned(),
                or_dash(seen.map(|seen| seen.policy.clone())),
                or_dash(tokens),
                or_dash(peak.map(|bytes| format!("{:.1}", bytes as f64 / f64::from(1 << 20)))),
                or_dash(case.facts.map(|facts| format!("{}/{}", facts.found, facts.planted))),
                format!("{:.1}", case.seconds),
            ],
        );
        for failure in &case.failures {
            let _ = writeln!(text, "    {failure}");
        }
        text
    }

    /// The last line.
    pub fn foot(self, report: &Report) -> String {
        format!("{} of {} passed in {:.1} s\n", report.passed, report.passed + report.failed, report.seconds)
    }

    fn line(self, name: &str, [result, policy, tokens, peak, facts, seconds]: [String; 6]) -> String {
        let width = self.name_width;
        format!("{name:<width$}  {result:<6}  {policy:<12}  {tokens:>13}  {peak:>8}  {facts:>7}  {seconds:>7}\n")
    }
}
