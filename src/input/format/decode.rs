//! Bytes to characters, piece by piece.

use encoding_rs::{DecoderResult, UTF_8, UTF_16BE, UTF_16LE};

use super::encoding::Encoding;
use super::error::FormatError;

/// Decodes one document.
///
/// Nothing is replaced: bytes that do not fit are an error that tells where they are.
pub(super) struct Decoder {
    method: Method,
    /// Bytes of the file that were decoded, with the byte order mark, without those that are carried.
    offset: u64,
    mark_bytes: usize,
}

/// How.
enum Method {
    /// By the standard library; holds the begin of a character.
    Utf8(Vec<u8>),
    /// Two bytes a unit, so the units that came out tell where we are.
    Utf16(encoding_rs::Decoder),
    /// One of the encodings in which a zero byte is a NUL character, and nothing else.
    Legacy(encoding_rs::Decoder),
}

impl Decoder {
    /// Decodes a document that begins with `start`; that has the byte order mark, if there is one.
    pub fn new(encoding: Encoding, start: &[u8]) -> Self {
        let (encoding, mark_bytes) = encoding.of_start(start);
        let decoder = encoding.new_decoder_without_bom_handling();
        let method = if encoding == UTF_8 {
            Method::Utf8(Vec::new())
        } else if encoding == UTF_16LE || encoding == UTF_16BE {
            Method::Utf16(decoder)
        } else {
            Method::Legacy(decoder)
        };
        Self { method, offset: mark_bytes as u64, mark_bytes }
    }

    /// Bytes of the file that were decoded by now, with the byte order mark.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of the byte order mark, which are not to be decoded.
    pub fn mark_bytes(&self) -> usize {
        self.mark_bytes
    }

    /// Appends the characters of `bytes` to `text`; `last` if the document ends there.
    pub fn push(&mut self, bytes: &[u8], last: bool, text: &mut String) -> Result<(), FormatError> {
        match &mut self.method {
            Method::Utf8(carry) => utf8(carry, &mut self.offset, bytes, last, text),
            Method::Utf16(decoder) => {
                let start = text.len();
                let decoded = decode(decoder, self.offset, bytes, last, text);
                let new = &text[start..];
                if let Some(at) = new.find('\0') {
                    return Err(FormatError::Nul { offset: self.offset + utf16_bytes(&new[..at]) });
                }
                self.offset += utf16_bytes(new);
                // after a damaged character the units before it still tell where it is
                decoded.map_err(|error| match error {
                    FormatError::Malformed { encoding, .. } => FormatError::Malformed { encoding, offset: self.offset },
                    error => error,
                })
            }
            Method::Legacy(decoder) => {
                if let Some(at) = bytes.iter().position(|&b| b == 0) {
                    return Err(FormatError::Nul { offset: self.offset + at as u64 });
                }
                decode(decoder, self.offset, bytes, last, text)?;
                self.offset += bytes.len() as u64;
                Ok(())
            }
        }
    }
}

/// Bytes of a text in UTF-16.
fn utf16_bytes(text: &str) -> u64 {
    2 * text.chars().map(|c| c.len_utf16() as u64).sum::<u64>()
}

/// Decodes with `encoding_rs`; `offset` is where `bytes` begin in the file.
fn decode(
    decoder: &mut encoding_rs::Decoder,
    offset: u64,
    bytes: &[u8],
    last: bool,
    text: &mut String,
) -> Result<(), FormatError> {
    let mut read = 0;
    loop {
        let rest = &bytes[read..];
        text.reserve(decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(rest.len()));
        let (result, n) = decoder.decode_to_string_without_replacement(rest, text, last);
        read += n;
        match result {
            DecoderResult::InputEmpty => return Ok(()),
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(bad, after) => {
                let end = offset + read as u64;
                return Err(FormatError::Malformed {
                    encoding: decoder.encoding().name(),
                    // it may have begun in a piece before this one
                    offset: end.saturating_sub(u64::from(bad) + u64::from(after)),
                });
            }
        }
    }
}

fn utf8(carry: &mut Vec<u8>, offset: &mut u64, bytes: &[u8], last: bool, text: &mut String) -> Result<(), FormatError> {
    carry.extend_from_slice(bytes);
    let (valid, bad) = match std::str::from_utf8(carry) {
        Ok(valid) => (valid, None),
        Err(error) => {
            let cut = error.valid_up_to();
            let incomplete = error.error_len().is_none() && !last;
            (std::str::from_utf8(&carry[..cut]).unwrap_or_default(), (!incomplete).then(|| carry[cut]))
        }
    };
    if let Some(at) = valid.bytes().position(|b| b == 0) {
        return Err(FormatError::Nul { offset: *offset + at as u64 });
    }
    let cut = valid.len();
    *offset += cut as u64;
    if let Some(byte) = bad {
        return Err(FormatError::NotUtf8 { byte, offset: *offset });
    }
    text.push_str(valid);
    carry.drain(..cut);
    Ok(())
}
