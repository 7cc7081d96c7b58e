//! What is shown of a page.
//!
//! No tree is built. Elements that are within a line are not even remembered, unless nothing of them is to be shown.
//!
//! What is never shown by a browser, such as a template, may turn out to go on to the end: then it is no template, but a
//! word in pointed brackets or a page with a tag too few. So its text is held until its end tag comes, and shown if none
//! does. What a page hides, and programs, are not shown even then, but [`Page::finish`] tells.

use super::super::convert::LIMIT;
use super::super::flow::Flow;
use super::elements::{Display, Implied};
use super::open::{DEPTH, OpenElements};
use super::tag::content_of;

/// Deepest list that is indented further.
const INDENTED: usize = 8;

/// A page, as far as it was read.
#[derive(Debug, Default)]
pub(in super::super) struct Page {
    flow: Flow,
    open: OpenElements,
    /// Where in `open` the element is that nothing is shown of.
    skipped: Option<usize>,
    /// There was text in that element.
    lost: bool,
    /// Where in `open` the element is that is shown only if it does not end.
    held: Option<usize>,
    /// Where the text goes in the meantime.
    aside: Flow,
    /// Blocks of Markdown, outermost first.
    blocks: Vec<Block>,
    /// What is read stands in a line of Markdown, where a tag may be a word.
    in_line: bool,
    /// What ended only with what was read: a comment or a tag.
    unended: Option<&'static str>,
}

