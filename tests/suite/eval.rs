//! `edgeinf eval`: the same numbers as by another way, results that can be gone on with, bad input.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::ContextBuilder;
use crate::common::models::{pulled, shallow, smollm2};
use crate::common::program::{assert_fails, edgeinf, scratch, stderr, stdout};
use crate::common::scripted::{Then, scripted};
use crate::common::text::story;
use edgeinf::llama::{CacheType, Compaction, Depth, Logits, Model, Retain, Score, Token};
use edgeinf::summary::prompt::{Instructions, PromptTokens};
use edgeinf::summary::request::Length;
use serde_json::{Value, json};

const WINDOW: &[&str] = &["--window", "128", "--segment", "64"];

/// Two documents, each with the beginning of one of its early paragraphs as the answer.
fn pairs(dir: &Path) -> PathBuf {
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

fn answer(pairs: &Path, args: &[&str]) -> Output {
    edgeinf().args(["eval", "answer"]).arg(pairs).args(WINDOW).args(args).output().unwrap()
}

pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn find<'a>(lines: &'a [Value], case: &str, policy: &str) -> &'a Value {
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

fn log_softmax(logits: &[f32], token: Token) -> f64 {
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
fn interrupt(child: Child, results: &Path, n: usize) {
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
fn a_choice_after_the_question_is_another_one() {
    // with one thread batches of any size give the same bits: what differs was chosen otherwise
    let dir = scratch("eval-question");
    let file = pairs(&dir);
    let output = answer(&file, &["-m", &shallow(), "--policies", "streaming,snapkv,snapkv-question"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found = lines(&stdout(&output));
    let nll = |policy: &str| find(&found, "one", policy)["nll"].as_f64().unwrap();
    let all = ["streaming", "snapkv", "snapkv-question"].map(nll);
    assert!(all.iter().all(|nll| nll.is_finite()) && all[0] != all[1] && all[1] != all[2], "{all:?}");
    let setting = &find(&found, "one", "snapkv")["setting"];
    assert_eq!((&setting["retain"], &setting["window"]), (&json!(32), &json!(96)));
    // what is replaced does not depend on the policy
    let forgotten = |policy: &str| find(&found, "one", policy)["forgotten_tokens"].clone();
    assert_eq!(forgotten("streaming"), forgotten("snapkv"));
    assert_eq!(find(&found, "one", "streaming")["budget_bytes"], find(&found, "one", "snapkv")["budget_bytes"]);
}

#[test]
fn forms_of_reading_are_other_settings() {
    let dir = scratch("eval-forms");
    let file = pairs(&dir);
    let model = shallow();
    let run = |args: &[&str]| {
        let output = answer(&file, &[&["-m", model.as_str()][..], args].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        lines(&stdout(&output))
    };
    let nll = |found: &[Value], policy: &str| find(found, "one", policy)["nll"].as_f64().unwrap();
    let policies = ["--policies", "streaming,snapkv,snapkv-question"];
    let usual = run(&policies);
    let once = run(&[&policies[..], &["--prefill-once"]].concat());
    for policy in ["streaming", "snapkv", "snapkv-question"] {
        assert_ne!(nll(&usual, policy), nll(&once, policy), "{policy}");
        assert_eq!(find(&usual, "one", policy)["setting"]["prefill_once"], false);
        assert_eq!(find(&once, "one", policy)["setting"]["prefill_once"], true);
    }
    let streaming = ["--policies", "streaming"];
    let no_sinks = run(&[&streaming[..], &["--no-sinks"]].concat());
    assert_eq!(find(&no_sinks, "one", "streaming")["setting"]["no_sinks"], true);
    assert!(nll(&no_sinks, "streaming").is_finite());
    let args = ["eval", "answer", "--no-window", "--segment", "64", "--gate", "random:1", "--policies", "edgeinfinite"];
    let output = edgeinf().args(args).args(["-m", &model]).arg(&file).output().unwrap();
    let found = lines(&stdout(&output));
    assert_eq!(find(&found, "one", "edgeinfinite")["setting"]["window"], 0, "{}", stderr(&output));
    assert!(nll(&found, "edgeinfinite").is_finite());
}

/// One segment that holds the whole text, one choice behind it by the attention of its last 32 tokens: computed here step by step.
#[test]
fn a_text_that_is_read_at_once_is_chosen_from_once() {
    let dir = scratch("eval-once");
    let file = pairs(&dir);
    let model = shallow();
    let output = answer(&file, &["-m", &model, "--prefill-once", "--policies", "streaming,snapkv"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found = lines(&stdout(&output));

    let model = crate::common::load(Path::new(&model));
    let prompt = PromptTokens::new(&model, &Instructions::summary(Length::default()).unwrap()).unwrap();
    let pair = &lines(&fs::read_to_string(&file).unwrap())[0];
    let tokenize = |key: &str| model.vocab().tokenize(pair[key].as_str().unwrap(), false).unwrap();
    let (document, reference) = ([prompt.prefix.clone(), tokenize("document")].concat(), tokenize("reference"));
    let n_front = prompt.prefix.len() as u32 + 4;
    // a quarter of the window is chosen, in the bytes of streaming's
    for (policy, tokens, window) in [("streaming", 0, 128), ("snapkv", 32, 96)] {
        let retain = Retain { score: Score::SnapKv, tokens, depth: Depth::Even, queries: 32, stride: 1, kernel: 7 };
        let retain = Some(retain).filter(|_| tokens > 0);
        let compaction = Compaction::Edgeinf { gate: None, n_front_max: n_front, retain, model_id: 0 };
        let mut context =
            ContextBuilder { n_cells: 2048, n_ubatch: 64, ..Default::default() }.build(&model, compaction, None);
        for part in document.chunks(64) {
            context.decode(part, Logits::None).unwrap();
        }
        context.compact(n_front, document.len() as u32 - window).unwrap();
        assert_eq!(context.n_cached(), n_front + tokens + window);
        context.set_asked(true).unwrap();
        let (last, body) = prompt.suffix.split_last().unwrap();
        context.decode(body, Logits::None).unwrap();
        context.decode(&[*last], Logits::Last).unwrap();
        let mut sum = -log_softmax(context.logits(-1).unwrap(), reference[0]);
        for pair in reference.windows(2) {
            context.decode(&pair[..1], Logits::Last).unwrap();
            sum -= log_softmax(context.logits(-1).unwrap(), pair[1]);
        }
        let (nll, told) = (sum / reference.len() as f64, find(&found, "one", policy)["nll"].as_f64().unwrap());
        // in batches of another size half precision rounds elsewhere
        assert!((told - nll).abs() < 0.005, "{policy}: {told} {nll}");
    }
    let [streaming, snapkv] =
        ["streaming", "snapkv"].map(|policy| find(&found, "one", policy)["nll"].as_f64().unwrap());
    assert!((streaming - snapkv).abs() > 0.02, "nothing shows which tokens were chosen: {streaming} {snapkv}");
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

#[test]
fn longbench_is_read_from_a_folder() {
    smollm2();
    let dir = scratch("eval-longbench");
    let context = story(2500, 41);
    // what the text begins with, so that a model which repeats it is right
    let word = context.split_whitespace().next().unwrap();
    let case = |id: u32, dataset: &str, classes: Value| {
        json!({"_id": id.to_string(), "dataset": dataset, "input": "Which word?", "context": context,
            "answers": [word], "all_classes": classes, "length": 400, "language": "en"})
    };
    fs::write(dir.join("qasper.jsonl"), case(1, "qasper", Value::Null).to_string()).unwrap();
    let trec = format!("{}\n{}\n", case(1, "trec", json!([word, "other"])), case(2, "trec", json!([word, "other"])));
    fs::write(dir.join("trec.jsonl"), trec).unwrap();
    fs::write(dir.join("dureader.jsonl"), "").unwrap();
    let prompts = json!({"qasper": "Read.\n\n{context}\n\n{input}", "trec": "{input}\n{context}"});
    fs::write(dir.join("dataset2prompt.json"), prompts.to_string()).unwrap();
    let results = dir.join("results.jsonl");
    let run = |args: &[&str]| {
        let command = ["eval", "longbench", "--policies", "full,streaming", "-o"];
        let model = ["-m", &shallow()];
        edgeinf().args(command).args([&results, &dir]).args(WINDOW).args(model).args(args).output().unwrap()
    };
    assert_fails(&run(&[]), 3, &["dataset2maxlen.json"]);
    fs::write(dir.join("dataset2maxlen.json"), "{\"qasper\": 12, \"trec\": 6}").unwrap();
    assert_fails(&run(&["--datasets", "lcc"]), 3, &["lcc"]);
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("dureader.jsonl"), "{}", stderr(&output));
    let written = fs::read_to_string(&results).unwrap();
    let found = lines(&written);
    assert_eq!(found.len(), 6);
    for record in &found {
        assert!((0.0..=1.0).contains(&record["score"].as_f64().unwrap()), "{record}");
        assert!(record["given"].is_string() && record["case"].as_str().unwrap().contains('/'));
    }
    assert!(stdout(&output).lines().filter(|line| line.starts_with("trec")).count() == 2, "{}", stdout(&output));
    assert_eq!(stdout(&run(&[])), stdout(&output));
    assert_eq!(fs::read_to_string(&results).unwrap(), written);
    fs::write(dir.join("qasper.jsonl"), "{\"_id\": 1}").unwrap();
    assert_fails(&run(&[]), 3, &["qasper.jsonl", "line 1"]);
}

/// A model that writes the same answer to everything, so that each score is one that can be computed by hand.
#[test]
fn longbench_is_scored_from_its_own_files() {
    let dir = scratch("eval-longbench-scores");
    let model = scripted(&dir, &["See", " paragraph", " 3", " of", " the", " red", " book"], Then::Ends);
    let given = "See paragraph 3 of the red book";
    let context = story(2500, 41);
    // dataset, answers, classes, score
    let cases = [
        // see, paragraph, 3, of, red, book without the article; 2 of 6 words and of 2
        ("qasper", vec!["3, paragraph"], Value::Null, 0.5),
        // the best answer counts: 3 of 6 and of 3
        ("hotpotqa_e", vec!["no", "The Red Book: 3"], Value::Null, 2.0 / 3.0),
        // with articles, in their order: "the red book" of 7 and of 4 words
        ("gov_report", vec!["the old red book"], Value::Null, 6.0 / 11.0),
        // one of two classes that are named
        ("trec", vec!["red"], json!(["red", "book", "blue"]), 0.5),
        ("passage_retrieval_en", vec!["Paragraph 3"], Value::Null, 1.0),
        ("passage_count", vec!["4"], Value::Null, 0.0),
        // 16 characters in common, "See paragraph 3 ", of 31 and of 16: 32 / 47
        ("lcc", vec!["See paragraph 3 "], Value::Null, 0.68),
    ];
    let mut prompts = serde_json::Map::new();
    let mut lengths = serde_json::Map::new();
    for (dataset, answers, classes, _) in &cases {
        let name = dataset.trim_end_matches("_e");
        prompts.insert(name.into(), json!("Read.\n\n{context}\n\n{input}"));
        lengths.insert(name.into(), json!(20));
        let case = json!({"_id": "1", "dataset": dataset, "input": "Which?", "context": context, "answers": answers,
            "all_classes": classes, "length": 400, "language": "en"});
        fs::write(dir.join(format!("{dataset}.jsonl")), case.to_string()).unwrap();
    }
    fs::write(dir.join("dataset2prompt.json"), Value::from(prompts).to_string()).unwrap();
    fs::write(dir.join("dataset2maxlen.json"), Value::from(lengths).to_string()).unwrap();
    let command = ["eval", "longbench", "--policies", "full", "--cache-type", "f32", "--no-flash-attention", "-m"];
    let output = edgeinf().args(command).arg(model).arg(&dir).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found = lines(&stdout(&output));
    assert_eq!(found.len(), cases.len());
    for (dataset, .., score) in cases {
        let record = found.iter().find(|record| record["dataset"] == dataset).unwrap();
        assert_eq!(record["given"], given, "{dataset}");
        let told = record["score"].as_f64().unwrap();
        assert!((told - score).abs() < 1e-9, "{dataset}: {told} for {score}");
        assert_eq!(record["program_sha256"].as_str().map(str::len), Some(64), "{record}");
    }
}

#[test]
fn gates_are_seen_when_a_summary_is_asked_for_and_nothing_else_changes() {
    let dir = scratch("eval-gates");
    let text = dir.join("text.txt");
    fs::write(&text, story(8_000, 5)).unwrap();
    let model = shallow();
    let gates = |args: &[&str]| {
        let mut command = edgeinf();
        command.args(["eval", "gates"]).arg(&text).args(WINDOW).args(EXACT).args(["-m", &model]).args(args);
        command.output().unwrap()
    };
    let results = dir.join("gates.jsonl");
    let file = results.display().to_string();
    for _ in 0..2 {
        let output = gates(&["--gate", "random:1", "--lengths", "600,1200", "-o", &file]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stdout(&output).lines().count() == 7 && stdout(&output).contains("1200"), "{}", stdout(&output));
    }
    let found = lines(&fs::read_to_string(&results).unwrap());
    // nothing is measured twice
    assert_eq!(found.len(), 2);
    for (line, length) in found.iter().zip([600, 1200]) {
        assert_eq!((&line["length"], &line["policy"]), (&json!(length), &json!("edgeinfinite")));
        let folded = line["tokens_folded"].as_u64().unwrap();
        // the prompt stays too, and the instruction makes room
        assert!(folded + 128 <= length && folded + 500 > length, "{folded} of {length}");
        let layers = line["layers"].as_array().unwrap();
        assert_eq!(layers.len(), 4);
        for layer in layers {
            let heads: Vec<f64> = layer["heads"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            assert!(heads.len() == 9 && heads.iter().all(|&gate| gate > 0.0 && gate < 1.0), "{layer}");
            let mean = heads.iter().sum::<f64>() / 9.0;
            assert!((layer["gate"].as_f64().unwrap() - mean).abs() < 1e-9, "{layer}");
        }
    }
    // what was asked on the way has left no trace
    let output = gates(&["--gate", "random:1", "--lengths", "1200"]);
    let alone = lines(&stdout(&output)).remove(0);
    assert_eq!(alone["tokens_folded"], found[1]["tokens_folded"]);
    let of = |line: &Value, il: usize| line["layers"][il]["gate"].as_f64().unwrap();
    for il in 0..4 {
        assert!((of(&alone, il) - of(&found[1], il)).abs() < 1e-5, "{alone} {}", found[1]);
    }
    assert_ne!(of(&found[0], 1), of(&found[1], 1));
    assert_fails(&gates(&["--gate", "random:1", "--lengths", "600,8K"]), 2, &["text.txt", "8192", "--lengths"]);
    let mut wide = edgeinf();
    wide.args(["eval", "gates"]).arg(&text).args(["-m", &model, "--gate", "random:1", "--lengths", "200"]);
    assert_fails(&wide.output().unwrap(), 2, &["left the window", "--lengths"]);
    assert_fails(&gates(&["--lengths", "600"]), 4, &["--gate"]);
    let full = ["--gate", "random:1", "--lengths", "600", "-o", "/dev/full"];
    assert_fails(&gates(&full), 1, &["/dev/full", "No space left"]);
    let report = edgeinf().args(["eval", "report", &file]).output().unwrap();
    assert!(stdout(&report).contains("| layer | 600 | 1200 |"), "{} {}", stdout(&report), stderr(&report));
}

#[test]
fn an_interrupt_keeps_the_gates_that_were_seen() {
    let dir = scratch("eval-gates-interrupt");
    let (text, results) = (dir.join("text.txt"), dir.join("gates.jsonl"));
    fs::write(&text, story(300_000, 5)).unwrap();
    let mut command = edgeinf();
    command.args(["eval", "gates"]).arg(&text).args(WINDOW).args(["-m", &shallow(), "--gate", "random:1", "-o"]);
    let child = command.arg(&results).args(["--lengths", "600,64K"]).stderr(Stdio::piped()).spawn().unwrap();
    interrupt(child, &results, 1);
}
