//! Why there is no summary.

use crate::input::InputError;
use crate::llama::LlamaError;
use crate::memory::policy::NoGate;
use crate::memory::request::BudgetError;

use super::prompt::PromptError;

/// Why there is no summary.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// The document cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The engine.
    #[error(transparent)]
    Llama(#[from] LlamaError),
    /// The prompt.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// Too long for ordinary attention.
    #[error(
        "the document has more than the {limit} tokens that fit the trained context of {n_ctx_train} tokens; \
         use --policy auto or streaming"
    )]
    TooLong {
        /// Tokens that fit beside prompt and answer.
        limit: u64,
        /// Context of the training.
        n_ctx_train: u32,
    },
    /// The policy needs a gate.
    #[error(transparent)]
    NoGate(#[from] NoGate),
    /// A note would not leave the cache without a trace.
    #[error(
        "this model attends to a sliding window of {n_swa} tokens, which notes would disturb; use --strategy direct, map-reduce or extract"
    )]
    NotesDisturb {
        /// The model's window.
        n_swa: u32,
    },
    /// The window of a sliding-window model is wider.
    #[error("this model attends to a sliding window of {n_swa} tokens; --window {window} is smaller than that")]
    WindowTooSmall {
        /// The model's window.
        n_swa: u32,
        /// The window asked for.
        window: u32,
    },
    /// Sizes that do not fit the model.
    #[error(
        "prompt, sinks, window and segment need {n_cells} tokens of context, but the model was trained with \
         {n_ctx_train}; choose a smaller --window, --segment, --sinks or --retain"
    )]
    LayoutTooLarge {
        /// Cells needed.
        n_cells: u32,
        /// Context of the training.
        n_ctx_train: u32,
    },
    /// A budget that holds nothing.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// More memory than allowed.
    #[error(
        "this run would take about {} MiB of memory, more than --max-memory {} MiB; choose a smaller model, --window or --segment",
        predicted >> 20, limit >> 20
    )]
    Memory {
        /// Predicted peak, bytes.
        predicted: u64,
        /// Allowed, bytes.
        limit: u64,
    },
}
