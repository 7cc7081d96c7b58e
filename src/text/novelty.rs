//! What a text says that was not there before.
//!
//! A sentence is news as far as its words were rare until then: each different word counts by how seldom it was seen, names and
//! numbers double, over the number of words.

use super::counts::Counts;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::planted;
    use crate::text::quotable::quotable;

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
    fn planted_facts_are_the_newest_sentences() {
        planted::assert_found(&mut |counts, text| {
            counts.add(text);
            let mut newest: Vec<&str> = quotable(text).into_iter().map(|found| &text[found.range]).collect();
            newest.sort_by(|a, b| novelty(counts, b).total_cmp(&novelty(counts, a)));
            newest.into_iter().map(str::to_owned).collect()
        });
    }
}
