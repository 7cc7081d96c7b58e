//! Results of evaluations, from the files that they write.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, IgnoredAny};

use super::case::{Case, Common, Measure};
use super::error::ReportError;
use super::kinds::{Answer, Fidelity, Gates, Length, LongBench, Needle, Summary};

/// Results by kind, in the order in which they came.
#[derive(Debug, Default)]
pub struct Records {
    /// Of `eval answer`.
    pub answers: Vec<Case<Answer>>,
    /// Of `eval fidelity`.
    pub fidelity: Vec<Case<Fidelity>>,
    /// Of `eval needle`.
    pub needles: Vec<Case<Needle>>,
    /// Of `eval gates`.
    pub gates: Vec<Case<Gates>>,
    /// Of `eval summary`.
    pub summaries: Vec<Case<Summary>>,
    /// Of `eval longbench`.
    pub longbench: Vec<Case<LongBench>>,
    /// Of `bench lengths`.
    pub lengths: Vec<Length>,
    /// Names of the files, without folders, and how many results each has.
    pub files: Vec<(String, usize)>,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Answer,
    Fidelity,
    Needle,
    Gates,
    Summary,
    LongBench,
    Length,
}

/// Keys that only one kind has. A summary without a result has no scores, but it was asked for.
const MARKS: [(&str, Kind); 8] = [
    ("ttft_seconds", Kind::Length),
    ("kl", Kind::Fidelity),
    ("dataset", Kind::LongBench),
    ("decile", Kind::Needle),
    ("layers", Kind::Gates),
    ("rouge_l", Kind::Summary),
    ("asked", Kind::Summary),
    ("nll", Kind::Answer),
];

impl Records {
    /// Reads files with a result on each line; empty lines are allowed.
    ///
    /// # Errors
    /// [`ReportError::Read`], [`ReportError::Empty`], and [`ReportError::Invalid`] with the number of the line.
    pub fn read(paths: &[PathBuf]) -> Result<Self, ReportError> {
        let mut records = Self::default();
        for path in paths {
            records.add_file(path)?;
        }
        Ok(records)
    }

    /// Reads a file.
    fn add_file(&mut self, path: &Path) -> Result<(), ReportError> {
        let text = fs::read_to_string(path).map_err(|cause| ReportError::Read { path: path.to_owned(), cause })?;
        let mut n = 0;
        for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let invalid = |detail| ReportError::Invalid { path: path.to_owned(), line: i + 1, detail };
            self.add_line(line).map_err(invalid)?;
            n += 1;
        }
        if n == 0 {
            return Err(ReportError::Empty { path: path.to_owned() });
        }
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        self.files.push((name, n));
        Ok(())
    }

    /// Takes a line in; a remark says what is wrong with it.
    fn add_line(&mut self, line: &str) -> Result<(), String> {
        let keys: BTreeMap<String, IgnoredAny> = parse(line)?;
        let kind = MARKS.iter().find(|(key, _)| keys.contains_key(*key)).map(|(_, kind)| *kind);
        match kind.ok_or("it is no result of an evaluation that a report knows")? {
            Kind::Answer => self.answers.push(case(line)?),
            Kind::Fidelity => self.fidelity.push(case(line)?),
            Kind::Needle => self.needles.push(case(line)?),
            Kind::Gates => self.gates.push(case(line)?),
            Kind::Summary => self.summaries.push(case(line)?),
            Kind::LongBench => self.longbench.push(case(line)?),
            Kind::Length => {
                let length: Length = parse(line)?;
                length.check()?;
                self.lengths.push(length);
            }
        }
        Ok(())
    }
}

/// A result of a text.
fn case<T: Measure + DeserializeOwned>(line: &str) -> Result<Case<T>, String> {
    let case = Case { common: parse::<Common>(line)?, own: parse::<T>(line)? };
    case.own.check()?;
    Ok(case)
}

/// A line as what it should be. The parser calls every line the first; only the column says something.
fn parse<T: DeserializeOwned>(line: &str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| {
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or(&text);
        format!("{what} (column {})", error.column())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Records, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("results.jsonl");
        fs::write(&path, text).unwrap();
        Records::read(&[path]).map_err(|error| error.to_string())
    }

    const ANSWER: &str = r#"{"case":"a","policy":"full","budget_bytes":9,"nll":2.5,"more":[1]}"#;

    #[test]
    fn kinds_are_told_by_their_keys() {
        let text = format!(
            "{ANSWER}\n\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n",
            r#"{"case":"a","policy":"snapkv","budget_bytes":9,"kl":0.1,"perplexity":9.5}"#,
            r#"{"case":"a","policy":"snapkv","budget_bytes":9,"length":2000,"depth":0.1,"decile":1,"correct":true,"closed_book":false}"#,
            r#"{"case":"a","policy":"edgeinfinite","budget_bytes":9,"length":8192,"tokens_folded":7000,"layers":[{"layer":3,"gate":0.5,"heads":[0.5]}]}"#,
            r#"{"case":"a","policy":"snapkv","budget_bytes":9,"asked":"short","skipped":"too long"}"#,
            r#"{"case":"a","policy":"snapkv","budget_bytes":9,"rouge_l":0.4,"coverage":null}"#,
            r#"{"case":"a","policy":"snapkv","budget_bytes":9,"dataset":"qasper","score":0.5}"#,
            r#"{"policy":"full","length":1024,"ttft_seconds":1.5,"prefill_tokens_per_second":700,"peak_rss_bytes":9,"model":"m"}"#,
        );
        let found = read(&text).unwrap();
        let counts = [
            found.answers.len(),
            found.fidelity.len(),
            found.needles.len(),
            found.gates.len(),
            found.summaries.len(),
            found.longbench.len(),
            found.lengths.len(),
        ];
        assert_eq!(counts, [1, 1, 1, 1, 2, 1, 1]);
        assert_eq!(found.files, [("results.jsonl".to_owned(), 8)]);
        assert!(!found.lengths[0].extrapolated);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        for (text, words) in [
            ("\n", "has no result in it"),
            (&format!("{ANSWER}\nDear Sir\n"), "line 2: expected value"),
            (&format!("{ANSWER}\n\n{}", &ANSWER[..30]), "line 3: EOF"),
            ("[1]\n", "line 1: invalid type: sequence"),
            ("{\"case\":\"a\"}\n", "line 1: it is no result of an evaluation"),
            (r#"{"case":"a","policy":"full","nll":2.5}"#, "line 1: missing field `budget_bytes`"),
            (r#"{"case":"a","policy":"full","budget_bytes":9,"nll":"much"}"#, "line 1: invalid type: string \"much\""),
            (
                r#"{"case":"a","policy":"full","budget_bytes":9,"length":9,"decile":10,"closed_book":true}"#,
                "line 1: 'decile' is more than 9",
            ),
            (
                r#"{"case":"a","policy":"edgeinfinite","budget_bytes":9,"length":9,"layers":[{"layer":3,"gate":1.5}]}"#,
                "line 1: a 'gate' is not from 0 to 1",
            ),
            (
                r#"{"policy":"full","length":0,"ttft_seconds":1,"prefill_tokens_per_second":7,"peak_rss_bytes":9,"model":"m"}"#,
                "line 1: 'length' and",
            ),
        ] {
            let error = read(text).map(|_| ()).unwrap_err();
            assert!(error.contains(words), "{error}");
            assert!(error.contains("results.jsonl"), "{error}");
        }
        let error = Records::read(&[PathBuf::from("nowhere.jsonl")]).map(|_| ()).unwrap_err();
        assert!(matches!(error, ReportError::Read { .. }), "{error}");
    }
}
