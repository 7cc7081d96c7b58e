//! What keeps a check from being made. A case that fails is none of these.

use std::io;
use std::path::PathBuf;

use crate::sample::SampleError;

/// Why the cases could not be run. Each message is one line: what failed, on what, what to do.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The cases file cannot be read.
    #[error("cases file '{path}' cannot be read: {cause}; check the path", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// The cases file says something that is not understood.
    #[error("cases file '{path}', line {line}: {detail}; docs/check.md describes the file", path = .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong there.
        detail: String,
    },
    /// The report would take the place of something that is read.
    #[error("'{path}' is read by this run; give the report a file of its own", path = .path.display())]
    Output {
        /// The file.
        path: PathBuf,
    },
    /// A sample cannot be made.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// The text of a sample cannot be written, or the output of a run not be kept.
    #[error("a temporary file cannot be written: {0}; free some space, or set TMPDIR to another directory")]
    Temporary(io::Error),
    /// The program that runs a case cannot be started.
    #[error("'{program}' cannot be run: {cause}", program = .program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// The report could not be composed.
    #[error("the report cannot be written: {0}")]
    Report(io::Error),
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}
