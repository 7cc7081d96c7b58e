//! Why no model can be made of a folder.

use std::io;

use crate::gguf::GgufError;

/// What is wrong with one of the files, or with writing the result. The messages are parts of a line.
#[derive(Debug, thiserror::Error)]
pub enum BertError {
    /// A file cannot be read, or is no text where it should be.
    #[error("{file} cannot be read: {cause}")]
    Read {
        /// Its name.
        file: String,
        /// The system's words.
        cause: io::Error,
    },
    /// `config.json` is of another model.
    #[error("config.json: {0}")]
    Config(String),
    /// `vocab.txt` is no vocabulary of WordPiece.
    #[error("vocab.txt: {0}")]
    Vocabulary(String),
    /// The weights are not what the configuration says.
    #[error("model.safetensors: {0}")]
    Weights(String),
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] GgufError),
}
