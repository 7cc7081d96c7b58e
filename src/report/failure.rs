//! What `--json` prints for a document without a summary.

use std::path::Path;

use serde::Serialize;

use super::statistics::SCHEMA_VERSION;

/// An object in the place of a summary.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The document.
    pub input: FailedInput,
    /// What happened.
    pub error: FailureCause,
}

/// The document.
#[derive(Debug, Clone, Serialize)]
pub struct FailedInput {
    /// Its path, or `-`.
    pub path: String,
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
pub struct FailureCause {
    /// The exit code that it alone would have had.
    pub exit_code: u8,
    /// The message, as on stderr.
    pub message: String,
}

impl Failure {
    /// For a document that failed.
    pub fn new(path: &Path, exit_code: u8, message: String) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            input: FailedInput { path: path.display().to_string() },
            error: FailureCause { exit_code, message },
        }
    }
}
