//! `edgeinf summarize` in pipelines: several files, output to a file, JSON, what is asked, what is said on stderr.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Output, Stdio};

use crate::common::models::{shallow, smollm2};
use crate::common::program::{assert_fails, edgeinf, scratch, stderr, stdout, summarize};
use crate::common::text::story;
use edgeinf::memory::policy::Policy;
use serde_json::Value;

const FEW: [&str; 2] = ["--max-tokens", "30"];

fn run(args: &[&str]) -> Output {
    smollm2();
    edgeinf().arg("summarize").args(args).args(FEW).output().unwrap()
}

/// Lines of stdout, each an object that the published schema allows.
pub fn valid_json(output: &Output) -> Vec<Value> {
    let schema = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/summary.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let lines: Vec<Value> = stdout(output).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    for line in &lines {
        let errors: Vec<String> = validator.iter_errors(line).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {line}");
    }
    lines
}

#[test]
fn the_schema_forbids_something() {
    let schema = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/summary.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    assert!(!validator.is_valid(&serde_json::json!({ "schema_version": 1, "summary": "text" })));
}

#[test]
fn the_schema_knows_every_policy() {
    let schema = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/summary.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let known = schema["$defs"]["policy"]["enum"].as_array().unwrap();
    let names = Policy::ALL.map(|policy| Value::from(policy.to_string()));
    assert!(known.len() == names.len() && names.iter().all(|name| known.contains(name)), "{known:?}");
}

#[test]
fn several_files_are_read_in_turn_and_the_worst_counts() {
    let dir = scratch("several");
    for (name, seed) in [("a.txt", 1), ("b.txt", 2)] {
        fs::write(dir.join(name), story(1500, seed)).unwrap();
    }
    fs::write(dir.join("empty.txt"), "").unwrap();
    let path = |name: &str| dir.join(name).display().to_string();
    let (a, b, empty, absent) = (path("a.txt"), path("b.txt"), path("empty.txt"), path("absent.txt"));

    let output = run(&[&a, &b]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with(&format!("==> {a} <==\n")), "{text}");
    assert!(text.contains(&format!("\n\n==> {b} <==\n")), "{text}");

    let output = run(&[&a, &empty, &absent, &b]);
    assert_eq!(output.status.code(), Some(3));
    let errors = stderr(&output);
    assert_eq!(errors.lines().filter(|l| l.starts_with("error: ")).count(), 2, "{errors}");
    assert!(stdout(&output).contains(&format!("==> {b} <==")), "the last one is read all the same");

    let output = run(&[&a, &empty, &b, "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let lines = valid_json(&output);
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1]["error"]["exit_code"], 3);
    assert!(lines[1]["error"]["message"].as_str().unwrap().contains("empty.txt"));
    for (line, path) in lines.iter().zip([&a, &empty, &b]) {
        assert_eq!(line["input"]["path"], path.as_str());
    }
    // alone it is the same
    let alone = valid_json(&run(&[&b, "--json"]));
    assert_eq!(alone[0]["summary"], lines[2]["summary"]);
    assert_eq!(lines[2]["time"]["load_ms"], 0.0, "the model is loaded once");

    // a file that is incomplete is less bad than one that cannot be read
    let model = shallow();
    let cut = |files: &[&str]| {
        edgeinf().arg("summarize").args(files).args(["-m", &model, "--max-tokens", "1"]).output().unwrap()
    };
    let output = cut(&[&a, &empty]);
    assert_eq!(output.status.code(), Some(3));
    let output = cut(&[&a, &b]);
    assert_eq!(output.status.code(), Some(6));
}

#[test]
fn a_closed_pipe_does_not_hide_what_failed_before() {
    let dir = scratch("closed");
    smollm2();
    fs::write(dir.join("a.txt"), story(1500, 9)).unwrap();
    fs::write(dir.join("empty.txt"), "").unwrap();
    for (files, code) in [(&["a.txt"][..], 0), (&["empty.txt", "a.txt"], 3)] {
        let mut command = edgeinf();
        command.current_dir(&dir).arg("summarize").args(files).args(FEW).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{files:?}: {}", stderr(&output));
    }
}

#[test]
fn without_a_model_there_is_one_error_however_many_files() {
    let dir = scratch("hopeless");
    let file = dir.join("a.txt");
    fs::write(&file, story(500, 1)).unwrap();
    let file = file.display().to_string();
    assert_fails(&run(&[&file, &file, "-m", "no-such-model"]), 4, &["no-such-model"]);
    // and an object for each of them
    let output = run(&[&file, "absent.txt", &file, "-m", "no-such-model", "--json"]);
    let errors: Vec<Value> = valid_json(&output).iter().map(|line| line["error"]["exit_code"].clone()).collect();
    assert_eq!((output.status.code(), errors), (Some(4), [4, 3, 4].map(Value::from).to_vec()), "{}", stderr(&output));
}

