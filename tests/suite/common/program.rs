//! The program, run as its users run it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::models::smollm2;

/// A directory for one test.
pub fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("scratch-{name}"));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

pub fn edgeinf() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeinf"));
    // Threads that spin while they wait take ten times as long where something else runs too, and those that sleep at once take 1.6 times
    // as long where nothing does: 18 s for what takes 11 s, and 13 s with this.
    command.stdin(Stdio::null()).env("GOMP_SPINCOUNT", "2000");
    command
}

pub fn summarize(file: &Path, args: &[&str]) -> Output {
    smollm2();
    edgeinf().arg("summarize").arg(file).args(args).output().unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// One line on stderr that begins with `error:`, nothing on stdout, the right code.
#[track_caller]
pub fn assert_fails(output: &Output, code: i32, words: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(stdout(output), "");
    let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{text}");
    for word in words {
        assert!(errors[0].contains(word), "'{word}' is not in: {text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}
