//! Notes in a file: one JSON object on each line, and one at the end that says that the document had no more.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use crate::input::{InputError, InputFormat, Reading, Source};

use super::note::Note;

/// Longest file, in bytes: notes of a document of many gigabytes.
const LARGEST: usize = 1 << 28;

/// Why notes cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum NotesError {
    /// The file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// No file of notes is so long.
    #[error("the notes '{}' are longer than {} MiB; name a file that --keep-notes FILE.jsonl wrote", path.display(), LARGEST >> 20)]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// A line is no note, or none that can follow the one before.
    #[error("line {line} of the notes '{}': {reason}; a file that --keep-notes FILE.jsonl wrote is wanted", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// They are of another document.
    #[error(
        "the notes '{}' are of a document of {noted} bytes of text, and '{}' has {found}; name the document that they were taken of, with the \
         same --input-format and --encoding",
        path.display(),
        document.display()
    )]
    OtherDocument {
        /// The file of notes.
        path: PathBuf,
        /// The document.
        document: PathBuf,
        /// Bytes that the notes are of.
        noted: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// There is no note.
    #[error("there are no notes in '{}'; name a file that --keep-notes FILE.jsonl wrote", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// The last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Tokens of the document.
    pub tokens: u64,
    /// Bytes of its text, as its tokens spell it.
    pub bytes: u64,
    /// Bytes of its text, as it was read; a tokenizer may add a space or leave a control character out. Older notes do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_bytes: Option<u64>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// A note.
    Note(Note),
    /// The end of the document.
    End {
        /// Where that was.
        end: End,
    },
}

/// Notes that were kept.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptNotes {
    /// In the order of the document.
    pub notes: Vec<Note>,
    /// Why they are not of all of it, where they are not.
    pub missing: Option<String>,
    /// Bytes of the document's text, where that is known.
    text_bytes: Option<u64>,
}

impl KeptNotes {
    /// Reads a file, or the standard input for `-`. Setting `interrupt` ends all waiting.
    ///
    /// # Errors
    /// [`NotesError`]; lines are named by their number.
    pub fn open(path: &Path, interrupt: &Arc<AtomicBool>) -> Result<Self, NotesError> {
        let mut source = Source::open(path, Reading { format: InputFormat::Text, ..Reading::default() }, interrupt)?;
        let mut text = String::new();
        while source.read(&mut text)? {
            if text.len() > LARGEST {
                return Err(NotesError::TooLong { path: path.to_owned() });
            }
        }
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, NotesError> {
        let invalid =
            |line: usize, reason: &str| NotesError::Invalid { path: path.to_owned(), line, reason: reason.into() };
        let (mut notes, mut end): (Vec<Note>, Option<End>) = (Vec::new(), None);
        let mut missing = None;
        for (i, line) in text.split_inclusive('\n').enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            if end.is_some() {
                return Err(invalid(i + 1, "the document ended before it; notes of one document are wanted"));
            }
            let at = notes.last().map_or(0, |note| note.bytes.end);
            match serde_json::from_str(line) {
                // the last line of a run that was killed
                Err(_) if !line.ends_with('\n') && !notes.is_empty() => {}
                Err(_) => return Err(invalid(i + 1, "it is no note")),
                Ok(Line::Note(note)) => {
                    let backward = |range: &Range<u64>| range.start > range.end;
                    if backward(&note.bytes) || backward(&note.tokens) || note.bytes.start < at {
                        return Err(invalid(i + 1, "its range is not behind that of the note before"));
                    }
                    if note.text.trim().is_empty() && note.details.is_empty() {
                        return Err(invalid(i + 1, "it says nothing"));
                    }
                    if note.bytes.start > at {
                        missing.get_or_insert_with(|| gap(at, note.bytes.start));
                    }
                    notes.push(note);
                }
                Ok(Line::End { end: found }) if found.bytes < at => {
                    return Err(invalid(i + 1, "the document ends before its last note"));
                }
                Ok(Line::End { end: found }) => {
                    if found.bytes > at {
                        missing.get_or_insert_with(|| gap(at, found.bytes));
                    }
                    end = Some(found);
                }
            }
        }
        let Some(last) = notes.last() else { return Err(NotesError::Empty { path: path.to_owned() }) };
        if end.is_none() {
            let reason = format!("the notes end at byte {}, before the document was read to its end", last.bytes.end);
            missing.get_or_insert(reason);
        }
        let text_bytes = end.and_then(|end| end.text_bytes);
        Ok(Self { notes, missing, text_bytes })
    }

