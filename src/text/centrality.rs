//! How much of what a sentence says is what its document speaks of.
//!
//! As in SumBasic (Nenkova and Vanderwende, 2005) a word counts by its frequency, here by the root of how often it was seen so far. Short
//! words are left out instead of a list of stop words, which would be of one language.

use super::counts::Counts;
use super::words::each_word;

/// Letters from which on a word says what a sentence is about, more or less.
const LONG: usize = 4;

/// So many words more are taken to be in each sentence, or the shortest would be the most central.
const BASE: f32 = 4.0;

/// How central a sentence is, from 0; `counts` is of all that was read, with the sentence.
pub fn centrality(counts: &Counts, sentence: &str) -> f32 {
    let mut slots: Vec<usize> = Vec::new();
    each_word(sentence, &mut |word| {
        if !is_short(word.text) {
            slots.push(Counts::slot(word.text));
        }
    });
    slots.sort_unstable();
    slots.dedup();
    let sum: f32 = slots.iter().map(|&slot| (counts.of(slot) as f32).sqrt()).sum();
    sum / (slots.len() as f32 + BASE)
}

/// Whether a word is one of the short ones, of which most say how others belong together. A script without capitals has no long words.
fn is_short(word: &str) -> bool {
    word.chars().count() < LONG && word.chars().all(|c| c.is_lowercase() || c.is_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spoken_of_often_is_central() {
        let harbour = "The harbour of Brell was dredged by the company.";
        let cat = "A cat sat in the sun by the door.";
        let mut counts = Counts::default();
        counts.add(&format!("{harbour} {cat} The company owed money for the harbour of Brell."));
        assert!(centrality(&counts, harbour) > centrality(&counts, cat));
        counts.add("Door! Door! Door! Door! Door! Door! Door! Door! Door! Door! Door! Door! Door! Door! Door! Door!");
        assert!(centrality(&counts, cat) > centrality(&counts, harbour));
        assert_eq!(centrality(&counts, "So it is."), 0.0);
    }

    #[test]
    fn short_words_are_those_of_scripts_with_capitals() {
        for (word, is) in [("with", false), ("the", true), ("не", true), ("灯", false), ("1842", false), ("12", false)]
        {
            assert_eq!(is_short(word), is, "{word}");
        }
    }
}
