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

/// One thread, since as many tests run beside each other as there are processors. Where a test asks for more: threads that spin while they
/// wait take ten times as long where something else runs too.
pub fn calm(command: &mut Command) -> &mut Command {
    command.env("EDGEINF_THREADS", "1").env("GOMP_SPINCOUNT", "2000")
}

pub fn edgeinf() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeinf"));
    calm(&mut command);
    command.stdin(Stdio::null());
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
