//! What of notes has to do with a question.

use std::collections::{HashMap, HashSet};

use crate::text::stems::each_term;

use super::note::Note;

/// Of so many texts a word is at most in one, or it does not count.
const COMMON: u32 = 4;

/// How much the words of a question count: each by how seldom it is in the notes.
#[derive(Debug)]
pub(super) struct Relevance {
    weights: HashMap<String, f32>,
}

impl Relevance {
    /// Counts the words of a question in notes and their sentences of the document.
    pub(super) fn new(question: &str, notes: &[Note]) -> Self {
        let mut counts: HashMap<String, u32> = terms(question).into_iter().map(|term| (term, 0)).collect();
        let mut n_texts = 0;
        for note in notes {
            let details = note.details.iter().map(|detail| detail.text.as_str());
            for text in [note.text.as_str()].into_iter().chain(details) {
                n_texts += 1;
                for term in terms(text) {
                    counts.entry(term).and_modify(|count| *count += 1);
                }
            }
        }
        // what stands everywhere says nothing
        let most = (n_texts / COMMON).max(2);
        let weights = counts
            .into_iter()
            .filter(|&(_, n)| (1..=most).contains(&n))
            .map(|(term, n)| (term, 1.0 / (n as f32).sqrt()));
        Self { weights: weights.collect() }
    }

    /// How much a text has to do with the question, from 0.
    pub(super) fn score(&self, text: &str) -> f32 {
        let mut found: Vec<f32> = terms(text).iter().filter_map(|term| self.weights.get(term)).copied().collect();
        // the order of a set is not always the same, and sums depend on it
        found.sort_by(f32::total_cmp);
        found.into_iter().sum()
    }
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
    use super::super::note::Detail;
    use super::*;

    #[test]
    fn rare_words_of_the_question_count_most() {
        let detail = |text: &str| Detail { score: 0.0, text: text.into() };
        let details = vec![detail("The lighthouse was kept by Anne."), detail("The road was closed.")];
        let notes = [Note { text: "The smith was paid.".into(), details, tokens: 0..1, bytes: 0..1 }];
        let relevance = Relevance::new("Who was paid, and kept the lighthouse, the keeper?", &notes);
        let score = |text: &str| relevance.score(text);
        assert!(score("The lighthouse was kept by Anne.") > score("The road was closed."));
        assert!(score("Lighthouses") > score("Was it? It was."));
        assert_eq!((score("keeper"), score("")), (0.0, 0.0));
        assert!(score("kept kept") == score("kept") && score("kept") > 0.0);
        // all of them have these
        assert_eq!((score("was"), score("the")), (0.0, 0.0));
    }
}
