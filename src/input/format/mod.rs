//! Transcripts and pages as the text that a reader sees.
//!
//! [`Document`] takes the bytes of a file block by block, refuses what is no text (`sniff`), decodes the rest
//! ([`Encoding`]) and leaves out what is only markup ([`InputFormat`]). However long the file is, a block and one cue,
//! paragraph or list item of it are in memory. Nothing is run and nothing is fetched.

mod captions;
mod convert;
mod decode;
mod document;
mod encoding;
mod entities;
mod error;
mod flow;
mod html;
mod kind;
mod lines;
mod markdown;
mod sniff;
#[cfg(test)]
mod tests;

pub(super) use document::{Blocks, Document};
pub use encoding::Encoding;
pub use error::{FormatError, UnknownEncoding};
pub use kind::InputFormat;
