//! Checking a model file against its catalogue entry, or against what it was when it was pulled.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::hash::{Content, cached_sha256};
use super::{Cache, ModelEntry, ModelError};

/// What is known of a file that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// It is what the catalogue says.
    Checked,
    /// The catalogue does not say what it must be; it is what it was when it was pulled.
    Unchanged(Content),
    /// The catalogue does not say what it must be, and it was not pulled.
    Unknown(Content),
}

/// Reads the whole cached file of `entry` and compares its length and sha256 with what they must be.
///
/// `tick` hears the bytes read so far, and may stop the work with an error.
///
/// # Errors
/// [`ModelError::NotPulled`] if there is no file, [`ModelError::SizeMismatch`],
/// [`ModelError::HashMismatch`], what `tick` gives, and the errors of the system.
pub fn verify(
    cache: &Cache,
    entry: &ModelEntry,
    tick: &mut dyn FnMut(u64) -> Result<(), ModelError>,
) -> Result<Verified, ModelError> {
    let path = cache.path_of(entry);
    check_size(&path, entry)?;
    judge(cache, entry, Content::of(&path, tick)?)
}

/// As [`verify()`], with a sha256 that is remembered as long as the file's length and time stay the same.
///
/// # Errors
/// As [`verify()`].
pub fn verify_cached(cache: &Cache, entry: &ModelEntry) -> Result<Verified, ModelError> {
    let path = cache.path_of(entry);
    let bytes = check_size(&path, entry)?;
    judge(cache, entry, Content { bytes, sha256: cached_sha256(&path, cache.dir())? })
}

fn judge(cache: &Cache, entry: &ModelEntry, content: Content) -> Result<Verified, ModelError> {
    let path = cache.path_of(entry);
    if entry.is_checked() {
        check_hash(&describe(&path), &content.sha256, entry.sha256.as_deref(), entry)?;
        return Ok(Verified::Checked);
    }
    match recall(&cache.record_of(entry)) {
        Some(pulled) => {
            check_hash(&describe(&path), &content.sha256, Some(&pulled), entry)?;
            Ok(Verified::Unchanged(content))
        }
        None => Ok(Verified::Unknown(content)),
    }
}

/// As [`verify()`], by the length alone, which it returns in bytes.
pub(super) fn check_size(path: &Path, entry: &ModelEntry) -> Result<u64, ModelError> {
    let found = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ModelError::NotPulled { name: entry.name.clone() },
        _ => ModelError::io("read", path, error),
    })?;
    check_bytes(&describe(path), found.len(), entry)?;
    Ok(found.len())
}

pub(super) fn check_bytes(what: &str, found: u64, entry: &ModelEntry) -> Result<(), ModelError> {
    match entry.bytes {
        Some(expected) if found != expected => {
            Err(ModelError::SizeMismatch { what: what.to_owned(), name: entry.name.clone(), expected, found })
        }
        _ => Ok(()),
    }
}

pub(super) fn check_hash(
    what: &str,
    found: &str,
    expected: Option<&str>,
    entry: &ModelEntry,
) -> Result<(), ModelError> {
    match expected {
        Some(expected) if found != expected => Err(ModelError::HashMismatch {
            what: what.to_owned(),
            name: entry.name.clone(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Notes what the file of an unchecked entry is now, as `sha256sum` would.
pub(super) fn remember(cache: &Cache, entry: &ModelEntry, content: &Content) -> Result<(), ModelError> {
    let record = cache.record_of(entry);
    let write = || -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(cache.models_dir())?;
        writeln!(file, "{}  {}", content.sha256, entry.file)?;
        file.persist(&record)?;
        Ok(())
    };
    write().map_err(|error| ModelError::io("write", &record, error))
}

/// The hash that `record` notes; a damaged one is none.
fn recall(record: &Path) -> Option<String> {
    let text = fs::read_to_string(record).ok()?;
    let (hash, _) = text.split_once(' ')?;
    (hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit())).then(|| hash.to_owned())
}

fn describe(path: &Path) -> String {
    format!("model file '{}'", path.display())
}

#[cfg(test)]
mod tests {
    use super::super::test_bench::entry;
    use super::*;

    fn cache(content: &str) -> (tempfile::TempDir, Cache, ModelEntry) {
        let dir = tempfile::tempdir().unwrap();
        let (cache, entry) = (Cache::at(dir.path()), entry(b"GGUF model", &["m==1"]));
        fs::create_dir(cache.models_dir()).unwrap();
        fs::write(cache.path_of(&entry), content).unwrap();
        (dir, cache, entry)
    }

    #[test]
    fn length_and_content_both_count() {
        let (_dir, cache, entry) = cache("GGUF model");
        let verify = || verify(&cache, &entry, &mut |_| Ok(()));
        assert_eq!(verify().unwrap(), Verified::Checked);

        let path = cache.path_of(&entry);
        fs::write(&path, "GGUF mode").unwrap();
        assert!(verify().unwrap_err().to_string().contains("has 9 bytes, expected 10; run"));
        fs::write(&path, "GGUF m0del").unwrap();
        let message = verify().unwrap_err().to_string();
        assert!(message.contains(&format!("expected {}; run", entry.sha256.as_ref().unwrap())));
        fs::remove_file(&path).unwrap();
        assert!(matches!(verify().unwrap_err(), ModelError::NotPulled { .. }));
    }

    #[test]
    fn without_a_promise_a_file_is_compared_with_what_it_was() {
        let (_dir, cache, mut entry) = cache("GGUF");
        (entry.bytes, entry.sha256) = (None, None);
        let verify = || verify(&cache, &entry, &mut |_| Ok(()));
        let Verified::Unknown(content) = verify().unwrap() else { panic!() };
        assert_eq!(content.bytes, 4);

        remember(&cache, &entry, &content).unwrap();
        assert_eq!(verify().unwrap(), Verified::Unchanged(content.clone()));
        fs::write(cache.path_of(&entry), "GGUX").unwrap();
        assert!(verify().unwrap_err().to_string().contains(&format!("expected {}; run", content.sha256)));
        // As good as none.
        fs::write(cache.record_of(&entry), "nonsense").unwrap();
        assert!(matches!(verify().unwrap(), Verified::Unknown(_)));
    }

    #[test]
    fn a_check_can_be_stopped() {
        let (_dir, cache, entry) = cache("GGUF model");
        let stopped = verify(&cache, &entry, &mut |_| Err(ModelError::Interrupted));
        assert!(matches!(stopped, Err(ModelError::Interrupted)));
    }
}
