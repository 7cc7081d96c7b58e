//! How often words were seen.
//!
//! The table has a fixed size, whatever is read, so two words may share a counter and look more frequent than they are.

use super::words::{each_word, folded};

/// Counters. A book of a million words has some twenty thousand different ones.
const SLOTS: usize = 1 << 17;

/// How often words were seen so far.
#[derive(Debug, Clone)]
pub struct Counts {
    seen: Vec<u32>,
}

impl Default for Counts {
    fn default() -> Self {
        Self { seen: vec![0; SLOTS] }
    }
}

impl Counts {
    /// Counts the words of a text as seen.
    pub fn add(&mut self, text: &str) {
        each_word(text, &mut |word| {
            let count = &mut self.seen[Self::slot(word.text)];
            *count = count.saturating_add(1);
        });
    }

    /// How often the words of a counter were seen.
    pub fn of(&self, slot: usize) -> u32 {
        self.seen[slot]
    }

    /// The counter of a word, whatever its case (FNV-1a).
    pub fn slot(word: &str) -> usize {
        let hash = folded(word)
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        (hash ^ (hash >> 32)) as usize % SLOTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_whatever_their_case() {
        let mut counts = Counts::default();
        counts.add("The miller, the smith, THE mare.");
        let of = |word: &str| counts.of(Counts::slot(word));
        assert_eq!((of("the"), of("Smith"), of("king")), (3, 1, 0));
    }
}
