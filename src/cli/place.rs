//! Whether two names are those of one file.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Whether two paths lead to the same file, also by a link and also where there is none yet. A device may take both.
pub fn same_file(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino()),
        (Err(_), Err(_)) => place(a).is_some_and(|a| Some(a) == place(b)),
        _ => false,
    }
}

/// Where a file that does not exist yet will be.
fn place(path: &Path) -> Option<PathBuf> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(fs::canonicalize(dir).ok()?.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_other_names_are_the_same_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("a"), "").unwrap();
        fs::write(path("b"), "").unwrap();
        fs::hard_link(path("a"), path("hard")).unwrap();
        std::os::unix::fs::symlink(path("a"), path("soft")).unwrap();
        for name in ["a", "hard", "soft", "./a", "../a"] {
            let name = if name == "../a" { path(".").join("a") } else { path(name) };
            assert!(same_file(&path("a"), &name), "{}", name.display());
        }
        assert!(!same_file(&path("a"), &path("b")) && !same_file(&path("a"), &path("none")));
        assert!(same_file(&path("none"), &path("./none")) && !same_file(&path("none"), &path("other")));
        assert!(!same_file(Path::new("/dev/null"), Path::new("/dev/null")));
    }
}
