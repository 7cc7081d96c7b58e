//! A case of a dataset, from a line of its file.

use serde::Deserialize;

use super::metrics::paragraph;
use super::set::Dataset;
use super::task::{Family, Task};

/// A text, what is asked of it, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its name, unique in the dataset.
    pub id: String,
    /// Name of the dataset, with `_e` where it is of LongBench-E.
    pub dataset: String,
    /// How it is asked and scored.
    pub task: &'static Task,
    /// The text.
    pub context: String,
    /// The question; empty where the prompt says all.
    pub input: String,
    /// Answers that are right, at least one.
    pub answers: Vec<String>,
    /// The classes to choose from; empty except for a classification.
    pub all_classes: Vec<String>,
    /// Length as the benchmark gives it, in words; LongBench-E has scores for those below 4000, below 8000 and above.
    pub length: u64,
}

/// A line as it stands in the file; other keys are allowed.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "_id")]
    id: String,
    dataset: String,
    context: String,
    input: String,
    answers: Vec<String>,
    all_classes: Option<Vec<String>>,
    length: u64,
}

impl Case {
    /// Reads a line of a dataset.
    ///
    /// # Errors
    /// What is wrong with the line, in words.
    pub(super) fn parse(line: &[u8], dataset: &Dataset) -> Result<Self, String> {
        let line: Line = serde_json::from_slice(line).map_err(|error| without_place(&error))?;
        let task = dataset.task;
        if Task::of(&line.dataset) != Some(task) {
            return Err(format!("the case is of '{}', not of '{}'", line.dataset, dataset.name));
        }
        let all_classes = line.all_classes.unwrap_or_default();
        let empty = [
            ("_id", line.id.is_empty()),
            ("context", line.context.is_empty()),
            ("answers", line.answers.is_empty()),
            ("all_classes", all_classes.is_empty() && task.family == Family::Classification),
        ];
        if let Some((key, _)) = empty.iter().find(|(_, empty)| *empty) {
            return Err(format!("'{key}' is empty"));
        }
        let unnamed = line.answers.iter().find(|answer| paragraph(answer).is_none());
        if let Some(answer) = unnamed.filter(|_| task.family == Family::Retrieval) {
            return Err(format!("the answer '{answer}' names no 'Paragraph' with its number"));
        }
        Ok(Self {
            id: line.id,
            dataset: dataset.name.clone(),
            task,
            context: line.context,
            input: line.input,
            answers: line.answers,
            all_classes,
            length: line.length,
        })
    }
}

/// The parser calls every line the first.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}
