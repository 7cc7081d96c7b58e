//! Lines out of pieces.

use super::convert::LIMIT;

/// Puts lines together. They end with a line feed, a carriage return, or both.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: String,
    after_return: bool,
    /// Lines that were given.
    count: u64,
}

/// A line of more than [`LIMIT`] bytes; its number, from 1.
#[derive(Debug)]
pub(super) struct LongLine(pub u64);

impl Lines {
    /// Calls `each` for the lines that `piece` completes.
    pub fn push<E: From<LongLine>>(
        &mut self,
        piece: &str,
        mut each: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = piece;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_return)
                && let Some(after) = rest.strip_prefix('\n')
            {
                rest = after;
                continue;
            }
            let end = rest.find(['\n', '\r']);
            self.partial.push_str(&rest[..end.unwrap_or(rest.len())]);
            if self.partial.len() > LIMIT {
                return Err(LongLine(self.count + 1).into());
            }
            let Some(end) = end else { break };
            self.after_return = rest.as_bytes().get(end) == Some(&b'\r');
            self.count += 1;
            each(&self.partial)?;
            self.partial.clear();
            rest = &rest[end + 1..];
        }
        Ok(())
    }

    /// The last line, if it has no end.
    pub fn finish(&mut self) -> Option<String> {
        let last = std::mem::take(&mut self.partial);
        (!last.is_empty()).then_some(last)
    }
}
