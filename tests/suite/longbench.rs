//! `edgeinf eval longbench`, on files of our own.

use std::fs;

use crate::common::models::{shallow, smollm2};
use crate::common::program::{assert_fails, edgeinf, scratch, stderr, stdout};
use crate::common::scripted::{Then, scripted};
use crate::common::text::story;
use crate::eval::{WINDOW, lines};
use serde_json::{Value, json};

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
