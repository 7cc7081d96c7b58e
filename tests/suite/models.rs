//! `edgeinf model` as its users meet it, with a cache and a network of its own.

use std::fs;
use std::process::Output;

use crate::common::network::Network;
use crate::common::program::{assert_fails, stderr, stdout};
use crate::common::sandbox::Sandbox;
use edgeinf::models::Catalogue;
use serde_json::Value;

/// An entry whose hash nobody has checked, and the name of its file.
const UNCHECKED: &str = "qwen2.5-0.5b";
const UNCHECKED_FILE: &str = "qwen2.5-0.5b-instruct-q4_k_m.gguf";

/// sha256 of `GGUF`.
const HASH: &str = "b83633aa785344791618f2fddf131b010ea04912a60430760b070bad293f65bd";

#[track_caller]
fn assert_prints(output: &Output, lines: &[&str]) {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    assert_eq!(stdout(output).lines().collect::<Vec<_>>(), lines);
}

#[test]
fn the_list_says_what_is_there_and_what_was_checked() {
    let sandbox = Sandbox::new();
    let list = |args: &[&str]| {
        let output = sandbox.model(&[&["list"], args].concat());
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
        stdout(&output)
    };
    let row = |name: &str| list(&[]).lines().find(|line| line.starts_with(&format!("{name} "))).unwrap().to_owned();
    assert!(list(&[]).starts_with("name "));
    for word in ["94 MiB", "8192", "Q4_1", "Apache-2.0"] {
        assert!(row("smollm2-135m").contains(word), "{}", list(&[]));
    }
    assert!(row("smollm2-135m").ends_with(" -"));
    assert!(row(UNCHECKED).contains(" ? ") && row(UNCHECKED).ends_with(" -, hash not checked"));

    sandbox.put("SmolLM2-135M-Instruct.Q4_1.gguf", "GGUF");
    sandbox.put(UNCHECKED_FILE, "GGUF");
    assert!(row("smollm2-135m").ends_with(" wrong size"));
    assert!(row(UNCHECKED).ends_with(" pulled, hash not checked"));

    let json: Value = serde_json::from_str(&list(&["--json"])).unwrap();
    let entries = json.as_array().unwrap();
    assert_eq!(entries.len(), Catalogue::builtin().unwrap().iter().count());
    let find = |name: &str| entries.iter().find(|entry| entry["name"] == name).unwrap();
    let smollm2 = find("smollm2-135m");
    assert_eq!((&smollm2["bytes"], &smollm2["checked"]), (&98_362_432.into(), &true.into()));
    assert_eq!((&smollm2["cached"], &smollm2["cached_bytes"]), (&false.into(), &4.into()));
    assert!(smollm2["sources"].as_array().unwrap().iter().any(|source| source["kind"] == "pip"));
    let unchecked = find(UNCHECKED);
    assert_eq!((&unchecked["sha256"], &unchecked["checked"]), (&Value::Null, &false.into()));
    assert_eq!(unchecked["cached"], true);
    assert_eq!(unchecked["path"], sandbox.path(UNCHECKED_FILE).display().to_string());
}

#[test]
fn names_are_checked_before_anything_is_done() {
    let sandbox = Sandbox::new();
    for command in ["pull", "path", "verify", "rm"] {
        let output = sandbox.model(&[command, "nobody"]);
        assert_fails(&output, 4, &["nobody", "is not in models.toml; use one of smollm2-135m, "]);
    }
    assert_eq!(sandbox.model(&["rm"]).status.code(), Some(2));
    assert_fails(&sandbox.model(&["path", UNCHECKED]), 4, &["not pulled yet", "edgeinf model pull"]);
    assert_fails(&sandbox.model(&["rm", UNCHECKED]), 4, &["is not in the cache"]);
    assert_eq!(fs::read_dir(sandbox.cache()).unwrap().count(), 0);

    sandbox.put(UNCHECKED_FILE, "GGUF");
    assert_fails(&sandbox.model(&["rm", UNCHECKED, "nobody"]), 4, &["nobody"]);
    let path = sandbox.path(UNCHECKED_FILE).display().to_string();
    assert_prints(&sandbox.model(&["path", UNCHECKED]), &[&path]);
}

