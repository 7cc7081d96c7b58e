//! How much a summary repeats itself, and how much shorter than its document it is.

use std::collections::HashSet;

use crate::text::words::{each_word, folded};

/// Words that are looked at together.
const GRAM: usize = 4;

/// Share of the runs of four words which occurred before in the text: all runs less the different ones, by all runs. Case and the signs
/// between words make no difference. A text of less than four words has no run, and 0.
pub fn repetition(summary: &str) -> f64 {
    let mut words = Vec::new();
    each_word(summary, &mut |word| words.push(folded(word.text)));
    let grams = || words.windows(GRAM);
    let all = grams().count();
    if all == 0 {
        return 0.0;
    }
    (all - grams().collect::<HashSet<_>>().len()) as f64 / all as f64
}

/// Words of the summary by words of its document, as `words.rs` has them: 0.01 is a hundredth. A document without a word gives 0.
pub fn compression(summary: &str, document_words: u64) -> f64 {
    if document_words == 0 {
        return 0.0;
    }
    let mut words = 0_u64;
    each_word(summary, &mut |_| words += 1);
    words as f64 / document_words as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repetition_by_hand() {
        for (text, expected) in [
            ("", 0.0),
            ("One two three", 0.0),
            ("One two three four", 0.0),
            // 6 runs, of which the last is the first
            ("The mayor of Brell saw “the Mayor of\nBRELL”.", 1.0 / 6.0),
            // 7 runs, one of them new
            ("no no no no no no no no no no", 6.0 / 7.0),
            ("One two three four five six", 0.0),
        ] {
            assert_eq!(repetition(text), expected, "{text}");
        }
    }

    #[test]
    fn compression_by_hand() {
        assert_eq!(compression("Two words, “O’Neil’s” 8,473.", 16), 0.25);
        assert_eq!(compression("", 16), 0.0);
        assert_eq!(compression("a", 0), 0.0);
    }

    proptest! {
        #[test]
        fn a_doubled_text_repeats_itself(n in 4_usize..40, tail in 0_usize..3) {
            let words: Vec<String> = (0..n).map(|i| format!("w{i}")).collect();
            let text = words.join(" ");
            prop_assert_eq!(repetition(&text), 0.0);
            // n - 3 runs of the second copy are those of the first; the others cross the border or are new
            let doubled = format!("{text}. {text} {}", ["", "x", "x y"][tail]);
            prop_assert_eq!(repetition(&doubled), (n - 3) as f64 / (2 * n - 3 + tail) as f64);
        }

        #[test]
        fn it_is_a_share(text in "[ab ]{0,60}", other in "\\PC{0,30}") {
            for text in [&text, &other] {
                prop_assert!((0.0..1.0).contains(&repetition(text)));
            }
        }
    }
}
