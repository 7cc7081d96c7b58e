//! Invented documents: their length by the real tokenizer, and the command that writes them.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use crate::common::load;
use crate::common::models::smollm2;
use crate::common::program::{assert_fails, edgeinf, scratch};
use serde_json::Value;

fn command(tokens: u64, seed: u64) -> Command {
    let mut command = edgeinf();
    command.args(["sample", "--tokens", &tokens.to_string(), "--seed", &seed.to_string()]);
    command
}

fn succeed(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn the_length_is_that_of_the_default_models_tokenizer() {
    let model = load(&smollm2());
    for (tokens, seed) in
        [(2000, 1), (2000, 2), (3000, 3), (8000, 4), (30_000, 5), (131_072, 6), (131_072, 7), (400_000, 8)]
    {
        let text = String::from_utf8(succeed(&mut command(tokens, seed))).unwrap();
        let counted = model.vocab().tokenize(&text, false).unwrap().len();
        let error = counted as f64 / tokens as f64 - 1.0;
        assert!(error.abs() < 0.03, "{tokens} tokens of seed {seed} are {counted}");
        assert!(text.ends_with('\n'));
    }
}

#[test]
fn a_seed_decides_and_facts_are_where_they_are_said_to_be() {
    let dir = scratch("sample-facts");
    let (facts, file) = (dir.join("facts.jsonl"), dir.join("sample.txt"));
    let text = String::from_utf8(succeed(command(24_000, 1).arg("--facts").arg(&facts))).unwrap();
    assert_eq!(text.as_bytes(), succeed(&mut command(24_000, 1)));
    assert_ne!(text.as_bytes(), succeed(&mut command(24_000, 2)));
    assert!(succeed(command(24_000, 1).arg("-o").arg(&file)).is_empty());
    assert_eq!(fs::read_to_string(&file).unwrap(), text);

    let lines = fs::read_to_string(&facts).unwrap();
    assert_eq!(lines.lines().count(), 5);
    let mut kinds = Vec::new();
    for line in lines.lines() {
        let fact: Value = serde_json::from_str(line).unwrap();
        let string = |name: &str| fact[name].as_str().unwrap().to_owned();
        let (sentence, answer, offset) = (string("sentence"), string("answer"), fact["offset"].as_u64().unwrap());
        assert!(text[offset as usize..].starts_with(&sentence), "{line}");
        assert_eq!((text.matches(&sentence).count(), text.matches(&answer).count()), (1, 1), "{line}");
        assert!(sentence.contains(&answer) && !string("question").contains(&answer), "{line}");
        assert!((fact["depth"].as_f64().unwrap() - offset as f64 / text.len() as f64).abs() < 1e-9, "{line}");
        kinds.push(string("id").split_off(5));
    }
    kinds.sort();
    assert_eq!(kinds, ["amount", "date", "name", "number", "place"]);
    // nothing temporary is left
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 2);
}

#[test]
fn what_cannot_be_done_is_said_in_a_line() {
    let dir = scratch("sample-errors");
    let missing = dir.join("missing").join("facts.jsonl");
    assert_fails(&command(199, 1).output().unwrap(), 2, &["199"]);
    assert_fails(&command(1_000_000_001, 1).output().unwrap(), 2, &["1000000001"]);
    for option in ["--facts", "--output"] {
        let output = command(2000, 1).arg(option).arg(&missing).output().unwrap();
        assert_fails(&output, 1, &["missing", "cannot be written"]);
        assert_fails(&command(2000, 1).arg(option).arg(&dir).output().unwrap(), 1, &["cannot be written"]);
    }
    let same = dir.join("same");
    let again = dir.join("..").join(dir.file_name().unwrap()).join("same");
    let output = command(2000, 1).arg("--facts").arg(&same).arg("-o").arg(&again).output().unwrap();
    assert_fails(&output, 2, &["same file"]);
    assert!(!same.exists());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let dir = scratch("sample-closed");
    let facts = dir.join("facts.jsonl");
    let mut child =
        command(2_000_000, 1).arg("--facts").arg(&facts).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut head = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut head).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    // facts of a document that was not written would be wrong
    assert!(!facts.exists());
}

#[cfg(unix)]
#[test]
fn a_device_is_written_to_and_a_link_is_followed() {
    let dir = scratch("sample-special");
    let (file, link) = (dir.join("file"), dir.join("link"));
    fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert!(succeed(command(300, 1).args(["-o", "/dev/null", "--facts"]).arg(&link)).is_empty());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&file).unwrap().starts_with("{\"id\":\"0001-"));
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}
