//! What a text says that was not there before.
//!
//! A sentence is news as far as its words were rare until then: each different word counts by how seldom it was seen, names and
//! numbers double, over the number of words.

use super::counts::Counts;
use super::quotable::{Scored, best};
use super::sentences::sentences;
use super::words::each_word;

/// By how often a word was seen elsewhere.
const WEIGHTS: [f32; 3] = [1.0, 0.4, 0.2];

/// How much a name or a number counts.
const NAME: f32 = 2.0;

/// So many words more are taken to be in each sentence, or the shortest would be the newest.
const BASE: f32 = 8.0;

/// How new a sentence is, from 0 to some 2; `counts` is of all that was read, with the sentence.
pub fn novelty(counts: &Counts, sentence: &str) -> f32 {
    let mut slots: Vec<usize> = Vec::new();
    let (mut n_words, mut sum) = (0, 0.0);
    each_word(sentence, &mut |word| {
        n_words += 1;
        let slot = Counts::slot(word.text);
        if slots.contains(&slot) {
            return;
        }
        slots.push(slot);
        let is_name = n_words > 1 && word.text.starts_with(char::is_uppercase)
            || word.text.starts_with(|c: char| c.is_ascii_digit());
        let n_others = counts.of(slot).saturating_sub(1);
        let weight = WEIGHTS.get(n_others as usize).copied().unwrap_or(0.0);
        sum += weight * if is_name { NAME } else { 1.0 };
    });
    sum / (slots.len() as f32 + BASE)
}

/// The sentences of a text that share most with a question, at most `n`, the best first: a shared word counts by how seldom it was
/// seen, as `counts` has it.
pub fn relevant(counts: &Counts, text: &str, question: &str, n: usize) -> Vec<Scored> {
    let slots = |text: &str| {
        let mut slots: Vec<usize> = Vec::new();
        each_word(text, &mut |word| slots.push(Counts::slot(word.text)));
        slots.sort_unstable();
        slots.dedup();
        slots
    };
    let wanted = slots(question);
    let score = |sentence: &str| -> f32 {
        let shared = slots(sentence).into_iter().filter(|slot| wanted.binary_search(slot).is_ok());
        shared.map(|slot| 1.0 / (1.0 + counts.of(slot) as f32).sqrt()).sum()
    };
    let scored = sentences(text).into_iter().map(|range| Scored { score: score(&text[range.clone()]), range });
    best(scored.filter(|sentence| sentence.score > 0.0).collect(), n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_before_is_no_news() {
        let mut counts = Counts::default();
        let (miller, smith) =
            ("The miller went to the market on the hill.", "The smith of Norham found 312 silver coins.");
        counts.add(&[miller, smith].join(" "));
        let before = novelty(&counts, smith);
        assert!(before > novelty(&counts, miller));
        counts.add(smith);
        assert!(novelty(&counts, smith) < before && novelty(&counts, "") == 0.0);
    }

    #[test]
    fn rare_words_of_a_question_count_most() {
        let mut counts = Counts::default();
        counts.add("Twice it rained. Twice it was cold.");
        let text = "Twice the smith was paid. Twice the lighthouse was kept. It rained.";
        let found: Vec<&str> = relevant(&counts, text, "Who was the keeper of the lighthouse, twice?", 2)
            .into_iter()
            .map(|s| &text[s.range])
            .collect();
        assert_eq!(found, ["Twice the lighthouse was kept.", "Twice the smith was paid."]);
        assert!(relevant(&counts, text, "Where?", 2).is_empty());
    }
}
