//! Images that are spelled out in an address, which may be megabytes long.

/// What comes before such data.
const MARK: &str = ";base64,";

/// Drops the data behind `;base64,`.
#[derive(Debug, Default)]
pub(super) struct InlineData {
    /// Characters of [`MARK`] that were just seen.
    matched: usize,
}

impl InlineData {
    /// Whether `c`, the next character of the document, is no data.
    pub fn keeps(&mut self, c: char) -> bool {
        if self.matched == MARK.len() {
            if c.is_ascii_alphanumeric() || "+/=_-%".contains(c) {
                return false;
            }
            self.matched = 0;
        }
        let expected = MARK[self.matched..].starts_with(c);
        self.matched = if expected { self.matched + 1 } else { usize::from(MARK.starts_with(c)) };
        true
    }
}
