//! `edgeinf train` as its users run it, on a tiny model.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::program::{assert_fails, edgeinf, scratch, stderr, stdout};
use crate::common::text::story;
use crate::common::zoo::like_llama;
use serde_json::{Value, json};

const SIZES: &[&str] = &["--window", "64", "--segment", "64"];

/// A model of bytes, and `n` documents with the beginning of an early paragraph as the answer.
fn material(name: &str, n: u64) -> (PathBuf, PathBuf, PathBuf) {
    let dir = scratch(name);
    let model = like_llama("llama", 2).write(&dir);
    let lines = (0..n).map(|i| {
        let document = story(1200, 30 + i);
        let reference = document[150..210].trim().to_owned();
        json!({"id": format!("pair {i}"), "document": document, "reference": reference}).to_string() + "\n"
    });
    let pairs = dir.join("pairs.jsonl");
    fs::write(&pairs, lines.collect::<String>()).unwrap();
    (dir, model, pairs)
}

fn command(model: &Path, pairs: &Path, gate: &Path, args: &[&str]) -> std::process::Command {
    let mut command = edgeinf();
    command.args(["train", "-m"]).arg(model).arg("--pairs").arg(pairs).arg("-o").arg(gate);
    let by_default =
        [("--window", "64"), ("--segment", "64"), ("--tokens", "2500"), ("--map", "hedgehog:16"), ("--threads", "1")];
    for (name, value) in by_default.into_iter().filter(|(name, _)| !args.contains(name)) {
        command.args([name, value]);
    }
    command.args(args);
    command
}

fn train(model: &Path, pairs: &Path, gate: &Path, args: &[&str]) -> Output {
    command(model, pairs, gate, args).output().unwrap()
}

fn log(gate: &Path) -> Vec<Value> {
    let text = fs::read_to_string(gate.with_extension("log.jsonl")).unwrap();
    let without_time = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("seconds").unwrap();
        line
    };
    text.lines().map(without_time).collect()
}

