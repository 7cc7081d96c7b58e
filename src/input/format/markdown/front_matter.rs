//! What stands above the document: settings between two lines of dashes (YAML) or plus signs (TOML).

use std::borrow::Cow;
use std::mem;

/// Longest front matter, in bytes. What is longer is a document that begins with a rule.
const LONGEST: usize = 64 * 1024;

/// Drops the front matter of a document.
#[derive(Debug, Default)]
pub(super) struct FrontMatter {
    held: String,
    /// Bytes of `held` that were looked at.
    seen: usize,
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
            let closes = !opens && (line == self.fence() || (line == "..." && self.fence() == "---"));
            self.seen += length + 1;
            if closes {
                self.held.drain(..self.seen);
            }
            if closes || (opens && !matches!(self.fence(), "---" | "+++")) || self.seen > LONGEST {
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
