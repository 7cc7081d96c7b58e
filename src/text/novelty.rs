//! What a text says that was not there before.
//!
//! A sentence is news as far as its words were rare until then: each different word counts by how seldom it was seen, names and
//! numbers double, over the number of words. In two invented documents of 128,000 tokens (`edgeinf sample`) 56 of 58 sentences with a
//! planted fact came first among those of their stretch of 6,000 bytes (the test below counts them).
//!
//! Words are counted in a table of fixed size, so two words may share a counter and look less new than they are.

use std::ops::Range;

use super::sentences::{is_whole, sentences};
use super::words::{each_word, folded};

/// Counters. A book of a million words has some twenty thousand different ones.
const SLOTS: usize = 1 << 17;

/// By how often a word was seen before.
const WEIGHTS: [f32; 3] = [1.0, 0.4, 0.2];

/// How much a name or a number counts.
const NAME: f32 = 2.0;

/// So many words more are taken to be in each sentence, or the shortest would be the newest.
const BASE: f32 = 8.0;

/// Words that a sentence has, or it is a heading or no sentence at all.
const LENGTHS: Range<usize> = 6..61;

/// Words seen so far.
#[derive(Debug, Clone)]
pub struct Novelty {
    seen: Vec<u8>,
}

/// A sentence with news.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// How new it is, from 0 to some 2.
    pub score: f32,
    /// Bytes of the text.
    pub range: Range<usize>,
}

impl Default for Novelty {
    fn default() -> Self {
        Self { seen: vec![0; SLOTS] }
    }
}

impl Novelty {
    /// The sentences of a text with the most news, at most `n`, the newest first. The text counts as seen afterwards.
    pub fn take(&mut self, text: &str, n: usize) -> Vec<News> {
        let sentences = sentences(text);
        let mut news: Vec<News> = sentences.into_iter().filter_map(|range| self.news(text, range)).collect();
        // of equals the earlier one
        news.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.range.start.cmp(&b.range.start)));
        news.truncate(n);
        each_word(text, &mut |word| {
            let count = &mut self.seen[slot(&folded(word.text))];
            *count = count.saturating_add(1);
        });
        news
    }

    /// The sentences of a text that share most with a question, at most `n`, the best first: a shared word counts by how seldom it was
    /// seen. The text counts as seen afterwards.
    pub fn relevant(&mut self, text: &str, question: &str, n: usize) -> Vec<News> {
        let mut wanted: Vec<usize> = Vec::new();
        each_word(question, &mut |word| wanted.push(slot(&folded(word.text))));
        wanted.sort_unstable();
        wanted.dedup();
        let mut found: Vec<News> = Vec::new();
        for range in sentences(text) {
            let mut shared: Vec<usize> = Vec::new();
            each_word(&text[range.clone()], &mut |word| shared.push(slot(&folded(word.text))));
            shared.sort_unstable();
            shared.dedup();
            let score: f32 = shared
                .iter()
                .filter(|slot| wanted.binary_search(slot).is_ok())
                .map(|&slot| 1.0 / (1.0 + f32::from(self.seen[slot])).sqrt())
                .sum();
            if score > 0.0 {
                found.push(News { score, range });
            }
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.range.start.cmp(&b.range.start)));
        found.truncate(n);
        self.take(text, 0);
        found
    }

    fn news(&self, text: &str, range: Range<usize>) -> Option<News> {
        let mut slots: Vec<usize> = Vec::new();
        let (mut n_words, mut sum) = (0, 0.0);
        each_word(&text[range.clone()], &mut |word| {
            n_words += 1;
            let slot = slot(&folded(word.text));
            if slots.contains(&slot) {
                return;
            }
            slots.push(slot);
            let is_name = n_words > 1 && word.text.starts_with(char::is_uppercase)
                || word.text.starts_with(|c: char| c.is_ascii_digit());
            let weight = WEIGHTS.get(usize::from(self.seen[slot])).copied().unwrap_or(0.0);
            sum += weight * if is_name { NAME } else { 1.0 };
        });
        let score = sum / (slots.len() as f32 + BASE);
        (LENGTHS.contains(&n_words) && is_prose(&text[range.clone()])).then_some(News { score, range })
    }
}

/// Whether a text ends as a sentence does, and is neither an item of a list nor written as a heading is.
fn is_prose(sentence: &str) -> bool {
    let small = sentence.split_whitespace().filter(|word| word.starts_with(char::is_lowercase)).count();
    // a script without capitals has no small letters either, whatever foreign word stands in it
    let n_letters = sentence.chars().filter(|c| c.is_alphabetic()).count();
    let has_case = 2 * sentence.chars().filter(|c| c.is_uppercase() || c.is_lowercase()).count() > n_letters;
    is_whole(sentence)
        && !sentence.starts_with(['-', '*', '•', '#', '|'])
        && (!has_case || 3 * small >= sentence.split_whitespace().count())
}

/// Where a word is counted (FNV-1a).
fn slot(word: &str) -> usize {
    let hash = word
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash ^ (hash >> 32)) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Sample;

    #[test]
    fn what_was_said_before_is_no_news() {
        let mut novelty = Novelty::default();
        let text = "The miller went to the market on the hill. The smith of Norham found 312 silver coins. Short one.";
        let news = novelty.take(text, 5);
        let said: Vec<&str> = news.iter().map(|news| &text[news.range.clone()]).collect();
        assert_eq!(said, ["The smith of Norham found 312 silver coins.", "The miller went to the market on the hill."]);
        assert!(news[0].score > news[1].score);
        let again = novelty.take(text, 1);
        assert!(again[0].score < news[0].score);
        assert!(novelty.take("", 3).is_empty() && novelty.take("\u{fffd} \n", 3).is_empty());
    }

    #[test]
    fn planted_facts_are_the_newest_sentences() {
        let (mut n, mut first, mut three) = (0, 0, 0);
        for seed in [77, 78] {
            let mut document = Vec::new();
            let facts = Sample::new(128_000, seed).unwrap().write(&mut document).unwrap();
            let document = String::from_utf8(document).unwrap();
            let mut novelty = Novelty::default();
            let mut begin = 0;
            // a sample is ASCII
            for end in (6000..document.len()).step_by(6000).chain([document.len()]) {
                let text = &document[begin..end];
                let news = novelty.take(text, 3);
                let says = |news: &[News], answer: &str| news.iter().any(|n| text[n.range.clone()].contains(answer));
                // a fact that is cut in two is found in neither
                for fact in facts.iter().filter(|fact| text.contains(&fact.sentence)) {
                    n += 1;
                    first += usize::from(says(&news[..1], &fact.answer));
                    three += usize::from(says(&news, &fact.answer));
                }
                begin = end;
            }
        }
        assert!(first * 10 >= n * 8 && three * 10 >= n * 9, "{first} and {three} of {n}");
    }
}
