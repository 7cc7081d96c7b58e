//! The scores of LongBench, as its own evaluation computes them.
//!
//! They follow its `metrics.py` and the Python packages that it uses; each file tells where it differs.

mod classification;
mod code;
mod count;
mod f1;
mod retrieval;
mod rouge;

pub(super) use retrieval::paragraph;

use super::task::{Family, Task};

/// What an answer is worth, from 0 to 1: the best over all answers that are right. `prediction` is what the model wrote, as a
/// whole; only a classification looks at `all_classes`.
pub fn score(task: &Task, prediction: &str, answers: &[String], all_classes: &[String]) -> f64 {
    let prediction = task.counted(prediction);
    let against = |answer: &String| match task.family {
        Family::Answer => f1::score(prediction, answer),
        Family::Summary => rouge::score(prediction, answer),
        Family::Classification => classification::score(prediction, answer, all_classes),
        Family::Retrieval => retrieval::score(prediction, answer),
        Family::Count => count::score(prediction, answer),
        Family::Code => code::score(prediction, answer),
    };
    answers.iter().map(against).fold(0.0, f64::max)
}

/// The harmonic mean of precision and recall, where `same` of the units of a prediction are among those of an answer.
fn f_measure(same: usize, predicted: usize, right: usize) -> f64 {
    // 2pr / (p + r) with p = same / predicted and r = same / right
    if same == 0 { 0.0 } else { 2.0 * same as f64 / (predicted + right) as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scored(dataset: &str, prediction: &str, answers: &[&str], all_classes: &[&str]) -> f64 {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        score(Task::of(dataset).unwrap(), prediction, &owned(answers), &owned(all_classes))
    }

    #[test]
    fn each_dataset_has_its_score() {
        // 2 of 2 and of 4 words, after the articles are gone
        assert_eq!(scored("qasper", "a red fox", &["the red fox ran off"], &[]), 2.0 / 3.0);
        // with articles, in their order: 2 of 3 and of 5
        assert_eq!(scored("qmsum", "a red fox", &["the red fox ran off"], &[]), 0.5);
        assert_eq!(scored("trec", "Type: Food", &["Food"], &["Food", "City"]), 1.0);
        assert_eq!(scored("passage_retrieval_en_e", "Paragraph 3", &["Paragraph 3"], &[]), 1.0);
        assert_eq!(scored("passage_count", "3 or 4", &["4"], &[]), 0.5);
        assert_eq!(scored("repobench-p", "# go\nrun()", &["run()"], &[]), 1.0);
    }

    #[test]
    fn the_best_answer_counts() {
        assert_eq!(scored("hotpotqa", "Lisbon", &["Portugal", "Lisbon", "a city"], &[]), 1.0);
        assert_eq!(scored("hotpotqa", "Lisbon", &[], &[]), 0.0);
    }

    #[test]
    fn after_examples_only_the_first_line_counts() {
        assert_eq!(scored("triviaqa", "\nLisbon\nPassage: more of it", &["Lisbon"], &[]), 1.0);
        // 1 of 5 words and of 1
        assert_eq!(scored("hotpotqa", "\nLisbon\nPassage: more of it", &["Lisbon"], &[]), 2.0 / 6.0);
        assert_eq!(scored("trec", "City\nFood", &["Food"], &["Food", "City"]), 0.0);
    }

    proptest! {
        #[test]
        fn scores_are_shares(prediction in "[aA b3.\n#]{0,30}|Paragraph 3|.{0,20}", answer in "[aA b3.\n#]{0,30}|Paragraph 3|.{0,20}") {
            for dataset in ["musique", "samsum", "gov_report", "trec", "passage_retrieval_en", "passage_count", "lcc"] {
                let found = scored(dataset, &prediction, &[&answer], &["a", "aA", "Paragraph 3"]);
                prop_assert!((0.0..=1.0).contains(&found), "{} {}", dataset, found);
            }
        }
    }
}
