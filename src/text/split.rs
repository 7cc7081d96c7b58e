//! Sentences of a text that comes in blocks, each with its place.
//!
//! The text is looked at by tokens (what stands between white space), and whether a sentence begins is known when its first token is
//! complete. So it makes no difference how the text is cut into blocks, and no more of it is kept than one sentence.

use super::marks::{
    Over, closes, goes_on, is_bullet, is_dots, is_entry, is_own_line, is_wide_end, leads_on, leads_to_page, over_after,
    separates, starts_with_capital, starts_with_digit, stays,
};

/// Bytes after which a sentence is cut where the next token begins.
const LONGEST: usize = 2000;
/// Bytes after which it is cut where the next line begins: verse, tables and programs have no full stops.
const LONGEST_LINES: usize = 600;
/// A line with fewer characters than two thirds of this, or of the lines before it, that does not end with a sign, before one that begins like a
/// sentence, is taken for a heading.
const WIDTH: u64 = 75;
/// Bytes after which a token is cut. Writing without spaces has long ones.
const LONGEST_TOKEN: usize = 500;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// A sentence may go on in the next line, as in a document.
    Wrapped,
    /// A line is a paragraph or an item, unless it ends with `,` or `;` or the next begins with a small letter.
    Separate,
}

/// Where something stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// First and last line; the first line of the text is 1.
    pub lines: [u64; 2],
    /// Characters of the text before it, and up to its end.
    pub characters: [u64; 2],
}

/// A sentence of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sentence<'a> {
    /// Its text, with a single space for white space of any length.
    pub text: &'a str,
    /// Where it stands.
    pub place: Place,
    /// Whether it is the first of a paragraph.
    pub begins_paragraph: bool,
    /// Whether its line is a heading or the like, which is no sentence.
    pub is_own_line: bool,
    /// Whether it begins where the text before it, which did not end, was cut for its length.
    pub is_rest: bool,
}

/// Finds sentences; keeps the one that is not over yet.
#[derive(Debug)]
pub struct Splitter {
    /// What a line is.
    lines: Lines,
    /// Characters seen.
    at: u64,
    /// The line of the next character.
    line: u64,
    /// Characters before it, those of the line before it, and how wide lines are that go on in the next one.
    line_from: u64,
    last_line: u64,
    width: u64,
    /// Whether the last character ended a line as old files do; a line feed behind it does not end another.
    returned: bool,
    /// The token so far; empty between tokens.
    token: String,
    /// Where the token begins: its line, and the characters before it.
    token_from: (u64, u64),
    /// Whether the token has a mark that ends it with the next character.
    token_is_over: bool,
    /// Whether white space is before the token.
    spaced: bool,
    /// Line ends before the token.
    line_ends: u32,
    /// The sentence so far; empty between sentences.
    text: String,
    /// Where it stands so far.
    place: Place,
    /// Whether it is over, as far as its last token says.
    over: Over,
    /// Whether it begins a paragraph.
    begins_paragraph: bool,
    /// Whether its line is complete by itself.
    own_line: bool,
    /// Whether it begins with its line.
    begins_line: bool,
    /// Whether it is the rest of one that was cut.
    is_rest: bool,
}

impl Splitter {
    /// Begins at the first character of a text.
    pub fn new(lines: Lines) -> Self {
        Self {
            lines,
            at: 0,
            line: 1,
            line_from: 0,
            last_line: 0,
            width: WIDTH,
            returned: false,
            token: String::new(),
            token_from: (1, 0),
            token_is_over: false,
            spaced: false,
            // as if a line ended before the text
            line_ends: 1,
            text: String::new(),
            place: Place { lines: [1, 1], characters: [0, 0] },
            over: Over::No,
            begins_paragraph: true,
            own_line: false,
            begins_line: true,
            is_rest: false,
        }
    }