/// A block of Markdown.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// How many elements were open where it began, or have been at the least since.
    depth: usize,
    display: Display,
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
    /// The text that is certain to be shown.
    pub fn flow(&mut self) -> &mut Flow {
        &mut self.flow
    }

    /// Where the text goes.
    fn out(&mut self) -> &mut Flow {
        if self.held.is_some() { &mut self.aside } else { &mut self.flow }
    }

    /// Whether what comes next is not shown.
    pub fn is_skipping(&self) -> bool {
        self.skipped.is_some()
    }

    /// Text comes in what is not shown.
    pub fn lose(&mut self, text: &[u8]) {
        self.lost = self.lost || !text.trim_ascii().is_empty();
    }

    /// Whether what comes next belongs to a drawing, where other rules hold.
    pub fn in_drawing(&self) -> bool {
        let from = self.held.into_iter().chain(self.skipped).min();
        from.is_some_and(|from| self.open.has_from(from, b"svg"))
    }

    /// What comes next stands in a line of Markdown, or no longer.
    pub fn set_in_line(&mut self, in_line: bool) {
        self.in_line = in_line;
    }

    /// A comment or a tag ended with what was read; `None` where something is read anew.
    pub fn set_unended(&mut self, what: Option<&'static str>) {
        self.unended = what;
    }

    /// The document ends. What was held is shown; what hides all text up to here is named, with its article.
    pub fn finish(&mut self) -> Option<String> {
        let unended = self.unended.map(str::to_owned);
        let swallowed = self.skipped.filter(|&from| self.lost && self.open.may_swallow(from));
        self.show_held();
        let element = swallowed.and_then(|from| self.open.name(from)).map(|name| format!("a <{name}>"));
        unended.or(element)
    }

    /// What was held is shown.
    fn show_held(&mut self) {
        if self.held.take().is_some() {
            self.flow.join(std::mem::take(&mut self.aside));
        }
    }

    /// An element begins, without attributes.
    pub fn begin(&mut self, name: &str) {
        self.start(Tag { name: name.as_bytes(), ..Tag::default() });
    }

    /// A block of Markdown begins, which stands for an element; [`Page::end_block`] ends it.
    pub fn begin_block(&mut self, name: &str) {
        self.unended = None;
        let depth = self.start(Tag { name: name.as_bytes(), ..Tag::default() });
        self.blocks.push(Block { depth, display: Display::of(name.as_bytes()) });
    }

    /// An ordered list begins with an item of this number.
    pub fn begin_ordered(&mut self, first: u64) {
        self.begin_block("ol");
        if !self.is_skipping() {
            self.open.number_from(first);
        }
    }

    /// The innermost block of Markdown ends, and with it what began there.
    pub fn end_block(&mut self) {
        let Some(Block { depth, display }) = self.blocks.pop() else { return };
        if self.held.is_some_and(|held| held >= depth) {
            self.show_held();
        }
        if self.open.len() > depth {
            self.truncate(depth);
        } else if !self.is_skipping() {
            // there was no room for it
            self.end_layout(display);
        }
    }

    /// What begins next has this lead.
    pub fn lead(&mut self, lead: String) {
        if !self.is_skipping() {
            self.out().lead(lead);
        }
    }

    /// A line ends that may as well go on.
    pub fn soft(&mut self) {
        if !self.is_skipping() {
            self.out().soft();
        }
    }

    /// A paragraph ends, whatever it was.
    pub fn paragraph(&mut self) {
        self.out().paragraph();
    }

    /// An element begins. Gives how many were open before.
    pub fn start(&mut self, tag: Tag<'_>) -> usize {
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
        let depth = self.open.len();
        if display == Display::Void || tag.closed {
            if !self.is_skipping() && !tag.hidden {
                self.void(tag);
            }
            return depth;
        }
        // pages hide themselves until a program of theirs has run
        let hidden = tag.hidden && !matches!(tag.name, b"html" | b"body");
        let code = display == Display::Dropped && content_of(tag.name).is_some() && !self.in_line;
        let (within, inline) = (self.skipped.is_some() || self.held.is_some(), display == Display::Inline);
        if self.skipped.is_none() && (hidden || code) {
            // the element that is hidden must be remembered
            self.truncate(DEPTH - 1);
            (self.skipped, self.lost) = (Some(self.open.len()), false);
            self.open.push(tag.name, display);
        } else if !within && display == Display::Dropped {
            // with room for one that is hidden in it
            self.truncate(DEPTH - 2);
            self.held = Some(self.open.len());
            self.aside = self.flow.fork();
            self.open.push(tag.name, display);
        } else if within || !inline {
            if self.skipped.is_none() {
                self.begin_layout(display);
            }
            if self.open.len() < DEPTH {
                self.open.push(tag.name, display);
            } else if within {
                self.open.exceed(tag.name);
            }
        }
        depth
    }

    /// An element ends; its name in small letters.
    pub fn end(&mut self, name: &[u8]) {
        if self.open.end_excess(name) {
            return;
        }
        if let Some(at) = self.open.ended_by(name) {
            self.truncate(at);
        } else if !self.is_skipping() && !self.open.has(name) && matches!(name, b"p" | b"br") {
            self.out().line();
        }
    }

    /// Characters.
    pub fn text(&mut self, text: &str) {
        if self.is_skipping() {
            self.lose(text.as_bytes());
            return;
        }
        let verbatim = self.open.is_verbatim();
        let out = self.out();
        // places where a word may be divided at the end of a line
        for text in text.split('\u{ad}') {
            if verbatim { out.verbatim(text) } else { out.text(text) }
        }
        self.bound();
    }

    /// No more than this is held.
    fn bound(&mut self) {
        if self.aside.len() > LIMIT {
            self.show_held();
        }
    }

    fn end_within(&mut self, implied: Implied<'_>) {
        if let Some(at) = self.open.innermost(&implied) {
            self.truncate(at);
        }
    }

    /// Text cannot be part of a drawing, so the drawing was not ended as it should be.
    fn leave_drawing(&mut self) {
        let Some(from) = self.held.filter(|_| self.skipped.is_none()) else { return };
        if self.open.is(from, b"svg") && !self.open.has_from(from, b"foreignobject") {
            self.truncate(from);
        }
    }

    fn void(&mut self, tag: Tag<'_>) {
        match tag.name {
            b"br" if self.open.is_verbatim() => self.out().verbatim("\n"),
            b"br" => self.out().line(),
            b"hr" => self.out().paragraph(),
            b"img" => self.out().text(tag.alt),
            _ => {}
        }
        self.bound();
    }

    /// Ends all elements from the one at `depth` on.
    fn truncate(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(display) = self.open.pop() else { return };
            if self.skipped == Some(self.open.len()) {
                self.skipped = None;
            } else if self.held == Some(self.open.len()) {
                (self.held, self.aside) = (None, Flow::default());
            } else if self.skipped.is_none() {
                self.end_layout(display);
            }
        }
        for block in self.blocks.iter_mut().rev().take_while(|block| block.depth > depth) {
            block.depth = depth;
        }
    }

    fn begin_layout(&mut self, display: Display) {
        match display {
            Display::Paragraph | Display::Verbatim => self.out().paragraph(),
            Display::Line => self.out().line(),
            Display::List => self.list_edge(),
            Display::Item => {
                let lead = self.marker();
                self.out().lead(lead);
            }
            Display::Table => {
                self.out().end_row();
                self.out().paragraph();
            }
            Display::Row => self.out().row(),
            Display::Cell => self.out().cell(),
            Display::Inline | Display::Dropped | Display::Void => {}
        }
    }

    fn end_layout(&mut self, display: Display) {
        match display {
            Display::Paragraph | Display::Verbatim => self.out().paragraph(),
            Display::Line => self.out().line(),
            Display::List => self.list_edge(),
            Display::Item => {
                self.out().drop_lead();
                self.out().line();
            }
            Display::Table => {
                self.out().end_row();
                self.out().paragraph();
            }
            Display::Row => {
                self.out().end_row();
                self.out().line();
            }
            Display::Inline | Display::Cell | Display::Dropped | Display::Void => {}
        }
    }

    /// A list within a list follows its item closely.
    fn list_edge(&mut self) {
        if self.open.lists() > 0 { self.out().line() } else { self.out().paragraph() }
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
