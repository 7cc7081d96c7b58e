//! Where the document is written: lines, paragraphs, and the planted facts between sentences.

use std::io::{self, Write};

use super::fact::{Fact, FactPlan};
use super::tokens::estimate;

/// Tokens by which the document may be too long.
const BEYOND: u64 = 16;

/// Half the tokens of a sentence.
const HALF_SENTENCE: u64 = 12;

/// Tokens of the shortest item.
const ITEM: u64 = 32;

/// A document being written.
#[derive(Debug)]
pub(super) struct Sheet<W> {
    out: W,
    bytes: u64,
    /// Estimated, in thousandths.
    tokens: u64,
    paragraph: String,
    /// Whether the last line is empty.
    is_blank: bool,
    /// Its length to be, in tokens.
    end: u64,
    plan: FactPlan,
    facts: Vec<Fact>,
}

impl<W: Write> Sheet<W> {
    /// An empty document that is to be `end` tokens long.
    pub(super) fn new(out: W, end: u64, plan: FactPlan) -> Self {
        Self { out, bytes: 0, tokens: 0, paragraph: String::new(), is_blank: true, end, plan, facts: Vec::new() }
    }

    /// Estimated length so far, in tokens.
    pub(super) fn tokens(&self) -> u64 {
        self.tokens / 1000
    }

    /// Writes a line of its own: a heading, an entry of a list.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        self.end_paragraph()?;
        self.is_blank = false;
        self.write(text)?;
        self.write("\n")
    }

    /// Leaves a line empty, unless one is.
    pub(super) fn blank(&mut self) -> io::Result<()> {
        self.end_paragraph()?;
        if std::mem::replace(&mut self.is_blank, true) { Ok(()) } else { self.write("\n") }
    }

    /// Whether another sentence would end further from a length in tokens than the document does now.
    pub(super) fn is_full(&self, limit: u64) -> bool {
        self.tokens() + HALF_SENTENCE >= limit
    }

    /// Whether another item, with a heading and a sentence, fits before a length in tokens.
    pub(super) fn has_room(&self, limit: u64) -> bool {
        self.tokens() + ITEM < limit
    }

    /// Adds a sentence to the paragraph, and a fact after it if one belongs here.
    ///
    /// A sentence that goes too far beyond the end of the document is left out; a shorter one may follow.
    pub(super) fn add(&mut self, sentence: &str) {
        if self.tokens + estimate(sentence) > (self.end + BEYOND) * 1000 {
            return;
        }
        self.append(sentence);
        while self.plan.is_due(self.tokens()) {
            self.plant();
        }
    }

    /// Plants all facts that are left, if any.
    pub(super) fn add_left_facts(&mut self) {
        while self.plan.is_open() {
            self.plant();
        }
    }

    fn plant(&mut self) {
        let space = u64::from(!self.paragraph.is_empty());
        let fact = self.plan.make(self.bytes + self.paragraph.len() as u64 + space);
        self.append(&fact.sentence);
        self.facts.push(fact);
    }

    fn append(&mut self, sentence: &str) {
        if !self.paragraph.is_empty() {
            self.paragraph.push(' ');
        }
        self.paragraph.push_str(sentence);
        self.tokens += estimate(sentence);
    }

    /// Ends the paragraph, if there is one, and leaves a line empty.
    pub(super) fn end_paragraph(&mut self) -> io::Result<()> {
        if self.paragraph.is_empty() {
            return Ok(());
        }
        let mut paragraph = std::mem::take(&mut self.paragraph);
        // its sentences are counted already
        self.tokens += estimate("\n\n");
        paragraph.push_str("\n\n");
        self.is_blank = true;
        self.bytes += paragraph.len() as u64;
        self.out.write_all(paragraph.as_bytes())
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.bytes += text.len() as u64;
        self.tokens += estimate(text);
        self.out.write_all(text.as_bytes())
    }

    /// Ends the document and gives its facts.
    pub(super) fn finish(mut self) -> io::Result<Vec<Fact>> {
        self.add_left_facts();
        self.end_paragraph()?;
        self.out.flush()?;
        for fact in &mut self.facts {
            fact.depth = fact.offset as f64 / self.bytes as f64;
        }
        Ok(self.facts)
    }
}
