//! ROUGE-L as the Python package `rouge` 1.0.1 computes it, which LongBench takes its numbers from.
//!
//! It is not the ROUGE-L of most tools. Sentences end at each `.`, abbreviations and numbers included; words are what stands
//! between white space, in their case, with their other punctuation, and without stemming. Each sentence of one text is
//! compared with each of the other, and every *different* word in one of the longest common subsequences counts once, as do
//! the different words of each text. So scores are often much higher than those of Google's `rouge-score`, and must not be
//! compared with them. A sentence of nothing but white space is one empty word.
//!
//! Left out is the 1e-8 that the package adds to a denominator, and its end by too deep a recursion where two sentences have
//! about a thousand words, which LongBench counts as 0.

use std::collections::HashSet;

use super::f_measure;

/// The F measure of ROUGE-L of a prediction against an answer.
pub fn score(prediction: &str, answer: &str) -> f64 {
    let (prediction, answer) = (sentences(prediction), sentences(answer));
    let mut common = HashSet::new();
    for right in &answer {
        for predicted in &prediction {
            add_common(right, predicted, &mut common);
        }
    }
    f_measure(common.len(), different(&prediction), different(&answer))
}

/// The words of each sentence.
fn sentences(text: &str) -> Vec<Vec<&str>> {
    let sentences = text.split('.').filter(|sentence| !sentence.is_empty());
    sentences.map(|s| if s.trim().is_empty() { vec![""] } else { s.split_whitespace().collect() }).collect()
}

/// How many different words there are.
fn different(sentences: &[Vec<&str>]) -> usize {
    sentences.iter().flatten().collect::<HashSet<_>>().len()
}

/// Adds the words of a longest common subsequence. Of several it is the one that is found from the ends by leaving out the last
/// word of `predicted` where both choices are as good.
fn add_common<'a>(right: &[&'a str], predicted: &[&str], common: &mut HashSet<&'a str>) {
    let width = predicted.len() + 1;
    // lengths for all pairs of beginnings
    let mut lengths = vec![0u32; (right.len() + 1) * width];
    for (i, word) in right.iter().enumerate() {
        for (j, other) in predicted.iter().enumerate() {
            let at = (i + 1) * width + j + 1;
            lengths[at] =
                if word == other { lengths[at - width - 1] + 1 } else { lengths[at - width].max(lengths[at - 1]) };
        }
    }
    let (mut i, mut j) = (right.len(), predicted.len());
    while i > 0 && j > 0 {
        let at = i * width + j;
        if right[i - 1] == predicted[j - 1] {
            common.insert(right[i - 1]);
            (i, j) = (i - 1, j - 1);
        } else if lengths[at - width] > lengths[at - 1] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scores_are_those_computed_by_hand() {
        for (prediction, answer, expected) in [
            ("the cat sat", "the cat sat", 1.0),
            // "a c" or "b c": precision 2/3, recall 2/4
            ("b a c", "a b c d", 4.0 / 7.0),
            // sentence by sentence: "the cat", "sat", "ran" and "a dog" are all six words
            ("the cat ran. a dog sat", "the cat sat. a dog ran", 1.0),
            // all three words in order, with others between them: precision 3/6, recall 3/3
            ("the cat ran a dog sat", "the cat sat", 2.0 / 3.0),
            // a word that comes again counts once: {x, y} on both sides
            ("x x x y", "x y", 1.0),
            // case and punctuation make other words: only "cat" of 2 and 2
            ("The cat", "the cat", 0.5),
            ("cat, dog", "cat dog", 0.5),
            // the last sentence is empty, and so nothing
            ("cat.", "cat", 1.0),
            // the last sentence is white space, and so one more word: precision 1/2, recall 1/1
            ("cat. ", "cat", 2.0 / 3.0),
            // "3" and "5", sentences of their own: 2 of 2
            ("3.5", "5.3", 1.0),
            ("cat", "dog", 0.0),
            ("", "dog", 0.0),
            ("...", "dog", 0.0),
            ("dog", "", 0.0),
        ] {
            let found = score(prediction, answer);
            assert!((found - expected).abs() < 1e-12, "{prediction} / {answer}: {found}");
        }
    }

    #[test]
    fn of_two_longest_the_same_is_taken() {
        let of = |right: &[&'static str], predicted: &[&str]| {
            let mut common = HashSet::new();
            add_common(right, predicted, &mut common);
            common.into_iter().collect::<Vec<_>>()
        };
        // either "x" or "y"; the last of the prediction is left out
        assert_eq!(of(&["x", "y"], &["y", "x"]), ["y"]);
        assert_eq!(of(&["y", "x"], &["x", "y"]), ["x"]);
    }

    proptest! {
        #[test]
        fn a_text_is_like_itself(text in "[ab ]{0,20}(\\.[ab ]{0,9}){0,4}") {
            let expected = if text.chars().all(|c| c == '.') { 0.0 } else { 1.0 };
            prop_assert_eq!(score(&text, &text), expected);
        }

        #[test]
        fn more_of_an_answer_is_better(words in prop::collection::hash_set("[a-z]{1,4}", 2..20), cut in 1usize..19) {
            let words: Vec<String> = words.into_iter().collect();
            let cut = cut.min(words.len() - 1);
            let answer = words.join(" ");
            // precision 1, recall cut / all
            let expected = 2.0 * cut as f64 / (cut + words.len()) as f64;
            prop_assert!((score(&words[..cut].join(" "), &answer) - expected).abs() < 1e-12);
        }
    }
}
