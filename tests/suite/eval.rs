//! `edgeinf eval`: the same numbers as by another way, results that can be gone on with, bad input.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::ContextBuilder;
use crate::common::models::{pulled, shallow, smollm2};
use crate::common::program::{assert_fails, edgeinf, scratch, stderr, stdout};
use crate::common::text::story;
use edgeinf::llama::{CacheType, Compaction, Logits, Model, Token};
use edgeinf::summary::prompt::{Instructions, PromptTokens};
use edgeinf::summary::request::Length;
use serde_json::{Value, json};

pub const WINDOW: &[&str] = &["--window", "128", "--segment", "64"];

/// Two documents, each with the beginning of one of its early paragraphs as the answer.
pub fn pairs(dir: &Path) -> PathBuf {
    smollm2();
    let pair = |id: &str, seed: u64| {
        let document = story(3000, seed);
        let reference = document[200..420].trim().to_owned();
        json!({"id": id, "document": document, "reference": reference, "kind": "invented"})
    };
    let path = dir.join("pairs.jsonl");
    fs::write(&path, format!("{}\n{}\n", pair("one", 21), pair("two", 22))).unwrap();
    path
}

pub fn answer(pairs: &Path, args: &[&str]) -> Output {
    edgeinf().args(["eval", "answer"]).arg(pairs).args(WINDOW).args(args).output().unwrap()
}

pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn find<'a>(lines: &'a [Value], case: &str, policy: &str) -> &'a Value {
    lines.iter().find(|line| line["case"] == case && line["policy"] == policy).unwrap()
}

/// With an F16 cache or the fused kernel, batches of another size round by another percent.
pub const EXACT: [&str; 3] = ["--cache-type", "f32", "--no-flash-attention"];

/// Negative log-likelihood of the last `n` tokens in nats per token, all decoded at once.
pub fn nll_of_one_decode(model: &Model, all: &[Token], n: usize) -> f64 {
    let n_all = all.len() as u32;
    let (cache_type, flash_attention) = (CacheType::F32, false);
    let sizes = ContextBuilder { n_cells: n_all, n_ubatch: 512, n_outputs: n_all, ..Default::default() };
    let builder = ContextBuilder { cache_type, flash_attention, ..sizes };
    let mut context = builder.build(model, Compaction::None, None);
    context.decode(all, Logits::All).unwrap();
    let sum: f64 =
        (all.len() - n..all.len()).map(|i| -log_softmax(context.logits(i as i32 - 1).unwrap(), all[i])).sum();
    sum / n as f64
}

pub fn log_softmax(logits: &[f32], token: Token) -> f64 {
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
    f64::from(logits[token as usize]) - sum.ln()
}

