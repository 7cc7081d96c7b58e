//! Builds llama.cpp from the source inside the genuine `llama-cpp-sys-2`, with the hooks of `../*.patch` and the C++ of
//! `../edgeinf`.
//!
//! 1. [`tools`] checks for cmake, a C++ compiler and libclang, so that what is missing is named at once.
//! 2. [`upstream`] asks cargo where the genuine crate lies.
//! 3. [`stage`] copies it into the target directory, patched. Nothing outside the target directory is written.
//! 4. [`bindings`] runs bindgen, [`native`] runs cmake, on the staged tree.
//!
//! Environment: `EDGEINF_STOCK=1` builds without hooks, `EDGEINF_PORTABLE=1` without instructions that only this
//! machine's processor has, `EDGEINF_LLAMA_SYS_DIR` names another copy of the genuine crate.

#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "build/bindings.rs"]
mod bindings;
#[path = "build/native.rs"]
mod native;
#[path = "build/patch.rs"]
mod patch;
#[path = "build/stage.rs"]
mod stage;
#[path = "build/tools.rs"]
mod tools;
#[path = "build/upstream.rs"]
mod upstream;

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::exit;

/// Ends the build with one line that says what to do.
fn fail(message: impl std::fmt::Display) -> ! {
    eprintln!("error: {message}");
    exit(1)
}

/// True for a variable that is set to something other than `0` or nothing.
fn switch(name: &str) -> bool {
    println!("cargo:rerun-if-env-changed={name}");
    env::var(name).is_ok_and(|v| !v.is_empty() && v != "0")
}

/// A variable that cargo always sets for a build script.
fn cargo_var(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| fail(format!("{name} is not set; this is a build script of cargo")))
}

fn main() {
    tools::check();
    native::refuse_unsupported_features();

    let manifest_dir = PathBuf::from(cargo_var("CARGO_MANIFEST_DIR"));
    let out_dir = PathBuf::from(cargo_var("OUT_DIR"));
    let patches = manifest_dir.join("..");

    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=upstream/Cargo.lock");
    println!("cargo:rerun-if-changed={}", patches.join("edgeinf").display());
    for patch in patch::list(&patches) {
        println!("cargo:rerun-if-changed={}", patch.display());
    }
    // a patch that is added later
    println!("cargo:rerun-if-changed={}", patches.display());

    let settings = native::Settings::from_env();
    settings.remember();
    let work = work_dir(&out_dir, &settings);

    // debug, release, check and clippy share one C++ build
    let lock = File::create(work.join("lock")).unwrap_or_else(|e| fail(format!("{}: {e}", work.display())));
    lock.lock().unwrap_or_else(|e| fail(format!("{}: cannot be locked: {e}", work.display())));

    let source = upstream::source_dir(&manifest_dir);
    let tree = stage::stage(&source, &patches, &work.join("src"), &settings);
    bindings::generate(&tree, &out_dir);
    native::build(&tree, &work, &settings);
}

/// A directory for the C++ build next to the profile directories of cargo, one for each setting.
fn work_dir(out_dir: &Path, settings: &native::Settings) -> PathBuf {
    // OUT_DIR = TARGET/PROFILE/build/PACKAGE-HASH/out
    let target = out_dir.ancestors().nth(4).unwrap_or(out_dir);
    let dir = target.join(format!("llama.cpp-{}", settings.key()));
    fs::create_dir_all(&dir).unwrap_or_else(|e| fail(format!("{}: {e}", dir.display())));
    dir
}
