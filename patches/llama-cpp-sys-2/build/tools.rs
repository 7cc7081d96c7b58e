//! Names what the build needs and this machine lacks.

use std::env;
use std::process::{Command, Stdio};

use crate::fail;

/// A program or library and the packages that bring it.
struct Tool {
    name: &'static str,
    debian: &'static str,
    fedora: &'static str,
    macos: &'static str,
}

const CMAKE: Tool = Tool { name: "cmake", debian: "cmake", fedora: "cmake", macos: "brew install cmake" };
const COMPILER: Tool =
    Tool { name: "a C++ compiler", debian: "build-essential", fedora: "gcc-c++ make", macos: "xcode-select --install" };
const LIBCLANG: Tool =
    Tool { name: "libclang", debian: "libclang-dev", fedora: "clang-devel", macos: "brew install llvm" };

/// Ends the build with one line if cmake, a C++ compiler or libclang is missing.
pub fn check() {
    let cmake = env::var_os("CMAKE").unwrap_or_else(|| "cmake".into());
    let compiler = cc::Build::new().cpp(true).cargo_output(false).try_get_compiler();
    let found = [
        (CMAKE, runs(Command::new(cmake))),
        (COMPILER, compiler.is_ok_and(|c| runs(Command::new(c.path())))),
        (LIBCLANG, clang_sys::load().is_ok()),
    ];
    let missing: Vec<Tool> = found.into_iter().filter_map(|(tool, found)| (!found).then_some(tool)).collect();
    if missing.is_empty() {
        return;
    }
    let list =
        |part: fn(&Tool) -> &'static str, between: &str| missing.iter().map(part).collect::<Vec<_>>().join(between);
    fail(format!(
        "{} not found. Debian and Ubuntu: apt-get install {}; Fedora: dnf install {}; macOS: {}",
        list(|t| t.name, " and "),
        list(|t| t.debian, " "),
        list(|t| t.fedora, " "),
        list(|t| t.macos, " && "),
    ));
}

fn runs(mut command: Command) -> bool {
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}
