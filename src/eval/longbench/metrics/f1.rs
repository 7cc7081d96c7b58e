//! F1 over the words of an answer, whatever their order.

use std::collections::HashMap;

use super::f_measure;

/// Words that do not count.
const ARTICLES: [&str; 3] = ["a", "an", "the"];

/// F1 of a prediction's words against an answer's; a word counts as often as it is there.
pub fn score(prediction: &str, answer: &str) -> f64 {
    let (prediction, answer) = (normalized(prediction), normalized(answer));
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in answer.split_whitespace() {
        *left.entry(word).or_default() += 1;
    }
    let mut same = 0;
    for word in prediction.split_whitespace() {
        if let Some(count) = left.get_mut(word).filter(|count| **count > 0) {
            *count -= 1;
            same += 1;
        }
    }
    f_measure(same, prediction.split_whitespace().count(), answer.split_whitespace().count())
}

/// In lower case, without ASCII punctuation, and then without articles; a dash or quotation mark beyond ASCII stays, and ends a
/// word only for the sake of an article.
fn normalized(text: &str) -> String {
    let bare: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    let mut kept = String::with_capacity(bare.len());
    // a word with the character after it
    for piece in bare.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
        kept.push_str(if ARTICLES.contains(&word) { " " } else { word });
        kept.push_str(&piece[word.len()..]);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_compared_without_case_punctuation_and_articles() {
        let words = |text| normalized(text).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words("The  U.S. (an ally), A.I. and\tthem"), ["us", "ally", "ai", "and", "them"]);
        // punctuation goes first: what it parted becomes a word, and an article that it made is one
        assert_eq!(words("well-known t.h.e end"), ["wellknown", "end"]);
        assert_eq!(words("the\u{2013}end \u{201c}a\u{201d}"), ["\u{2013}end", "\u{201c}", "\u{201d}"]);
        assert_eq!(words("the, a. an!"), Vec::<String>::new());
    }

    #[test]
    fn scores_are_those_computed_by_hand() {
        for (prediction, answer, expected) in [
            ("The cat!", "a cat", 1.0),
            // precision 2/3, recall 2/2
            ("cat sat on", "sat, cat", 0.8),
            // a word once right is right once: precision 1/2, recall 1/1
            ("no no", "no", 2.0 / 3.0),
            // precision 1/4, recall 1/2
            ("it was in Paris", "Paris, France", 1.0 / 3.0),
            ("yes", "no", 0.0),
            ("", "no", 0.0),
            ("the", "the", 0.0),
        ] {
            assert!(
                (score(prediction, answer) - expected).abs() < 1e-12,
                "{prediction}: {}",
                score(prediction, answer)
            );
        }
    }

    proptest! {
        #[test]
        fn order_and_side_do_not_matter(mut words in prop::collection::vec("[a-c]{1,2}", 1..9), other in "[a-c ]{0,12}") {
            let text = words.join(" ");
            words.reverse();
            let turned = words.join(", ");
            prop_assert_eq!(score(&text, &other), score(&turned, &other));
            prop_assert_eq!(score(&text, &other), score(&other, &text));
            prop_assert_eq!(score(&text, &turned), if words.iter().all(|w| w == "a") { 0.0 } else { 1.0 });
        }
    }
}