#[test]
fn the_output_file_is_whole_or_not_there() {
    let dir = scratch("output");
    let file = dir.join("a.txt");
    fs::write(&file, story(1500, 3)).unwrap();
    let (file, out) = (file.display().to_string(), dir.join("out.txt"));
    let path = out.display().to_string();
    let on_stdout = stdout(&run(&[&file]));
    let output = run(&[&file, "-o", &path]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), ""), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&out).unwrap(), on_stdout);

    let absent = dir.join("absent.txt").display().to_string();
    assert_fails(&run(&[&absent, "-o", &path]), 3, &["absent.txt"]);
    assert_eq!(fs::read_to_string(&out).unwrap(), on_stdout, "an older file stays");
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 2, "nothing else is left");

    // nothing is no summary
    let list = dir.join("list.txt");
    fs::write(&list, "- one\n- two\n").unwrap();
    let list = list.display().to_string();
    let extract = ["--strategy", "extract"];
    assert_eq!(run(&[&[list.as_str(), "-o", &path], &extract[..]].concat()).status.code(), Some(6));
    assert_eq!(fs::read_to_string(&out).unwrap(), on_stdout, "an older file stays");
    // nor is the document a place for it
    for read in [&["-o", file.as_str()][..], &["-o", path.as_str(), "--template", path.as_str()]] {
        let output = run(&[&[file.as_str()], read].concat());
        assert_eq!(output.status.code(), Some(2), "{read:?}");
        assert!(stderr(&output).contains("--output names a file that is read"), "{}", stderr(&output));
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), story(1500, 3));
    assert_eq!(stdout(&run(&[&file, "-o", "-"])), on_stdout);
    // of several it is told whose
    let output = run(&[&[list.as_str(), &file], &extract[..]].concat());
    assert!(stdout(&output).starts_with(&format!("==> {list} <==\n")), "{}", stdout(&output));
    assert!(stderr(&output).contains(&format!("error: {list}: there is no summary")), "{}", stderr(&output));
    assert!(stderr(&output).lines().any(|line| line == file), "{}", stderr(&output));

    assert_fails(&run(&[&file, "-o", &dir.join("no/out.txt").display().to_string()]), 1, &["out.txt", "written"]);
    let output = run(&[&file, &file, "-o", &path]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--output"));
    if cfg!(target_os = "linux") {
        assert_fails(&run(&[&file, "-o", "/dev/full"]), 1, &["/dev/full", "space"]);
    }
}

#[test]
fn a_pipe_needs_no_name() {
    let dir = scratch("pipe");
    let file = dir.join("a.txt");
    fs::write(&file, story(1500, 4)).unwrap();
    let named = run(&[&file.display().to_string()]);
    let piped = edgeinf().arg("summarize").args(FEW).stdin(File::open(&file).unwrap()).output().unwrap();
    assert_eq!(piped.status.code(), Some(0), "{}", stderr(&piped));
    assert_eq!(stdout(&named), stdout(&piped));
    assert_fails(&edgeinf().arg("summarize").stdin(Stdio::null()).output().unwrap(), 3, &["empty"]);
    let output = run(&["-", "-"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn length_and_question_change_what_is_written() {
    let dir = scratch("asked");
    let file = dir.join("a.txt");
    fs::write(&file, format!("{}The toll of the bridge is seven pence.\n", story(1200, 5))).unwrap();
    let asked = |more: &[&str]| {
        let output = summarize(&file, &[&["--json"], more].concat());
        let line = valid_json(&output).remove(0);
        (line["summary"].as_str().unwrap().to_owned(), line["output"]["tokens"].as_u64().unwrap())
    };
    let short = asked(&["--length", "short"]);
    assert!(short.1 <= 85 && !short.0.is_empty(), "{short:?}");
    let twenty = asked(&["--length", "20"]);
    assert!(twenty.1 <= 34, "{twenty:?}");
    let answer = asked(&["--prompt", "What is the toll of the bridge?", "--max-tokens", "40"]);
    assert!(answer.0.to_lowercase().contains("seven pence"), "{answer:?}");
    for bad in [
        ["--length", "0"],
        ["--length", "huge"],
        ["--prompt", ""],
        ["--prompt", " \n"],
        ["--temp", "-1"],
        ["--top-p", "0"],
    ] {
        assert_eq!(summarize(&file, &bad).status.code(), Some(2), "{bad:?}");
    }
}

#[test]
fn a_temperature_makes_texts_differ_by_their_seeds() {
    let dir = scratch("seeds");
    let file = dir.join("a.txt");
    fs::write(&file, story(1500, 6)).unwrap();
    let text = |seed: &str| stdout(&summarize(&file, &["--temp", "1", "--seed", seed, "--max-tokens", "40"]));
    let first = text("1");
    assert_eq!(first, text("1"));
    assert!(first != text("2") || first != text("3"));
}

#[test]
fn quiet_says_nothing_but_errors() {
    let dir = scratch("quiet");
    let file = dir.join("a.txt");
    fs::write(&file, story(1500, 7)).unwrap();
    let output = summarize(&file, &["-q", "--max-tokens", "30"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    assert_fails(&summarize(Path::new("absent.txt"), &["-q"]), 3, &["absent.txt"]);
    assert_eq!(summarize(&file, &["-q", "-v"]).status.code(), Some(2));
}

#[test]
fn a_dry_run_reads_little_and_writes_nothing() {
    let dir = scratch("dry");
    let file = dir.join("a.txt");
    fs::write(&file, story(60_000, 8)).unwrap();
    let output = summarize(&file, &["--dry-run", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let line = valid_json(&output).remove(0);
    let model = crate::common::load(&smollm2());
    let n_tokens = model.vocab().tokenize(&story(60_000, 8), false).unwrap().len() as u64;
    assert_eq!(line["input"]["tokens"], n_tokens);
    assert_eq!(line["policy"], "streaming");
    assert!(line["segments"].as_u64().unwrap() >= n_tokens / 512);
    assert!(line["predicted"]["total_ms"].as_f64() > line["predicted"]["ttft_ms"].as_f64());
    let text = stdout(&summarize(&file, &["--dry-run"]));
    for word in ["tokens in 60", "streaming", "peak memory", "MiB", "time to first token"] {
        assert!(text.contains(word), "{text}");
    }
    assert_fails(&summarize(&file, &["--dry-run", "--max-memory", "50M"]), 5, &["--max-memory"]);
}
