//! `edgeinf eval gates`.

use std::fs;
use std::process::Stdio;

use crate::common::models::shallow;
use crate::common::program::{assert_fails, edgeinf, scratch, stderr, stdout};
use crate::common::text::story;
use crate::eval::{EXACT, WINDOW, interrupt, lines};
use serde_json::{Value, json};

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
