//! Pages: the text that a browser would show.
//!
//! `html5gum` splits the page into tags and text as the HTML standard says. It keeps nothing by itself, so neither do
//! comments or attributes of any length take memory. What is shown is decided by [`Page`]: no scripts, styles, drawings
//! and comments, and nothing that is hidden by an attribute.

mod characters;
mod elements;
mod open;
mod page;
mod sink;
mod tag;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use html5gum::Tokenizer;

use super::document::Text;
use super::error::FormatError;
use characters::{Characters, Stop};
pub(super) use page::Page;
use sink::{Shown, Sink};

/// Turns a page into text.
pub(super) struct Html<T: Text> {
    tokenizer: Tokenizer<Characters<Shared<T>>, Sink<Page>>,
    source: Shared<T>,
}

impl<T: Text> Html<T> {
    /// Reads a page from `source`.
    pub fn new(source: T) -> Self {
        let full = Arc::new(AtomicBool::new(false));
        let source = Shared(Arc::new(Mutex::new(source)));
        let characters = Characters::new(source.clone(), Arc::clone(&full));
        Self { tokenizer: Tokenizer::new_with_emitter(characters, Sink::new(Page::default(), Some(full))), source }
    }

    /// Appends the next text; false at the end.
    pub fn read(&mut self, text: &mut String) -> Result<bool, T::Error> {
        match self.tokenizer.next() {
            Some(Ok(Shown::Text(shown))) => {
                text.push_str(&shown);
                Ok(true)
            }
            Some(Ok(Shown::Unended(what))) => Err(self.source.fault(FormatError::Unended { what })),
            // the text comes with the next call
            Some(Err(Stop::Full)) => Ok(true),
            Some(Err(Stop::Failed(error))) => Err(error),
            None => Ok(false),
        }
    }
}

/// A source that the tokenizer reads, and that names what is wrong at the end.
struct Shared<T>(Arc<Mutex<T>>);

impl<T> Shared<T> {
    fn source(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Text> Text for Shared<T> {
    type Error = T::Error;

    fn read(&mut self, text: &mut String) -> Result<bool, T::Error> {
        self.source().read(text)
    }

    fn fault(&self, reason: FormatError) -> T::Error {
        self.source().fault(reason)
    }
}

/// Writes a block of HTML.
pub(super) fn write_fragment(fragment: &str, page: &mut Page) {
    page.set_unended(None);
    for Ok(_) in Tokenizer::new_with_emitter(fragment, Sink::new(page, None)) {}
}

/// Writes a tag or a comment that stands in a line.
pub(super) fn write_in_line(fragment: &str, page: &mut Page) {
    page.set_in_line(true);
    for Ok(_) in Tokenizer::new_with_emitter(fragment, Sink::new(&mut *page, None)) {}
    page.set_in_line(false);
}
