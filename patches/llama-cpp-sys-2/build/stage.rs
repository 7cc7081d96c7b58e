//! A patched copy of the llama.cpp tree inside the target directory.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::native::Settings;
use crate::{fail, patch};

/// The staged tree.
pub struct Tree {
    /// The root of llama.cpp.
    pub llama: PathBuf,
    /// Our C++ and headers.
    pub edgeinf: PathBuf,
}

/// Directories of llama.cpp that no build here reads.
const UNUSED: &[&str] = &["common", "docs", "examples", "models", "pocs", "tests", "tools", "gguf-py", "ci"];

/// Brings the tree at `stage` up to date. A file is written only where its text differs, so that make rebuilds no more
/// than what changed.
pub fn stage(source: &Path, patches: &Path, stage: &Path, settings: &Settings) -> Tree {
    let upstream = source.join("llama.cpp");
    let hooks = if settings.stock { Vec::new() } else { patch::list(patches) };
    let changed = patch::apply(&upstream, &hooks);

    let tree = Tree { llama: stage.join("llama.cpp"), edgeinf: stage.join("edgeinf") };
    let mut keep = BTreeSet::new();
    let mut put = |path: PathBuf, bytes: &[u8]| {
        write_if_changed(&path, bytes);
        keep.insert(path);
    };
    for (relative, path) in files(&upstream) {
        if let Some(text) = changed.get(&relative) {
            put(tree.llama.join(&relative), text.as_bytes());
        } else if wanted(&relative, settings) {
            put(tree.llama.join(&relative), &read(&path));
        }
    }
    for (relative, path) in files(&patches.join("edgeinf")) {
        put(tree.edgeinf.join(&relative), &read(&path));
    }
    for (_, path) in files(stage) {
        if !keep.contains(&path) {
            fs::remove_file(&path).unwrap_or_else(|e| fail(format!("{}: {e}", path.display())));
        }
    }
    tree
}

fn wanted(relative: &str, settings: &Settings) -> bool {
    let mut parts = relative.split('/');
    let top = parts.next().unwrap_or_default();
    if UNUSED.contains(&top) && parts.clone().next().is_some() {
        return false;
    }
    match relative.strip_prefix("ggml/src/").and_then(|r| r.split_once('/')) {
        Some((backend, _)) => settings.backends().any(|b| b == backend),
        None => true,
    }
}

/// All files below a directory: path relative to it with forward slashes, and full path.
fn files(dir: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(dir).into_iter().flatten() {
        if entry.file_type().is_file()
            && let Ok(relative) = entry.path().strip_prefix(dir)
        {
            found.push((relative.to_string_lossy().replace('\\', "/"), entry.path().to_owned()));
        }
    }
    found
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|e| fail(format!("{}: {e}", path.display())))
}

fn write_if_changed(path: &Path, bytes: &[u8]) {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return;
    }
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, bytes));
    written.unwrap_or_else(|e| fail(format!("{}: {e}", path.display())));
}
