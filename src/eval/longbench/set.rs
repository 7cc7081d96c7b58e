//! A folder with files of LongBench.

use std::collections::HashMap;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::cases::{Cases, cannot_read};
use super::error::LongBenchError;
use super::task::Task;
use super::template::PromptTemplate;

/// Prompts by dataset.
const PROMPTS: &str = "dataset2prompt.json";
/// Tokens of the longest answer, by dataset.
const LENGTHS: &str = "dataset2maxlen.json";

/// The datasets of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BenchmarkSet {
    /// Those that can be evaluated, by name; at least one.
    pub datasets: Vec<Dataset>,
    /// Names of the other `.jsonl` files, in order: Chinese datasets, and what is none.
    pub left_out: Vec<String>,
}

/// A dataset and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Name of the file, without its ending; with `_e` where it is of LongBench-E.
    pub name: String,
    /// How it is asked and scored.
    pub task: &'static Task,
    /// The file.
    pub path: PathBuf,
    /// The benchmark's prompt.
    pub prompt: PromptTemplate,
    /// Tokens at which an answer ends.
    pub max_answer: u32,
}

impl BenchmarkSet {
    /// Finds the datasets of a folder, with their prompts and answer lengths, which lie beside them or in a folder `config`.
    /// The cases are not read yet.
    ///
    /// # Errors
    /// [`LongBenchError`], except for what is wrong with a case.
    pub fn open(dir: &Path) -> Result<Self, LongBenchError> {
        let (found, left_out) = files(dir)?;
        if found.is_empty() {
            return Err(LongBenchError::NoDataset { dir: dir.to_owned(), left_out });
        }
        let prompts = Config::<String>::open(dir, PROMPTS)?;
        let lengths = Config::<NonZeroU32>::open(dir, LENGTHS)?;
        let dataset = |(name, task, path): Found| {
            let prompt = PromptTemplate::parse(prompts.of(task)?).map_err(|cause| LongBenchError::Template {
                path: prompts.path.clone(),
                dataset: task.name.to_owned(),
                cause,
            })?;
            Ok(Dataset { name, task, path, prompt, max_answer: lengths.of(task)?.get() })
        };
        Ok(Self { datasets: found.into_iter().map(dataset).collect::<Result<_, LongBenchError>>()?, left_out })
    }
}

impl Dataset {
    /// Begins to read the cases.
    ///
    /// # Errors
    /// [`LongBenchError::Read`]; each case may be an error of its own.
    pub fn cases(&self) -> Result<Cases<'_>, LongBenchError> {
        Cases::open(self)
    }
}

/// Name, task and path of a dataset.
type Found = (String, &'static Task, PathBuf);

/// The datasets of a folder, and the names of its other `.jsonl` files; both in order.
fn files(dir: &Path) -> Result<(Vec<Found>, Vec<String>), LongBenchError> {
    let cannot = |cause| cannot_read(dir, cause);
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(dir).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.extension().is_none_or(|ending| ending != "jsonl") || path.is_dir() {
            continue;
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match Task::of(&stem) {
            Some(task) => found.push((stem, task, path)),
            None => left_out.push(format!("{stem}.jsonl")),
        }
    }
    found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    left_out.sort_unstable();
    Ok((found, left_out))
}

/// A file with a value for each dataset; LongBench-E shares those of LongBench.
struct Config<T> {
    /// Where it was found.
    path: PathBuf,
    /// By name of the dataset.
    values: HashMap<String, T>,
}

impl<T: DeserializeOwned> Config<T> {
    /// Reads the file beside the datasets, or else the one in `config`.
    fn open(dir: &Path, file: &'static str) -> Result<Self, LongBenchError> {
        let mut places = [dir.join(file), dir.join("config").join(file)].into_iter();
        let missing = || LongBenchError::NoConfig { dir: dir.to_owned(), file };
        let path = places.find(|path| path.exists()).ok_or_else(missing)?;
        let bytes = fs::read(&path).map_err(|cause| cannot_read(&path, cause))?;
        match serde_json::from_slice(&bytes) {
            Ok(values) => Ok(Self { path, values }),
            Err(cause) => Err(LongBenchError::Config { path, cause }),
        }
    }

    /// The value for a task.
    fn of(&self, task: &Task) -> Result<&T, LongBenchError> {
        let missing = || LongBenchError::NoEntry { path: self.path.clone(), dataset: task.name.to_owned() };
        self.values.get(task.name).ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with the files given; their names may begin with that of a folder.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("config")).unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    fn error(files: &[(&str, &str)]) -> String {
        BenchmarkSet::open(folder(files).path()).unwrap_err().to_string()
    }

    #[test]
    fn datasets_are_found_in_order_and_others_are_named() {
        let dir = folder(&[
            ("trec.jsonl", ""),
            ("qasper_e.jsonl", ""),
            ("lsht.jsonl", ""),
            ("dureader.jsonl", ""),
            ("notes.txt", ""),
            ("config/dataset2prompt.json", r#"{"trec":"{context}{input}","qasper":"Q: {input} {context}","lsht":"{"}"#),
            ("dataset2maxlen.json", r#"{"trec":64,"qasper":128}"#),
            ("config/dataset2maxlen.json", r#"{"trec":1}"#),
        ]);
        let set = BenchmarkSet::open(dir.path()).unwrap();
        let shown = |d: &Dataset| (d.name.clone(), d.task.name, d.max_answer, d.prompt.around("q"));
        let expected = [
            ("qasper_e".to_owned(), "qasper", 128, ("Q: q ".to_owned(), String::new())),
            ("trec".to_owned(), "trec", 64, (String::new(), "q".to_owned())),
        ];
        assert_eq!(set.datasets.iter().map(shown).collect::<Vec<_>>(), expected);
        assert_eq!(set.datasets[0].path, dir.path().join("qasper_e.jsonl"));
        assert_eq!(set.left_out, ["dureader.jsonl", "lsht.jsonl"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let (data, lengths) = (("trec_e.jsonl", ""), ("dataset2maxlen.json", r#"{"trec":64}"#));
        let prompt = |text| ("dataset2prompt.json", text);
        let good = prompt(r#"{"trec":"{context}"}"#);
        for (files, words) in [
            (vec![], "' holds no English or code dataset of LongBench; name the folder"),
            (vec![("vcsum.jsonl", ""), ("lsht.jsonl", "")], "LongBench (only lsht.jsonl, vcsum.jsonl); name"),
            (vec![data, lengths], "no dataset2prompt.json in '"),
            (vec![data, good], "no dataset2maxlen.json in '"),
            (vec![data, lengths, prompt("{}")], "dataset2prompt.json' has no entry 'trec'"),
            (vec![data, good, ("dataset2maxlen.json", "{}")], "dataset2maxlen.json' has no entry 'trec'"),
            (
                vec![data, good, ("dataset2maxlen.json", "{\"trec\":0}")],
                "dataset2maxlen.json': invalid value: integer `0`",
            ),
            (vec![data, lengths, prompt("[]")], "dataset2prompt.json': invalid type: sequence"),
            (
                vec![data, lengths, prompt(r#"{"trec":"{input}"}"#)],
                "dataset2prompt.json', entry 'trec': the prompt has no {context}",
            ),
        ] {
            let error = error(&files);
            assert!(error.contains(words), "{error}");
        }
        let nowhere = folder(&[]).path().join("nowhere");
        let error = BenchmarkSet::open(&nowhere).unwrap_err().to_string();
        assert!(error.contains("nowhere' cannot be read: "), "{error}");
    }
}
