//! Documents as they are and as they come out.

mod bytes;
mod captions;
mod hostile;
mod html;
mod markdown;
mod pieces;

use super::{Blocks, Document, Encoding, FormatError, InputFormat};

/// Gives bytes in pieces of some length.
struct Pieces {
    bytes: Vec<u8>,
    done: usize,
    piece: usize,
}

impl Blocks for Pieces {
    type Error = FormatError;

    fn read(&mut self, bytes: &mut Vec<u8>) -> Result<bool, FormatError> {
        let end = (self.done + self.piece).min(self.bytes.len());
        bytes.extend_from_slice(&self.bytes[self.done..end]);
        self.done = end;
        Ok(end < self.bytes.len())
    }

    fn fault(&self, reason: FormatError) -> FormatError {
        reason
    }
}

/// Reads `bytes` in pieces, with a check of how much text comes out at a time.
fn read_pieces(bytes: &[u8], format: InputFormat, encoding: &str, piece: usize) -> Result<String, FormatError> {
    let encoding: Encoding = encoding.parse().unwrap();
    let blocks = Pieces { bytes: bytes.to_vec(), done: 0, piece };
    let mut document = Document::open(blocks, format, encoding)?;
    let mut text = String::new();
    while document.read(&mut text)? {}
    assert_eq!(document.bytes_taken(), bytes.len() as u64);
    Ok(text)
}

fn read(document: &str, format: InputFormat) -> Result<String, FormatError> {
    read_pieces(document.as_bytes(), format, "auto", 64 * 1024)
}

/// Checks what a document is as text, however it comes.
fn assert_text(format: InputFormat, document: &str, text: &str) {
    assert_eq!(read(document, format).unwrap(), text, "{document}");
    for piece in [1, 2, 3, 7] {
        assert_eq!(read_pieces(document.as_bytes(), format, "auto", piece).unwrap(), text, "{piece}: {document}");
    }
}

/// The message of an error, which is one line.
fn message(result: Result<String, FormatError>) -> String {
    let message = result.unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}