    /// Whether the text of a document is as long as that which the notes are of, as far as that is known: a run that was broken off does not
    /// tell.
    ///
    /// # Errors
    /// [`NotesError::OtherDocument`]. `path` is where the notes are from.
    pub fn check_document(&self, path: &Path, document: &Path, found: u64) -> Result<(), NotesError> {
        match self.text_bytes.filter(|&noted| noted != found) {
            Some(noted) => {
                let (path, document) = (path.to_owned(), document.to_owned());
                Err(NotesError::OtherDocument { path, document, noted, found })
            }
            None => Ok(()),
        }
    }

    /// Tokens and bytes of the document that the notes cover.
    pub fn covered(&self) -> (u64, u64) {
        let sum = |range: fn(&Note) -> &Range<u64>| {
            self.notes.iter().map(range).fold(0_u64, |sum, range| sum.saturating_add(range.end - range.start))
        };
        (sum(|note| &note.tokens), sum(|note| &note.bytes))
    }
}

fn gap(from: u64, to: u64) -> String {
    format!("there is no note of the document from byte {from} to {to}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::note::Detail;
    use super::*;

    fn note(bytes: Range<u64>) -> String {
        let details = vec![Detail { score: 0.617_647_05, text: "It \"rained\"\u{2028}.".into() }];
        let note = Note { text: "Anne left.".into(), details, tokens: bytes.clone(), bytes };
        serde_json::to_string(&Line::Note(note)).unwrap() + "\n"
    }

    fn end(at: u64) -> String {
        serde_json::to_string(&Line::End { end: End { tokens: at, bytes: at, text_bytes: None } }).unwrap() + "\n"
    }

    fn read(text: &str) -> Result<KeptNotes, String> {
        KeptNotes::parse(Path::new("notes.jsonl"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn notes_are_read_as_they_were_written() {
        let kept = read(&(note(0..5) + "\n" + &note(5..9) + &end(9))).unwrap();
        assert_eq!((kept.notes.len(), &kept.missing, kept.covered()), (2, &None, (9, 9)));
        assert_eq!(serde_json::to_string(&kept.notes[1]).unwrap() + "\n", note(5..9));
    }

    #[test]
    fn what_is_missing_is_told() {
        let missing = |text: &str| read(text).unwrap().missing.unwrap_or_default();
        assert!(missing(&note(0..5)).contains("end at byte 5"));
        assert!(missing(&(note(3..5) + &end(5))).contains("byte 0 to 3"));
        assert!(missing(&(note(0..5) + &note(7..9) + &end(9))).contains("byte 5 to 7"));
        assert!(missing(&(note(0..5) + &end(9))).contains("byte 5 to 9"));
        // of a run that was killed in the middle of a line
        let killed = note(0..5) + &note(5..9)[..20];
        assert_eq!((read(&killed).unwrap().notes.len(), missing(&killed).contains("end at byte 5")), (1, true));
    }

    #[test]
    fn notes_are_of_a_document_of_their_length() {
        let is_of = |text: &str, n_bytes| {
            let kept = read(text).unwrap();
            kept.check_document(Path::new("a.jsonl"), Path::new("a.txt"), n_bytes).map_err(|error| error.to_string())
        };
        let end = |text_bytes| {
            serde_json::to_string(&Line::End { end: End { tokens: 5, bytes: 5, text_bytes } }).unwrap() + "\n"
        };
        assert_eq!((is_of(&(note(0..5) + &end(Some(6))), 6), is_of(&(note(0..5) + &end(None)), 7)), (Ok(()), Ok(())));
        // also where notes were taken out
        for notes in [note(0..5), note(0..3)] {
            let error = is_of(&(notes + &end(Some(6))), 7).unwrap_err();
            assert!(error.contains("of 6 bytes of text, and 'a.txt' has 7"), "{error}");
        }
        // of a run that was broken off
        assert_eq!(is_of(&note(0..5), 9), Ok(()));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        for (text, line, what) in [
            (note(0..5) + &note(3..9), 2, "not behind"),
            (note(Range { start: 5, end: 4 }), 1, "not behind"),
            (note(0..5) + &end(5) + &note(5..6), 3, "ended before"),
            (note(0..5) + &end(4), 2, "before its last note"),
            ("[bytes 0-5] Anne left.\n".into(), 1, "no note"),
            ("{\"text\":\"a\"}\n".into(), 1, "no note"),
            (note(0..5).replace("0.61764705", "null"), 1, "no note"),
            (
                note(0..5).replace("Anne left.", "").replace("\"details\":[{", "\"details\":[],\"x\":[{"),
                1,
                "says nothing",
            ),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(&format!("line {line} ")) && error.contains(what), "{error}");
        }
        assert!(read("\n").unwrap_err().contains("no notes"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}", keys in "(\\{\"(text|end|bytes|tokens|details)\":[0-9\\[\\]\\{\\}\",:-]{0,40}\n?){0,4}") {
            let _ = (read(&text), read(&keys), read(&(note(0..5) + &keys)));
        }
    }
}
