//! Markdown: its text, without the marks.
//!
//! `pulldown-cmark` wants a text as a whole. It gets pieces of some 64 KiB, and says itself where one may end: before the
//! last block (paragraph, list, fence ...) that it finds, or within a long list before its last item. What is ahead
//! changes nothing about the blocks before. Only references to links are not resolved across pieces, and of those the
//! text is known anyway.

mod front_matter;
mod inline_data;
mod long_block;
mod render;
mod split;

use super::convert::{Convert, LIMIT};
use super::error::FormatError;
use super::html::Page;
use front_matter::FrontMatter;
use inline_data::InlineData;

/// Text that is parsed at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// Turns Markdown into text.
#[derive(Debug)]
pub(super) struct Markdown {
    front: FrontMatter,
    data: InlineData,
    held: String,
    /// Bytes of `held` that make the next attempt to split it worth it.
    wanted: usize,
    page: Page,
}

impl Markdown {
    /// Begins a document.
    pub fn new() -> Self {
        Self {
            front: FrontMatter::default(),
            data: InlineData::default(),
            held: String::new(),
            wanted: PIECE,
            page: Page::default(),
        }
    }

    /// Takes text behind the front matter. Where it is split must not depend on how it comes.
    fn take(&mut self, text: &str) {
        let mut kept = String::with_capacity(text.len());
        self.data.push(text, &mut kept);
        self.hold(&kept);
    }

    /// Takes text without data.
    fn hold(&mut self, text: &str) {
        for c in text.chars() {
            self.held.push(c);
            // a line that is not complete may be anything
            let complete = c == '\n' || self.held.len() >= LIMIT;
            if complete && self.held.len() >= self.wanted {
                self.advance();
            }
        }
    }

    /// Renders what is certain.
    fn advance(&mut self) {
        if let Some(cut) = split::last_block(&self.held) {
            self.render(cut);
        } else if self.held.len() >= LIMIT {
            let block = long_block::Cut::of(&self.held);
            self.render(block.at);
            for name in long_block::AGAIN_BEGUN.into_iter().filter(|name| block.again == format!("<{name}>\n")) {
                self.page.end(name.as_bytes());
            }
            self.held.insert_str(0, &block.again);
        }
        self.wanted = (2 * self.held.len()).clamp(PIECE, LIMIT);
    }

    fn render(&mut self, end: usize) {
        render::render(&self.held[..end], &mut self.page);
        self.held.drain(..end);
    }
}

impl Convert for Markdown {
    fn push(&mut self, piece: &str, out: &mut String) -> Result<(), FormatError> {
        let body = self.front.push(piece);
        self.take(&body);
        self.page.flow().drain_into(out);
        Ok(())
    }

    fn finish(&mut self, out: &mut String) -> Result<(), FormatError> {
        let body = self.front.finish();
        self.take(&body);
        let rest = self.data.finish();
        self.hold(&rest);
        self.render(self.held.len());
        let unended = self.page.finish();
        self.page.flow().drain_into(out);
        unended.map_or(Ok(()), |what| Err(FormatError::Unended { what }))
    }
}
