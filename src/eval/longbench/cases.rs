//! The cases of a dataset, one line of its file at a time.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::case::Case;
use super::error::LongBenchError;
use super::set::Dataset;

/// Goes through the cases of a dataset and keeps no more than one of them; ends after the first error.
#[derive(Debug)]
pub struct Cases<'a> {
    /// What is read.
    dataset: &'a Dataset,
    /// `None` at the end.
    file: Option<BufReader<File>>,
    /// Lines that were read.
    line: usize,
    /// Names of the cases so far.
    seen: HashSet<String>,
}

impl<'a> Cases<'a> {
    /// Opens the file of a dataset.
    ///
    /// # Errors
    /// [`LongBenchError::Read`].
    pub(super) fn open(dataset: &'a Dataset) -> Result<Self, LongBenchError> {
        let file = File::open(&dataset.path).map_err(|cause| cannot_read(&dataset.path, cause))?;
        Ok(Self { dataset, file: Some(BufReader::new(file)), line: 0, seen: HashSet::new() })
    }

    /// The next line that is not empty; none at the end of the file.
    fn next_line(&mut self) -> Result<Option<Vec<u8>>, LongBenchError> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let mut bytes = Vec::new();
        while file.read_until(b'\n', &mut bytes).map_err(|cause| cannot_read(&self.dataset.path, cause))? > 0 {
            self.line += 1;
            if !bytes.trim_ascii().is_empty() {
                return Ok(Some(bytes));
            }
            bytes.clear();
        }
        if self.seen.is_empty() {
            self.line = 1;
            return Err(self.invalid("there is no case in it".into()));
        }
        Ok(None)
    }

    /// The case on a line.
    fn case(&mut self, line: &[u8]) -> Result<Case, LongBenchError> {
        let case = Case::parse(line, self.dataset).map_err(|detail| self.invalid(detail))?;
        if !self.seen.insert(case.id.clone()) {
            return Err(self.invalid(format!("the _id '{}' was there before", case.id)));
        }
        Ok(case)
    }

    /// Something is wrong with the line that was read last.
    fn invalid(&self, detail: String) -> LongBenchError {
        LongBenchError::Invalid { path: self.dataset.path.clone(), line: self.line, detail }
    }
}

impl Iterator for Cases<'_> {
    type Item = Result<Case, LongBenchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_line().and_then(|line| line.map(|line| self.case(&line)).transpose()).transpose();
        if !matches!(next, Some(Ok(_))) {
            self.file = None;
        }
        next
    }
}

/// The system does not let a file be read.
pub(super) fn cannot_read(path: &Path, cause: std::io::Error) -> LongBenchError {
    LongBenchError::Read { path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;
    use crate::eval::longbench::{PromptTemplate, Task};

    /// A case with some keys other than usual.
    fn line(id: &str, changed: Value) -> String {
        let mut line = json!({"_id": id, "dataset": "qasper", "context": "A long {input}.", "input": "What?", "answers": ["x", "y"],
            "all_classes": null, "length": 3, "language": "en"});
        let (Value::Object(keys), Value::Object(new)) = (&mut line, changed) else { panic!("no object") };
        keys.extend(new);
        format!("{line}\n")
    }

    /// The cases of a file, until its error.
    fn read(name: &str, text: impl AsRef<[u8]>) -> (Vec<Case>, Option<String>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("{name}.jsonl"));
        fs::write(&path, text).unwrap();
        let prompt = PromptTemplate::parse("{context}").unwrap();
        let task = Task::of(name).unwrap();
        let dataset = Dataset { name: name.into(), task, path, prompt, max_answer: 8 };
        let (cases, errors): (Vec<_>, Vec<_>) = dataset.cases().unwrap().partition(Result::is_ok);
        assert!(errors.len() < 2);
        (cases.into_iter().map(Result::unwrap).collect(), errors.into_iter().next().map(|e| e.unwrap_err().to_string()))
    }

    #[test]
    fn cases_are_read_as_they_stand() {
        let (cases, error) =
            read("qasper_e", line("a", json!({})) + "\n \r\n" + line("b", json!({"input": ""})).trim_end());
        assert_eq!(error, None);
        let expected = Case {
            id: "a".into(),
            dataset: "qasper_e".into(),
            task: Task::of("qasper").unwrap(),
            context: "A long {input}.".into(),
            input: "What?".into(),
            answers: vec!["x".into(), "y".into()],
            all_classes: Vec::new(),
            length: 3,
        };
        let second = Case { id: "b".into(), input: String::new(), ..expected.clone() };
        assert_eq!(cases, [expected, second]);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        let good = line("a", json!({}));
        for (name, text, words) in [
            ("qasper", String::new(), "line 1: there is no case in it"),
            ("qasper", "\n\n".into(), "line 1: there is no case in it"),
            ("qasper", good.clone() + &good, "line 2: the _id 'a' was there before"),
            ("qasper", good.clone() + "\n{\"_id\":", "line 3: EOF"),
            ("qasper", good.replace("\"input\"", "\"question\""), "line 1: missing field `input`;"),
            ("qasper", line("a", json!({"answers": []})), "line 1: 'answers' is empty"),
            ("qasper", line("a", json!({"context": ""})), "line 1: 'context' is empty"),
            ("qasper", line("a", json!({"_id": ""})), "line 1: '_id' is empty"),
            ("qasper", line("a", json!({"answers": "x"})), "line 1: invalid type: string \"x\", expected a sequence;"),
            ("musique", good.clone(), "line 1: the case is of 'qasper', not of 'musique'"),
            ("trec", line("a", json!({"dataset": "trec"})), "line 1: 'all_classes' is empty"),
            (
                "passage_retrieval_en",
                line("a", json!({"dataset": "passage_retrieval_en"})),
                "line 1: the answer 'x' names no",
            ),
        ] {
            let error = read(name, text).1.unwrap();
            assert!(error.contains(words) && error.contains(&format!("{name}.jsonl', line")), "{error}");
        }
        let (cases, error) = read("qasper", [good.as_bytes(), b"{\"_id\":\"\xff\"}\n", good.as_bytes()].concat());
        assert_eq!(cases.len(), 1);
        assert!(error.unwrap().contains("line 2: invalid unicode"));
    }
}
