//! What an installation gets beside the program: man pages and completions, from the same source as `--help`.

use std::fs;

use crate::common::program::{assert_fails, edgeinf, scratch, stderr, stdout};

#[test]
fn man_pages_and_completions_know_every_visible_command() {
    let dir = scratch("share");
    let output = edgeinf().arg("generate").arg(&dir).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    let read = |part: &str| fs::read_to_string(dir.join(part)).unwrap();
    let help = stdout(&edgeinf().arg("--help").output().unwrap());
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.contains(&"summarize") && commands.contains(&"model"), "{help}");
    let man = read("man/man1/edgeinf.1");
    for command in &commands {
        assert!(man.contains(command), "{command}");
        for shell in [
            "bash-completion/completions/edgeinf",
            "zsh/site-functions/_edgeinf",
            "fish/vendor_completions.d/edgeinf.fish",
        ] {
            assert!(read(shell).contains(command), "{command} in {shell}");
        }
    }
    let page = read("man/man1/edgeinf-summarize.1");
    assert!(page.contains("max\\-memory") && page.contains("130"), "options and exit codes: {page}");
    let bash = stdout(&edgeinf().args(["completions", "bash"]).output().unwrap());
    assert_eq!(bash, read("bash-completion/completions/edgeinf"));
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let dir = scratch("share-file");
    let file = dir.join("file");
    fs::write(&file, "").unwrap();
    assert_fails(&edgeinf().arg("generate").arg(&file).output().unwrap(), 1, &["file", "cannot be created"]);
}
