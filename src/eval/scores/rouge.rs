//! ROUGE: words that a summary shares with a reference.

use rougers::{Error, RougeScorer, RougeType};

/// ROUGE cannot be computed; only a wrong build has this.
#[derive(Debug, thiserror::Error)]
#[error("ROUGE cannot be computed: {0}; build the program again with its own Cargo.lock")]
pub struct RougeError(#[from] Error);

/// F-measures from 0 to 1: the harmonic mean of precision and recall.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rouge {
    /// Of single words (ROUGE-1).
    pub one: f64,
    /// Of two words in a row (ROUGE-2).
    pub two: f64,
    /// Of the longest sequence of words that both have in this order, with gaps, over the whole texts (ROUGE-L, not ROUGE-Lsum).
    pub longest: f64,
}

/// Compares a summary with a reference as Python's `rouge-score` does with `use_stemmer=True`.
///
/// Texts are put in lower case and split at everything but the letters a to z and digits: `O'Neil` is two words, and so is `Größe`;
/// a text in another alphabet has no words, and 0. Words of more than three letters are stemmed after Porter (`harbours` and
/// `harbour` are the same) with the changes of NLTK. Texts without a word, and for ROUGE-2 of a single one, give 0.
///
/// # Errors
/// [`RougeError`].
pub fn rouge(reference: &str, summary: &str) -> Result<Rouge, RougeError> {
    let scores = RougeScorer::new(["rouge1", "rouge2", "rougeL"], true)?.score(reference, summary);
    let of = |kind: RougeType| match scores.get(kind) {
        Some(score) => Ok(score.fmeasure),
        None => Err(Error::InvalidRougeType(kind.to_string())),
    };
    Ok(Rouge { one: of(RougeType::N(1))?, two: of(RougeType::N(2))?, longest: of(RougeType::L)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn close(reference: &str, summary: &str, [one, two, longest]: [f64; 3]) {
        let found = rouge(reference, summary).unwrap();
        for (found, expected) in [(found.one, one), (found.two, two), (found.longest, longest)] {
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
    }

    #[test]
    fn scores_by_hand() {
        // of 6 and 7 words 5, of 5 and 6 pairs 3, and "the cat on the mat" in this order
        let (pairs, words) = (2.0 * 3.0 / 11.0, 2.0 * 5.0 / 13.0);
        close("The cat sat on the mat.", "the CAT was sitting on the mat", [words, pairs, words]);
        // the longest sequence is "aa bb" or "cc dd"
        close("aa bb cc dd", "cc dd aa bb", [1.0, 2.0 / 3.0, 0.5]);
        close("harbours opened quickly", "harbour opening quick", [2.0 / 3.0, 0.5, 2.0 / 3.0]);
        close("one two", "three four", [0.0, 0.0, 0.0]);
    }

    #[test]
    fn what_has_no_words_gives_nothing() {
        close("", "a text", [0.0, 0.0, 0.0]);
        close("Гулливер", "Гулливер", [0.0, 0.0, 0.0]);
        close("word", "word", [1.0, 0.0, 1.0]);
        close("“Größe” — O’Neil…", "\"Gr e\" o neil", [1.0, 1.0, 1.0]);
    }

    proptest! {
        #[test]
        fn a_text_is_like_itself(text in "[a-zA-Z0-9]{1,8}([ ,.’—]{1,2}[a-zäß0-9]{0,3}[a-z]{1,5}){1,20}", other in "\\PC{0,40}") {
            let itself = rouge(&text, &text).unwrap();
            prop_assert_eq!(itself, Rouge { one: 1.0, two: 1.0, longest: 1.0 });
            let (there, back) = (rouge(&text, &other).unwrap(), rouge(&other, &text).unwrap());
            for (a, b) in [(there.one, back.one), (there.two, back.two), (there.longest, back.longest)] {
                prop_assert!((0.0..=1.0).contains(&a) && (a - b).abs() < 1e-12);
            }
        }
    }
}
