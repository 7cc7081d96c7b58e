//! How many notes there are, and how long they may be.

use crate::memory::layout::WindowSizes;

/// How many times as long a token takes that is written as one that is read. Measured on CPUs: 4 to 6; a fixed figure makes the same
/// input give the same notes on any machine.
pub const WRITE_COST: u32 = 6;

/// Tokens around a note that are read for it, about.
const AROUND: u32 = 120;

/// Tokens for sentences of the document and the note before, in what is asked.
pub const QUOTED: u32 = 160;

/// Fewest tokens of a note that says something.
pub(super) const LEAST: u32 = 32;

/// Which notes are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoteSizes {
    /// Tokens of the document for each note; `None` for what is in the cache at once.
    pub every: Option<u32>,
    /// Longest note in tokens; `None` for what a third of the time of reading allows.
    pub tokens: Option<u32>,
}

impl NoteSizes {
    /// Tokens of the document for each note, whole segments. Without a number that was asked for: as many as window and segment
    /// hold, but so many that the shortest note takes no more than a third of the time of reading them.
    pub fn every(self, sizes: WindowSizes) -> u32 {
        let segment = sizes.segment.max(1);
        let least = 3 * (AROUND + WRITE_COST * LEAST);
        let wanted = self.every.unwrap_or_else(|| {
            let visible = (sizes.window + segment) / segment * segment;
            visible.max(least.next_multiple_of(segment))
        });
        wanted.next_multiple_of(segment)
    }

    /// Longest note in tokens. Without a number that was asked for: what a third of the time of reading allows, at most 96.
    pub fn tokens(self, sizes: WindowSizes) -> u32 {
        let allowed = (self.every(sizes) / 3).saturating_sub(AROUND) / WRITE_COST;
        self.tokens.unwrap_or(allowed.clamp(LEAST, 96))
    }

    /// What notes may cost, if nobody asked for a number.
    pub fn bound(self) -> Option<Bound> {
        (self == Self::default()).then(Bound::default)
    }
}

/// A third of the time of reading, and what notes took of it. Times are counted in tokens that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bound {
    spent: u64,
}

impl Bound {
    /// Counts a note: so many tokens were read and written for it.
    pub fn spend(&mut self, read: usize, written: u32) {
        self.spent += read as u64 + u64::from(WRITE_COST * written);
    }

    /// Tokens that a note may have when so many of the document were read, and as many as `asked` for the note; `None` if that says nothing.
    pub fn left(self, read: u64, asked: usize) -> Option<u32> {
        let left = (read / 3).saturating_sub(self.spent + asked as u64) / u64::from(WRITE_COST);
        u32::try_from(left).ok().filter(|&left| left >= LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(window: u32, segment: u32) -> WindowSizes {
        WindowSizes { sinks: 4, retain: 0, window, segment }
    }

    #[test]
    fn notes_take_a_third_of_the_time_at_most() {
        for (window, segment) in [(1024, 512), (256, 256), (64, 32), (4096, 512), (1000, 300), (1, 1)] {
            let sizes = sizes(window, segment);
            let (every, tokens) = (NoteSizes::default().every(sizes), NoteSizes::default().tokens(sizes));
            assert!((AROUND + WRITE_COST * tokens) * 3 <= every, "{window} {segment}: {tokens} of {every}");
            assert_eq!(every % segment, 0);
        }
        assert_eq!(NoteSizes::default().every(sizes(1024, 512)), 1536);
    }

    #[test]
    fn the_last_note_has_what_is_left_of_the_third() {
        let mut bound = NoteSizes::default().bound().unwrap();
        // 600 less 100 asked are 83 to write
        assert_eq!(bound.left(1800, 100), Some(83));
        bound.spend(100, 50);
        // 600 less 400 and 20 are 30, which say nothing
        assert_eq!(bound.left(1800, 20), None);
        assert_eq!(bound.left(1860, 20), Some(LEAST + 1));
        assert_eq!(bound.left(0, 20), None);
        assert_eq!(NoteSizes { tokens: Some(96), ..NoteSizes::default() }.bound(), None);
    }

    #[test]
    fn what_is_asked_for_is_taken() {
        let asked = NoteSizes { every: Some(2000), tokens: Some(50) };
        assert_eq!((asked.every(sizes(1024, 512)), asked.tokens(sizes(1024, 512))), (2048, 50));
    }
}
