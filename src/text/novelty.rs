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
    use crate::sample::Sample;
    use crate::text::quotable::is_quotable;
    use crate::text::sentences::sentences;
    use crate::text::words::n_words;

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
        let (mut n, mut first, mut three) = (0, 0, 0);
        for seed in [77, 78] {
            let mut document = Vec::new();
            let facts = Sample::new(128_000, seed).unwrap().write(&mut document).unwrap();
            let document = String::from_utf8(document).unwrap();
            let mut counts = Counts::default();
            let mut begin = 0;
            // a sample is ASCII
            for end in (6000..document.len()).step_by(6000).chain([document.len()]) {
                let text = &document[begin..end];
                counts.add(text);
                let mut newest: Vec<&str> = sentences(text)
                    .into_iter()
                    .map(|range| &text[range])
                    .filter(|sentence| is_quotable(sentence, n_words(sentence)))
                    .collect();
                newest.sort_by(|a, b| novelty(&counts, b).total_cmp(&novelty(&counts, a)));
                let says = |n: usize, answer: &str| newest.iter().take(n).any(|sentence| sentence.contains(answer));
                // a fact that is cut in two is found in neither
                for fact in facts.iter().filter(|fact| text.contains(&fact.sentence)) {
                    n += 1;
                    first += usize::from(says(1, &fact.answer));
                    three += usize::from(says(3, &fact.answer));
                }
                begin = end;
            }
        }
        assert!(first * 10 >= n * 8 && three * 10 >= n * 9, "{first} and {three} of {n}");
    }
}
