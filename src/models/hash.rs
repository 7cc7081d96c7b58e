//! sha256 of files, and a memory of it for files that did not change.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ModelError;

/// Bytes read at a time.
pub(super) const CHUNK: usize = 1 << 20;

/// Name of the memory in the cache directory.
const MEMORY: &str = "sha256.json";

/// A file changed more recently than this may change again without a new time stamp (FAT counts in steps
/// of 2 s), so its hash is not remembered.
const SETTLED: Duration = Duration::from_secs(2);

/// What is remembered, by canonical path.
type Memory = BTreeMap<String, Known>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    bytes: u64,
    /// Since 1970, in nanoseconds.
    mtime_ns: u64,
    sha256: String,
}

/// Reads the whole file and returns its sha256 as 64 lower-case hex digits.
///
/// # Errors
/// [`ModelError::Permission`] or [`ModelError::Io`] if the file cannot be read.
pub fn sha256_file(path: &Path) -> Result<String, ModelError> {
    Ok(Content::of(path, &mut |_| Ok(()))?.sha256)
}

/// The sha256 of bytes, as 64 lower-case hex digits.
pub fn sha256_bytes(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its length.
    pub bytes: u64,
    /// 64 lower-case hex digits.
    pub sha256: String,
}

impl Content {
    /// Reads the whole file. `tick` hears the bytes read so far, and may stop the work with an error.
    pub(super) fn of(path: &Path, tick: &mut Tick<'_>) -> Result<Self, ModelError> {
        let mut file = File::open(path).map_err(|error| ModelError::io("read", path, error))?;
        let mut hasher = Sha256::new();
        let bytes = read_chunks(&mut file, path, &mut |chunk, bytes| {
            hasher.update(chunk);
            tick(bytes)
        })?;
        Ok(Self { bytes, sha256: hex(hasher) })
    }
}

/// Hears how many bytes are done, and may stop the work with an error.
pub(super) type Tick<'a> = dyn FnMut(u64) -> Result<(), ModelError> + 'a;

/// Gets a chunk and the bytes read so far with it, and may stop the work with an error.
pub(super) type Chunks<'a> = dyn FnMut(&[u8], u64) -> Result<(), ModelError> + 'a;

/// Hands the rest of `file` on in chunks, each with the bytes read so far; returns all of them.
pub(super) fn read_chunks(file: &mut File, path: &Path, each: &mut Chunks<'_>) -> Result<u64, ModelError> {
    let mut buffer = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(n) => {
                bytes += n as u64;
                each(&buffer[..n], bytes)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ModelError::io("read", path, error)),
        }
    }
}

/// As [`sha256_file`], but answers from a memory in `cache_dir` when path, length and modification time
/// (in nanoseconds) are those of an earlier call.
///
/// The memory is a convenience: damaged, it is written anew, and where it cannot be written the file is
/// read each time.
///
/// # Errors
/// [`ModelError::Permission`] or [`ModelError::Io`] if the file cannot be read.
pub fn cached_sha256(path: &Path, cache_dir: &Path) -> Result<String, ModelError> {
    let look = || fs::metadata(path).map_err(|error| ModelError::io("read", path, error));
    let before = look()?;
    let canonical = fs::canonicalize(path).map_err(|error| ModelError::io("read", path, error))?;
    let (Some(key), Some(mtime_ns)) = (canonical.to_str(), mtime_ns(&before)) else {
        return sha256_file(path);
    };
    let mut memory = recall(cache_dir);
    if let Some(known) = memory.get(key)
        && (known.bytes, known.mtime_ns) == (before.len(), mtime_ns)
    {
        return Ok(known.sha256.clone());
    }

    let sha256 = sha256_file(path)?;
    let after = look()?;
    let unchanged = (before.len(), before.modified().ok()) == (after.len(), after.modified().ok());
    if unchanged && settled(&after) {
        memory.retain(|key, _| Path::new(key).exists());
        let known = Known { bytes: before.len(), mtime_ns, sha256: sha256.clone() };
        memory.insert(key.to_owned(), known);
        // Losing it costs the next call some time, nothing else.
        let _ = store(&memory, cache_dir);
    }
    Ok(sha256)
}

