//! A result of `eval`, one line of JSON.

use std::fmt::{self, Display, Formatter};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::llama::{Depth, Score};
use crate::memory::layout::WindowSizes;
use crate::memory::policy::Policy;
use crate::memory::request::SizeRequest;

use super::error::EvalError;
use super::reading::Form;

/// Under which a document was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// There was no document.
    None,
    /// Full attention.
    Full,
    /// What left the window was forgotten.
    Streaming,
    /// What the newest tokens attended to stayed.
    SnapKv,
    /// The same, with a last choice after the question.
    #[serde(rename = "snapkv-question")]
    SnapKvQuestion,
    /// More of it stayed in lower layers than in higher ones.
    PyramidKv,
    /// What a fitted score found worth keeping stayed.
    Learned,
    /// What left was folded into the memory.
    EdgeInfinite,
}

impl Condition {
    /// The policy by which a document is read; `None` if there is none.
    pub fn policy(self) -> Option<Policy> {
        match self {
            Self::None => None,
            Self::Full => Some(Policy::Full),
            Self::Streaming => Some(Policy::Streaming),
            Self::SnapKv | Self::SnapKvQuestion => Some(Policy::SnapKv),
            Self::PyramidKv => Some(Policy::PyramidKv),
            Self::Learned => Some(Policy::Learned),
            Self::EdgeInfinite => Some(Policy::EdgeInfinite),
        }
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no document",
            Self::Full => "full",
            Self::Streaming => "streaming",
            Self::SnapKv => "snapkv",
            Self::SnapKvQuestion => "snapkv-question",
            Self::PyramidKv => "pyramidkv",
            Self::Learned => "learned",
            Self::EdgeInfinite => "edgeinfinite",
        })
    }
}

/// What [`Setting::queries`] says where the gate's scores chose instead, as many in each layer,
pub const BY_SCORES: &str = "scores";
/// and where its shares said how many.
pub const BY_SHARES: &str = "shares";

/// Everything that decides a result, beside the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// As it was named.
    pub model: String,
    /// Of its file.
    pub model_sha256: String,
    /// As it was named; only where it was used.
    pub gate: Option<String>,
    /// Of its file; a random one has none.
    pub gate_sha256: Option<String>,
    /// Tokens beyond the prompt that always stay.
    pub sinks: u32,
    /// Tokens that were chosen to stay; 0 where the policy chooses none.
    #[serde(default)]
    pub retain: u32,
    /// Whose attention chose them, where that is not what the policy was published with; `scores` or `shares` for none's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queries: Option<String>,
    /// How many neighbours count together where scores of the gate chose them; results without it are of times when each token counted alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<u32>,
    /// Most recent tokens that stay.
    pub window: u32,
    /// Tokens read at a time.
    pub segment: u32,
    /// Element type of the KV cache.
    pub cache_type: String,
    /// Whether the fused kernel was used.
    pub flash_attention: bool,
    /// In which form.
    #[serde(flatten)]
    pub form: Form,
    /// Version of this program and what it was built for.
    pub build: String,
}

impl Setting {
    /// The same as far as it matters under a policy (`None`: no document), with the sizes that the policy made of what was
    /// asked for.
    pub fn under(&self, policy: Option<Policy>, sizes: WindowSizes, request: &SizeRequest) -> Self {
        let has_gate = policy.is_some_and(Policy::needs_gate);
        let retain = policy.and_then(|policy| request.retain_of(policy, sizes.retain));
        let queries = match (policy, retain.map(|retain| (retain.score, retain.depth))) {
            (_, Some((Score::SnapKv, _))) => self.queries.clone(),
            // where it might have been queries
            (Some(Policy::EdgeInfinite), Some((Score::Learned, Depth::Fitted(_)))) => Some(BY_SHARES.to_owned()),
            (Some(Policy::EdgeInfinite), Some((Score::Learned, _))) => Some(BY_SCORES.to_owned()),
            _ => None,
        };
        let by_scores = retain.filter(|retain| retain.score == Score::Learned);
        Self {
            gate: self.gate.clone().filter(|_| has_gate),
            gate_sha256: self.gate_sha256.clone().filter(|_| has_gate),
            sinks: sizes.sinks,
            retain: sizes.retain,
            queries,
            neighbours: by_scores.map(|retain| retain.kernel),
            window: sizes.window,
            segment: sizes.segment,
            ..self.clone()
        }
    }
}

/// A case under a condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Name of the pair.
    pub case: String,
    /// How its document was read.
    pub policy: Condition,
    /// Bytes that survive a compaction; under full attention those of the whole document.
    pub budget_bytes: u64,
    /// Negative log-likelihood of the reference, in nats per token.
    pub nll: Option<f64>,
    /// The same after another document's early part.
    pub nll_other: Option<f64>,
    /// `nll_other - nll`.
    pub specific: Option<f64>,
    /// Share of the way from streaming to full attention, where both are known.
    pub recovered: Option<f64>,
    /// Why there is no result.
    pub skipped: Option<String>,
    /// Pairs whose documents stood in.
    pub other: Vec<String>,
    /// Length of the reference.
    pub reference_tokens: u32,
    /// Length of the document.
    pub document_tokens: u32,
    /// How much of it streaming has forgotten: what is replaced in the other reading.
    pub forgotten_tokens: u32,
    /// Time that it took.
    pub seconds: f64,
    /// Of document, reference and question, and of the other documents.
    pub text_sha256: String,
    /// What it was measured with.
    pub setting: Setting,
}

