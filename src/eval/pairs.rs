//! Documents with an answer each, from a JSONL file.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::error::EvalError;
use super::scores::Fact;

/// A document and what somebody wrote of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Pair {
    /// Its name, unique in the file.
    pub id: String,
    /// What is read.
    pub document: String,
    /// The summary, or the answer to the question.
    pub reference: String,
    /// What is asked instead of a summary.
    pub question: Option<String>,
    /// What a summary should say, where that is known.
    #[serde(default)]
    pub facts: Vec<Fact>,
}

/// Reads a file with one object on each line; other keys than those of [`Pair`] are allowed, and empty lines.
///
/// # Errors
/// [`EvalError::Read`], and [`EvalError::Invalid`] with the number of the line.
pub fn read_pairs(path: &Path) -> Result<Vec<Pair>, EvalError> {
    let text = fs::read_to_string(path).map_err(|cause| EvalError::Read { path: path.to_owned(), cause })?;
    let invalid = |line: usize, detail: String| EvalError::Invalid { path: path.to_owned(), line, detail };
    let mut pairs: Vec<Pair> = Vec::new();
    let mut seen = HashSet::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let pair: Pair = serde_json::from_str(line).map_err(|error| invalid(i + 1, without_place(&error)))?;
        for (key, value) in [("id", &pair.id), ("document", &pair.document), ("reference", &pair.reference)] {
            if value.trim().is_empty() {
                return Err(invalid(i + 1, format!("'{key}' is empty")));
            }
        }
        if !seen.insert(pair.id.clone()) {
            return Err(invalid(i + 1, format!("the id '{}' was there before", pair.id)));
        }
        pairs.push(pair);
    }
    if pairs.is_empty() {
        return Err(invalid(1, "there is no pair in it".into()));
    }
    Ok(pairs)
}

/// The parser calls every line the first.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Pair>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pairs.jsonl");
        fs::write(&path, text).unwrap();
        read_pairs(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn pairs_are_read_with_keys_of_others() {
        let pairs = read("{\"id\":\"a\",\"document\":\"d\",\"reference\":\"r\",\"year\":1726}\n\n").unwrap();
        assert_eq!((pairs[0].id.as_str(), pairs[0].question.as_deref()), ("a", None));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        let good = "{\"id\":\"a\",\"document\":\"d\",\"reference\":\"r\"}\n";
        for (text, words) in [
            ("", "line 1: there is no pair"),
            (&format!("{good}{good}"), "line 2: the id 'a' was there before"),
            (&format!("{good}{{\"id\":\"b\",\"document\":\"d\"}}\n"), "line 2: missing field `reference`"),
            (&format!("{good}\n{{\"id\""), "line 3: EOF"),
            ("{\"id\":\"a\",\"document\":\" \",\"reference\":\"r\"}", "line 1: 'document' is empty"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
