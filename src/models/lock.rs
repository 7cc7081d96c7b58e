//! A lock between processes, and a directory that only its holder uses.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::{ModelError, stop};

/// How often a lock that another process holds is tried.
const POLL: Duration = Duration::from_millis(100);

/// Takes the lock on the file `path`; it ends with the returned value. Calls `waiting` once if it must wait.
///
/// The empty file stays: were it removed, a third process could lock a new one while a second still waits
/// for the old.
pub(super) fn lock(path: &Path, interrupt: &AtomicBool, waiting: impl FnOnce()) -> Result<File, ModelError> {
    let mut options = File::options();
    let file = options.create(true).write(true).truncate(false).open(path);
    let file = file.map_err(|error| ModelError::io("create", path, error))?;
    let mut waiting = Some(waiting);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(ModelError::io("lock", path, error)),
            Err(TryLockError::WouldBlock) => {}
        }
        stop(interrupt)?;
        if let Some(tell) = waiting.take() {
            tell();
        }
        thread::sleep(POLL);
    }
}

/// Creates `parent/name`, empty; it is removed with all it holds when the value is dropped.
///
/// The name is fixed so that the holder of the lock finds what a killed process left, and removes it.
pub(super) fn work_dir(parent: &Path, name: &str) -> Result<TempDir, ModelError> {
    let path = parent.join(name);
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(ModelError::io("remove", &path, error));
        }
        _ => {}
    }
    let mut builder = tempfile::Builder::new();
    let dir = builder.prefix(name).rand_bytes(0).tempdir_in(parent);
    dir.map_err(|error| ModelError::io("create", &path, error))
}
