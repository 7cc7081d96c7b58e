//! What can go wrong inside llama.cpp.

use std::path::PathBuf;

/// An error of the inference engine. Each message names the subject, the cause and, where there is one, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum LlamaError {
    /// The engine was initialized by somebody else in this process.
    #[error("llama.cpp cannot be initialized: {0}")]
    Backend(String),
    /// The model file was not accepted.
    #[error("model '{path}' cannot be loaded: {reason}; is it a complete GGUF file of a text model?", path = .path.display())]
    ModelLoad {
        /// The file.
        path: PathBuf,
        /// What llama.cpp logged last.
        reason: String,
    },
    /// A context could not be made.
    #[error("no context of {n_ctx} tokens can be made: {reason}; try a smaller --window or --segment")]
    ContextInit {
        /// Tokens asked for.
        n_ctx: u32,
        /// What llama.cpp logged last.
        reason: String,
    },
    /// The architecture or a setting does not allow compaction.
    #[error(
        "a model of architecture '{architecture}' cannot be read in segments here: {reason}; inputs that fit its context work with --policy full"
    )]
    Unsupported {
        /// `general.architecture` of the model.
        architecture: String,
        /// What stands in the way.
        reason: String,
    },
    /// The model cannot continue a text.
    #[error(
        "a model of architecture '{architecture}' cannot write a summary: {reason}; choose a causal language model"
    )]
    NotCausal {
        /// `general.architecture` of the model.
        architecture: String,
        /// What it is instead.
        reason: &'static str,
    },
    /// The model gives no embeddings of sentences.
    #[error(
        "a model of architecture '{architecture}' cannot compare sentences: {reason}; 'edgeinf model pull minilm' fetches one that can"
    )]
    NoEmbeddings {
        /// `general.architecture` of the model.
        architecture: String,
        /// What stands in the way.
        reason: String,
    },
    /// The gate does not fit the model.
    #[error("the gate does not fit the model: {0}")]
    Gate(String),
    /// A batch was not decoded.
    #[error("decoding {n_tokens} tokens failed: {reason}")]
    Decode {
        /// Tokens in the batch.
        n_tokens: usize,
        /// Cause.
        reason: String,
    },
    /// The cache has no room for a batch.
    #[error("the KV cache of {n_cells} tokens has no room for {n_tokens} more")]
    CacheFull {
        /// Size of the cache in tokens.
        n_cells: u32,
        /// Tokens in the batch.
        n_tokens: usize,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A compaction failed; nothing was changed.
    #[error("tokens cannot be moved out of the KV cache: {0}")]
    Compaction(String),
    /// A compaction failed half-way: nothing can be read from the context until a state is restored.
    #[error("the KV cache is damaged by a failed compaction; restore a saved state or start again")]
    Poisoned,
    /// A saved state was not accepted, or none could be saved.
    #[error("the state of the context cannot be saved or restored: {0}")]
    State(String),
    /// A matrix product could not be computed.
    #[error("the speed of a matrix product cannot be measured: {0}")]
    Product(String),
    /// Text could not be turned into tokens.
    #[error("the text cannot be tokenized: {0}")]
    Tokenize(String),
    /// A sampler could not be made.
    #[error("the sampler settings are not accepted: {0}")]
    Sampler(String),
}
