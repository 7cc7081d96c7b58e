//! A document as a stream of tokens.
//!
//! [`Source`] reads and checks the bytes, `format` makes text of transcripts and pages, `pieces` cuts it where the
//! tokenizer does not mind, [`Markers`] sees to it that text stays text. However long the document is, a few hundred KiB
//! of it are in memory; of a damaged transcript or page a few MiB at most.

mod error;
mod format;
mod markers;
mod pieces;
mod progress;
mod source;
#[cfg(test)]
mod source_tests;
#[cfg(test)]
mod stream_tests;

pub use error::InputError;
pub use format::{Encoding, FormatError, InputFormat, UnknownEncoding};
pub use markers::Markers;
pub use source::{Reading, Source};

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::llama::{LlamaError, Token, Vocab};
use pieces::{Pieces, Sizes};
use progress::Progress;

/// The tokens of a document, some thousand at a time.
///
/// They are those of tokenizing the whole document at once, with the exception that the module `pieces` documents, and
/// with all control tokens and added tokens spelled out.
#[derive(Debug)]
pub struct TokenStream<'m> {
    source: Source,
    pieces: Pieces<'m>,
    markers: Markers<'m>,
    interrupt: Arc<AtomicBool>,
    /// Text that was read; `done` bytes of it are tokens already.
    text: String,
    done: usize,
    ended: bool,
    /// Bytes of text that were read by now.
    text_bytes: u64,
    progress: Progress,
    /// Gets the text as it is read.
    copy: Option<TextCopy>,
}

/// A file that gets the text of a document.
#[derive(Debug)]
struct TextCopy(BufWriter<File>);

impl TextCopy {
    fn write(&mut self, text: &str) -> Result<(), InputError> {
        self.0.write_all(text.as_bytes()).map_err(|reason| InputError::Copy { reason })
    }

    fn finish(self) -> Result<File, InputError> {
        let fail = |reason| InputError::Copy { reason };
        let mut file = self.0.into_inner().map_err(|error| fail(error.into_error()))?;
        file.rewind().map_err(fail)?;
        Ok(file)
    }
}

impl<'m> TokenStream<'m> {
    /// Tokenizes `source` with the vocabulary of a model.
    ///
    /// # Errors
    /// [`InputError::Tokenize`] if the vocabulary's tokenizer does not work.
    pub fn new(source: Source, vocab: Vocab<'m>, interrupt: Arc<AtomicBool>) -> Result<Self, InputError> {
        Self::with_sizes(source, vocab, interrupt, Sizes::DEFAULT)
    }

    fn with_sizes(
        source: Source,
        vocab: Vocab<'m>,
        interrupt: Arc<AtomicBool>,
        sizes: Sizes,
    ) -> Result<Self, InputError> {
        let fail = |reason| tokenize_error(&source, reason);
        let pieces = Pieces::new(vocab, sizes).map_err(fail)?;
        let markers = Markers::new(vocab).map_err(fail)?;
        let progress = Progress::new(source.mark_bytes());
        Ok(Self {
            source,
            pieces,
            markers,
            interrupt,
            text: String::new(),
            done: 0,
            ended: false,
            text_bytes: 0,
            progress,
            copy: None,
        })
    }

    /// Appends the next tokens to `out`; false if there were none left.
    ///
    /// # Errors
    /// [`InputError`] where the document turns out not to be text, and [`InputError::Interrupted`].
    pub fn next_chunk(&mut self, out: &mut Vec<Token>) -> Result<bool, InputError> {
        if self.interrupt.load(Ordering::Relaxed) {
            return Err(InputError::Interrupted);
        }
        while !self.ended && self.text.len() - self.done < self.pieces.wanted() {
            self.text.drain(..self.done);
            self.done = 0;
            let before = self.text.len();
            self.ended = !self.source.read(&mut self.text)?;
            self.text_bytes += (self.text.len() - before) as u64;
            self.progress.read(self.text.len() - before, self.source.bytes_taken());
            if let Some(copy) = &mut self.copy {
                copy.write(&self.text[before..])?;
            }
        }
        let rest = &self.text[self.done..];
        if rest.is_empty() {
            return Ok(false);
        }
        let mut tokens = Vec::new();
        let cut = self.pieces.next(rest, self.ended, &mut tokens);
        let cut = cut.and_then(|n| self.markers.replace(&mut tokens).map(|()| n));
        let n = cut.map_err(|reason| tokenize_error(&self.source, reason))?;
        out.append(&mut tokens);
        self.done += n;
        self.progress.advance(n);
        Ok(true)
    }

    /// Keeps what is read from now on in a file, which [`TokenStream::take_copy`] gives.
    pub fn keep_copy(&mut self, file: File) {
        self.copy = Some(TextCopy(BufWriter::new(file)));
    }

    /// The file of [`TokenStream::keep_copy`], from its beginning.
    ///
    /// # Errors
    /// [`InputError::Copy`].
    pub fn take_copy(&mut self) -> Result<Option<File>, InputError> {
        self.copy.take().map(TextCopy::finish).transpose()
    }

    /// Bytes of the document's file that are tokens by now; within a block of converted text it is an estimate.
    pub fn bytes_read(&self) -> u64 {
        self.progress.file_bytes()
    }

    /// Whether it is what somebody said, in paragraphs that may begin with a name.
    pub fn is_transcript(&self) -> bool {
        self.source.is_transcript()
    }

    /// Bytes of text that were read by now, without markup.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// Bytes of the whole document; `None` if it comes through a pipe.
    pub fn total_bytes(&self) -> Option<u64> {
        self.source.total_bytes()
    }
}

fn tokenize_error(source: &Source, reason: LlamaError) -> InputError {
    InputError::Tokenize { name: source.name().to_owned(), reason }
}
