//! Why there is no measurement.

use std::path::PathBuf;

use crate::input::InputError;
use crate::llama::LlamaError;
use crate::summary::error::SummaryError;
use crate::summary::prompt::PromptError;

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The text ends before what is to be measured.
    #[error(
        "{path} has {tokens} tokens of this model, and {wanted} are to be read; shorten what is measured, or take a longer \
         text ('edgeinf sample --tokens N' writes one)",
        path = .path.display()
    )]
    TooShort {
        /// The text.
        path: PathBuf,
        /// Its length.
        tokens: u64,
        /// The length that is needed.
        wanted: u64,
    },
    /// A text that can be read only once.
    #[error("bench reads its text several times; give it a file")]
    Stdin,
    /// A run in a process of its own failed, and said why.
    #[error("the run of policy {policy} failed")]
    Run {
        /// How it was to read.
        policy: String,
        /// Its exit code.
        code: i32,
    },
    /// The text cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The engine.
    #[error(transparent)]
    Llama(#[from] LlamaError),
    /// The prompt.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The sizes, the policy or the model.
    #[error(transparent)]
    Summary(#[from] SummaryError),
}
