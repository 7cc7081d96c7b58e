//! What keeps a memory from being fitted.

use std::io;
use std::path::PathBuf;

use crate::eval::EvalError;
use crate::eval::report::ReportError;
use crate::gguf::GgufError;
use crate::llama::LlamaError;
use crate::memory::gate::GateError;
use crate::models::ModelError;
use crate::summary::error::SummaryError;
use crate::summary::prompt::PromptError;

/// Why a fit stopped. Each message is one line: what failed, on what, what to do.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum TrainError {
    // The model
    /// A model whose layers are of another kind.
    #[error("'{path}' cannot be trained with: {detail}; choose a model of the architectures llama, qwen2 or qwen3", path = .path.display())]
    Unsupported { path: PathBuf, detail: String },
    /// A tensor that is missing, of another shape or of a type that candle does not know.
    #[error("'{path}' cannot be trained with: tensor '{tensor}' {detail}; fetch the model again, or another one", path = .path.display())]
    Tensor { path: PathBuf, tensor: String, detail: String },
    /// The model's file.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The hash of the model's file.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The gate, read or written.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// A layer that is not there.
    #[error("layer {layer} cannot have a memory: the model has layers 0 to {last}; correct --layers")]
    NoSuchLayer { layer: u32, last: u32 },
    /// A layer that the gate to begin with does not have.
    #[error("'{path}' has nothing for layer {layer}; correct --layers, or leave out --from", path = .path.display())]
    NotInGate { layer: u32, path: PathBuf },
    /// Shares of tokens by scores that are not there.
    #[error("shares are of a gate with scores; fit those first with --fit scores, and name the gate with --from")]
    NoScores,
    /// A memory beside tokens that nothing chooses.
    #[error(
        "tokens are retained beside a memory by the scores of a gate, and the one of --from has none; fit those first with --fit scores, or leave out --retain"
    )]
    NoScoresBeside,
    /// A memory that is always read beside tokens that are retained when something is asked.
    #[error(
        "a memory is fitted beside retained tokens only where it is read when something is asked; name --read-out asked, or leave out --retain"
    )]
    AlwaysBeside,
    /// A memory that was fitted to another model file.
    #[error("'{path}' was fitted to another model file; fit its memory again, or leave out --from", path = .path.display())]
    OtherBase { path: PathBuf },

    // What is trained on
    /// A file of pairs.
    #[error(transparent)]
    Pairs(#[from] EvalError),
    /// A text or a log.
    #[error("'{path}' cannot be {action}: {cause}; check the path and the space that is left", path = .path.display())]
    Io { action: &'static str, path: PathBuf, cause: io::Error },
    /// No time for a single document.
    #[error("no document was read in the time given, and nothing was written; give more --minutes or --steps")]
    NoStep,
    /// Texts for a gate that is not read while reading.
    #[error(
        "nothing in a plain text is asked, so nothing reads the memory there; use --read-out always, or --pairs alone"
    )]
    TextUnread,
    /// No text is long enough for a memory.
    #[error(
        "nothing to train on: of {examples} documents and texts none is longer than the {needed} tokens that the cache keeps, within {limit} tokens; choose longer ones, a smaller --window, or more --tokens"
    )]
    TooShort { examples: usize, needed: usize, limit: usize },
    /// The cache, or the trained context, is too small for what stands around a document.
    #[error(
        "--tokens {tokens} is more than the {n_ctx_train} tokens that the model was trained with; its teacher reads no more"
    )]
    TooLong { tokens: usize, n_ctx_train: usize },

    // A checkpoint
    /// One that other arguments have made.
    #[error("'{path}' was made with other arguments ({what}); repeat those, or begin anew without --resume", path = .path.display())]
    OtherRun { path: PathBuf, what: &'static str },

    // The machine
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Values that are no numbers.
    #[error("step {step} gave a loss that is no number; is the model or the gate damaged?")]
    NotFinite { step: u64 },
    /// candle.
    #[error("the tensors of training: {0}")]
    Candle(#[from] candle_core::Error),
    /// Learning curves.
    #[error(transparent)]
    Plot(#[from] ReportError),
    /// Threads.
    #[error("threads for training cannot be started: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The prompt around a document.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The vocabulary.
    #[error(transparent)]
    Llama(#[from] LlamaError),
    /// The sizes of the cache.
    #[error(transparent)]
    Sizes(#[from] SummaryError),
}
