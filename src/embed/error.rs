//! Why sentences cannot be compared.

use std::path::PathBuf;

use crate::llama::LlamaError;

/// An error of embeddings. Each message names the model's file and the cause.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The file is a model, and of another kind or damaged.
    #[error("'{}' cannot compare sentences: {reason}; 'edgeinf model pull minilm' fetches a model that can", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine failed.
    #[error(transparent)]
    Llama(#[from] LlamaError),
}
