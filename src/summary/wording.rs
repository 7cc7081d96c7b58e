//! Whether a sentence says in other words what another one says.

use std::collections::HashSet;

use crate::text::words::{each_word, folded};

/// A sentence counts as said before if so many of a hundred of its words are those of an earlier one,
pub(super) const SAME: usize = 80;

/// if these are so many of a hundred of the other's, and if the other has its names and numbers.
const BACK: usize = 50;

/// A sentence that has so many words in a row twice repeats itself.
const TWICE: usize = 6;

/// What an instruction asks, one by one.
pub(super) fn clauses(instruction: &str) -> impl Iterator<Item = &str> {
    instruction.split(['.', ':', ';', '\n']).filter(|clause| clause.split_whitespace().count() > 2)
}

/// The words of a sentence, folded.
pub(super) struct Words {
    /// Different ones, sorted.
    pub all: Vec<String>,
    /// Those with a digit, and those that begin with a capital within the sentence.
    pub telling: Vec<String>,
    /// How many there are.
    pub n: usize,
    /// Whether some of them come twice in a row.
    pub repeats_itself: bool,
}

impl Words {
    pub fn of(sentence: &str) -> Self {
        let (mut all, mut telling) = (Vec::new(), Vec::new());
        each_word(sentence, &mut |word| {
            let is_name = !all.is_empty() && word.text.starts_with(char::is_uppercase);
            all.push(folded(word.text));
            if is_name || word.text.contains(|c: char| c.is_ascii_digit()) {
                telling.push(folded(word.text));
            }
        });
        let n = all.len();
        let mut runs = HashSet::new();
        let repeats_itself = !all.windows(TWICE).all(|run| runs.insert(run));
        all.sort_unstable();
        all.dedup();
        Self { all, telling, n, repeats_itself }
    }

    /// Whether they say what a sentence with the words `other` says.
    pub fn repeat(&self, other: &[String]) -> bool {
        let is_there = |word: &String| other.binary_search(word).is_ok();
        let shared = self.all.iter().filter(|word| is_there(word)).count();
        // three words can be the same by chance
        shared * 100 >= self.all.len().max(4) * SAME
            && shared * 100 >= other.len() * BACK
            && self.telling.iter().all(is_there)
    }
}