#[test]
fn likelihoods_are_those_of_one_decode() {
    let dir = scratch("eval-one-decode");
    let file = pairs(&dir);
    let output = answer(&file, &[&["--policies", "none,full"][..], &EXACT].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found = lines(&stdout(&output));
    assert_eq!(found.len(), 4);

    let model = crate::common::load(&smollm2());
    let prompt = PromptTokens::new(&model, &Instructions::summary(Length::default()).unwrap()).unwrap();
    let pair = &lines(&fs::read_to_string(&file).unwrap())[0];
    let tokenize = |key: &str| model.vocab().tokenize(pair[key].as_str().unwrap(), false).unwrap();
    let reference = tokenize("reference");
    for (policy, document) in [("none", Vec::new()), ("full", tokenize("document"))] {
        let all = [prompt.prefix.clone(), document, prompt.suffix.clone(), reference.clone()].concat();
        let nll = nll_of_one_decode(&model, &all, reference.len());
        let told = find(&found, "one", policy)["nll"].as_f64().unwrap();
        assert!((told - nll).abs() < 0.005, "{policy}: {told} {nll}");
    }
}

#[test]
fn what_is_specific_to_a_document_shows_under_full_attention() {
    let dir = scratch("eval-specific");
    let results = dir.join("results.jsonl").display().to_string();
    let file = pairs(&dir);
    let output = answer(&file, &["-o", &results, "--gate", "random:1"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let table = stdout(&output);
    for row in ["no document", "full", "streaming", "edgeinfinite"] {
        assert!(table.lines().any(|line| line.starts_with(row)), "{row}: {table}");
    }
    let written = fs::read_to_string(&results).unwrap();
    let found = lines(&written);
    assert_eq!(found.len(), 8);
    for case in ["one", "two"] {
        let of = |policy: &str, key: &str| find(&found, case, policy)[key].as_f64();
        // the answer stands in what streaming has forgotten, and only there
        assert!(of("full", "specific").unwrap() > 0.2, "{table}");
        assert!(of("full", "nll").unwrap() + 0.5 < of("streaming", "nll").unwrap(), "{table}");
        assert!(of("streaming", "nll").unwrap() + 0.5 < of("none", "nll").unwrap(), "{table}");
        let specific = of("streaming", "nll_other").unwrap() - of("streaming", "nll").unwrap();
        assert!((of("streaming", "specific").unwrap() - specific).abs() < 1e-9);
        let (full, streaming) = (of("full", "nll").unwrap(), of("streaming", "nll").unwrap());
        let recovered = (streaming - of("edgeinfinite", "nll").unwrap()) / (streaming - full);
        assert!((of("edgeinfinite", "recovered").unwrap() - recovered).abs() < 1e-9);
        assert_eq!((of("full", "recovered"), of("streaming", "recovered"), of("none", "specific")), (None, None, None));
        let one = find(&found, case, "streaming");
        assert!(one["forgotten_tokens"].as_u64().unwrap() > 200, "{one}");
        assert_ne!(one["other"][0], case);
        // 132 tokens of 30 layers, 3 heads and 64 + 64 elements of 2 bytes
        assert_eq!(one["budget_bytes"], 132 * 30 * 3 * 128 * 2);
        let memory = 30 * 3 * 64 * 65 * 4;
        assert_eq!(find(&found, case, "edgeinfinite")["budget_bytes"], 132 * 30 * 3 * 128 * 2 + memory);
        assert_eq!(one["setting"]["gate"], Value::Null);
        assert_eq!(find(&found, case, "edgeinfinite")["setting"]["gate"], "random:1");
    }

    // nothing is measured twice
    let again = answer(&file, &["-o", &results, "--gate", "random:1"]);
    assert_eq!(stdout(&again), table);
    assert_eq!(fs::read_to_string(&results).unwrap(), written);

    // after a run that was cut off, only the rest is
    let kept: Vec<&str> = written.split_inclusive('\n').take(7).collect();
    fs::write(&results, kept.concat() + "{\"case\":\"tw").unwrap();
    let again = answer(&file, &["-o", &results, "--gate", "random:1"]);
    assert_eq!(stdout(&again), table, "{}", stderr(&again));
    let new = fs::read_to_string(&results).unwrap();
    assert!(new.starts_with(&kept.concat()) && lines(&new).len() == 8);

    // other settings are other results
    let policies = ["--policies", "streaming", "--sinks", "8"];
    let output = answer(&file, &[&["-o", results.as_str()][..], &policies].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(lines(&fs::read_to_string(&results).unwrap()).len(), 10);
}

#[test]
fn bad_input_is_named() {
    let dir = scratch("eval-bad");
    // the catalogue knows a gate by the name of a model, not for a path
    let no_gate = smollm2().display().to_string();
    let good = fs::read_to_string(pairs(&dir)).unwrap();
    let file = dir.join("bad.jsonl");
    fs::write(&file, good.clone() + "{\"id\": \"three\"}\n").unwrap();
    assert_fails(&answer(&file, &[]), 3, &["bad.jsonl", "line 3", "document"]);
    fs::write(&file, good).unwrap();
    assert_fails(&answer(&file, &["-m", &no_gate, "--policies", "edgeinfinite"]), 4, &["--gate"]);
    assert_fails(&answer(&dir.join("absent.jsonl"), &[]), 3, &["absent.jsonl"]);
    let letter = dir.join("letter.txt");
    fs::write(&letter, "Dear Sir,\n").unwrap();
    assert_fails(&answer(&file, &["-o", letter.to_str().unwrap()]), 3, &["letter.txt", "line 1"]);
    assert_eq!(fs::read_to_string(&letter).unwrap(), "Dear Sir,\n");
    let absent = dir.join("absent/results.jsonl");
    assert_fails(&answer(&file, &["-o", absent.to_str().unwrap()]), 1, &["results.jsonl", "cannot be written"]);
    assert_fails(&answer(&file, &["-o", dir.to_str().unwrap()]), 1, &["eval-bad", "cannot be written"]);
    let score = |args: &[&str]| edgeinf().args(["eval", "score"]).args(args).output().unwrap();
    let letter = letter.to_str().unwrap();
    assert_fails(&score(&["absent.txt", "--document", letter]), 3, &["absent.txt"]);
    assert_fails(&score(&[letter, "--document", "absent.txt"]), 3, &["absent.txt"]);
    assert_fails(&score(&[letter, "--document", letter, "--facts", letter]), 3, &["letter.txt", "line 1", "no fact"]);
    let full = ["-o", "/dev/full", "--policies", "none"];
    assert_fails(&answer(&file, &full), 1, &["/dev/full", "No space left"]);
}

#[test]
fn an_interrupt_keeps_what_was_measured() {
    let dir = scratch("eval-interrupt");
    let file = pairs(&dir);
    let long = json!({"id": "three", "document": story(200_000, 23), "reference": "A long story."});
    fs::write(&file, fs::read_to_string(&file).unwrap() + &long.to_string() + "\n").unwrap();
    let results = dir.join("results.jsonl");
    let child = edgeinf()
        .args(["eval", "answer", "--policies", "streaming", "-o"])
        .args([&results, &file])
        .args(WINDOW)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    interrupt(child, &results, 2);
}

/// Interrupts a measurement after its first results, which stay.
pub fn interrupt(child: Child, results: &Path, n: usize) {
    let measured = || fs::read_to_string(results).map_or(0, |text| text.lines().count());
    let begin = Instant::now();
    while measured() < n && begin.elapsed() < Duration::from_secs(600) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(130), "error: interrupted\n"));
    assert_eq!(lines(&fs::read_to_string(results).unwrap()).len(), n);
}

fn fidelity(texts: &[&Path], args: &[&str]) -> Output {
    let mut command = edgeinf();
    command.args(["eval", "fidelity"]).args(texts).args(["--tokens", "700", "--from", "300", "--segment", "64"]);
    command.args(args).output().unwrap()
}

#[test]
fn fidelity_is_perfect_for_full_attention_and_grows_with_the_budget() {
    smollm2();
    let dir = scratch("eval-fidelity");
    let text = dir.join("story.txt");
    fs::write(&text, story(6000, 31)).unwrap();
    let results = dir.join("results.jsonl");
    let file = results.display().to_string();
    let model = shallow();
    let policies = "full,streaming,snapkv,pyramidkv";
    let args = ["-m", &model, "--policies", policies, "--budgets", "68tok,260tok", "-o", &file];
    let output = fidelity(&[&text], &args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("of streaming's"), "{}", stdout(&output));
    let found = lines(&fs::read_to_string(&results).unwrap());
    assert_eq!(found.len(), 8);
    let of = |policy: &str, window: u64, key: &str| -> f64 {
        let record = found.iter().find(|r| r["policy"] == policy && r["setting"]["window"] == window).unwrap();
        assert_eq!(record["tokens"], 399, "the last token predicts nothing");
        let bins = record["by_position"].as_array().unwrap();
        let mean: f64 = bins.iter().map(|bin| bin["kl"].as_f64().unwrap() * bin["tokens"].as_f64().unwrap()).sum();
        assert!((mean / 399.0 - record["kl"].as_f64().unwrap()).abs() < 1e-9);
        record[key].as_f64().unwrap()
    };
    assert_eq!((of("full", 64, "kl"), of("full", 64, "same_top")), (0.0, 1.0));
    assert_eq!(of("full", 64, "perplexity"), of("full", 64, "perplexity_full"));
    let [narrow, wide] = [64, 256].map(|window| of("streaming", window, "kl"));
    assert!(wide > 0.0 && narrow > wide, "{narrow} {wide}");
    for policy in ["snapkv", "pyramidkv"] {
        let [narrow, wide] = [48, 192].map(|window| of(policy, window, "kl"));
        assert!(wide > 0.0 && narrow > wide, "{policy}: {narrow} {wide}");
    }
    assert!(of("snapkv", 192, "kl") != of("pyramidkv", 192, "kl"));
    let ratio = of("pyramidkv", 192, "budget_bytes") / of("snapkv", 192, "budget_bytes");
    assert!((0.99..=1.0).contains(&ratio), "{ratio}");
    assert_eq!(of("streaming", 64, "budget_bytes"), of("snapkv", 48, "budget_bytes"));
    // nothing is measured twice
    let before = fs::read_to_string(&results).unwrap();
    let again = fidelity(&[&text], &args);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    assert_eq!((stdout(&again), fs::read_to_string(&results).unwrap()), (stdout(&output), before));
}

#[test]
fn what_cannot_be_compared_is_refused_in_one_line() {
    smollm2();
    let dir = scratch("eval-fidelity-refused");
    let short = dir.join("short.txt");
    fs::write(&short, story(500, 31)).unwrap();
    assert_fails(&fidelity(&[&short], &[]), 3, &["302"]);
    let text = dir.join("story.txt");
    fs::write(&text, story(6000, 31)).unwrap();
    assert_fails(&fidelity(&[&text], &["--policies", "none"]), 2, &["none"]);
    let no_gate = smollm2().display().to_string();
    assert_fails(&fidelity(&[&text], &["-m", &no_gate, "--policies", "edgeinfinite"]), 4, &["--gate"]);
    let built_in = fidelity(&[&text], &["--policies", "edgeinfinite"]);
    assert_eq!(lines(&stdout(&built_in))[0]["setting"]["gate"], "built-in:smollm2-135m.gguf", "{}", stderr(&built_in));
    assert_fails(&fidelity(&[&text], &["--gate", "built-in:none"]), 2, &["built-in:none", "random:SEED"]);
    assert_fails(&fidelity(&[&text], &["--budgets", "4tok"]), 2, &["--budget"]);
    assert_fails(&fidelity(&[&dir.join("none.txt")], &[]), 3, &["none.txt"]);
}

#[test]
fn summaries_are_scored() {
    let dir = scratch("eval-summary");
    let file = pairs(&dir);
    let text = fs::read_to_string(&file).unwrap();
    let with_facts: Vec<String> = lines(&text)
        .into_iter()
        .map(|mut pair| {
            pair["facts"] = json!([{"value": "nothing says this", "depth": 0.25}]);
            pair.to_string()
        })
        .collect();
    fs::write(&file, with_facts.join("\n") + "\n").unwrap();
    let results = dir.join("results.jsonl");
    let minilm = pulled("minilm");
    let run = |args: &[&str]| {
        let command = ["eval", "summary", "--policies", "full,streaming", "--length", "short", "-o"];
        let mut command_line = edgeinf();
        command_line.args(command).args([&results, &file]).args(WINDOW).arg("--embeddings").arg(&minilm);
        command_line.args(args).output().unwrap()
    };
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("ROUGE-L"), "{}", stdout(&output));
    let written = fs::read_to_string(&results).unwrap();
    let found = lines(&written);
    assert_eq!(found.len(), 4);
    for record in &found {
        let share = |key: &str| record[key].as_f64().unwrap();
        assert!(["rouge1", "rouge2", "rouge_l", "repetition"].iter().all(|key| (0.0..=1.0).contains(&share(key))));
        assert!(share("rouge1") > 0.0 && share("compression") < 0.5, "{record}");
        assert_eq!((share("coverage"), &record["coverage_by_decile"][2]), (0.0, &json!(0.0)), "{record}");
        assert!(share("similarity") > 0.0 && record["similarity_model"].as_str().unwrap().len() == 64, "{record}");
        let missing = record["not_in_document"].as_array().unwrap().len() as u64;
        assert_eq!(record["unsupported"], missing);
        assert!(!record["summary"].as_str().unwrap().is_empty() && record["summary_tokens"].as_u64().unwrap() <= 85);
    }
    // nothing is written twice
    assert_eq!(stdout(&run(&[])), stdout(&output));
    assert_eq!(fs::read_to_string(&results).unwrap(), written);
    fs::write(&file, "{\"id\":\"a\",\"document\":\"d\",\"reference\":\"r\",\"facts\":[{\"value\":\"v\",\"depth\":2}]}")
        .unwrap();
    assert_fails(&run(&[]), 3, &["pairs.jsonl", "line 1", "depth"]);
}
