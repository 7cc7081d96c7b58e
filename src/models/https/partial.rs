//! What is kept of a download between two tries.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::models::hash::hex;
use crate::models::{ModelEntry, ModelError};

/// A file on its way, and what the server called it.
///
/// Its name comes from the hash that the file must have, or from the URL if that is not known: so the beginning of one
/// file never gets the end of another.
#[derive(Debug)]
pub(super) struct Partial {
    dir: PathBuf,
    key: String,
}

impl Partial {
    pub(super) fn open(dir: &Path, entry: &ModelEntry, url: &str) -> Result<Self, ModelError> {
        fs::create_dir_all(dir).map_err(|error| ModelError::io("create", dir, error))?;
        let mut key = entry.sha256.clone().unwrap_or_else(|| hex(Sha256::new_with_prefix(url)));
        key.truncate(16);
        Ok(Self { dir: dir.to_path_buf(), key })
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.join(format!("{}.part", self.key))
    }

    fn tag_path(&self) -> PathBuf {
        self.dir.join(format!("{}.etag", self.key))
    }

    /// What the server at `url` called the file that is there.
    pub(super) fn tag(&self, url: &str) -> Option<String> {
        let text = fs::read_to_string(self.tag_path()).ok()?;
        let (of, tag) = text.trim_end().split_once('\n')?;
        (of == url && is_strong(tag)).then(|| tag.to_owned())
    }

    /// Notes what the server at `url` calls the file.
    pub(super) fn set_tag(&self, url: &str, tag: Option<&str>) -> Result<(), ModelError> {
        let path = self.tag_path();
        match tag.filter(|tag| is_strong(tag)) {
            Some(tag) => fs::write(&path, format!("{url}\n{tag}\n")).map_err(|e| ModelError::io("write", &path, e)),
            None => {
                // It is there only if another file was before.
                let _ = fs::remove_file(&path);
                Ok(())
            }
        }
    }

    /// Removes everything.
    pub(super) fn remove(&self) {
        for path in [self.path(), self.tag_path()] {
            let _ = fs::remove_file(path);
        }
        // Another file of this model may wait here.
        let _ = fs::remove_dir(&self.dir);
    }
}

/// Whether equal tags mean equal bytes. Weak ones may not stand in a request for a part.
fn is_strong(tag: &str) -> bool {
    tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"') && tag.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::super::super::test_bench::entry;
    use super::*;

    #[test]
    fn only_equal_files_share_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = |entry: &ModelEntry, url| Partial::open(dir.path(), entry, url).unwrap().path();
        let (a, b) = (entry(b"a", &[]), entry(b"b", &[]));
        assert_eq!(path(&a, "https://x/1"), path(&a, "https://x/2"));
        assert_ne!(path(&a, "https://x/1"), path(&b, "https://x/1"));
        let unchecked = ModelEntry { bytes: None, sha256: None, ..a };
        assert_ne!(path(&unchecked, "https://x/1"), path(&unchecked, "https://x/2"));
    }

    #[test]
    fn a_tag_belongs_to_its_server() {
        let dir = tempfile::tempdir().unwrap();
        let partial = Partial::open(dir.path(), &entry(b"a", &[]), "u").unwrap();
        assert_eq!(partial.tag("u"), None);
        partial.set_tag("u", Some("\"1\"")).unwrap();
        assert_eq!(partial.tag("u").as_deref(), Some("\"1\""));
        assert_eq!(partial.tag("v"), None);
        for none in [None, Some("W/\"1\""), Some("1"), Some("\"1\r\nX: 2\"")] {
            partial.set_tag("u", Some("\"1\"")).unwrap();
            partial.set_tag("u", none).unwrap();
            assert_eq!(partial.tag("u"), None);
        }
    }
}
