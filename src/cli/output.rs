//! The file of `--output`.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// A file that is whole or not there: what is written to it appears under its name only when it is finished. Until then an
/// older file of that name stays what it was.
#[derive(Debug)]
pub enum OutputFile {
    /// An ordinary file.
    Replaced {
        /// What is being written, beside the place where it will be.
        draft: NamedTempFile,
        /// That place.
        path: PathBuf,
    },
    /// A device or a named pipe: it cannot be replaced.
    Direct {
        /// Itself.
        file: File,
        /// Where it lies.
        path: PathBuf,
    },
}

impl OutputFile {
    /// Begins a file.
    ///
    /// # Errors
    /// If it could not be written in the end: its directory is missing or closed to this user, or it is a directory itself.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::open(path).map_err(|e| named(path, &e))
    }

    fn open(path: &Path) -> io::Result<Self> {
        // a link stays a link
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let permissions = match fs::metadata(&target) {
            Ok(old) if old.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(old) if !old.is_file() => {
                return Ok(Self::Direct { file: File::options().write(true).open(&target)?, path: target });
            }
            Ok(old) => {
                // replacing would get around a file's write protection
                File::options().append(true).open(&target)?;
                old.permissions()
            }
            Err(_) => Permissions::from_mode(0o666),
        };
        let dir = match target.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        // without the name of the draft, which nobody asked for
        let draft = Builder::new().prefix(".edgeinf-").permissions(permissions).tempfile_in(dir);
        let draft = draft.map_err(|error| match fs::metadata(dir) {
            Err(missing) => missing,
            Ok(_) => error.kind().into(),
        })?;
        Ok(Self::Replaced { draft, path: target })
    }

    /// Appends to it.
    ///
    /// # Errors
    /// If it cannot be written, because the disk is full for example.
    pub fn write(&mut self, text: &str) -> io::Result<()> {
        let (written, path) = match self {
            Self::Replaced { draft, path } => (draft.write_all(text.as_bytes()), path),
            Self::Direct { file, path } => (file.write_all(text.as_bytes()), path),
        };
        written.map_err(|e| named(path, &e))
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// As [`OutputFile::write`].
    pub fn finish(self) -> io::Result<()> {
        let Self::Replaced { draft, path } = self else { return Ok(()) };
        draft.as_file().sync_all().map_err(|e| named(&path, &e))?;
        draft.persist(&path).map(drop).map_err(|e| named(&path, &e.error))
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("'{}' cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_when_it_is_finished() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.txt");
        fs::write(&path, "old").unwrap();
        let mut file = OutputFile::create(&path).unwrap();
        file.write("new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        file.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    fn an_unfinished_file_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = OutputFile::create(&dir.path().join("out.txt")).unwrap();
        file.write("half").unwrap();
        drop(file);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_link_stays_and_a_device_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("out.txt"), dir.path().join("link"));
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut file = OutputFile::create(&link).unwrap();
        file.write("new").unwrap();
        file.finish().unwrap();
        assert!(link.is_symlink() && fs::read_to_string(&path).unwrap() == "new");
        assert!(matches!(OutputFile::create(Path::new("/dev/null")).unwrap(), OutputFile::Direct { .. }));
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path().to_owned(), dir.path().join("no/out.txt")] {
            let error = OutputFile::create(&path).unwrap_err().to_string();
            assert!(error.starts_with(&format!("'{}' cannot be written: ", path.display())), "{error}");
            assert!(!error.contains(".edgeinf"), "{error}");
        }
    }
}
