//! A document from its bytes to its text.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::captions::Captions;
use super::convert::Convert;
use super::decode::Decoder;
use super::encoding::Encoding;
use super::error::FormatError;
use super::html::Html;
use super::kind::InputFormat;
use super::markdown::Markdown;
use super::sniff;

/// Where the bytes of a document come from.
pub(in super::super) trait Blocks {
    /// What reading may fail with.
    type Error: std::error::Error;

    /// Appends the next block; false if the document ends behind it.
    ///
    /// # Errors
    /// Whatever keeps the bytes from being read.
    fn read(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Self::Error>;

    /// Puts the name of the document to what is wrong with it.
    fn fault(&self, reason: FormatError) -> Self::Error;
}

/// A document that is being read: text comes out, block by block.
pub(in super::super) struct Document<B: Blocks> {
    body: Body<B>,
    mark_bytes: u64,
    taken: Arc<AtomicU64>,
}

/// What happens to the characters.
enum Body<B: Blocks> {
    /// Nothing.
    Plain(Decoded<B>),
    /// Pushed through a converter, until there is no more.
    Pushed { decoded: Decoded<B>, convert: Box<dyn Convert + Send>, piece: String, ended: bool },
    /// Pulled through a tokenizer.
    Page(Box<Html<Decoded<B>>>),
}

impl<B: Blocks> Document<B> {
    /// Begins to read. [`InputFormat::Auto`] stands for text; see [`InputFormat::for_path`].
    ///
    /// # Errors
    /// [`FormatError`] for a file that is known to be no text, and whatever `blocks` fail with.
    pub fn open(mut blocks: B, format: InputFormat, encoding: Encoding) -> Result<Self, B::Error> {
        let mut start = Vec::new();
        let mut more = true;
        while more && start.len() < sniff::START {
            more = blocks.read(&mut start)?;
        }
        sniff::refuse_foreign(&start).map_err(|reason| blocks.fault(reason))?;
        let decoder = Decoder::new(encoding, &start);
        let mark_bytes = decoder.mark_bytes();
        let taken = Arc::new(AtomicU64::new(mark_bytes as u64));
        start.drain(..mark_bytes);
        let decoded = Decoded { blocks, decoder, ready: Some(start), more, taken: Arc::clone(&taken) };
        let pushed = |decoded, convert| Body::Pushed { decoded, convert, piece: String::new(), ended: false };
        let body = match format {
            InputFormat::Auto | InputFormat::Text => Body::Plain(decoded),
            InputFormat::Srt => pushed(decoded, Box::new(Captions::srt())),
            InputFormat::Vtt => pushed(decoded, Box::new(Captions::vtt())),
            InputFormat::Markdown => pushed(decoded, Box::new(Markdown::new())),
            InputFormat::Html => Body::Page(Box::new(Html::new(decoded))),
        };
        Ok(Self { body, mark_bytes: mark_bytes as u64, taken })
    }

    /// Appends the next text, perhaps none; false at the end.
    ///
    /// # Errors
    /// [`FormatError`] for what is not text or not of the format, and whatever the blocks fail with.
    pub fn read(&mut self, text: &mut String) -> Result<bool, B::Error> {
        match &mut self.body {
            Body::Plain(decoded) => decoded.read(text),
            Body::Pushed { decoded, convert, piece, ended } => {
                if *ended {
                    return Ok(false);
                }
                piece.clear();
                if decoded.read(piece)? {
                    convert.push(piece, text).map_err(|reason| decoded.fault(reason))?;
                } else {
                    *ended = true;
                    convert.finish(text).map_err(|reason| decoded.fault(reason))?;
                }
                Ok(true)
            }
            Body::Page(html) => html.read(text),
        }
    }

    /// Bytes of the file that were decoded by now, with the byte order mark: what progress is measured in.
    pub fn bytes_taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Bytes of the byte order mark, which no text is given for.
    pub fn mark_bytes(&self) -> u64 {
        self.mark_bytes
    }
}

impl<B: Blocks> std::fmt::Debug for Document<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document").field("bytes_taken", &self.bytes_taken()).finish_non_exhaustive()
    }
}

/// Where characters come from.
pub(super) trait Text {
    /// What reading may fail with.
    type Error: std::error::Error;

    /// Appends the next characters, perhaps none; false at the end.
    fn read(&mut self, text: &mut String) -> Result<bool, Self::Error>;

    /// Puts the name of the document to what is wrong with it.
    fn fault(&self, reason: FormatError) -> Self::Error;
}

/// The characters of a document.
struct Decoded<B> {
    blocks: B,
    decoder: Decoder,
    /// The first block, until it is asked for.
    ready: Option<Vec<u8>>,
    more: bool,
    taken: Arc<AtomicU64>,
}

impl<B: Blocks> Text for Decoded<B> {
    type Error = B::Error;

    fn read(&mut self, text: &mut String) -> Result<bool, B::Error> {
        let bytes = match self.ready.take() {
            Some(first) => first,
            None if !self.more => return Ok(false),
            None => {
                let mut bytes = Vec::new();
                self.more = self.blocks.read(&mut bytes)?;
                bytes
            }
        };
        self.decoder.push(&bytes, !self.more, text).map_err(|reason| self.blocks.fault(reason))?;
        self.taken.store(self.decoder.offset(), Ordering::Relaxed);
        Ok(true)
    }

    fn fault(&self, reason: FormatError) -> B::Error {
        self.blocks.fault(reason)
    }
}