    /// Takes the next block of the text, which may begin and end anywhere, and gives the sentences that are over.
    pub fn push(&mut self, block: &str, each: &mut impl FnMut(Sentence<'_>)) {
        for c in block.chars() {
            if separates(c) {
                self.end_token(each);
                self.spaced = true;
                if c == '\r' || c == '\n' && !self.returned {
                    self.line_ends = self.line_ends.saturating_add(1);
                    self.line += 1;
                    self.last_line = self.at - self.line_from;
                }
                if matches!(c, '\r' | '\n') {
                    self.line_from = self.at + 1;
                }
            } else {
                if self.token_is_over && !stays(c) || self.token.len() >= LONGEST_TOKEN {
                    self.end_token(each);
                }
                if self.token.is_empty() {
                    self.token_from = (self.line, self.at);
                }
                self.token_is_over |= is_wide_end(c);
                self.token.push(c);
            }
            self.returned = c == '\r';
            self.at += 1;
        }
    }

    /// Gives the last sentence.
    pub fn finish(&mut self, each: &mut impl FnMut(Sentence<'_>)) {
        self.end_token(each);
        self.end_sentence(each);
    }

    /// Makes the token a part of the sentence, or the first of the next.
    fn end_token(&mut self, each: &mut impl FnMut(Sentence<'_>)) {
        if self.token.is_empty() {
            return;
        }
        let begins_line = self.line_ends > 0;
        let own_line = begins_line && is_own_line(&self.token);
        if self.begins_sentence(own_line) {
            let is_rest = self.line_ends < 2 && self.is_too_long() && self.over == Over::No;
            self.end_sentence(each);
            self.is_rest = is_rest;
        } else if self.line_ends == 1 && !self.text.is_empty() {
            self.width = self.last_line.max(self.width - self.width / 16).min(WIDTH);
        }
        let (line, from) = self.token_from;
        if self.text.is_empty() {
            self.begins_paragraph |= self.line_ends > 1 || own_line;
            self.own_line = own_line;
            self.begins_line = begins_line;
            self.place = Place { lines: [line, line], characters: [from, from] };
        } else if self.spaced {
            self.text.push(' ');
        }
        self.text.push_str(&self.token);
        (self.place.lines[1], self.place.characters[1]) = (line, self.at);
        if !closes(&self.token) {
            self.over = if leads_to_page(&self.text) { Over::No } else { over_after(&self.token) };
        }
        self.token.clear();
        (self.token_is_over, self.spaced, self.line_ends) = (false, false, 0);
    }

    /// Whether the token is the first of the next sentence.
    fn begins_sentence(&self, own_line: bool) -> bool {
        if self.line_ends > 1 || self.is_too_long() {
            return true;
        }
        if self.line_ends == 1 {
            let separate = self.lines == Lines::Separate && !self.text.ends_with([',', ';']) && !goes_on(&self.token);
            let ends = separate || self.own_line || self.is_heading() || is_entry(&self.text);
            if ends || own_line || is_bullet(&self.token) {
                return true;
            }
        }
        match self.over {
            Over::No => false,
            Over::UnlessNumber => !self.continues() && !starts_with_digit(&self.token),
            Over::Perhaps => !self.continues(),
            Over::Yes => !closes(&self.token),
        }
    }

    /// Whether no sentence begins with the token.
    fn continues(&self) -> bool {
        goes_on(&self.token) || closes(&self.token) || is_dots(&self.token)
    }

    /// Whether the sentence is cut before the token, though it may go on.
    fn is_too_long(&self) -> bool {
        self.text.len() > LONGEST || self.line_ends > 0 && self.text.len() > LONGEST_LINES
    }

    /// Whether the sentence is a short line that looks like a heading before the token.
    fn is_heading(&self) -> bool {
        let Place { lines: [first, last], characters: [from, to] } = self.place;
        self.begins_line
            && first == last
            && 3 * (to - from) < 2 * self.width
            && self.text.ends_with(char::is_alphanumeric)
            && starts_with_capital(&self.token)
            && !self.text.rsplit(' ').next().is_some_and(leads_on)
    }

    /// Gives the sentence.
    fn end_sentence(&mut self, each: &mut impl FnMut(Sentence<'_>)) {
        if self.text.is_empty() {
            return;
        }
        each(Sentence {
            text: &self.text,
            place: self.place,
            begins_paragraph: self.begins_paragraph,
            is_own_line: self.own_line,
            is_rest: self.is_rest,
        });
        self.text.clear();
        self.over = Over::No;
        self.is_rest = false;
        self.begins_paragraph = self.own_line;
        self.own_line = false;
    }
}
