//! What a policy leaves in the cache as a user sees it, and which one reads where nobody says.

use std::fs;

use crate::common::models::smollm2;
use crate::common::program::{assert_fails, edgeinf, scratch, stderr, summarize};
use crate::common::text::story;
use serde_json::Value;

#[test]
fn tokens_are_chosen_to_stay() {
    let dir = scratch("retain");
    let file = dir.join("text.txt");
    fs::write(&file, story(4500, 41)).unwrap();
    smollm2();
    let run = |args: &[&str]| -> Value {
        let sizes = ["--strategy", "direct", "--window", "256", "--segment", "128", "--max-tokens", "30", "--json"];
        let output = summarize(&file, &[&sizes[..], args].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
    };
    let streaming = run(&["--policy", "streaming"]);
    let snapkv = run(&["--policy", "snapkv"]);
    assert_eq!((&snapkv["policy"], &snapkv["tokens_folded"]), (&"snapkv".into(), &0.into()));
    assert_eq!(snapkv["input"]["tokens_read"], snapkv["input"]["tokens"]);
    assert!(snapkv["tokens_dropped"].as_u64().unwrap() > 0);
    // a quarter of the window is chosen: as many bytes as without a choice
    assert_eq!(snapkv["memory"]["kv_cache_bytes"], streaming["memory"]["kv_cache_bytes"]);
    // and as many in other layers than in others
    let pyramidkv = run(&["--policy", "pyramidkv"]);
    let ratio =
        pyramidkv["memory"]["kv_cache_bytes"].as_f64().unwrap() / snapkv["memory"]["kv_cache_bytes"].as_f64().unwrap();
    assert!((0.99..=1.0).contains(&ratio), "{ratio}");
    let both = run(&["--policy", "edgeinfinite", "--gate", "random:1", "--retain", "100"]);
    assert_eq!(both["tokens_folded"], both["tokens_dropped"]);
    assert!(both["memory"]["kv_cache_bytes"].as_u64() > streaming["memory"]["kv_cache_bytes"].as_u64());
}

/// What is read to be written about at once is read with the model's gate, as far as that is possible.
#[test]
fn a_gate_reads_as_far_as_it_can() {
    let dir = scratch("policy-auto");
    smollm2();
    let long = dir.join("long.txt");
    fs::write(&long, story(42_000, 2)).unwrap();
    let auto = |args: &[&str]| -> Value {
        let sizes = ["--dry-run", "--json", "--window", "256", "--segment", "128", "--max-tokens", "30"];
        let output = summarize(&long, &[&sizes[..], args].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
    };
    let direct = ["--strategy", "direct"];
    let less_than = |args: &[&str]| {
        let peak = auto(args)["predicted"]["peak_rss_bytes"].as_u64().unwrap();
        (peak - (1 << 20)).to_string()
    };
    let (less, least) = (less_than(&direct), less_than(&["--strategy", "direct", "--policy", "learned"]));
    let budget = |tokens| ["--dry-run", "--json", "--strategy", "direct", "--budget", tokens];
    for (tokens, policy) in [("516tok", "edgeinfinite"), ("250tok", "learned")] {
        let plan: Value = serde_json::from_slice(&summarize(&long, &budget(tokens)).stdout).unwrap();
        assert_eq!(plan["policy"], policy, "{tokens}");
    }
    let cases: [(&[&str], _); 7] = [
        (&direct, "edgeinfinite"),
        (&[], "streaming"),
        (&["--strategy", "direct", "--policy", "streaming"], "streaming"),
        (&["--strategy", "direct", "--no-flash-attention"], "streaming"),
        (&["--strategy", "direct", "--queries", "32"], "streaming"),
        (&["--strategy", "direct", "--max-memory", &less], "learned"),
        (&["--strategy", "direct", "--max-memory", &least], "streaming"),
    ];
    for (args, policy) in cases {
        assert_eq!(auto(args)["policy"], policy, "{args:?}");
    }
}

#[test]
fn sizes_that_make_no_sense_are_refused() {
    let dir = scratch("policy-sizes");
    let file = dir.join("text.txt");
    fs::write(&file, story(4500, 41)).unwrap();
    smollm2();
    let sizes = |args: &[&str]| summarize(&file, args);
    assert_fails(&sizes(&["--policy", "snapkv", "--budget", "4tok"]), 2, &["--budget"]);
    assert_fails(&sizes(&["--budget", "516tok", "--window", "10"]), 2, &["--window"]);
    assert_fails(&sizes(&["--budget", "much"]), 2, &["516tok"]);
    for policy in ["snapkv", "pyramidkv", "learned"] {
        assert_fails(&sizes(&["--policy", policy, "--no-flash-attention"]), 2, &["--no-flash-attention"]);
    }
    assert_fails(&sizes(&["--policy", "learned", "--queries", "32"]), 2, &["--queries"]);
    assert_fails(
        &sizes(&["--policy", "learned", "--gate", "random:1"]),
        4,
        &["learned", "a gate with scores", "--gate"],
    );
    let eval = edgeinf().args(["eval", "fidelity", "--no-flash-attention"]).arg(&file).output().unwrap();
    assert_fails(&eval, 2, &["--no-flash-attention"]);
    let bench = edgeinf().args(["bench", "--policies", "streaming", "--budget", "900G"]).arg(&file).output().unwrap();
    assert_eq!(bench.status.code(), Some(2), "{}", stderr(&bench));
    assert!(stderr(&bench).contains("the model was trained with"), "{}", stderr(&bench));
    assert_fails(&sizes(&["--retain", "8", "--no-flash-attention"]), 2, &["--no-flash-attention"]);
    let output = sizes(&["--policy", "snapkv", "--budget", "260tok", "--segment", "128", "--dry-run"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}
