//! What a person at a terminal sees.

use std::fs::{self, File};
use std::io::Read;
use std::process::{Command, Stdio};

use crate::common::models::shallow;
use crate::common::program::{calm, edgeinf, scratch};
use crate::common::text::story;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::{Winsize, openpty};

/// Runs a command with a terminal for stdin and stderr, and for stdout too if nothing else was said. Gives its exit code
/// and all that came to the terminal.
fn on_terminal(command: &mut Command, stdout: Option<Stdio>) -> (Option<i32>, String) {
    let size = Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(&size, None).unwrap();
    // children of other tests would keep it open
    for end in [&pty.master, &pty.slave] {
        fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
    }
    let end = || Stdio::from(pty.slave.try_clone().unwrap());
    command.stdin(end()).stderr(end()).stdout(stdout.unwrap_or_else(end));
    let mut child = command.spawn().unwrap();
    // this end must be closed here, or reading would wait for ever
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    drop(pty.slave);
    let mut screen = Vec::new();
    // ends with an error when the last user of the terminal is gone
    let _ = File::from(pty.master).read_to_end(&mut screen);
    (child.wait().unwrap().code(), String::from_utf8_lossy(&screen).into_owned())
}

#[test]
fn without_a_file_there_is_help() {
    for args in [&["summarize"][..], &["summarize", "-q"]] {
        let (code, screen) = on_terminal(edgeinf().args(args), None);
        assert_eq!(code, Some(2), "{screen}");
        assert!(screen.contains("Usage: edgeinf summarize") && screen.contains("--length"), "{screen}");
    }
}

#[test]
fn reading_shows_how_far_it_is() {
    let model = shallow();
    let dir = scratch("terminal");
    let file = dir.join("a.txt");
    fs::write(&file, story(24_000, 1)).unwrap();
    let args = ["-m", &model, "--policy", "streaming", "--window", "128", "--segment", "128", "--max-tokens", "10"];
    let run = |term: &str, quiet: bool| {
        let mut command = edgeinf();
        command.env("TERM", term).env("NO_COLOR", "1").arg("summarize").arg(&file).args(args);
        command.args(quiet.then_some("-q"));
        on_terminal(&mut command, Some(Stdio::null())).1
    };
    let screen = run("xterm", false);
    for part in [" of about ", " tokens, segment ", " tokens/s, ", " left"] {
        assert!(screen.contains(part), "'{part}' is not in {screen}");
    }
    assert!(screen.contains("peak memory"), "{screen}");
    assert!(!screen.contains("\u{1b}[3"), "no colors: {screen}");
    let screen = run("dumb", false);
    assert!(!screen.contains(" left") && !screen.contains('\u{1b}') && screen.contains("peak memory"), "{screen}");
    assert_eq!(run("xterm", true), "");
}

#[test]
fn a_pipe_has_no_total() {
    let dir = scratch("terminal-pipe");
    let file = dir.join("a.txt");
    fs::write(&file, story(12_000, 2)).unwrap();
    let line = format!(
        "cat '{}' | '{}' summarize -m '{}' --policy streaming --window 128 --segment 128 --max-tokens 10 >/dev/null",
        file.display(),
        env!("CARGO_BIN_EXE_edgeinf"),
        shallow()
    );
    let (_, screen) = on_terminal(calm(&mut Command::new("sh")).args(["-c", &line]).env("TERM", "xterm"), None);
    assert!(screen.contains(" so far") && !screen.contains(" of about ") && !screen.contains(" left "), "{screen}");
}
