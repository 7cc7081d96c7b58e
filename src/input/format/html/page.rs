//! What is shown of a page.
//!
//! No tree is built. Elements that are within a line are not even remembered, unless nothing of them is to be shown.

use super::super::flow::Flow;
use super::elements::{Display, Implied};
use super::open::{DEPTH, OpenElements};

/// Deepest list that is indented further.
const INDENTED: usize = 8;

/// A page, as far as it was read.
#[derive(Debug, Default)]
pub(in super::super) struct Page {
    flow: Flow,
    open: OpenElements,
    /// Where in `open` the element is that nothing is shown of.
    skipped: Option<usize>,
    /// Elements within that one that were not remembered.
    excess: usize,
}

/// A start tag.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Tag<'a> {
    /// In small letters.
    pub name: &'a [u8],
    /// Whether attributes hide the element.
    pub hidden: bool,
    /// What stands for an image.
    pub alt: &'a str,
    /// Whether the element ends with this tag.
    pub closed: bool,
}

impl Page {
    /// Where the text goes.
    pub fn flow(&mut self) -> &mut Flow {
        &mut self.flow
    }

    /// Whether what comes next is not shown.
    pub fn is_skipping(&self) -> bool {
        self.skipped.is_some()
    }

    /// Whether what comes next belongs to a drawing, where other rules hold.
    pub fn in_drawing(&self) -> bool {
        self.skipped.is_some_and(|from| self.open.has_from(from, b"svg"))
    }

    /// An element begins, without attributes.
    pub fn begin(&mut self, name: &str) {
        self.start(Tag { name: name.as_bytes(), ..Tag::default() });
    }

    /// An ordered list begins with an item of this number.
    pub fn begin_ordered(&mut self, first: u64) {
        self.begin("ol");
        if !self.is_skipping() {
            self.open.number_from(first);
        }
    }

    /// An element begins.
    pub fn start(&mut self, tag: Tag<'_>) {
        let display = Display::of(tag.name);
        if display.ends_paragraph() || tag.name == b"hr" {
            // a drawing may have a title
            if tag.name != b"title" {
                self.leave_drawing();
            }
            self.end_within(Implied::PARAGRAPH);
        }
        if let Some(implied) = Implied::by(tag.name) {
            self.end_within(implied);
        }
        if display == Display::Void || tag.closed {
            if !self.is_skipping() && !tag.hidden {
                self.void(tag);
            }
            return;
        }
        let skips = tag.hidden || display == Display::Dropped;
        if self.is_skipping() {
            if self.open.len() < DEPTH { self.open.push(tag.name, display) } else { self.excess += 1 }
        } else if skips {
            // the element that is hidden must be remembered
            self.truncate(DEPTH - 1);
            self.skipped = Some(self.open.len());
            self.open.push(tag.name, display);
        } else if display != Display::Inline {
            self.begin_layout(display);
            if self.open.len() < DEPTH {
                self.open.push(tag.name, display);
            }
        }
    }

    /// An element ends; its name in small letters.
    pub fn end(&mut self, name: &[u8]) {
        if self.excess > 0 {
            self.excess -= 1;
            return;
        }
        if let Some(at) = self.open.ended_by(name) {
            self.truncate(at);
        } else if !self.is_skipping() && !self.open.has(name) && matches!(name, b"p" | b"br") {
            self.flow.line();
        }
    }

    /// Characters.
    pub fn text(&mut self, text: &str) {
        if self.is_skipping() {
            return;
        }
        // places where a word may be divided at the end of a line
        for text in text.split('\u{ad}') {
            if self.open.is_verbatim() { self.flow.verbatim(text) } else { self.flow.text(text) }
        }
    }

    fn end_within(&mut self, implied: Implied<'_>) {
        if let Some(at) = self.open.innermost(&implied) {
            self.truncate(at);
        }
    }

    /// Text cannot be part of a drawing, so the drawing was not ended as it should be.
    fn leave_drawing(&mut self) {
        let Some(from) = self.skipped else { return };
        if self.open.is(from, b"svg") && !self.open.has_from(from, b"foreignobject") {
            self.truncate(from);
        }
    }

    fn void(&mut self, tag: Tag<'_>) {
        match tag.name {
            b"br" if self.open.is_verbatim() => self.flow.verbatim("\n"),
            b"br" => self.flow.line(),
            b"hr" => self.flow.paragraph(),
            b"img" => self.flow.text(tag.alt),
            _ => {}
        }
    }

    /// Ends all elements from the one at `depth` on.
    fn truncate(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(display) = self.open.pop() else { return };
            match self.skipped {
                None => self.end_layout(display),
                Some(from) if from == self.open.len() => (self.skipped, self.excess) = (None, 0),
                Some(_) => {}
            }
        }
    }

    fn begin_layout(&mut self, display: Display) {
        match display {
            Display::Paragraph | Display::Verbatim => self.flow.paragraph(),
            Display::Line => self.flow.line(),
            Display::List => self.list_edge(),
            Display::Item => {
                let lead = self.marker();
                self.flow.lead(lead);
            }
            Display::Table => {
                self.flow.end_row();
                self.flow.paragraph();
            }
            Display::Row => self.flow.row(),
            Display::Cell => self.flow.cell(),
            Display::Inline | Display::Dropped | Display::Void => {}
        }
    }

    fn end_layout(&mut self, display: Display) {
        match display {
            Display::Paragraph | Display::Verbatim => self.flow.paragraph(),
            Display::Line => self.flow.line(),
            Display::List => self.list_edge(),
            Display::Item => {
                self.flow.drop_lead();
                self.flow.line();
            }
            Display::Table => {
                self.flow.end_row();
                self.flow.paragraph();
            }
            Display::Row => {
                self.flow.end_row();
                self.flow.line();
            }
            Display::Inline | Display::Cell | Display::Dropped | Display::Void => {}
        }
    }

    /// A list within a list follows its item closely.
    fn list_edge(&mut self) {
        if self.open.lists() > 0 { self.flow.line() } else { self.flow.paragraph() }
    }

    /// What the next item begins with.
    fn marker(&mut self) -> String {
        let indent = "  ".repeat(self.open.lists().saturating_sub(1).min(INDENTED));
        match self.open.number() {
            Some(number) => format!("{indent}{number}. "),
            None => format!("{indent}- "),
        }
    }
}
