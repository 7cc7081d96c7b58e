//! The right number among those that are named.

/// The share of the numbers in a prediction that are `right`, digit for digit. A number is a run of the digits 0 to 9; the
/// original also takes those of other scripts for digits.
pub fn score(prediction: &str, right: &str) -> f64 {
    let numbers = || prediction.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    match numbers().count() {
        0 => 0.0,
        all => numbers().filter(|&number| number == right).count() as f64 / all as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_computed_by_hand() {
        for (prediction, expected) in [
            ("7", 1.0),
            ("There are 7 paragraphs, all in all.", 1.0),
            ("7 of 30", 0.5),
            // 7, 8 and 7
            ("7, 8, 7", 2.0 / 3.0),
            // digits are compared
            ("07", 0.0),
            ("77", 0.0),
            // two numbers
            ("7.0", 0.5),
            ("seven", 0.0),
            ("", 0.0),
        ] {
            assert_eq!(score(prediction, "7"), expected, "{prediction}");
        }
    }
}
