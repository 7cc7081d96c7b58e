//! What a model should not have written does not reach the reader: each time by a model that was built to write it.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Output;

use crate::common::program::{edgeinf, scratch, stderr, stdout};
use crate::common::scripted::{Then, scripted};
use crate::common::text::story;

const STRATEGIES: [&str; 3] = ["direct", "notes", "map-reduce"];

/// A summary of a document of about 1,500 tokens by a model of 1 layer.
fn run(dir: &Path, words: &[&str], then: Then, strategy: &str) -> Output {
    run_with(dir, words, then, strategy, &[])
}

/// The same with further arguments.
fn run_with(dir: &Path, words: &[&str], then: Then, strategy: &str, more: &[&OsStr]) -> Output {
    let model = scripted(dir, words, then);
    let file = dir.join("a.txt");
    fs::write(&file, story(6000, 5)).unwrap();
    let sizes = ["--policy", "streaming", "--window", "512", "--segment", "128", "--max-tokens", "120"];
    edgeinf()
        .arg("summarize")
        .arg(file)
        .arg("-m")
        .arg(model)
        .args(["--strategy", strategy])
        .args(sizes)
        .args(more)
        .output()
        .unwrap()
}

pub const SAID: [&str; 8] = [" Old", " Tobias", " sold", " two", " letters", " before", " the", " flood."];
const SENTENCE: &str = "Old Tobias sold two letters before the flood.";

/// What was written under each strategy.
fn summaries(name: &str, words: &[&str], then: Then) -> Vec<(&'static str, Output)> {
    STRATEGIES
        .map(|strategy| (strategy, run(&scratch(&format!("scripted-{name}-{strategy}")), words, then, strategy)))
        .into()
}

#[test]
fn talk_about_the_task_is_left_out() {
    let preambles: [(&str, &[&str]); 3] = [
        ("scaffold", &["Here", " is", " a", " summary", " of", " that", " document:\n\n"]),
        ("chunk", &["This", " chunk", " of", " text:\n\n"]),
        ("heading", &["Note", " 1:", "\n\n"]),
    ];
    for (name, preamble) in preambles {
        for (strategy, output) in summaries(name, &[preamble, &SAID].concat(), Then::Ends) {
            let text = stdout(&output);
            assert_eq!(output.status.code(), Some(0), "{name} {strategy}: {}", stderr(&output));
            assert!(text.contains(SENTENCE), "{name} {strategy}: {text}");
            // `is` stands in other words too, but begins none of them
            let words = format!(" {}", text.replace('\n', " "));
            assert!(!text.contains(preamble[0]) && !words.contains(preamble[1]), "{name} {strategy}: {text}");
        }
    }
}

#[test]
fn what_is_of_something_else_is_left_out_of_notes() {
    let foreign: [&str; 7] = [" The", " senators", " in", " various", " ministries", " on", " departments."];
    let output = run(&scratch("scripted-ground"), &[&foreign[..], &SAID].concat(), Then::Ends, "notes");
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(text.contains(SENTENCE) && !text.contains("senators"), "{text}");
}

#[test]
fn the_echo_of_what_was_asked_is_left_out_of_notes() {
    let dir = scratch("scripted-echo");
    let kept = dir.join("notes.txt");
    let echo = [" Who", " did", " what,", " and", " what", " happened."];
    let output =
        run_with(&dir, &[&echo, &SAID[..]].concat(), Then::Ends, "notes", &["--keep-notes".as_ref(), kept.as_ref()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let notes = fs::read_to_string(kept).unwrap();
    assert!(notes.contains(SENTENCE) && !notes.contains("what, and what"), "{notes}");
}

#[test]
fn talk_behind_what_is_said_is_left_out() {
    let talk = [" I", " hope", " this", " helps."];
    for (strategy, output) in summaries("behind", &[&SAID[..], &talk].concat(), Then::Ends) {
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{strategy}: {}", stderr(&output));
        assert!(text.contains(SENTENCE) && !text.contains("helps"), "{strategy}: {text}");
    }
    let echo = [" State", " only", " what", " it", " says."];
    let output = run(&scratch("scripted-echo-direct"), &[&SAID[..], &echo].concat(), Then::Ends, "direct");
    assert_eq!(stdout(&output), format!("{SENTENCE}\n"), "{}", stderr(&output));
}

#[test]
fn a_sentence_that_the_model_breaks_off_is_left_out() {
    let broken = [" Then", " every", " smith", " rode", " home", " with"];
    for (strategy, output) in summaries("broken", &[&SAID[..], &broken].concat(), Then::Ends) {
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{strategy}: {}", stderr(&output));
        assert!(text.contains(SENTENCE) && text.trim_end().ends_with('.'), "{strategy}: {text}");
        assert!(!text.contains("every smith rode"), "{strategy}: {text}");
    }
}

#[test]
fn a_sentence_comes_once() {
    for (strategy, output) in summaries("loop", &[&[" It", " rained."], &SAID[..]].concat(), Then::Again) {
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{strategy}: {}", stderr(&output));
        assert_eq!(text.matches(SENTENCE).count(), 1, "{strategy}: {text}");
        assert!(text.matches("It rained.").count() <= 2, "{strategy}: {text}");
        assert!(text.ends_with(".\n"), "{strategy}: {text:?}");
    }
}

#[test]
fn a_sentence_without_end_is_none() {
    for (strategy, output) in summaries("endless", &[&SAID[..5], &[" and"]].concat(), Then::Again) {
        let text = stdout(&output);
        if strategy == "notes" {
            // the document's own sentences stand in
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            assert!(!text.contains("letters and Old"), "{text}");
        } else {
            assert_eq!(output.status.code(), Some(6), "{strategy}: {text}");
            assert!(text.matches("Tobias").count() <= 8, "{strategy}: {text}");
            assert!(stderr(&output).contains("again and again"), "{strategy}: {}", stderr(&output));
        }
    }
}

#[test]
fn nothing_is_no_summary() {
    for (strategy, output) in summaries("empty", &[], Then::Ends) {
        let text = stdout(&output);
        if strategy == "notes" {
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            assert!(text.split_whitespace().count() > 20, "{text}");
        } else {
            assert_eq!((output.status.code(), text.trim()), (Some(6), ""), "{strategy}");
            assert!(stderr(&output).contains("wrote nothing"), "{strategy}: {}", stderr(&output));
        }
    }
}
