//! Checking a model file against its catalogue entry.

use std::fs;
use std::io;
use std::path::Path;

use super::{ModelEntry, ModelError, sha256_file};

/// Reads the whole file and compares its length and sha256 with `entry`.
///
/// # Errors
/// [`ModelError::NotPulled`] if there is no file, [`ModelError::SizeMismatch`],
/// [`ModelError::HashMismatch`], and the errors of the system.
pub fn verify(path: &Path, entry: &ModelEntry) -> Result<(), ModelError> {
    check_size(path, entry)?;
    check_hash(&describe(path), &sha256_file(path)?, entry)
}

/// As [`verify`], by the length alone.
pub(super) fn check_size(path: &Path, entry: &ModelEntry) -> Result<(), ModelError> {
    let found = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ModelError::NotPulled { name: entry.name.clone() },
        _ => ModelError::io("read", path, error),
    })?;
    check_bytes(&describe(path), found.len(), entry)
}

pub(super) fn check_bytes(what: &str, found: u64, entry: &ModelEntry) -> Result<(), ModelError> {
    if found == entry.bytes {
        return Ok(());
    }
    Err(ModelError::SizeMismatch { what: what.to_owned(), name: entry.name.clone(), expected: entry.bytes, found })
}

pub(super) fn check_hash(what: &str, found: &str, entry: &ModelEntry) -> Result<(), ModelError> {
    if found == entry.sha256 {
        return Ok(());
    }
    Err(ModelError::HashMismatch {
        what: what.to_owned(),
        name: entry.name.clone(),
        expected: entry.sha256.clone(),
        found: found.to_owned(),
    })
}

fn describe(path: &Path) -> String {
    format!("model file '{}'", path.display())
}

#[cfg(test)]
mod tests {
    use super::super::test_bench::entry;
    use super::*;

    #[test]
    fn length_and_content_both_count() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.gguf");
        let entry = entry(b"GGUF model", &["m==1"]);
        let failure = || verify(&path, &entry).unwrap_err();
        assert!(matches!(failure(), ModelError::NotPulled { .. }));

        fs::write(&path, "GGUF mode").unwrap();
        assert!(failure().to_string().contains("has 9 bytes, expected 10; run"));
        fs::write(&path, "GGUF m0del").unwrap();
        let message = failure().to_string();
        assert!(message.contains(&format!("expected {}; run", entry.sha256)));
        fs::write(&path, "GGUF model").unwrap();
        verify(&path, &entry).unwrap();
    }
}
