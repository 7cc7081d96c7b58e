//! Names what the build needs and this machine lacks.

use std::env;
use std::process::{Command, Stdio};

use crate::fail;

/// Ends the build with one line if cmake, a C++ compiler or libclang is missing.
pub fn check() {
    let cmake = env::var_os("CMAKE").unwrap_or_else(|| "cmake".into());
    if !runs(Command::new(cmake)) {
        fail(missing("cmake", "cmake", "cmake", "brew install cmake"));
    }
    let compiler = cc::Build::new().cpp(true).try_get_compiler();
    if !compiler.is_ok_and(|c| runs(Command::new(c.path()))) {
        fail(missing("a C++ compiler", "build-essential", "gcc-c++ make", "xcode-select --install"));
    }
    if clang_sys::load().is_err() {
        fail(missing("libclang", "libclang-dev", "clang-devel", "brew install llvm"));
    }
}

fn runs(mut command: Command) -> bool {
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

fn missing(what: &str, debian: &str, fedora: &str, macos: &str) -> String {
    format!(
        "{what} was not found. Debian and Ubuntu: apt-get install {debian}; Fedora: dnf install {fedora}; macOS: {macos}"
    )
}
