//! What keeps a folder of LongBench from being read.

use std::io;
use std::path::PathBuf;

use super::template::TemplateError;

/// Why a folder is no benchmark. Each message is one line: what failed, on what, what to do.
#[derive(Debug, thiserror::Error)]
pub enum LongBenchError {
    /// A file or folder cannot be read.
    #[error("'{path}' cannot be read: {cause}; check the path", path = .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// A line is not what it should be.
    #[error("'{path}', line {line}: {detail}; docs/eval.md describes the file", path = .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong there.
        detail: String,
    },
    /// There is nothing to evaluate.
    #[error(
        "'{dir}' holds no English or code dataset of LongBench{others}; name the folder with its <dataset>.jsonl files",
        dir = .dir.display(),
        others = only(.left_out)
    )]
    NoDataset {
        /// The folder.
        dir: PathBuf,
        /// Names of the files that are no dataset of these.
        left_out: Vec<String>,
    },
    /// Prompts or lengths are in neither place.
    #[error("there is no {file} in '{dir}' or in its folder 'config'; copy it there from LongBench", dir = .dir.display())]
    NoConfig {
        /// The folder.
        dir: PathBuf,
        /// The file's name.
        file: &'static str,
    },
    /// Prompts or lengths that are no such thing.
    #[error("'{path}': {cause}; copy the file from LongBench again", path = .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The parser's words, with line and column.
        cause: serde_json::Error,
    },
    /// A dataset that the prompts or lengths do not know.
    #[error("'{path}' has no entry '{dataset}'; add it, or take away the dataset's file", path = .path.display())]
    NoEntry {
        /// The file of prompts or of lengths.
        path: PathBuf,
        /// The name that was looked for.
        dataset: String,
    },
    /// A prompt that cannot be filled in.
    #[error("'{path}', entry '{dataset}': {cause}", path = .path.display())]
    Template {
        /// The file.
        path: PathBuf,
        /// Whose prompt it is.
        dataset: String,
        /// What is wrong with it.
        cause: TemplateError,
    },
}

/// A few words on files that were found instead.
fn only(left_out: &[String]) -> String {
    if left_out.is_empty() { String::new() } else { format!(" (only {})", left_out.join(", ")) }
}
