//! Where the results of an evaluation go.

use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cli::printer::Printer;
use crate::cli::stamp::Stamp;
use crate::eval::{EvalError, RecordFile};

/// A file that results are appended to, or stdout.
pub struct Results {
    file: Option<RecordFile>,
    stamp: Stamp,
}

impl Results {
    /// Opens the file, if there is one, and gives what it holds.
    pub fn open<T: DeserializeOwned>(path: Option<&Path>) -> Result<(Self, Vec<T>), EvalError> {
        Ok(match path.map(RecordFile::open).transpose()? {
            Some((file, done)) => (Self { file: Some(file), stamp: Stamp::default() }, done),
            None => (Self { file: None, stamp: Stamp::default() }, Vec::new()),
        })
    }

    /// Writes a result; one that is known stands in the file already.
    pub fn put<T: Serialize>(&mut self, record: &T, known: bool, printer: &mut Printer) -> Result<(), EvalError> {
        match &mut self.file {
            Some(file) if !known => file.append(&self.stamp.line(record)?)?,
            Some(_) => {}
            None => printer.stdout(&self.stamp.line(record)?)?,
        }
        Ok(())
    }

    /// Prints the table: to stdout where that has no results.
    pub fn finish(&self, table: &str, printer: &mut Printer) -> io::Result<()> {
        match self.file {
            Some(_) => printer.stdout(table)?,
            None => printer.note(table),
        }
        Ok(())
    }
}
