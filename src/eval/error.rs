//! What keeps an evaluation from being made.

use std::io;
use std::path::PathBuf;

use super::longbench::LongBenchError;
use super::scores::RougeError;
use crate::embed::EmbedError;
use crate::llama::LlamaError;
use crate::memory::policy::{NoGate, Policy};
use crate::sample::SampleError;
use crate::summary::error::SummaryError;
use crate::summary::prompt::PromptError;

/// Why an evaluation stopped. Each message is one line: what failed, on what, what to do.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A file cannot be read.
    #[error("'{path}' cannot be read: {cause}; check the path", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// A line is not what it should be.
    #[error("'{path}', line {line}: {detail}; docs/eval.md describes the file", path = .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong there.
        detail: String,
    },
    /// Results cannot be kept.
    #[error("'{path}' cannot be written: {cause}; name another file, or free some space", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// Two runs would write to one file.
    #[error("'{path}' is being written by another run; wait for it, or name another file", path = .path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// What reads the results has gone, or its disk is full.
    #[error(transparent)]
    Output(#[from] io::Error),
    /// A document cannot be invented.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// The policy needs a gate.
    #[error(transparent)]
    NoGate(#[from] NoGate),
    /// A condition that reads no text.
    #[error("policies none and snapkv-question have no meaning for a text without a question; leave them out")]
    NotComparable,
    /// Nothing was in the memory when something was asked.
    #[error(
        "nothing of '{case}' has left the window after {length} tokens, so no gate listens to anything; name larger --lengths, or a smaller --window or --budget"
    )]
    NothingFolded {
        /// The text.
        case: String,
        /// The length.
        length: u64,
    },
    /// A text that ends before a length at which something was to be asked.
    #[error("'{path}' has {tokens} tokens, and gates after {length} were asked for; name shorter --lengths, or a longer text", path = .path.display())]
    TextTooShort {
        /// The text.
        path: PathBuf,
        /// Its tokens.
        tokens: usize,
        /// The length.
        length: u64,
    },
    /// The scorer of summaries.
    #[error(transparent)]
    Rouge(#[from] RougeError),
    /// What compares sentences.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// A folder of LongBench.
    #[error(transparent)]
    LongBench(#[from] LongBenchError),
    /// A dataset that is not there.
    #[error("'{dir}' has no dataset '{name}'; its files are named <dataset>.jsonl", dir = .dir.display())]
    NoDataset {
        /// The folder.
        dir: PathBuf,
        /// What was asked for.
        name: String,
    },
    /// A policy that is measured anyway.
    #[error("policy none is a part of every result of 'eval needle' (closed_book); leave it out")]
    ClosedBook,
    /// Nothing of a text would count.
    #[error("'{case}' has {tokens} tokens, and {needed} are needed; choose a longer text, or a smaller --from")]
    TooShort {
        /// The text.
        case: String,
        /// Its length.
        tokens: usize,
        /// The shortest that counts.
        needed: usize,
    },
    /// Logits that are no numbers.
    #[error("'{case}' under policy {policy} gives predictions that are no numbers; is the model or the gate damaged?")]
    NoNumber {
        /// The text.
        case: String,
        /// The policy.
        policy: Policy,
    },
    /// The prompt.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The engine.
    #[error(transparent)]
    Llama(#[from] LlamaError),
    /// The plan of a run.
    #[error(transparent)]
    Summary(#[from] SummaryError),
}
