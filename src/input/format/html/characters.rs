//! A document as the tokenizer wants it.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use html5gum::Reader;

use super::super::convert::LIMIT;
use super::super::document::Text;
use super::super::error::FormatError;

/// Gives characters to the tokenizer.
pub(super) struct Characters<T> {
    source: T,
    text: String,
    /// Bytes of `text` that were given.
    done: usize,
    ended: bool,
    /// Bytes that were asked for one by one, which the tokenizer may be keeping.
    slow: usize,
    /// Set where much text was shown since the tokenizer gave control back. It goes on within a run of text as long as
    /// there are characters, and from there on where it was interrupted.
    full: Arc<AtomicBool>,
}

/// Why there are no characters now.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop<E: std::error::Error> {
    /// First, the text that is known has to be taken.
    #[error("text is waiting")]
    Full,
    /// There never will be.
    #[error(transparent)]
    Failed(E),
}

impl<T: Text> Characters<T> {
    /// Gives the characters of `source`.
    pub fn new(source: T, full: Arc<AtomicBool>) -> Self {
        Self { source, text: String::new(), done: 0, ended: false, slow: 0, full }
    }

    /// What was not given yet: at least `wanted` bytes, if there are so many.
    fn rest(&mut self, wanted: usize) -> Result<&[u8], Stop<T::Error>> {
        while !self.ended && self.text.len() - self.done < wanted {
            self.text.drain(..self.done);
            self.done = 0;
            self.ended = !self.source.read(&mut self.text).map_err(Stop::Failed)?;
        }
        Ok(&self.text.as_bytes()[self.done..])
    }
}

impl<T: Text> Reader for Characters<T> {
    type Error = Stop<T::Error>;

    fn read_byte(&mut self) -> Result<Option<u8>, Stop<T::Error>> {
        self.slow += 1;
        if self.slow > LIMIT {
            let what = "a tag or a reference".to_owned();
            return Err(Stop::Failed(self.source.fault(FormatError::TooLong { format: "HTML", what })));
        }
        let next = self.rest(1)?.first().copied();
        self.done += usize::from(next.is_some());
        Ok(next)
    }

    fn try_read_string(&mut self, wanted: &[u8], case_sensitive: bool) -> Result<bool, Stop<T::Error>> {
        let found = self.rest(wanted.len())?.get(..wanted.len());
        let same = found.is_some_and(|f| f == wanted || (!case_sensitive && f.eq_ignore_ascii_case(wanted)));
        if same {
            self.done += wanted.len();
        }
        Ok(same)
    }

    fn read_until<'b>(&'b mut self, needle: &[u8], _: &'b mut [u8; 4]) -> Result<Option<&'b [u8]>, Stop<T::Error>> {
        self.slow = 0;
        if self.full.swap(false, Ordering::Relaxed) {
            return Err(Stop::Full);
        }
        let rest = self.rest(1)?;
        if rest.is_empty() {
            return Ok(None);
        }
        let n = rest.iter().position(|byte| needle.contains(byte)).unwrap_or(rest.len()).max(1);
        let start = self.done;
        self.done += n;
        Ok(Some(&self.text.as_bytes()[start..self.done]))
    }
}