/// The digest in lower-case hex.
pub(super) fn hex(hasher: Sha256) -> String {
    let digest = hasher.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mtime_ns(file: &Metadata) -> Option<u64> {
    let since = file.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.ok()?.as_nanos()).ok()
}

fn settled(file: &Metadata) -> bool {
    let age = file.modified().ok().and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age >= SETTLED)
}

fn recall(cache_dir: &Path) -> Memory {
    let text = fs::read(cache_dir.join(MEMORY)).unwrap_or_default();
    let memory: Memory = serde_json::from_slice(&text).unwrap_or_default();
    let whole = |known: &Known| known.sha256.len() == 64 && known.sha256.bytes().all(|b| b.is_ascii_hexdigit());
    memory.into_iter().filter(|(_, known)| whole(known)).collect()
}

fn store(memory: &Memory, cache_dir: &Path) -> io::Result<()> {
    fs::create_dir_all(cache_dir)?;
    let mut file = tempfile::NamedTempFile::new_in(cache_dir)?;
    serde_json::to_writer_pretty(&mut file, memory)?;
    file.write_all(b"\n")?;
    file.persist(cache_dir.join(MEMORY))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const ABD: &str = "a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9";

    /// A file with the given content, last changed `age` seconds ago.
    fn write(dir: &Path, content: &str, age: u64) -> PathBuf {
        let path = dir.join("model.gguf");
        fs::write(&path, content).unwrap();
        set_time(&path, SystemTime::now() - Duration::from_secs(age));
        path
    }

    fn set_time(path: &Path, time: SystemTime) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(time).unwrap();
    }

    #[test]
    fn an_unchanged_file_is_not_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "abc", 60);
        let cache = dir.path().join("cache");
        assert_eq!(cached_sha256(&path, &cache).unwrap(), ABC);
        // Another content under the old time stamp shows that the answer came from memory.
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "abd").unwrap();
        set_time(&path, time);
        assert_eq!(cached_sha256(&path, &cache).unwrap(), ABC);
        set_time(&path, time + Duration::from_nanos(1));
        assert_eq!(cached_sha256(&path, &cache).unwrap(), ABD);
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_just_changed_is_not_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "abc", 0);
        assert_eq!(cached_sha256(&path, dir.path()).unwrap(), ABC);
        assert!(!dir.path().join(MEMORY).exists());
    }

    #[test]
    fn files_that_are_gone_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "abc", 60);
        cached_sha256(&path, dir.path()).unwrap();
        let moved = dir.path().join("moved.gguf");
        fs::rename(&path, &moved).unwrap();
        assert_eq!(cached_sha256(&moved, dir.path()).unwrap(), ABC);
        assert_eq!(recall(dir.path()).len(), 1);
    }

    #[test]
    fn a_damaged_memory_is_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "abc", 60);
        cached_sha256(&path, dir.path()).unwrap();
        let memory = dir.path().join(MEMORY);
        let good = fs::read_to_string(&memory).unwrap();
        for bad in ["", "{", "[1]", &good.replace(ABC, "ba78"), &good[..40]] {
            fs::write(&memory, bad).unwrap();
            assert_eq!(cached_sha256(&path, dir.path()).unwrap(), ABC);
            assert_eq!(fs::read_to_string(&memory).unwrap(), good);
        }
    }

    #[test]
    fn without_a_memory_there_is_still_a_hash() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "abc", 60);
        let below_a_file = path.join("cache");
        assert_eq!(cached_sha256(&path, &below_a_file).unwrap(), ABC);
        assert!(cached_sha256(&dir.path().join("none"), dir.path()).is_err());
    }
}
