//! `edgeinf bench`: what is there, what follows from what, what is refused. Nothing here depends on how fast a machine is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::common::models::eight_layers;
use crate::common::program::{assert_fails, edgeinf, scratch, stderr, stdout};
use serde_json::Value;

/// One thread waits for nobody, whatever else a machine does.
const SMALL: &[&str] = &["--window", "64", "--segment", "64", "--threads", "1"];

/// Measurements do not run beside each other.
static ALONE: Mutex<()> = Mutex::new(());

/// An invented document of so many tokens.
fn sample(name: &str, tokens: u64) -> (MutexGuard<'static, ()>, PathBuf) {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let path = scratch(name).join("text.txt");
    let tokens = tokens.to_string();
    let output = edgeinf().args(["sample", "--tokens", &tokens, "-o"]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    (alone, path)
}

/// What is measured is that all of it is there and fits together, for which eight layers do as well as thirty.
fn measuring(words: &[&str], file: &Path, args: &[&str]) -> Command {
    let mut command = edgeinf();
    command.arg("bench").args(words).arg(file).args(["-m", &eight_layers()]).args(SMALL).args(args);
    command
}

#[track_caller]
fn bench(words: &[&str], file: &Path, args: &[&str]) -> String {
    let output = measuring(words, file, args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn positive(value: &Value, key: &str) -> f64 {
    let number = value[key].as_f64().unwrap_or_else(|| panic!("{key} of {value}"));
    assert!(number > 0.0 && number.is_finite(), "{key} of {value}");
    number
}

#[test]
fn lengths_are_measured_by_policy() {
    let (_alone, file) = sample("bench-lengths", 1000);
    let results = file.with_file_name("results.jsonl");
    let output = ["--output", results.to_str().unwrap(), "--json"];
    let policies = ["--policies", "streaming,edgeinfinite,full", "--lengths", "0.5K,256,512", "--runs", "2"];
    let text = bench(&["lengths"], &file, &[&policies[..], &output].concat());
    assert_eq!(fs::read_to_string(&results).unwrap(), text);

    let rows = lines(&text);
    let names: Vec<_> =
        rows.iter().map(|row| (row["policy"].as_str().unwrap(), row["length"].as_u64().unwrap())).collect();
    // the last round goes backwards
    let expected = ["full", "edgeinfinite", "streaming"].map(|policy| [(policy, 256), (policy, 512)]).concat();
    assert_eq!(names, expected);
    for row in &rows {
        let median = positive(row, "ttft_seconds");
        assert!(positive(row, "ttft_min") <= median && median <= positive(row, "ttft_max"), "{row}");
        positive(row, "prefill_tokens_per_second");
        positive(row, "generation_tokens_per_second");
        assert_eq!((row["runs"].as_u64(), row["extrapolated"].as_bool()), (Some(2), Some(false)));
        assert_eq!(row["model"], eight_layers());
        assert!(row["build"].as_str().unwrap().starts_with(env!("CARGO_PKG_VERSION")));
        let memory = row["memory"].as_object().unwrap();
        let parts: u64 = memory.values().map(|bytes| bytes.as_u64().unwrap()).sum();
        assert_eq!(memory.len(), 6);
        assert_eq!(parts, row["peak_rss_bytes"].as_u64().unwrap());
        assert_eq!(row["memory"]["compressed_bytes"].as_u64().unwrap() > 0, row["policy"] == "edgeinfinite");
    }
    let of = |policy: &str, key: &str| -> Vec<u64> {
        let rows = rows.iter().filter(|row| row["policy"] == policy);
        rows.map(|row| row["memory"][key].as_u64().unwrap()).collect()
    };
    // the cache of full attention grows with the text, the other does not
    let (full, streaming) = (of("full", "kv_cache_bytes"), of("streaming", "kv_cache_bytes"));
    assert!(full[1] > full[0] + 200 * 6_144, "{full:?}");
    assert_eq!(streaming[0], streaming[1]);
    // within one process
    let peaks: Vec<u64> = rows[4..].iter().map(|row| row["peak_rss_bytes"].as_u64().unwrap()).collect();
    assert!(peaks[0] <= peaks[1], "{peaks:?}");
    let table = bench(
        &["lengths"],
        &file,
        &["--policies", "streaming", "--lengths", "128,256", "--output", results.to_str().unwrap()],
    );
    assert!(table.contains("TTFT") && table.lines().count() == 4, "{table}");
    assert_eq!(lines(&fs::read_to_string(&results).unwrap()).len(), 8);
}

#[test]
fn what_takes_too_long_is_extrapolated_from_shorter_lengths() {
    let (_alone, file) = sample("bench-extrapolation", 1200);
    let args = ["--policies", "full", "--lengths", "128,256,512,1K", "--max-seconds", "0", "--json"];
    let rows = lines(&bench(&["lengths"], &file, &args));
    let extrapolated: Vec<_> = rows.iter().map(|row| row["extrapolated"].as_bool().unwrap()).collect();
    assert_eq!(extrapolated, [false, false, true, true]);
    for row in &rows[2..] {
        assert_eq!((&row["ttft_min"], &row["ttft_max"], &row["runs"]), (&Value::Null, &Value::Null, &Value::from(0)));
    }
    // all of it is measured when there is time, and memory is what was foretold
    let measured = lines(&bench(&["lengths"], &file, &["--policies", "full", "--lengths", "1K", "--json"]));
    let (foretold, measured) = (&rows[3], &measured[0]);
    assert_eq!(measured["extrapolated"], false);
    for (value, key) in [(&foretold["memory"], "kv_cache_bytes"), (foretold, "peak_rss_bytes")] {
        let truth = if key == "peak_rss_bytes" { measured } else { &measured["memory"] };
        let ratio = positive(value, key) / positive(truth, key);
        assert!((0.9..1.1).contains(&ratio), "{key}: {ratio}; {foretold} {measured}");
    }
    assert!(positive(foretold, "ttft_seconds") > positive(&rows[1], "ttft_seconds"));
}

#[test]
fn a_text_that_is_too_short_is_refused_before_anything_is_measured() {
    let (_alone, file) = sample("bench-short", 1500);
    let run = |words: &[&str], args: &[&str]| {
        edgeinf().arg("bench").args(words).arg(&file).args(["-m", &eight_layers()]).args(args).output().unwrap()
    };
    let output = run(&["lengths"], &["--lengths", "1K,2K"]);
    assert_fails(&output, 3, &["text.txt", "2048", "sample"]);
    assert_fails(&run(&["kernel"], &[]), 3, &["text.txt", "tokens"]);
    for args in [&["--lengths", "many"][..], &["--policies", "plain"], &["--lengths", "0"]] {
        assert_eq!(run(&["lengths"], args).status.code(), Some(2), "{args:?}");
    }
    assert_eq!(run(&["kernel"], &["--policies", "full"]).status.code(), Some(2));
    assert_eq!(run(&["kernel"], &["--gpu-layers", "1"]).status.code(), Some(2));
    assert_eq!(edgeinf().arg("bench").output().unwrap().status.code(), Some(2));
    // what a run in a process of its own ends with is what all ends with
    let runs = |args: &[&str]| edgeinf().args(["bench", "--tokens", "10"]).args(args).output().unwrap().status.code();
    let text = file.display().to_string();
    assert_eq!([runs(&["absent.txt"]), runs(&[&text, "-m", "no-such"]), runs(&["-"])], [Some(3), Some(4), Some(2)]);
}

#[test]
fn the_parts_of_a_segment_add_up() {
    let (_alone, file) = sample("bench-kernel", 2000);
    let report: Value =
        serde_json::from_str(&bench(&["kernel"], &file, &["--segments", "6", "--gate", "random:1", "--json"])).unwrap();
    let products = report["products"].as_array().unwrap();
    let kinds: Vec<_> = products.iter().map(|product| product["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["f32", "q4_1"]);
    for product in products {
        positive(product, "gflops_per_second");
    }
    let phases = report["phases"].as_array().unwrap();
    let names: Vec<_> =
        phases.iter().map(|phase| (phase["policy"].as_str().unwrap(), phase["phase"].as_str().unwrap())).collect();
    assert_eq!(
        names,
        [("streaming", "segment"), ("streaming", "token"), ("edgeinfinite", "segment"), ("edgeinfinite", "token")]
    );
    for phase in phases {
        let parts = phase["parts"].as_array().unwrap();
        positive(phase, "seconds");
        let whole = positive(phase, "clocked_seconds");
        let sum: f64 = parts.iter().map(|part| positive(part, "seconds")).sum();
        let share: f64 = parts.iter().map(|part| positive(part, "share")).sum();
        assert!((share - 1.0).abs() < 1e-6, "{phase}");
        if phase["phase"] == "segment" {
            assert!((sum / whole - 1.0).abs() < 1e-6, "{sum} s of {whole} s: {phase}");
        }
        let names: Vec<_> = parts.iter().map(|part| part["part"].as_str().unwrap()).collect();
        let of_phase: &[&str] = if phase["phase"] == "segment" { &["compaction", "tokenizing"] } else { &["sampling"] };
        for name in [&["weights", "attention", "operations"], of_phase].concat() {
            assert!(names.contains(&name), "{name} is not in {names:?}");
        }
        assert_eq!(names.contains(&"memory"), phase["policy"] == "edgeinfinite", "{names:?}");
        for part in parts {
            let multiplies = matches!(part["part"].as_str().unwrap(), "weights" | "attention" | "memory");
            if multiplies {
                positive(part, "gflops_per_second");
                positive(part, "of_best_product");
            } else {
                assert!(part["gflops_per_second"].is_null(), "{part}");
            }
        }
    }
}

#[test]
fn growth_compares_the_end_with_the_beginning_in_turn() {
    let (_alone, file) = sample("bench-growth", 1300);
    // the run itself, with fewer tokens than anybody would compare
    let output = edgeinf()
        .arg("bench-run")
        .arg(&file)
        .args(["-m", &eight_layers()])
        .args(SMALL)
        .args(["--policy", "streaming", "--tokens", "700", "--growth", "2", "--growth-tokens", "120"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    for key in ["end_over_beginning", "beginning_over_itself"] {
        let ratios = result["growth"][key].as_array().unwrap();
        // of each segment of each round: 120 tokens are two segments
        assert_eq!(ratios.len(), 4, "{key}: {ratios:?}");
        assert!(ratios.iter().all(|ratio| ratio.as_f64().is_some_and(|ratio| ratio > 0.0 && ratio.is_finite())));
    }
    assert!(positive(&result, "tokens") > 700.0);

    // a text that is too short for the comparison still has its speed
    let rows =
        bench(&[], &file, &["--policies", "streaming", "--tokens", "300", "--runs", "1", "--growth", "1", "--json"]);
    let rows: Value = serde_json::from_str(&rows).unwrap();
    positive(&rows[0], "prefill_tokens_per_second");
    assert!(rows[0]["last_over_second_8k"].is_null() && rows[0]["beginning_over_itself"].is_null());
}
