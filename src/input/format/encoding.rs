//! The encodings of text files.

use std::fmt;
use std::str::FromStr;

use super::error::UnknownEncoding;

/// `--encoding`: how the bytes of a document spell its characters.
///
/// A byte order mark at the start of the document says it for certain, and wins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Encoding(Option<&'static encoding_rs::Encoding>);

impl Encoding {
    /// By the byte order mark; UTF-8 without one.
    pub const AUTO: Self = Self(None);

    /// The encoding of a document that begins with `start`, and the length of its byte order mark.
    pub(super) fn of_start(self, start: &[u8]) -> (&'static encoding_rs::Encoding, usize) {
        let marked = encoding_rs::Encoding::for_bom(start);
        marked.unwrap_or((self.0.unwrap_or(encoding_rs::UTF_8), 0))
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(encoding) => f.write_str(&encoding.name().to_ascii_lowercase()),
            None => f.write_str("auto"),
        }
    }
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    /// Takes `auto` and the labels of the Encoding Standard.
    fn from_str(label: &str) -> Result<Self, UnknownEncoding> {
        if label.eq_ignore_ascii_case("auto") {
            return Ok(Self::AUTO);
        }
        let found = encoding_rs::Encoding::for_label_no_replacement(label.as_bytes());
        found.map(|e| Self(Some(e))).ok_or_else(|| UnknownEncoding(label.escape_debug().to_string()))
    }
}