#[test]
fn every_model_is_verified_and_one_bad_one_is_a_failure() {
    let sandbox = Sandbox::new();
    let output = sandbox.model(&["verify"]);
    assert_prints(&output, &[]);
    assert!(stderr(&output).contains("no model"));

    sandbox.put(UNCHECKED_FILE, "GGUF");
    let line = format!("{UNCHECKED}: not pulled; hash not checked: {HASH}");
    assert_prints(&sandbox.model(&["verify"]), &[&line]);

    sandbox.put("SmolLM2-135M-Instruct.Q4_1.gguf", "GGUF");
    for args in [&["verify"][..], &["verify", "smollm2-135m", UNCHECKED]] {
        let output = sandbox.model(args);
        assert_eq!(output.status.code(), Some(4));
        let lines = stdout(&output);
        assert!(
            lines.starts_with("smollm2-135m: BAD: model file '") && lines.ends_with(&format!("{line}\n")),
            "{lines}"
        );
        assert_eq!(lines.lines().count(), 2);
        assert!(stderr(&output).starts_with("error: 1 of 2 models did not pass: smollm2-135m; "));
    }
    let output = sandbox.model(&["verify", "gemma3-270m"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(stdout(&output).starts_with("gemma3-270m: BAD: model 'gemma3-270m' is not pulled yet"));
}

#[test]
fn rm_leaves_nothing_but_the_lock() {
    let sandbox = Sandbox::new();
    sandbox.put(UNCHECKED_FILE, "GGUF");
    sandbox.put("SmolLM2-135M-Instruct.Q4_1.gguf", "GGUF");
    assert_prints(&sandbox.model(&["rm", UNCHECKED, "smollm2-135m"]), &[]);
    assert_eq!(sandbox.left(), [".qwen2.5-0.5b.lock", ".smollm2-135m.lock"]);
    assert_fails(&sandbox.model(&["rm", UNCHECKED]), 4, &["is not in the cache"]);
}

#[test]
fn offline_nothing_is_fetched() {
    let sandbox = Sandbox::new();
    assert_fails(&sandbox.model(&["pull", "--offline", UNCHECKED]), 4, &["may not be downloaded offline"]);
    let pull = |offline: &str| {
        // Online it would fail on this.
        let mut command = sandbox.command(&["pull", UNCHECKED]);
        command.env("EDGEINF_OFFLINE", offline).env("HTTPS_PROXY", "gopher://x").output().unwrap()
    };
    for yes in ["1", "true", "yes"] {
        assert_fails(&pull(yes), 4, &["may not be downloaded offline"]);
    }
    assert_eq!(fs::read_dir(sandbox.cache()).unwrap().count(), 0);
    for no in ["0", "false", ""] {
        assert_fails(&pull(no), 4, &["HTTPS_PROXY is not the address of a proxy"]);
    }
    sandbox.put(UNCHECKED_FILE, "GGUF");
    assert_eq!(pull("1").status.code(), Some(0));
}

#[test]
fn a_model_comes_through_a_proxy_from_a_server_whose_certificate_is_trusted() {
    let sandbox = Sandbox::new();
    let network = Network::start(&[
        ("huggingface.co", "302 Found", "Location: https://files.example/a?b=c\r\n", ""),
        ("files.example", "200 OK", "ETag: \"1\"\r\n", "GGUF"),
    ]);
    let certificate = sandbox.write("ca.pem", network.certificate());
    let pull = || {
        let mut command = sandbox.command(&["pull", UNCHECKED]);
        command.env("HTTPS_PROXY", network.proxy()).env("NO_PROXY", "other.example");
        command.env("SSL_CERT_FILE", &certificate);
        command
    };
    let output = pull().output().unwrap();
    assert_prints(&output, &[&sandbox.path(UNCHECKED_FILE).display().to_string()]);
    let told = stderr(&output);
    assert!(told.starts_with("warning: nobody has checked yet") && told.contains(&format!("sha256 = \"{HASH}\"\n")));
    assert!(told.contains("\nbytes = 4\n") && !told.contains(['\u{1b}', '\r']), "{told}");
    assert_eq!(network.asked(), ["huggingface.co", "files.example"]);
    assert_eq!(sandbox.left(), [".qwen2.5-0.5b.lock", UNCHECKED_FILE, &format!("{UNCHECKED_FILE}.sha256")]);
    let as_pulled = format!("{UNCHECKED}: as it was pulled; hash not checked");
    assert_prints(&sandbox.model(&["verify"]), &[&as_pulled]);

    // Nothing is asked for again.
    assert_eq!(pull().output().unwrap().status.code(), Some(0));
    assert_eq!(network.asked().len(), 2);

    // What changed since is bad, and comes again.
    sandbox.put(UNCHECKED_FILE, "GGUX");
    assert_eq!(sandbox.model(&["verify"]).status.code(), Some(4));
    let output = pull().output().unwrap();
    assert!(stderr(&output).starts_with("warning: the cached file is damaged"), "{}", stderr(&output));
    assert_prints(&sandbox.model(&["verify"]), &[&as_pulled]);
}

#[test]
fn a_stranger_in_the_line_is_refused() {
    let sandbox = Sandbox::new();
    let network = Network::start(&[("huggingface.co", "200 OK", "", "GGUF")]);
    let other = sandbox.write("other.pem", Network::start(&[]).certificate());
    let pull = |certificates: &std::path::Path| {
        let mut command = sandbox.command(&["pull", UNCHECKED]);
        command.env("HTTPS_PROXY", network.proxy()).env("SSL_CERT_FILE", certificates).output().unwrap()
    };
    assert_fails(&pull(&other), 4, &["huggingface.co", "certificate"]);
    assert_fails(&pull(&sandbox.write("empty.pem", "")), 4, &["SSL_CERT_FILE names no readable certificate"]);
    assert!(network.asked().is_empty());
}

#[test]
fn nobody_is_led_away_from_https() {
    let sandbox = Sandbox::new();
    let network = Network::start(&[("huggingface.co", "302 Found", "Location: http://files.example/a\r\n", "")]);
    let mut command = sandbox.command(&["pull", UNCHECKED]);
    command.env("HTTPS_PROXY", network.proxy()).env("HTTP_PROXY", network.proxy());
    command.env("SSL_CERT_FILE", sandbox.write("ca.pem", network.certificate()));
    assert_fails(&command.output().unwrap(), 4, &["it leads to 'http://files.example/a', which is not https"]);
    assert_eq!(network.asked(), ["huggingface.co"]);
}
