//! From the tokenizer to the page.

use std::borrow::BorrowMut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use html5gum::{Emitter, Error, State};

use super::page::{Page, Tag};
use super::tag::{Current, NAME, append, characters, content_of};

/// Text that is handed over at a time, in bytes.
const BLOCK: usize = 16 * 1024;

/// Characters that are collected before the page gets them, in bytes.
const RUN: usize = 4096;

/// Longest tag that may be cut off at the end of a page, in bytes of its attributes.
const SHORT: usize = 1024;

/// What comes of a page.
#[derive(Debug)]
pub(super) enum Shown {
    Text(String),
    /// At the end: what should have ended before, with its article.
    Unended(String),
}

/// Takes what the tokenizer finds. Of comments, of the values of most attributes and the like nothing is kept, so these
/// may be of any length.
#[derive(Debug)]
pub(super) struct Sink<P> {
    page: P,
    /// Characters that the page did not get yet.
    run: Vec<u8>,
    tag: Current,
    /// The name of the last start tag, which ends what it began where there are no other tags.
    last_start: Vec<u8>,
    /// The begin of the comment that is being read.
    comment: Vec<u8>,
    /// In a comment, or right behind it.
    in_comment: bool,
    /// Nothing was found before.
    at_start: bool,
    /// The page says that it is XML.
    xml: bool,
    ended: bool,
    /// What never ended, with its article.
    unended: Option<String>,
    /// Set where there is much text to be given out; `None` if all is left in the page.
    full: Option<Arc<AtomicBool>>,
}

impl<P: BorrowMut<Page>> Sink<P> {
    /// Writes to `page`. With `full` its text comes out as tokens, and `full` tells when to ask for them.
    pub fn new(page: P, full: Option<Arc<AtomicBool>>) -> Self {
        Self {
            page,
            full,
            run: Vec::new(),
            tag: Current::default(),
            last_start: Vec::new(),
            comment: Vec::new(),
            in_comment: false,
            at_start: true,
            xml: false,
            ended: false,
            unended: None,
        }
    }

    fn page(&mut self) -> &mut Page {
        self.page.borrow_mut()
    }

    /// Gives the page what was collected; a character whose rest is missing stays.
    fn hand_over(&mut self) {
        let text = characters(&self.run);
        self.page.borrow_mut().text(text);
        let n = text.len();
        self.run.drain(..n);
    }

    fn start_tag(&mut self) -> Option<State> {
        let Current { name, self_closing, hidden, alt, .. } = std::mem::take(&mut self.tag);
        let drawing = self.page.borrow().in_drawing();
        let closed = self_closing && (self.xml || drawing || matches!(name.as_slice(), b"svg" | b"math"));
        self.page().start(Tag { name: &name, hidden, alt: characters(&alt), closed });
        let state = if closed || drawing { None } else { content_of(&name) };
        self.last_start = name;
        state
    }
}

impl<P: BorrowMut<Page>> Emitter for Sink<P> {
    type Token = Shown;

    fn pop_token(&mut self) -> Option<Shown> {
        let wanted = if self.ended { 1 } else { BLOCK };
        self.full.as_ref()?.store(false, Ordering::Relaxed);
        let flow = self.page().flow();
        if flow.len() < wanted {
            return self.unended.take().map(Shown::Unended);
        }
        let mut text = String::new();
        flow.drain_into(&mut text);
        Some(Shown::Text(text))
    }

    fn emit_eof(&mut self) {
        self.hand_over();
        self.ended = true;
        if self.full.is_some() {
            self.unended = self.page().finish();
        }
    }

    fn emit_string(&mut self, characters: &[u8]) {
        (self.at_start, self.in_comment) = (false, false);
        if self.page.borrow().is_skipping() {
            self.page().lose(characters);
            return;
        }
        self.run.extend_from_slice(characters);
        if self.run.len() >= RUN {
            self.hand_over();
            if let Some(full) = &self.full
                && self.page.borrow_mut().flow().len() >= BLOCK
            {
                full.store(true, Ordering::Relaxed);
            }
        }
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        self.at_start = false;
        self.hand_over();
        self.run.clear();
        self.tag.end_attribute();
        if self.tag.is_end {
            let name = std::mem::take(&mut self.tag.name);
            self.page().end(&name);
            None
        } else {
            self.start_tag()
        }
    }

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        self.tag.is_end && !self.last_start.is_empty() && self.tag.name == self.last_start
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&mut self) -> bool {
        self.xml || self.page.borrow().in_drawing()
    }

    fn emit_current_comment(&mut self) {
        self.xml |= self.at_start && self.comment.starts_with(b"?xml");
        self.at_start = false;
    }

    fn push_comment(&mut self, text: &[u8]) {
        append(&mut self.comment, text, NAME);
    }

    fn init_start_tag(&mut self) {
        self.in_comment = false;
        self.tag.begin(false);
    }

    fn init_end_tag(&mut self) {
        self.in_comment = false;
        self.tag.begin(true);
    }

    fn init_comment(&mut self) {
        self.in_comment = true;
        self.comment.clear();
    }

    fn push_tag_name(&mut self, name: &[u8]) {
        append(&mut self.tag.name, name, NAME);
    }

    fn init_attribute(&mut self) {
        self.tag.end_attribute();
    }

    fn push_attribute_name(&mut self, name: &[u8]) {
        self.tag.bytes += name.len();
        append(&mut self.tag.attribute, name, NAME);
    }

    fn push_attribute_value(&mut self, value: &[u8]) {
        self.tag.push_value(value);
    }

    fn set_self_closing(&mut self) {
        self.tag.self_closing = true;
    }

    fn set_last_start_tag(&mut self, name: Option<&[u8]>) {
        self.last_start = name.unwrap_or_default().to_vec();
    }

    fn emit_error(&mut self, error: Error) {
        let what = match error {
            Error::EofInComment => Some("a comment"),
            // a page that was cut off in a tag has lost nothing else
            Error::EofInTag if self.tag.bytes > SHORT => Some("a tag"),
            _ => None,
        };
        if what.is_some() {
            self.page().set_unended(what);
        }
    }

    // the tokenizer then looks at each character, which is worth it only where what ends too late could be hidden
    fn should_emit_errors(&mut self) -> bool {
        self.in_comment || self.tag.bytes > SHORT
    }

    fn emit_current_doctype(&mut self) {}
    fn set_force_quirks(&mut self) {}
    fn push_doctype_name(&mut self, _: &[u8]) {}
    fn init_doctype(&mut self) {}
    fn set_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn set_doctype_system_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_system_identifier(&mut self, _: &[u8]) {}
}
