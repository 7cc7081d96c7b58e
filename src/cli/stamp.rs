//! Lines of results that tell which program wrote them.

use std::cell::OnceCell;
use std::env;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::models::sha256_file;

/// Where Linux has the running program, also after its file was replaced.
const SELF: &str = "/proc/self/exe";

/// Tells builds apart that have the same version.
#[derive(Debug, Default)]
pub struct Stamp {
    sha256: OnceCell<Option<String>>,
}

#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(flatten)]
    record: &'a T,
    program_sha256: Option<&'a str>,
}

impl Stamp {
    /// A result as a line of JSON, with the sha256 of this program's file; `null` where that cannot be read.
    ///
    /// # Errors
    /// If the result is no JSON object.
    pub fn line<T: Serialize>(&self, record: &T) -> io::Result<String> {
        let program_sha256 = self.sha256.get_or_init(|| sha256_file(&program()?).ok()).as_deref();
        Ok(serde_json::to_string(&Line { record, program_sha256 })? + "\n")
    }
}

fn program() -> Option<PathBuf> {
    let path = Path::new(SELF);
    if path.exists() { Some(path.to_owned()) } else { env::current_exe().ok() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_line_has_the_hash_of_the_program_behind_the_result() {
        let stamp = Stamp::default();
        let line = stamp.line(&json!({"kl": 0.1})).unwrap();
        let read: Value = serde_json::from_str(&line).unwrap();
        let own = sha256_file(&env::current_exe().unwrap()).unwrap();
        assert_eq!((&read["kl"], &read["program_sha256"]), (&json!(0.1), &json!(own)));
        assert_eq!(stamp.line(&json!({"kl": 0.1})).unwrap(), line);
        assert!(stamp.line(&1).is_err());
    }
}
