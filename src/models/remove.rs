//! Taking a model out of the cache.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::lock::lock;
use super::pull::work_name;
use super::{Cache, ModelEntry, ModelError};

/// Removes the file of `entry`, what broken downloads left, and its noted hash; returns the bytes of the file.
///
/// Waits for a pull of the same model to end, and calls `waiting` once if it must.
///
/// # Errors
/// [`ModelError::NotThere`] if there is nothing, [`ModelError::Interrupted`], and the errors of the system.
pub fn remove(
    cache: &Cache,
    entry: &ModelEntry,
    interrupt: &AtomicBool,
    waiting: impl FnOnce(),
) -> Result<u64, ModelError> {
    // Where nothing was ever pulled no lock is made either.
    if !cache.models_dir().is_dir() {
        return Err(ModelError::NotThere { name: entry.name.clone() });
    }
    let models = cache.models_dir();
    fs::create_dir_all(&models).map_err(|error| ModelError::io("create", &models, error))?;
    let _lock = lock(&cache.lock_of(entry), interrupt, waiting)?;
    let path = cache.path_of(entry);
    let bytes = fs::metadata(&path).map_or(0, |found| found.len());
    let files = [path, cache.record_of(entry)];
    let dirs = [cache.partial_of(entry), models.join(work_name(entry))];
    let mut found = false;
    for file in files {
        found |= gone(&file, fs::remove_file(&file))?;
    }
    for dir in dirs {
        found |= gone(&dir, fs::remove_dir_all(&dir))?;
    }
    if found { Ok(bytes) } else { Err(ModelError::NotThere { name: entry.name.clone() }) }
}

/// Whether something was removed.
fn gone(path: &Path, removed: io::Result<()>) -> Result<bool, ModelError> {
    match removed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(ModelError::io("remove", path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_bench::entry;
    use super::*;

    #[test]
    fn nothing_of_a_model_stays_but_its_lock() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path().join("cache"));
        let entry = entry(b"GGUF", &[]);
        let interrupt = AtomicBool::new(false);
        let remove = || remove(&cache, &entry, &interrupt, || ());
        assert!(matches!(remove(), Err(ModelError::NotThere { .. })));
        assert!(!cache.dir().exists());

        let (partial, other) = (cache.partial_of(&entry), cache.models_dir().join("tiny.gguf.other"));
        fs::create_dir_all(&partial).unwrap();
        for file in [&cache.path_of(&entry), &cache.record_of(&entry), &partial.join("1.part"), &other] {
            fs::write(file, "GGUF").unwrap();
        }
        assert_eq!(remove().unwrap(), 4);
        let mut left: Vec<_> = fs::read_dir(cache.models_dir()).unwrap().map(|f| f.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".tiny.lock", "tiny.gguf.other"]);
        assert!(matches!(remove(), Err(ModelError::NotThere { .. })));

        // What a broken download left is something, too.
        fs::create_dir(&partial).unwrap();
        assert_eq!(remove().unwrap(), 0);
    }
}
