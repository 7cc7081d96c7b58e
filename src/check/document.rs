//! What a case summarizes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;

use crate::sample::Sample;

use super::CheckError;

/// A document, or how to make one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Document {
    /// A text file.
    File(PathBuf),
    /// Made by [`crate::sample`].
    Sample {
        /// Length that it is asked for.
        tokens: u64,
        /// The same seed gives the same text.
        seed: u64,
    },
}

/// A document that lies ready.
#[derive(Debug)]
pub(super) struct Ready {
    path: PathBuf,
    /// What the planted facts say; none for a file.
    pub(super) answers: Vec<String>,
    /// Removes the text of a sample.
    _text: Option<NamedTempFile>,
}

impl Ready {
    /// The text file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Document {
    /// Writes the text if it must be made. That a file is there is for the run to find out: it may be expected not to be.
    pub(super) fn prepare(&self) -> Result<Ready, CheckError> {
        match *self {
            Self::File(ref path) => Ok(Ready { path: path.clone(), answers: Vec::new(), _text: None }),
            Self::Sample { tokens, seed } => {
                let mut text = tempfile::Builder::new()
                    .prefix("sample-")
                    .suffix(".txt")
                    .tempfile()
                    .map_err(CheckError::Temporary)?;
                let answers = write_sample(tokens, seed, text.as_file_mut())?;
                Ok(Ready { path: text.path().to_owned(), answers, _text: Some(text) })
            }
        }
    }
}

/// Writes a sample, and returns what its facts say.
fn write_sample(tokens: u64, seed: u64, file: &mut File) -> Result<Vec<String>, CheckError> {
    let mut out = BufWriter::new(file);
    let facts = Sample::new(tokens, seed)?.write(&mut out).map_err(CheckError::Temporary)?;
    out.flush().map_err(CheckError::Temporary)?;
    Ok(facts.into_iter().map(|fact| fact.answer).collect())
}