impl Record {
    /// Whether this is the result for a policy, a text and a setting.
    pub fn is_of(&self, policy: Condition, text_sha256: &str, setting: &Setting) -> bool {
        self.policy == policy && self.text_sha256 == text_sha256 && self.setting == *setting
    }
}

/// A file of results that grows line by line.
#[derive(Debug)]
pub struct RecordFile {
    file: File,
    path: PathBuf,
}

impl RecordFile {
    /// Opens a file, or begins one, and gives what is in it. A last line that was cut off is taken away. A device or a named
    /// pipe is only written to.
    ///
    /// # Errors
    /// [`EvalError::Write`], [`EvalError::Busy`] where another run has it open, and [`EvalError::Invalid`] for a line that is no result.
    pub fn open<T: DeserializeOwned>(path: &Path) -> Result<(Self, Vec<T>), EvalError> {
        let cannot = |cause: io::Error| EvalError::Write { path: path.to_owned(), cause };
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            let file = File::options().write(true).open(path).map_err(cannot)?;
            return Ok((Self { file, path: path.to_owned() }, Vec::new()));
        }
        let options = File::options().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = options.map_err(cannot)?;
        // until it is closed; where files cannot be locked nobody is kept out
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(EvalError::Busy { path: path.to_owned() });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(cannot)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |i| i + 1);
        let mut records = Vec::new();
        for (i, line) in bytes[..whole].split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
            records.push(serde_json::from_slice(line).map_err(|error| EvalError::Invalid {
                path: path.to_owned(),
                line: i + 1,
                detail: format!("it is no result of this command ({error}); name a file of its results, or a new one"),
            })?);
        }
        // only now: a file that is something else stays as it was
        if whole == 0 && !bytes.is_empty() {
            let detail = "it is no result of this command; name a file of its results, or a new one".to_owned();
            return Err(EvalError::Invalid { path: path.to_owned(), line: 1, detail });
        }
        file.set_len(whole as u64).and_then(|()| file.seek(SeekFrom::End(0))).map_err(cannot)?;
        Ok((Self { file, path: path.to_owned() }, records))
    }

    /// Appends a result.
    ///
    /// # Errors
    /// [`EvalError::Write`].
    pub fn append(&mut self, line: &str) -> Result<(), EvalError> {
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|cause| EvalError::Write { path: self.path.clone(), cause })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A result with the values given.
    pub fn record(case: &str, policy: Condition, nll: f64, nll_other: Option<f64>) -> Record {
        Record {
            case: case.into(),
            policy,
            budget_bytes: 1 << 20,
            nll: Some(nll),
            nll_other,
            specific: nll_other.map(|other| other - nll),
            recovered: None,
            skipped: None,
            other: Vec::new(),
            reference_tokens: 40,
            document_tokens: 4000,
            forgotten_tokens: 2500,
            seconds: 1.0,
            text_sha256: "00".into(),
            setting: Setting {
                model: "m".into(),
                model_sha256: "11".into(),
                gate: None,
                gate_sha256: None,
                sinks: 4,
                retain: 0,
                queries: None,
                neighbours: None,
                window: 512,
                segment: 512,
                cache_type: "f16".into(),
                flash_attention: true,
                form: Form::default(),
                build: "0".into(),
            },
        }
    }

    #[test]
    fn a_file_goes_on_where_it_was_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("results.jsonl");
        let line = |case| serde_json::to_string(&record(case, Condition::Full, 2.0, None)).unwrap() + "\n";
        let (mut file, found) = RecordFile::open::<Record>(&path).unwrap();
        assert!(found.is_empty());
        file.append(&line("a")).unwrap();
        assert!(matches!(RecordFile::open::<Record>(&path), Err(EvalError::Busy { .. })));
        drop(file);
        fs::write(&path, line("a") + &line("b")[..30]).unwrap();
        let (mut file, found) = RecordFile::open::<Record>(&path).unwrap();
        assert_eq!(found, [record("a", Condition::Full, 2.0, None)]);
        file.append(&line("b")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), line("a") + &line("b"));
    }

    #[test]
    fn a_file_of_another_kind_stays_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("letter.txt");
        for text in ["Dear Sir", "Dear Sir,\nI have the honour\n", "{\"case\":\"a\"}\n"] {
            fs::write(&path, text).unwrap();
            let error = RecordFile::open::<Record>(&path).unwrap_err().to_string();
            assert!(error.contains("line 1") && error.contains("no result"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
