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

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use html5gum::Tokenizer;

use super::document::Text;
use characters::{Characters, Stop};
pub(super) use page::Page;
use sink::Sink;

/// Turns a page into text.
pub(super) struct Html<T: Text> {
    tokenizer: Tokenizer<Characters<T>, Sink<Page>>,
}

impl<T: Text> Html<T> {
    /// Reads a page from `source`.
    pub fn new(source: T) -> Self {
        let full = Arc::new(AtomicBool::new(false));
        let characters = Characters::new(source, Arc::clone(&full));
        Self { tokenizer: Tokenizer::new_with_emitter(characters, Sink::new(Page::default(), Some(full))) }
    }

    /// Appends the next text; false at the end.
    pub fn read(&mut self, text: &mut String) -> Result<bool, T::Error> {
        match self.tokenizer.next() {
            Some(Ok(shown)) => {
                text.push_str(&shown);
                Ok(true)
            }
            // the text comes with the next call
            Some(Err(Stop::Full)) => Ok(true),
            Some(Err(Stop::Failed(error))) => Err(error),
            None => Ok(false),
        }
    }
}

/// Writes a part of a page.
pub(super) fn write_fragment(fragment: &str, page: &mut Page) {
    for Ok(_) in Tokenizer::new_with_emitter(fragment, Sink::new(page, None)) {}
}
