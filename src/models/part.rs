//! A model file that is being put together.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::hash::{Content, Tick, hex, read_chunks};
use super::verify::{check_bytes, check_hash};
use super::{ModelEntry, ModelError};

/// Bytes on the disk, counted and hashed as they come.
pub(super) struct PartFile<'a> {
    entry: &'a ModelEntry,
    /// Where the bytes come from, for messages.
    what: String,
    path: PathBuf,
    file: File,
    hasher: Sha256,
    bytes: u64,
    resumed: bool,
}

impl<'a> PartFile<'a> {
    /// An empty file.
    pub(super) fn create(path: &Path, entry: &'a ModelEntry, what: String) -> Result<Self, ModelError> {
        let mut part = Self::open(path, entry, what)?;
        part.restart()?;
        Ok(part)
    }

    /// What an earlier try left, or an empty file. The bytes are read again to hash them.
    pub(super) fn resume(
        path: &Path,
        entry: &'a ModelEntry,
        what: String,
        tick: &mut Tick<'_>,
    ) -> Result<Self, ModelError> {
        let mut part = Self::open(path, entry, what)?;
        part.bytes = read_chunks(&mut part.file, path, &mut |chunk, bytes| {
            part.hasher.update(chunk);
            tick(bytes)
        })?;
        part.resumed = part.bytes > 0;
        Ok(part)
    }

    fn open(path: &Path, entry: &'a ModelEntry, what: String) -> Result<Self, ModelError> {
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|error| ModelError::io("create", path, error))?;
        Ok(Self { entry, what, path: path.to_path_buf(), file, hasher: Sha256::new(), bytes: 0, resumed: false })
    }

    /// Throws away what is there.
    pub(super) fn restart(&mut self) -> Result<(), ModelError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(|error| ModelError::io("write", &self.path, error))?;
        self.hasher = Sha256::new();
        self.bytes = 0;
        self.resumed = false;
        Ok(())
    }

    /// Whether its beginning was there before.
    pub(super) fn is_resumed(&self) -> bool {
        self.resumed
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn write(&mut self, chunk: &[u8]) -> Result<(), ModelError> {
        let bytes = self.bytes + chunk.len() as u64;
        // A source may send anything; what is too long already need not fill the disk.
        if self.entry.bytes.is_some_and(|expected| bytes > expected) {
            return check_bytes(&self.what, bytes, self.entry);
        }
        let written = self.file.write_all(chunk);
        written.map_err(|error| ModelError::io("write", &self.path, error))?;
        self.hasher.update(chunk);
        self.bytes = bytes;
        Ok(())
    }

    /// Checks the file and puts it on the disk for good. It keeps its name.
    pub(super) fn finish(&mut self) -> Result<Content, ModelError> {
        let content = Content { bytes: self.bytes, sha256: hex(self.hasher.clone()) };
        check_bytes(&self.what, content.bytes, self.entry)?;
        check_hash(&self.what, &content.sha256, self.entry.sha256.as_deref(), self.entry)?;
        let synced = self.file.sync_all();
        synced.map_err(|error| ModelError::io("write", &self.path, error))?;
        Ok(content)
    }
}
