//! The best passages for a sentence.

use serde::{Deserialize, Serialize};

use crate::text::split::Place;

/// A part of a document: a sentence, or two in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// Its text, with a single space for white space of any length.
    pub text: String,
    /// First and last line; the first line of the document is 1.
    pub lines: [u64; 2],
    /// Characters (not bytes) of the document before it, and up to its end.
    pub characters: [u64; 2],
}

/// A passage that may support a sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// How well it does, from 0 to 1.
    pub score: f64,
    /// The passage.
    pub passage: Passage,
}

/// The best passages for a sentence, best first; no two of them overlap.
#[derive(Debug, Default)]
pub(super) struct Best {
    /// The passages.
    pub candidates: Vec<Candidate>,
}

impl Best {
    /// Takes a passage if it is among the `n` best. Of equals the earlier one stays.
    pub(super) fn offer(&mut self, n: usize, score: f64, place: Place, text: impl FnOnce() -> String) {
        let [from, to] = place.characters;
        let overlaps = |other: &Candidate| {
            let [start, end] = other.passage.characters;
            from < end && start < to
        };
        let is_beaten = self.candidates.iter().any(|other| overlaps(other) && other.score >= score);
        let at = self.candidates.partition_point(|other| other.score >= score);
        if is_beaten || at >= n {
            return;
        }
        let passage = Passage { text: text(), lines: place.lines, characters: place.characters };
        // all that overlap are worse, so they stand behind it
        self.candidates.retain(|other| !overlaps(other));
        self.candidates.insert(at, Candidate { score, passage });
        self.candidates.truncate(n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_stay_and_none_overlap() {
        let mut best = Best::default();
        for (score, from, to) in
            [(0.5, 0, 10), (0.5, 20, 30), (0.4, 5, 25), (0.7, 25, 40), (0.6, 50, 60), (0.6, 70, 80), (0.1, 90, 99)]
        {
            best.offer(3, score, Place { lines: [1, 1], characters: [from, to] }, String::new);
        }
        let found: Vec<u64> = best.candidates.iter().map(|candidate| candidate.passage.characters[0]).collect();
        assert_eq!(found, [25, 50, 70]);
    }
}
