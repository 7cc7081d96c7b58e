//! The right class among those that are named.

/// 1 divided by the number of classes that a prediction names, if the answer is one of them. Other classes that are part of the
/// answer's name do not count: who names the answer names them too.
///
/// The original takes these classes out of a list while it walks it, and so can leave one that follows another. The
/// classes of TREC are no parts of each other, so that it makes no difference there.
pub fn score(prediction: &str, answer: &str, all_classes: &[String]) -> f64 {
    let part_of_answer = |class: &str| class != answer && answer.contains(class);
    let named = || all_classes.iter().filter(|class| prediction.contains(*class) && !part_of_answer(class));
    if named().any(|class| class == answer) { 1.0 / named().count() as f64 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_computed_by_hand() {
        let classes = ["Food", "Food and drink", "City", "Name of a City", "Name"].map(str::to_owned);
        for (prediction, answer, expected) in [
            ("Type: City", "City", 1.0),
            // in their case
            ("city", "City", 0.0),
            ("Food, or City", "City", 0.5),
            ("Food, City, Name", "City", 1.0 / 3.0),
            // "Food" is in it as well, and part of the answer
            ("Food and drink", "Food and drink", 1.0),
            // "Food and drink" is named too, and is no part of the answer
            ("Food and drink", "Food", 0.5),
            // two classes are parts of the answer
            ("Name of a City", "Name of a City", 1.0),
            ("Food", "City", 0.0),
            ("", "City", 0.0),
            ("Village", "Village", 0.0),
        ] {
            assert_eq!(score(prediction, answer, &classes), expected, "{prediction}");
        }
    }
}