#[test]
fn an_answer_can_be_learned_and_the_gate_be_used() {
    let (dir, model, pairs) = material("train-learn", 1);
    let gate = dir.join("gate.gguf");
    let output = train(&model, &pairs, &gate, &["--steps", "25", "--contrast", "0", "--rate", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    let lines = log(&gate);
    assert_eq!(lines.len(), 25);
    assert_eq!(lines[24]["gates"].as_array().unwrap().len(), 2);
    assert!(dir.join("gate.training.svg").is_file());
    let losses: Vec<f64> = lines.iter().map(|line| line["loss"].as_f64().unwrap()).collect();
    assert!(losses[24] < 0.97 * losses[0], "{losses:?}");

    let mut eval = edgeinf();
    eval.args(["eval", "answer"]).arg(&pairs).arg("-m").arg(&model).arg("--gate").arg(&gate).args(SIZES);
    let output = eval.args(["--policies", "streaming,edgeinfinite", "--cache-type", "f32"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!stderr(&output).contains("warning"), "{}", stderr(&output));
    let records: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // what was fitted is what is measured: the last step's loss was found before its update
    let nll = |i: usize| records[i]["nll"].as_f64().unwrap();
    assert!((nll(1) - lines[24]["nll"].as_f64().unwrap()).abs() < 0.1, "{records:?}");
    assert!(nll(1) < nll(0), "{records:?}");

    // another fit goes on from it
    let (from, more) = (gate.display().to_string(), dir.join("more.gguf"));
    let mut command = edgeinf();
    command.args(["train", "-m"]).arg(&model).arg("--pairs").arg(&pairs).arg("-o").arg(&more).args(SIZES);
    command.args(["--tokens", "2500", "--threads", "1", "--contrast", "0", "--steps", "1", "--from", &from]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let some = |layers: &str, from: &Path, to: &str| {
        let mut command = edgeinf();
        command.args(["train", "-m"]).arg(&model).arg("--pairs").arg(&pairs).arg("-o").arg(dir.join(to)).args(SIZES);
        command.args(["--tokens", "2500", "--steps", "1", "--layers", layers, "--from"]).arg(from).output().unwrap()
    };
    assert_eq!(some("1", &gate, "one.gguf").status.code(), Some(0));
    assert_eq!(log(&dir.join("one.gguf"))[0]["gates"].as_array().unwrap().len(), 1);
    assert_fails(&some("0-1", &dir.join("one.gguf"), "two.gguf"), 2, &["one.gguf", "layer 0", "--layers"]);
    // but not over it
    let again = gate.with_file_name("./gate.gguf");
    let mut command = edgeinf();
    command.args(["train", "-m"]).arg(&model).arg("--pairs").arg(&pairs).arg("-o").arg(&again);
    assert_fails(&command.args(["--steps", "1", "--from", &from]).output().unwrap(), 2, &["overwritten", "gate.gguf"]);
    let first = log(&more)[0]["loss"].as_f64().unwrap();
    assert!((first - losses[24]).abs() < 0.1 * losses[24], "{first}, {losses:?}");
}

#[test]
fn scores_find_what_is_looked_at_and_can_be_used() {
    let (dir, model, pairs) = material("train-scores", 9);
    let gate = dir.join("scores.gguf");
    let args =
        ["--fit", "scores", "--steps", "6", "--rounds", "10", "--retain", "64", "--hidden", "8", "--held-out", "1"];
    let run = |gate: &Path, more: &[&str]| {
        let mut command = edgeinf();
        command.args(["train", "-m"]).arg(&model).arg("--pairs").arg(&pairs).arg("-o").arg(gate).args(args).args(more);
        command.args(["--window", "64", "--segment", "64", "--tokens", "2500", "--threads", "1"]).output().unwrap()
    };
    let output = run(&gate, &[]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), String::new()), "{}", stderr(&output));
    let lines = log(&gate);
    assert_eq!(lines.len(), 7);
    let loss = |i: usize| lines[i]["loss"].as_f64().unwrap();
    assert!(loss(5) < loss(0), "{lines:?}");
    for what in ["asked", "text"] {
        let kept: Vec<f64> = lines[6][what].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
        // nothing keeps more than the best
        assert!(kept[..3].iter().all(|&x| x >= 0.0 && x <= kept[3]), "{lines:?}");
    }
    // the same again
    let again = dir.join("again.gguf");
    assert_eq!(run(&again, &[]).status.code(), Some(0));
    assert_eq!(fs::read(&gate).unwrap(), fs::read(&again).unwrap());

    let eval = |policies: &str| {
        let mut eval = edgeinf();
        eval.args(["eval", "answer"]).arg(&pairs).arg("-m").arg(&model).arg("--gate").arg(&gate).args(SIZES);
        eval.args(["--policies", policies, "--retain", "32"]).output().unwrap()
    };
    let output = eval("learned");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let record: Value = serde_json::from_str(stdout(&output).lines().next().unwrap()).unwrap();
    assert!(record["nll"].as_f64().unwrap() > 0.0 && record["setting"]["retain"] == 32, "{record}");
    // there is no memory in it
    assert_fails(&eval("edgeinfinite"), 4, &["edgeinfinite", "a gate with a memory"]);

    // scores beside the memory of another gate
    let both = dir.join("both.gguf");
    assert_eq!(train(&model, &pairs, &dir.join("memory.gguf"), &["--steps", "1"]).status.code(), Some(0));
    let mut command = edgeinf();
    command.args(["train", "-m"]).arg(&model).arg("--pairs").arg(&pairs).arg("-o").arg(&both).args(SIZES);
    command.args(["--fit", "scores", "--steps", "1", "--tokens", "2500", "--from"]).arg(dir.join("memory.gguf"));
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    let mut eval = edgeinf();
    eval.args(["eval", "answer"]).arg(&pairs).arg("-m").arg(&model).arg("--gate").arg(&both).args(SIZES);
    let output = eval.args(["--policies", "edgeinfinite", "--retain", "32"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let record: Value = serde_json::from_str(stdout(&output).lines().next().unwrap()).unwrap();
    assert_eq!(record["setting"]["queries"], "scores", "{record}");
    let retained = |more: &[&str]| {
        let mut eval = edgeinf();
        eval.args(["eval", "answer"]).arg(&pairs).arg("-m").arg(&model).arg("--gate").arg(&both).args(SIZES);
        let output = eval.args(["--policies", "edgeinfinite"]).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let record: Value = serde_json::from_str(stdout(&output).lines().next().unwrap()).unwrap();
        record["setting"]["retain"].as_u64().unwrap()
    };
    let found = [&[][..], &["--retain", "0"], &["--no-flash-attention"], &["--queries", "32"]].map(retained);
    assert!(found[0] > 0 && found[1..] == [0, 0, 0], "{found:?}");
    // what was measured is known when it is read again
    let results = dir.join("results.jsonl");
    for _ in 0..2 {
        let mut eval = edgeinf();
        eval.args(["eval", "answer"]).arg(&pairs).arg("-m").arg(&model).arg("--gate").arg(&both).args(SIZES);
        let args = ["--policies", "learned,edgeinfinite", "--retain", "32", "-o"];
        assert_eq!(eval.args(args).arg(&results).output().unwrap().status.code(), Some(0));
        assert_eq!(fs::read_to_string(&results).unwrap().lines().count(), 2 * 9);
    }
    // a memory beside scores that were there first
    let mut command = edgeinf();
    command
        .args(["train", "-m"])
        .arg(&model)
        .arg("--pairs")
        .arg(&pairs)
        .arg("-o")
        .arg(dir.join("after.gguf"))
        .args(SIZES);
    let output = command.args(["--steps", "1", "--tokens", "2500", "--from"]).arg(&gate).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines = log(&dir.join("after.gguf"));
    let step = lines.iter().find(|line| line["gates"].is_array()).unwrap();
    assert_eq!(step["gates"].as_array().unwrap().len(), 2);
    // a gate is used for what it is; where its scores can be used they keep tokens beside its memory
    let long = dir.join("long.txt");
    fs::write(&long, story(20_000, 7)).unwrap();
    let policy = |gate: &Path, more: &[&str]| {
        let mut dry = edgeinf();
        dry.args(["summarize", "--dry-run", "--json", "-m"]).arg(&model).arg("--gate").arg(gate).args(SIZES);
        let output = dry.args(["--strategy", "direct"]).args(more).arg(&long).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let plan: Value = serde_json::from_str(&stdout(&output)).unwrap();
        plan["policy"].as_str().unwrap().to_owned()
    };
    assert_eq!([policy(&gate, &[]), policy(&both, &[])], ["learned", "edgeinfinite"]);
    assert_eq!(policy(&dir.join("memory.gguf"), &[]), "edgeinfinite");
    for more in [&["--no-flash-attention"][..], &["--queries", "32"]] {
        assert_eq!(policy(&both, more), "edgeinfinite", "{more:?}");
    }
    // a memory beside what its scores retain; with another number of tokens it is another fit
    let beside = |from: Option<&Path>, more: &[&str]| {
        let mut command = edgeinf();
        command.args(["train", "-m"]).arg(&model).arg("--pairs").arg(&pairs).arg("-o").arg(dir.join("beside.gguf"));
        from.map(|from| command.arg("--from").arg(from));
        command.args(SIZES).args(["--tokens", "2500", "--threads", "1", "--steps", "2", "--measure-every", "0"]);
        command.args(more).output().unwrap()
    };
    for more in [&["--retain", "16"][..], &["--retain", "16", "--resume"]] {
        let output = beside(Some(&both), more);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    assert_fails(&beside(Some(&both), &["--retain", "17", "--resume"]), 2, &["other arguments"]);
    assert_eq!(policy(&dir.join("beside.gguf"), &[]), "edgeinfinite");
    assert_fails(&beside(Some(&dir.join("memory.gguf")), &["--retain", "16"]), 2, &["--fit scores", "--retain"]);
    assert_fails(&beside(Some(&both), &["--retain", "16", "--read-out", "always"]), 2, &["--read-out"]);
    assert_fails(&beside(None, &["--retain", "16"]), 2, &["--from"]);
    // what is fitted to whole choices goes on from scores that are there
    let better = dir.join("better.gguf");
    let output = run(&better, &["--goal", "choice", "--from", &both.display().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines = log(&better);
    assert!(lines[5]["loss"].as_f64().unwrap() < lines[0]["loss"].as_f64().unwrap(), "{lines:?}");
    // errors have those of nothing kept as their unit
    for errors in ["asked_error", "text_error"] {
        let errors: Vec<f64> = lines[6][errors].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
        assert!(errors.len() == 3 && errors.iter().all(|&x| x > 0.0 && x < 1.5), "{lines:?}");
    }
    assert_eq!(policy(&better, &[]), "edgeinfinite");
    // how many tokens each of the two layers retains, of scores that are there
    let shared = dir.join("shared.gguf");
    let shares = |from: &Path, more: &[&str]| {
        let mut command = edgeinf();
        command.args(["train", "--fit", "shares", "-m"]).arg(&model).arg("--pairs").arg(&pairs).arg("-o").arg(&shared);
        command.arg("--from").arg(from).args(["--retain", "32", "--held-out", "0", "--threads", "1"]).args(more);
        command.args(["--window", "64", "--segment", "64", "--tokens", "2500"]).output().unwrap()
    };
    assert_fails(
        &shares(&dir.join("memory.gguf"), &["--steps", "2"]),
        2,
        &["a gate with scores", "--fit scores", "--from"],
    );
    assert_fails(&shares(&gate, &["--steps", "2", "--minutes", "1"]), 2, &["--steps", "--minutes"]);
    assert_fails(&shares(&gate, &["--steps", "0"]), 2, &["no document was read"]);
    assert_fails(&shares(&gate, &["--steps", "2", "--resume"]), 2, &["--text", "--resume"]);
    assert!(!shared.exists());
    let output = shares(&gate, &["--steps", "2"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), String::new()), "{}", stderr(&output));
    let lines = log(&shared);
    let list =
        |name: &str| -> Vec<f64> { lines[1][name].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
    // what it costs to forget the document in one layer is something, and scores keep a part of it
    assert!(list("lost").iter().all(|&x| x > 0.0) && list("kept").iter().all(|x| (0.0..=1.0).contains(x)), "{lines:?}");
    assert!((list("shares").iter().sum::<f64>() - 2.0).abs() < 1e-6, "{lines:?}");
    // and it can be used
    let mut eval = edgeinf();
    eval.args(["eval", "answer"]).arg(&pairs).arg("-m").arg(&model).arg("--gate").arg(&shared).args(SIZES);
    let output = eval.args(["--policies", "learned", "--retain", "32"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn scores_that_cannot_be_fitted_are_refused() {
    let (dir, model, pairs) = material("train-scores-refuse", 2);
    let gate = dir.join("gate.gguf");
    let scores = |more: &[&str], from: Option<&Path>| {
        let mut command = edgeinf();
        command.args(["train", "--fit", "scores", "-m"]).arg(&model).arg("--pairs").arg(&pairs).arg("-o").arg(&gate);
        from.map(|from| command.arg("--from").arg(from));
        command.args(SIZES).args(["--tokens", "2500"]).args(more).output().unwrap()
    };
    let one = ["--steps", "1"];
    let text = pairs.display().to_string();
    assert_fails(&scores(&[&one[..], &["--text", &text]].concat(), None), 2, &["--pairs", "--text"]);
    assert_fails(&scores(&[&one[..], &["--resume"]].concat(), None), 2, &["--resume"]);
    for (option, value) in [("--map", "elu"), ("--layers", "0"), ("--read-out", "always")] {
        assert_fails(&scores(&[&one[..], &[option, value]].concat(), None), 2, &[option, "leaves as it is"]);
    }
    assert_fails(&scores(&["--minutes", "1e-12"], None), 2, &["no document was read", "--minutes"]);
    assert!(!gate.exists());
    // the memory of another model
    let memory = dir.join("memory.gguf");
    assert_eq!(train(&model, &pairs, &memory, &one).status.code(), Some(0));
    let other = fs::read(&memory).unwrap();
    let sha256 = b"edgeinf.base_sha256";
    let at = other.windows(sha256.len()).position(|part| part == sha256).unwrap() + sha256.len() + 12;
    let changed = if other[at] == b'0' { b'1' } else { b'0' };
    fs::write(&memory, [&other[..at], &[changed], &other[at + 1..]].concat()).unwrap();
    assert_fails(&scores(&one, Some(&memory)), 2, &["memory.gguf", "another model file", "--from"]);
}

#[test]
fn ctrl_c_leaves_the_scores_of_the_last_document() {
    let (dir, model, pairs) = material("train-scores-interrupt", 3);
    let gate = dir.join("gate.gguf");
    let mut command = edgeinf();
    command.args(["train", "--fit", "scores", "-m"]).arg(&model).arg("--pairs").arg(&pairs).arg("-o").arg(&gate);
    command.args(SIZES).args([
        "--tokens",
        "2500",
        "--steps",
        "100000",
        "--checkpoint-every",
        "100000",
        "--threads",
        "1",
    ]);
    let child = command.stderr(Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    let lines = || fs::read_to_string(gate.with_extension("log.jsonl")).map_or(0, |text| text.lines().count());
    while lines() < 2 {
        assert!(begin.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!gate.exists());
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id() as i32), nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let has = |gate: &Path, name: &str| {
        edgeinf::gguf::Gguf::open(gate).unwrap().tensors().iter().any(|tensor| tensor.name == name)
    };
    assert!(has(&gate, "blk.1.edgeinf_score.weight"));

    // and the shares
    let shared = dir.join("shared.gguf");
    let mut command = edgeinf();
    command.args(["train", "--fit", "shares", "-m"]).arg(&model).arg("--pairs").arg(&pairs).arg("-o").arg(&shared);
    command.arg("--from").arg(&gate).args(SIZES).args(["--tokens", "2500", "--retain", "32", "--threads", "1"]);
    let child = command.args(["--steps", "100000"]).stderr(Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    while fs::read_to_string(shared.with_extension("log.jsonl")).map_or(0, |text| text.lines().count()) < 2 {
        assert!(begin.elapsed() < Duration::from_secs(120));
        std::thread::sleep(Duration::from_millis(20));
    }
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id() as i32), nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    assert!(has(&shared, "blk.1.edgeinf_score.weight"));
}

#[test]
fn a_fit_that_was_interrupted_gives_the_same() {
    let (dir, model, pairs) = material("train-resume", 9);
    let (whole, parts) = (dir.join("whole.gguf"), dir.join("parts.gguf"));
    let run = |gate: &Path, args: &[&str]| {
        let output = train(&model, &pairs, gate, &[&["--measure-every", "2"], args].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    };
    run(&whole, &["--steps", "5"]);
    run(&parts, &["--steps", "3"]);
    run(&parts, &["--steps", "5", "--resume"]);
    assert_eq!(fs::read(&whole).unwrap(), fs::read(&parts).unwrap());
    let lines = log(&whole);
    // the other run measured once more, where it ended first
    let again: Vec<Value> =
        log(&parts).into_iter().filter(|line| line["step"] != 3 || line["id"].is_string()).collect();
    assert_eq!(lines, again);
    assert!(
        lines[0]["held_out"] == 1 && lines[0]["specific"].is_f64() && lines[0]["nll_full"].is_f64(),
        "{}",
        lines[0]
    );
    assert_eq!(lines.iter().filter(|line| line["nll_other"].is_f64() && line["id"].is_string()).count(), 3);

    let output = train(&model, &pairs, &parts, &["--steps", "6", "--resume", "--seed", "2"]);
    assert_fails(&output, 2, &["other arguments", "--resume"]);
}

#[test]
fn ctrl_c_leaves_a_checkpoint() {
    let (dir, model, pairs) = material("train-interrupt", 3);
    let gate = dir.join("gate.gguf");
    let mut command = command(&model, &pairs, &gate, &["--steps", "100000", "--checkpoint-every", "100000"]);
    let child = command.stderr(Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    let log_file = dir.join("gate.log.jsonl");
    while fs::read_to_string(&log_file).map_or(0, |text| text.lines().count()) < 2 {
        assert!(begin.elapsed() < Duration::from_secs(60), "no step in a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(gate.is_file() && dir.join("gate.checkpoint").is_file());
    let n = log(&gate).len();
    let output = train(&model, &pairs, &gate, &["--resume", "--steps", &(n + 1).to_string()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(log(&gate).len(), n + 1);
}

/// A gate that took hours, and a run with the same name that is ended at once.
#[test]
fn ctrl_c_before_the_first_step_leaves_an_older_gate() {
    let (dir, _, pairs) = material("train-early", 1);
    let gate = dir.join("gate.gguf");
    let (old, log_file) = ("an older gate", dir.join("gate.log.jsonl"));
    fs::write(&gate, old).unwrap();
    fs::write(&log_file, old).unwrap();
    // a step takes seconds with a real model
    let model = crate::common::models::smollm2();
    let mut command = command(&model, &pairs, &gate, &["--steps", "3", "--held-out", "0"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("parameters in")));
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let said: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said:?}");
    for path in [&gate, &log_file] {
        assert_eq!(fs::read_to_string(path).unwrap(), old, "{said:?}");
    }
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let (dir, model, pairs) = material("train-refuse", 1);
    let gate = dir.join("gate.gguf");
    let steps = |args: &[&str]| train(&model, &pairs, &gate, &[&["--steps", "1"], args].concat());
    assert_fails(&steps(&["--layers", "0-2"]), 2, &["layer 2", "0 to 1", "--layers"]);
    assert_fails(&steps(&["--window", "2000"]), 3, &["nothing to train on", "--window"]);
    assert_fails(&steps(&["--tokens", "5000"]), 2, &["5000", "4096", "teacher"]);
    let output = command(&model, &pairs, &gate, &["--steps", "1", "--text"]).arg(&pairs).output().unwrap();
    assert_fails(&output, 2, &["nothing reads the memory", "--read-out always"]);
    let gemma = crate::common::zoo::gemma2().write(&dir);
    assert_fails(&train(&gemma, &pairs, &gate, &["--steps", "1"]), 4, &["gemma2"]);
    assert_fails(&train(&model, &pairs, &dir.join("none/gate.gguf"), &["--steps", "1"]), 1, &["none/gate.gguf"]);
    assert!(!gate.exists());
    // nothing that is read gives way to the gate
    for read in [&pairs, &model] {
        let before = fs::read(read).unwrap();
        assert_eq!(train(&model, &pairs, read, &["--steps", "1"]).status.code(), Some(2));
        assert!(fs::read(read).unwrap() == before, "{}", read.display());
    }
    fs::write(&pairs, "{}").unwrap();
    assert_fails(&steps(&[]), 3, &["line 1"]);
}

#[test]
fn plain_texts_are_material_too() {
    let (dir, model, pairs) = material("train-text", 1);
    let (gate, texts) = (dir.join("gate.gguf"), dir.join("texts"));
    fs::create_dir(&texts).unwrap();
    for (name, seed) in [("b.txt", 1), ("a.txt", 2)] {
        fs::write(texts.join(name), story(3_000, seed)).unwrap();
    }
    let args = ["--steps", "4", "--layers", "1", "--map", "elu", "--read-out", "always", "--text"];
    let output = command(&model, &pairs, &gate, &args).arg(&texts).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let ids: Vec<String> = log(&gate).iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect();
    assert!(
        ids[0] == "pair 0" && ids[2] == "pair 0" && ids[1].contains(".txt#") && ids[3].contains(".txt#"),
        "{ids:?}"
    );
}
