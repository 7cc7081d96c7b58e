//! Scores of a summary: against a reference, against its document, and by itself.

mod facts;
mod repetition;
mod rouge;
mod similarity;

pub use facts::{DECILES, Fact, coverage, says};
pub use repetition::{compression, repetition};
pub use rouge::{RougeError, rouge};
pub use similarity::similarity;

use serde::{Deserialize, Serialize};

use crate::text::support::{Support, Supported};

/// What a summary is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// F-measure of words shared with the reference; see [`rouge()`].
    pub rouge1: f64,
    /// The same for two words in a row.
    pub rouge2: f64,
    /// The same for the longest common sequence.
    pub rouge_l: f64,
    /// Cosine of its embedding and that of the reference; `None` without a model for that. See [`similarity()`].
    #[serde(default)]
    pub similarity: Option<f64>,
    /// Share of the facts that it has; `None` without facts. See [`coverage`].
    pub coverage: Option<f64>,
    /// The same by tenths of the document; `None` without facts, and for a tenth that has none.
    pub coverage_by_decile: Option<[Option<f64>; DECILES]>,
    /// Share of its runs of four words that it had before; see [`repetition()`].
    pub repetition: f64,
    /// Its words by those of the document; see [`compression`].
    pub compression: f64,
    /// Different names and numbers in it; see [`Support`].
    pub names_and_numbers: u32,
    /// Those that the document does not have.
    pub unsupported: u32,
    /// Their share; `None` where there is no name and no number.
    pub unsupported_share: Option<f64>,
}

/// Scores a summary whose document comes in pieces.
#[derive(Debug)]
pub struct Scorer<'a> {
    summary: &'a str,
    support: Support,
}

impl<'a> Scorer<'a> {
    /// Begins with a summary.
    pub fn new(summary: &'a str) -> Self {
        Self { summary, support: Support::new(summary) }
    }

    /// Reads the next piece of the document; it may begin and end within a word.
    pub fn read(&mut self, piece: &str) {
        self.support.read(piece);
    }

    /// The scores that need no model, and the names and numbers that the document does not have. `facts` may be empty.
    ///
    /// # Errors
    /// [`RougeError`].
    pub fn finish(self, reference: &str, facts: &[Fact]) -> Result<(Scores, Vec<String>), RougeError> {
        let rouge = rouge(reference, self.summary)?;
        let coverage = coverage(facts, self.summary);
        let Supported { named, unsupported, document_words } = self.support.finish();
        let missing = u32::try_from(unsupported.len()).unwrap_or(u32::MAX);
        let scores = Scores {
            rouge1: rouge.one,
            rouge2: rouge.two,
            rouge_l: rouge.longest,
            similarity: None,
            coverage: coverage.all,
            coverage_by_decile: coverage.all.map(|_| coverage.by_decile),
            repetition: repetition(self.summary),
            compression: compression(self.summary, document_words),
            names_and_numbers: named,
            unsupported: missing,
            unsupported_share: (named > 0).then(|| f64::from(missing) / f64::from(named)),
        };
        Ok((scores, unsupported))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn score(document: &str, reference: &str, summary: &str, facts: &[Fact]) -> Result<Scores, RougeError> {
        let mut scorer = Scorer::new(summary);
        scorer.read(document);
        scorer.finish(reference, facts).map(|(scores, _)| scores)
    }

    const DOCUMENT: &str = "The harbour of Brell was opened in 1842. Its keeper, Ottoline Burncroft, had 8,473 pounds.";

    fn facts() -> Vec<Fact> {
        let fact = |value: &str, depth| Fact { key: None, value: value.into(), depth };
        vec![fact("1842", 0.3), fact("Ottoline Burncroft", 0.6), fact("8,473 pounds", 0.9)]
    }

    #[test]
    fn all_scores_by_hand() {
        let summary = "In 1842 the harbour of Kent was opened.";
        let found = score(DOCUMENT, "The harbour of Brell was opened in 1842.", summary, &facts()).unwrap();
        let mut by_decile = [None; DECILES];
        (by_decile[3], by_decile[6], by_decile[9]) = (Some(1.0), Some(0.0), Some(0.0));
        let expected = Scores {
            // 7 of 8 words
            rouge1: 0.875,
            // the harbour, harbour of, was opened, in 1842: 4 of 7
            rouge2: 4.0 / 7.0,
            // the harbour of was opened: 5 of 8
            rouge_l: 0.625,
            similarity: None,
            coverage: Some(1.0 / 3.0),
            coverage_by_decile: Some(by_decile),
            repetition: 0.0,
            compression: 8.0 / 15.0,
            // 1842 and Kent
            names_and_numbers: 2,
            unsupported: 1,
            unsupported_share: Some(0.5),
        };
        assert!((found.rouge2 - expected.rouge2).abs() < 1e-12);
        assert_eq!(Scores { rouge2: expected.rouge2, ..found }, expected);
    }

    #[test]
    fn what_is_not_known_is_null() {
        let found = score("!", "", "", &[]).unwrap();
        assert_eq!((found.coverage, found.coverage_by_decile, found.unsupported_share), (None, None, None));
        assert_eq!((found.compression, found.repetition, found.rouge1), (0.0, 0.0, 0.0));
        let json = serde_json::to_value(&found).unwrap();
        assert!(json["coverage"].is_null() && json["unsupported_share"].is_null(), "{json}");
    }

    #[test]
    fn unsupported_ones_are_named() {
        let mut scorer = Scorer::new("Here Ottoline Bancroft of Brell had 8473 in 1843.");
        let (begin, end) = DOCUMENT.split_at(60);
        scorer.read(begin);
        scorer.read(end);
        let (scores, unsupported) = scorer.finish("", &facts()).unwrap();
        assert_eq!(unsupported, ["Bancroft", "1843"]);
        assert_eq!((scores.names_and_numbers, scores.unsupported), (5, 2));
    }

    proptest! {
        #[test]
        fn any_text_has_scores_that_survive_json(document in "\\PC{0,60}", reference in "\\PC{0,40}", summary in "\\PC{0,60}") {
            let found = score(&document, &reference, &summary, &facts()).unwrap();
            let json = serde_json::to_value(&found).unwrap();
            prop_assert_eq!(serde_json::from_value::<Scores>(json).unwrap(), found);
        }

        #[test]
        fn a_summary_that_is_all_else_is_perfect(words in proptest::collection::vec("[A-Z]?[a-z]{1,6}|[0-9]{1,4}", 2..30)) {
            let text = words.join(" ");
            let found = score(&text, &text, &text, &[]).unwrap();
            prop_assert_eq!((found.rouge1, found.rouge2, found.rouge_l), (1.0, 1.0, 1.0));
            prop_assert_eq!((found.unsupported, found.compression), (0, 1.0));
        }
    }
}
