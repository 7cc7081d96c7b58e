//! What can be wrong with the bytes of a document.

/// Why a document could not be turned into text.
///
/// Each message is the rest of a line that begins with the name of the file: what is wrong, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// A file that some other program has to turn into text.
    #[error("is {kind}, not text; {hint}")]
    Foreign {
        /// What it is, with its article.
        kind: &'static str,
        /// Which program, and how.
        hint: &'static str,
    },
    /// A NUL byte, which text does not have.
    #[error(
        "is not a text file: NUL byte at offset {offset}; extract its text first, or name its encoding (--encoding utf-16le)"
    )]
    Nul {
        /// Where, in bytes from the start of the file.
        offset: u64,
    },
    /// Bytes that are not UTF-8.
    #[error(
        "is not UTF-8 text: invalid byte 0x{byte:02x} at offset {offset}; name its encoding (--encoding windows-1252), or convert it first (iconv -t UTF-8)"
    )]
    NotUtf8 {
        /// The first byte that does not fit.
        byte: u8,
        /// Where, in bytes from the start of the file.
        offset: u64,
    },
    /// Bytes that do not fit another encoding.
    #[error("is not {encoding} text: invalid bytes at offset {offset}; name its true encoding with --encoding")]
    Malformed {
        /// Name of the encoding.
        encoding: &'static str,
        /// Where, in bytes from the start of the file.
        offset: u64,
    },
    /// Something that has to be held as a whole is too long for that.
    #[error("is not {format}: {what} is longer than 1 MiB; read it as it stands with --input-format text")]
    TooLong {
        /// Name of the format.
        format: &'static str,
        /// Which part, with its place if it is known.
        what: String,
    },
    /// Something that is not shown goes on to the end of the document.
    #[error(
        "has {what} that never ends, so what follows it would be left out; end it there, or read it as it stands with --input-format text"
    )]
    Unended {
        /// Which part, with its article.
        what: String,
    },
    /// A transcript without a single time.
    #[error("is not {format}: it has no line like '{example}'; read it as it stands with --input-format text")]
    NoCues {
        /// Name of the format.
        format: &'static str,
        /// A line that such files have.
        example: &'static str,
    },
}

/// No encoding has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no encoding; use a name such as utf-16le, windows-1252, iso-8859-2, shift_jis or gb18030")]
pub struct UnknownEncoding(pub(super) String);
