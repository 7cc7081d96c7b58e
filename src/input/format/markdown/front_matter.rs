//! What stands above the document: settings between two lines of dashes (YAML) or plus signs (TOML).

use std::borrow::Cow;
use std::mem;

/// Longest front matter, in bytes. What is longer is a document that begins with a rule.
const LONGEST: usize = 64 * 1024;

/// Longest name of a setting, in bytes. What is longer is a sentence with a colon.
const NAME: usize = 48;

/// Drops the front matter of a document.
#[derive(Debug, Default)]
pub(super) struct FrontMatter {
    held: String,
    /// Bytes of `held` that were looked at.
    seen: usize,
    /// There was a setting.
    named: bool,
    passed: bool,
}

impl FrontMatter {
    /// The part of `piece` that belongs to the document, with what was held back.
    pub fn push<'a>(&mut self, piece: &'a str) -> Cow<'a, str> {
        if self.passed {
            return Cow::Borrowed(piece);
        }
        self.held.push_str(piece);
        while let Some(length) = self.held[self.seen..].find('\n') {
            let line = self.held[self.seen..self.seen + length].trim_end();
            let opens = self.seen == 0;
            let yaml = self.fence() == "---";
            let closes = !opens && (line == self.fence() || (line == "..." && yaml));
            // a rule begins a document, too
            let settings = match Line::of(line) {
                _ if opens || !yaml => true,
                _ if closes => self.named,
                Line::Setting | Line::Comment => true,
                Line::Value => self.named,
                Line::Text => false,
            };
            self.named |= !opens && !closes && Line::of(line) == Line::Setting;
            self.seen += length + 1;
            if closes && settings {
                self.held.drain(..self.seen);
            }
            let none = (opens && !matches!(self.fence(), "---" | "+++")) || !settings;
            if closes || none || self.seen > LONGEST {
                return Cow::Owned(self.finish());
            }
        }
        if self.held.len() > LONGEST + piece.len() { Cow::Owned(self.finish()) } else { Cow::Borrowed("") }
    }

    /// What was held back, at the end of the document.
    pub fn finish(&mut self) -> String {
        self.passed = true;
        mem::take(&mut self.held)
    }

    /// The first line.
    fn fence(&self) -> &str {
        self.held.lines().next().unwrap_or_default().trim_end()
    }
}

/// What a line may be among YAML settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Setting,
    Comment,
    /// A value goes on, in lines that are indented or empty, or as a list.
    Value,
    Text,
}

impl Line {
    fn of(line: &str) -> Self {
        if line.starts_with('#') {
            return Self::Comment;
        }
        if line.is_empty() || line == "-" || line.starts_with([' ', '\t', '}', ']']) || line.starts_with("- ") {
            return Self::Value;
        }
        let Some((name, value)) = line.split_once(':') else { return Self::Text };
        let plain = |c: char| c.is_alphanumeric() || " _-./@$".contains(c);
        let named = name.starts_with(['"', '\'']) || name.chars().all(plain);
        let separated = value.is_empty() || value.starts_with([' ', '\t']);
        if named && separated && name.len() <= NAME { Self::Setting } else { Self::Text }
    }
}
