//! The hook patches.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use diffy::patch_set::{FileOperation, ParseOptions, PatchSet};

use crate::fail;

/// `NNNN-*.patch` in order.
pub fn list(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| fail(format!("{}: {e}", dir.display())));
    let mut patches: Vec<_> =
        entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|x| x == "patch")).collect();
    patches.sort();
    patches
}

/// Applies the patches to the files below `source`; returns the changed texts by their path relative to it.
///
/// Context has to match exactly: a hook that no longer fits ends the build.
pub fn apply(source: &Path, patches: &[PathBuf]) -> BTreeMap<String, String> {
    let mut changed = BTreeMap::new();
    for path in patches {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(path).unwrap_or_else(|e| fail(format!("{}: {e}", path.display())));
        if let Err(why) = apply_one(source, &text, &mut changed) {
            fail(format!(
                "hook patches/{name} does not fit this llama.cpp: {why}. Redo the change by hand in a copy of the file \
                 and write it with 'diff -u'; patches/README.md shows how"
            ));
        }
    }
    changed
}

fn apply_one(source: &Path, text: &str, changed: &mut BTreeMap<String, String>) -> Result<(), String> {
    let mut files = 0;
    for file in PatchSet::parse(text, ParseOptions::unidiff()) {
        let file = file.map_err(|e| e.to_string())?;
        let operation = file.operation().strip_prefix(1);
        let FileOperation::Modify { original, .. } = operation else {
            return Err("a hook can only change a file".into());
        };
        let hunks = file.patch().as_text().ok_or("it is binary")?;
        let before = match changed.get(original.as_ref()) {
            Some(text) => text.clone(),
            None => fs::read_to_string(source.join(original.as_ref())).map_err(|e| format!("{original}: {e}"))?,
        };
        let after = diffy::apply(&before, hunks).map_err(|e| format!("{original}: {e}"))?;
        changed.insert(original.into_owned(), after);
        files += 1;
    }
    if files == 0 { Err("it changes nothing".into()) } else { Ok(()) }
}
