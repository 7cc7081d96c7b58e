//! What can be wrong with a document.

use std::io;
use std::path::Path;

use super::format::FormatError;
use crate::llama::LlamaError;

/// Why a document could not be read.
///
/// Each message is one line: which file, what is wrong with it, what to do.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    // Before anything is read
    /// There is no such file.
    #[error("{name} does not exist; check the path, or pipe the text into '-'")]
    NotFound {
        /// The file, quoted.
        name: String,
    },
    /// The file may not be read.
    #[error("{name} may not be read by this user; change its permissions, or copy it")]
    Permission {
        /// The file, quoted.
        name: String,
    },
    /// The path leads to a directory.
    #[error("{name} is a directory; give the path of one text file")]
    Directory {
        /// The directory, quoted.
        name: String,
    },

    // While it is read
    /// Nothing, or only white space.
    #[error("{name} {what}; there is nothing to summarize")]
    Empty {
        /// The file, quoted.
        name: String,
        /// `is empty`, `has only white space` or `has no text besides its markup`.
        what: &'static str,
    },
    /// What it has is no text, or not of its format.
    #[error("{name} {reason}")]
    Format {
        /// The file, quoted.
        name: String,
        /// What is wrong with it, and what to do.
        reason: FormatError,
    },
    /// The system reported an error.
    #[error("{name} cannot be read to its end: {reason}; copy it to a local disk and try again")]
    Io {
        /// The file, quoted.
        name: String,
        /// What the system said.
        reason: io::Error,
    },
    /// The copy of the text, from which quotes are taken.
    #[error("the text cannot be kept in a temporary file: {reason}; make room there, or leave --quote out")]
    Copy {
        /// What the system said.
        reason: io::Error,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,

    // Afterwards
    /// The model's tokenizer refused the text.
    #[error("{name} cannot be tokenized: {reason}; try another model")]
    Tokenize {
        /// The file, quoted.
        name: String,
        /// What the tokenizer said.
        reason: LlamaError,
    },
}

impl InputError {
    /// The error of opening or reading `name`.
    pub(super) fn from_io(name: &str, error: io::Error) -> Self {
        let name = name.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NotFound { name },
            io::ErrorKind::PermissionDenied => Self::Permission { name },
            io::ErrorKind::IsADirectory => Self::Directory { name },
            _ => Self::Io { name, reason: error },
        }
    }
}

/// A path for messages: in quotes, on one line.
pub(super) fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().escape_debug())
}
