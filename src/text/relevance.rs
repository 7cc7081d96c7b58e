//! What has to do with a question: of texts that are all there ([`Relevance`]), and of a document while it is read ([`relevant`]).

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::counts::Counts;
use super::quotable::without_bullet;
use super::sentences::sentences;
use super::stems::each_term;
use super::words::each_word;

/// Of so many texts a word is at most in one, or it does not count.
const COMMON: u32 = 4;

/// Letters from which on a word that is no name says something, more or less.
const LONG: usize = 4;

/// A sentence of a text, and how much it has to do with a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The more, the better.
    pub score: f32,
    /// Bytes of the text.
    pub range: Range<usize>,
}

/// How much the words of a question count: each by how few of the texts have it.
#[derive(Debug)]
pub struct Relevance {
    /// Those that say something.
    words: HashSet<String>,
    /// Of those that are in the texts.
    weights: HashMap<String, f32>,
}

impl Relevance {
    /// Counts the words of a question in the texts.
    pub fn new<'a>(question: &str, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let words = telling(question);
        let mut counts: HashMap<&str, u32> = words.iter().map(|word| (word.as_str(), 0)).collect();
        let mut n_texts = 0;
        for text in texts {
            n_texts += 1;
            for term in terms(text) {
                if let Some(count) = counts.get_mut(term.as_str()) {
                    *count += 1;
                }
            }
        }
        // what stands everywhere says nothing
        let most = (n_texts / COMMON).max(2);
        let found = counts.into_iter().filter(|&(_, n)| (1..=most).contains(&n));
        let weights = found.map(|(word, n)| (word.to_owned(), 1.0 / (n as f32).sqrt())).collect();
        Self { words, weights }
    }

    /// How much a text has to do with the question, from 0.
    pub fn score(&self, text: &str) -> f32 {
        let mut found: Vec<f32> = terms(text).iter().filter_map(|term| self.weights.get(term)).copied().collect();
        // the order of a set is not always the same, and sums depend on it
        found.sort_by(f32::total_cmp);
        found.into_iter().sum()
    }

    /// The share of the question's words that a text has, of those that say something; 0 if none does.
    pub fn share(&self, text: &str) -> f32 {
        let n = terms(text).intersection(&self.words).count();
        n as f32 / self.words.len().max(1) as f32
    }
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
    let said =
        sentences(text).into_iter().map(|range| range.end - without_bullet(&text[range.clone()]).len()..range.end);
    let scored = said.map(|range| Scored { score: score(&text[range.clone()]), range });
    let mut scored: Vec<Scored> = scored.filter(|sentence| sentence.score > 0.0).collect();
    // of equals the earlier one
    scored.sort_by(|a, b| b.score.total_cmp(&a.score));
    scored.truncate(n);
    scored
}

/// The terms of a question without its short words, but for numbers, names, and words of other scripts.
fn telling(question: &str) -> HashSet<String> {
    let (mut found, mut is_first) = (HashSet::new(), true);
    each_word(question, &mut |word| {
        let is_name = !is_first && word.text.starts_with(char::is_uppercase);
        is_first = false;
        let is_short = word.text.len() < LONG && word.text.bytes().all(|byte| byte.is_ascii_alphabetic());
        if is_name || !is_short {
            found.extend(terms(word.text));
        }
    });
    found
}

fn terms(text: &str) -> HashSet<String> {
    let mut terms = HashSet::new();
    each_term(text, &mut |term| {
        terms.insert(term);
    });
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 3] =
        ["The smith was paid twice.", "Twice the lighthouse was kept by Ann.", "Twice it was closed."];

    #[test]
    fn rare_words_of_the_question_count_most() {
        let relevance = Relevance::new("Who was paid twice, and kept the lighthouse, the keeper?", TEXTS);
        let score = |text: &str| relevance.score(text);
        assert!(score(TEXTS[1]) > score(TEXTS[0]) && score(TEXTS[0]) > score(TEXTS[2]));
        assert!(score("kept kept") == score("kept") && score("kept") > 0.0);
        // all of them have it, none has it, it is too short
        assert_eq!(["twice", "keeper", "was", ""].map(score), [0.0; 4]);
    }

    #[test]
    fn short_words_count_only_as_names() {
        let share = |question: &str, text: &str| Relevance::new(question, TEXTS).share(text);
        assert_eq!(share("What is it about?", "It is."), 0.0);
        assert_eq!(share("Is it Ann who was paid?", TEXTS[1]), 0.5);
        assert_eq!((share("Who?", TEXTS[0]), share("", "")), (0.0, 0.0));
        assert_eq!(share("灯台", "灯台は"), 1.0);
    }

    #[test]
    fn rare_words_of_what_was_read_count_most() {
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
