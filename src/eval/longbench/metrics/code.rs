//! How like the right line a line of code is.

use rapidfuzz::distance::indel;

/// The similarity of the first line of a prediction that looks like code, without quoting marks and comments, to the right one:
/// twice the length of their longest common subsequence of characters by the sum of their lengths, in whole percent.
///
/// LongBench uses `fuzz.ratio` of the Python package `fuzzywuzzy`, which is this where `python-Levenshtein` is installed beside
/// it. Without it the package falls back on the standard library's matching of blocks, which finds at most as much.
pub fn score(prediction: &str, answer: &str) -> f64 {
    let is_code = |line: &&str| !line.contains(['`', '#']) && !line.contains("//");
    let line = prediction.trim_start_matches('\n').split('\n').find(is_code).unwrap_or_default();
    // Python rounds halves to the even neighbour
    (100.0 * indel::normalized_similarity(line.chars(), answer.chars())).round_ties_even() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scores_are_those_computed_by_hand() {
        for (prediction, answer, expected) in [
            ("x = 1", "x = 1", 1.0),
            // "x = " of 5 and 5
            ("x = 1", "x = 2", 0.8),
            // "ab" of 4 and 2: 4 / 6
            ("abcd", "ab", 0.67),
            // "a" of 3 and 5: 1 / 4, no halves
            ("abc", "axxxx", 0.25),
            // "abc" of 3 and 13: 0.375, and of 1 and 15: 0.125, whose neighbour 12 is even
            ("abc", "abcxxxxxxxxxx", 0.38),
            ("a", "axxxxxxxxxxxxxx", 0.12),
            // characters, not bytes: one of 2 and 2
            ("\u{e9}a", "\u{e8}a", 0.5),
            ("\n\nrun()\nstop()", "run()", 1.0),
            ("```python\n# go\n// go\nrun()", "run()", 1.0),
            // a comment behind the code takes the line away, and there is no other
            ("run() # go", "run()", 0.0),
            ("\n", "run()", 0.0),
            ("# go", "", 1.0),
        ] {
            assert_eq!(score(prediction, answer), expected, "{prediction}");
        }
    }

    proptest! {
        #[test]
        fn a_line_is_like_itself_and_both_ways_the_same(a in "[a-c() ]{0,12}", b in "[a-c() ]{0,12}") {
            prop_assert_eq!(score(&a, &a), 1.0);
            prop_assert_eq!(score(&a, &b), score(&b, &a));
        }

        #[test]
        fn what_is_appended_costs_its_length(a in "[a-c]{1,30}", more in "[x-z]{0,30}") {
            let exact = 200.0 * a.len() as f64 / (2 * a.len() + more.len()) as f64;
            let found = score(&(a.clone() + &more), &a);
            prop_assert!((100.0 * found - exact).abs() <= 0.5 + 1e-9);
        }
    }
}
