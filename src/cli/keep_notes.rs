//! `--keep-notes`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::summary::notes::{End, Line, Note};

/// A file that notes are written to as they come, so that a run that is broken off has left something.
#[derive(Debug)]
pub struct NotesFile {
    path: PathBuf,
    file: File,
    json: bool,
    /// Where the last note ends.
    end: End,
}

impl NotesFile {
    /// Begins a file; one that is there is replaced. Its name says whether it is JSONL.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path);
        let file = file.map_err(|error| named(path, &error))?;
        let json = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jsonl") || e.eq_ignore_ascii_case("json"));
        Ok(Self { path: path.to_owned(), file, json, end: End { tokens: 0, bytes: 0, text_bytes: None } })
    }

    /// Adds a note.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn put(&mut self, note: &Note) -> io::Result<()> {
        self.end = End { tokens: note.tokens.end, bytes: note.bytes.end, text_bytes: None };
        let text = if self.json {
            serde_json::to_string(note)? + "\n"
        } else {
            let mut text = format!("[bytes {}-{}] {}\n", note.bytes.start, note.bytes.end, note.text);
            for detail in &note.details {
                text += &format!("    > {}\n", detail.text);
            }
            text
        };
        self.write(&text)
    }

    /// Tells that the document has no more, and had so many bytes of text, which JSONL says on its last line.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn end(&mut self, text_bytes: u64) -> io::Result<()> {
        self.end.text_bytes = Some(text_bytes);
        let text = if self.json { serde_json::to_string(&Line::End { end: self.end })? + "\n" } else { String::new() };
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes()).and_then(|()| self.file.flush()).map_err(|error| named(&self.path, &error))
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("the notes cannot be written to '{}': {error}", path.display()))
}
