//! Copying a model from a file on this machine.

use std::fs::{self, File};
use std::path::Path;

use super::hash::{Content, Tick, read_chunks};
use super::part::PartFile;
use super::verify::check_bytes;
use super::{ModelEntry, ModelError};

/// Copies the file `from` to `to` and checks the copy. `tick` hears the bytes copied so far, and may stop the work.
pub(super) fn copy(from: &Path, to: &Path, entry: &ModelEntry, tick: &mut Tick<'_>) -> Result<Content, ModelError> {
    let bad = |reason: String| ModelError::SourceFile { path: from.to_path_buf(), reason };
    let found = fs::metadata(from).map_err(|error| bad(error.to_string()))?;
    // Opening a pipe would wait for ever.
    if !found.is_file() {
        return Err(bad("it is not a file".into()));
    }
    let what = format!("file '{}'", from.display());
    check_bytes(&what, found.len(), entry)?;
    let mut file = File::open(from).map_err(|error| bad(error.to_string()))?;
    let mut part = PartFile::create(to, entry, what)?;
    read_chunks(&mut file, from, &mut |chunk, bytes| {
        part.write(chunk)?;
        tick(bytes)
    })?;
    part.finish()
}
