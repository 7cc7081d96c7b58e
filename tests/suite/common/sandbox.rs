//! The program with a cache of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A directory for one test: a cache, and files beside it.
pub struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("cache")).unwrap();
        Self { dir }
    }

    pub fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    /// Where the cache has `file`.
    pub fn path(&self, file: &str) -> PathBuf {
        self.cache().join("models").join(file)
    }

    /// Puts a file into the cache, as a user could.
    pub fn put(&self, file: &str, content: &str) {
        fs::create_dir_all(self.cache().join("models")).unwrap();
        fs::write(self.path(file), content).unwrap();
    }

    /// A file beside the cache.
    pub fn write(&self, file: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(file);
        fs::write(&path, content).unwrap();
        path
    }

    /// What is beside the models and among them.
    pub fn left(&self) -> Vec<String> {
        let files = fs::read_dir(self.cache().join("models")).unwrap();
        let mut left: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        left
    }

    /// `edgeinf model ARGS` that knows nothing of this machine's network.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgeinf"));
        command.arg("model").args(args).stdin(Stdio::null()).env("EDGEINF_CACHE", self.cache());
        for variable in ["HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "EDGEINF_OFFLINE"] {
            command.env_remove(variable).env_remove(variable.to_lowercase());
        }
        command
    }

    pub fn model(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }
}
