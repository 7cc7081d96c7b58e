//! `edgeinf doctor` as its users meet it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::models::smollm2;
use crate::common::program::{assert_fails, edgeinf};
use serde_json::Value;

fn doctor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeinf"));
    command.arg("doctor");
    command
}

#[test]
fn threads_come_from_the_environment() {
    smollm2();
    let told = |threads: &str| -> (Option<i32>, Value) {
        let output = doctor().arg("--json").env("EDGEINF_THREADS", threads).output().unwrap();
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
    };
    assert_eq!(told("3").1["processor"]["threads"], 3);
    // empty is as if it were not there
    let processors = std::thread::available_parallelism().unwrap().get();
    assert_eq!(told("").1["processor"]["threads"], processors);
    let (code, json) = told("many");
    assert_eq!((code, &json["ok"]), (Some(1), &false.into()), "{json}");
    assert!(json["findings"].to_string().contains("EDGEINF_THREADS is 'many'"), "{json}");
    let output =
        edgeinf().args(["eval", "needle", "--lengths", "1200"]).env("EDGEINF_THREADS", "many").output().unwrap();
    assert_fails(&output, 2, &["EDGEINF_THREADS is 'many'", "from 1 to 1024"]);
}

#[test]
fn the_doctor_finds_what_is_there_and_what_is_not() {
    smollm2();
    let output = doctor().arg("--json").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["schema_version"], &json["ok"]), (&1.into(), &true.into()), "{json}");
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["engine"]["hooks"], edgeinf::llama::built_in());
    let model = json["models"].as_array().unwrap().iter().find(|model| model["name"] == "smollm2-135m").unwrap();
    assert_eq!((&model["state"], &model["bytes"]), (&"verified".into(), &98_362_432.into()));
    assert!(json["processor"]["threads"].as_u64().unwrap() >= 1);
    let memory = &json["memory"];
    assert!(memory["total_bytes"].as_u64().unwrap() >= memory["available_bytes"].as_u64().unwrap());
    assert!(memory["available_bytes"].as_u64().unwrap() > 1 << 20);

    let empty = Path::new(env!("CARGO_TARGET_TMPDIR")).join("doctor-empty-cache");
    let _ = fs::remove_dir_all(&empty);
    fs::create_dir_all(&empty).unwrap();
    let output = doctor().env("EDGEINF_CACHE", &empty).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("problem: model 'smollm2-135m' is not pulled yet; run 'edgeinf model pull"), "{shown}");
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "it only looks");

    // a part of a model is none
    let part = empty.join("part.gguf");
    fs::write(&part, &fs::read(smollm2()).unwrap()[..3_000_000]).unwrap();
    let output = doctor().arg("-m").arg(&part).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && shown.contains("part.gguf"), "{shown}");
}
