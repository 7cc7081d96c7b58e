//! `edgeinf eval needle`: facts that are told and completed where they are still there.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::common::models::{shallow, smollm2};
use crate::common::program::{assert_fails, edgeinf, scratch, stderr, stdout};
use edgeinf::sample::Sample;
use edgeinf::summary::prompt::{Instructions, PromptTokens};
use serde_json::Value;

use crate::eval::{EXACT, lines, nll_of_one_decode};

fn needle(args: &[&str]) -> Output {
    let sizes = ["--window", "256", "--segment", "128"];
    edgeinf().args(["eval", "needle"]).args(sizes).args(args).output().unwrap()
}

#[test]
fn facts_are_told_where_they_are_still_there() {
    smollm2();
    let dir = scratch("eval-needle");
    let output = needle(&["--lengths", "2000", "--seeds", "1,2", "--policies", "full,streaming"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let written = stdout(&output);
    let found = lines(&written);
    assert_eq!(found.len(), 2 * 2 * 5);
    let correct = |policy: &str, forgotten: bool| {
        let of = found.iter().filter(|r| r["policy"] == policy && r["forgotten"] == forgotten);
        let right = of.clone().filter(|r| r["correct"] == true).count();
        (right, of.count())
    };
    // a likelihood tells the same, and more of it
    let gain = |r: &Value| r["nll"].as_f64().unwrap() - r["nll_closed_book"].as_f64().unwrap();
    let mean_gain = |policy: &str| -> f64 {
        let of: Vec<f64> = found.iter().filter(|r| r["policy"] == policy && r["forgotten"] == true).map(gain).collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    let [full, streaming] = ["full", "streaming"].map(mean_gain);
    assert!(full < -2.0 && streaming > full + 1.0, "{full} {streaming}");
    // what has left the cache cannot be told; under full attention it is there
    let (right, asked) = correct("streaming", true);
    assert!(asked >= 6, "{written}");
    assert_eq!(right, 0, "{written}");
    assert!(correct("full", true).0 >= 2, "{written}");
    assert!(found.iter().all(|r| r["closed_book"] == false && r["skipped"].is_null()), "{written}");
    // what is known is completed more often than told
    let completed = |policy: &str| {
        let of = found.iter().filter(|r| r["policy"] == policy && r["forgotten"] == true && r["completed"] == true);
        of.count()
    };
    assert!(completed("full") > correct("full", true).0 && completed("streaming") == 0, "{written}");
    assert!(found.iter().all(|r| r["completed_closed_book"] == false), "{written}");
    for record in &found {
        let (given, expected) = (record["given"].as_str().unwrap(), record["expected"].as_str().unwrap());
        if record["correct"] == true {
            assert!(given.to_lowercase().contains(&expected.to_lowercase()), "{record}");
        }
        assert_eq!(record["decile"].as_u64().unwrap(), (record["depth"].as_f64().unwrap() * 10.0) as u64);
    }
    // nothing is asked twice, and what was cut off is asked again
    let results = dir.join("results.jsonl");
    let (file, model) = (results.display().to_string(), shallow());
    // what is named twice is asked once
    let args = ["-m", &model, "--lengths", "1200,1200", "--seeds", "1,1", "--policies", "full,streaming", "-o", &file];
    let output = needle(&args);
    assert!(stdout(&output).contains("closed book"), "{}{}", stdout(&output), stderr(&output));
    let written = fs::read_to_string(&results).unwrap();
    let found = lines(&written);
    assert_eq!(found.len(), 2 * 5);
    let kept: Vec<&str> = written.split_inclusive('\n').take(7).collect();
    fs::write(&results, kept.concat()).unwrap();
    let again = needle(&args);
    assert_eq!(stdout(&again), stdout(&output));
    let new = fs::read_to_string(&results).unwrap();
    assert!(new.starts_with(&kept.concat()) && lines(&new).len() == found.len());

    assert_fails(&needle(&["--policies", "none"]), 2, &["none"]);
    let no_gate = smollm2().display().to_string();
    assert_fails(&needle(&["-m", &no_gate, "--policies", "edgeinfinite"]), 4, &["--gate"]);
    assert_fails(&needle(&["--lengths", "12"]), 2, &["--lengths"]);
    // longer than the model was trained with: streaming has a result, full attention says why not
    let output = needle(&["-m", &model, "--policies", "full,streaming", "--lengths", "2400", "--seeds", "3"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for record in lines(&stdout(&output)) {
        assert_eq!(record["policy"] == "full", record["correct"].is_null(), "{record}");
        assert_eq!(record["policy"] == "full", record["skipped"].as_str().is_some_and(|why| why.contains("2048")));
    }
}

#[test]
fn likelihoods_of_facts_are_those_of_one_decode() {
    let path = shallow();
    let args = ["-m", &path, "--lengths", "600", "--policies", "full"];
    let output = needle(&[&args[..], &EXACT].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found = lines(&stdout(&output));

    let mut text = Vec::new();
    let facts = Sample::new(600, 1).unwrap().write(&mut text).unwrap();
    let model = crate::common::load(Path::new(&path));
    let tokenize = |text: &str| model.vocab().tokenize(text, false).unwrap();
    let document = tokenize(std::str::from_utf8(&text).unwrap());
    assert!(!facts.is_empty() && found.len() == facts.len());
    for (record, fact) in found.iter().zip(&facts) {
        let question = record["question"].as_str().unwrap();
        let instructions = Instructions {
            before: "Read this document. Afterwards you will be asked about it.\n\n".into(),
            after: format!("\n\nAnswer from the document above in a few words: {question}"),
            ..Instructions::request(question).unwrap()
        };
        let prompt = PromptTokens::new(&model, &instructions).unwrap();
        // the answer with the blank before it, which is a part of its first token
        let (given, _) = fact.sentence.split_at(fact.sentence.find(&fact.answer).unwrap() - 1);
        let (given, answer) = (tokenize(given), tokenize(&format!(" {}", fact.answer)));
        for (document, key) in [(&document[..], "nll"), (&[], "nll_closed_book")] {
            let all = [&prompt.prefix, document, &prompt.suffix, &given, &answer].concat();
            let nll = nll_of_one_decode(&model, &all, answer.len());
            let told = record[key].as_f64().unwrap();
            assert!((told - nll).abs() < 0.005, "{key}: {told} {nll}");
        }
    }
}
