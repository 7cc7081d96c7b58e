//! What keeps a report from being made.

use std::io;
use std::path::PathBuf;

/// Why there is no report. Each message is one line: what failed, on what, what to do.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file cannot be read.
    #[error("'{path}' cannot be read: {cause}; check the path", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// A line is no result.
    #[error("'{path}', line {line}: {detail}; docs/eval.md describes the results", path = .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong there.
        detail: String,
    },
    /// A file has no line.
    #[error("'{path}' has no result in it; run the evaluation, or leave the file out", path = .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A plot cannot be drawn.
    #[error("the plot '{name}' cannot be drawn: {detail}; leave out the results that it is of")]
    Plot {
        /// What it is of.
        name: String,
        /// The library's words.
        detail: String,
    },
}
