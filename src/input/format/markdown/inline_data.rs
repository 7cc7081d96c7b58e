//! Images that are spelled out in an address, which may be megabytes long.

use std::mem;

/// What comes before such data.
const MARK: &str = ";base64,";

/// Shortest data that is dropped, in bytes. What is shorter may be words, and costs little.
const SHORTEST: usize = 64;

/// Drops the data behind `;base64,`.
#[derive(Debug, Default)]
pub(super) struct InlineData {
    /// Characters of [`MARK`] that were just seen.
    matched: usize,
    /// The begin of what may be data.
    run: String,
}

impl InlineData {
    /// Appends to `kept` what is no data in `text`, the next part of the document.
    pub fn push(&mut self, text: &str, kept: &mut String) {
        for c in text.chars() {
            if self.matched == MARK.len() {
                if c.is_ascii_alphanumeric() || "+/=_-%".contains(c) {
                    if self.run.len() < SHORTEST {
                        self.run.push(c);
                    }
                    continue;
                }
                kept.push_str(&self.finish());
            }
            let expected = MARK[self.matched..].starts_with(c);
            self.matched = if expected { self.matched + 1 } else { usize::from(MARK.starts_with(c)) };
            kept.push(c);
        }
    }

    /// What was too short for data, where it ends.
    pub fn finish(&mut self) -> String {
        self.matched = 0;
        let run = mem::take(&mut self.run);
        if run.len() < SHORTEST { run } else { String::new() }
    }
}
