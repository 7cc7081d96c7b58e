//! What `--dry-run` predicts and `--max-memory` goes by, against what the system measures.

use std::fs;

use crate::common::models::{eight_layers, pulled, smollm2};
use crate::common::program::{scratch, stderr, stdout, summarize};
use crate::common::text::story;
use serde_json::Value;

#[track_caller]
fn assert_predicted(name: &str, bytes: usize, args: &[&str]) {
    let dir = scratch(&format!("predicted-{name}"));
    let file = dir.join("text.txt");
    fs::write(&file, story(bytes, 1)).unwrap();
    let json = |more: &[&str]| -> Value {
        let output = summarize(&file, &[args, &["--json", "--max-tokens", "8"], more].concat());
        serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)))
    };
    let predicted = json(&["--dry-run"])["predicted"]["peak_rss_bytes"].as_u64().unwrap();
    let run = json(&[]);
    let measured = run["memory"]["peak_rss_bytes"].as_u64().unwrap();
    let ratio = predicted as f64 / measured as f64;
    println!("{name}: predicted {} MiB, measured {} MiB, ratio {ratio:.3}", predicted >> 20, measured >> 20);
    assert!((0.9..=1.1).contains(&ratio), "{name}: ratio {ratio:.3}; {}", run["memory"]);
}

#[test]
fn the_peak_is_within_ten_percent() {
    smollm2();
    // with the cells for notes
    assert_predicted("notes", 8_000, &["--policy", "streaming", "--window", "256", "--segment", "128"]);
    assert_predicted("notes-snapkv", 14_000, &["--policy", "snapkv", "--window", "1024", "--retain", "1024"]);
    let wide = ["--policy", "pyramidkv", "--window", "1024", "--retain", "1024", "--strategy", "direct"];
    assert_predicted("pyramidkv-1024", 14_000, &wide);
    assert_predicted(
        "learned",
        4_000,
        &["--policy", "learned", "--window", "256", "--segment", "128", "--strategy", "direct"],
    );
    // the default model's memory and scores
    assert_predicted(
        "direct",
        4_000,
        &["--policy", "edgeinfinite", "--window", "256", "--segment", "128", "--strategy", "direct"],
    );
    assert_predicted("full", 16_000, &["--policy", "full"]);
    // without a cache
    assert_predicted("extract", 16_000, &["--strategy", "extract"]);
}

#[test]
fn the_peak_of_each_policy_is_within_ten_percent() {
    // the caches are wide for so few layers: they are as large a part of the peak as those of the whole model
    let model = eight_layers();
    let small = ["-m", &model, "--window", "1024", "--segment", "128", "--strategy", "direct"];
    let with = |more: &[&'static str]| [&small[..], more].concat();
    assert_predicted(
        "segment-512",
        14_000,
        &["-m", &model, "--policy", "streaming", "--window", "1024", "--strategy", "direct"],
    );
    for (name, more) in [
        ("q8_0", &["--policy", "streaming", "--cache-type", "q8_0"][..]),
        ("f32", &["--policy", "streaming", "--cache-type", "f32"]),
        ("no-fa", &["--policy", "streaming", "--no-flash-attention"]),
        ("elu", &["--policy", "edgeinfinite", "--gate", "random:1"]),
        ("hedgehog", &["--policy", "edgeinfinite", "--gate", "random:1:hedgehog:128"]),
        ("snapkv", &["--policy", "snapkv"]),
        ("spread", &["--policy", "snapkv", "--queries", "32/4"]),
        ("pyramidkv", &["--policy", "pyramidkv"]),
        ("retain", &["--policy", "edgeinfinite", "--gate", "random:1", "--retain", "64"]),
    ] {
        assert_predicted(name, 6_000, &with(more));
    }
}

#[test]
fn the_peak_of_a_model_with_another_shape_is_within_ten_percent() {
    let model = pulled("gemma3-270m").display().to_string();
    assert_predicted("gemma3", 6_000, &["-m", &model, "--policy", "streaming", "--window", "512", "--segment", "128"]);
}
