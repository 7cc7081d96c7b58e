//! `edgeinf check` as its users meet it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::common::models::smollm2;
use crate::common::program::{edgeinf, scratch, stderr, stdout};
use crate::common::text::story;
use serde_json::Value;

#[track_caller]
fn ends_with(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}{}", stdout(output), stderr(output));
}

#[test]
fn a_document_is_summarized_and_judged() {
    smollm2();
    let dir = scratch("check-judged");
    fs::write(dir.join("story.txt"), story(2000, 1)).unwrap();
    let cases = dir.join("cases.toml");
    fs::write(
        &cases,
        r#"
        [defaults]
        options = { max-tokens = 60 }

        [[case]]
        name = "short"
        file = "story.txt"
        [case.expect]
        policy = "full"
        max_peak_memory = "400M"
        min_words = 5
        must_not_contain = ["<|im_end|>"]

        [[case]]
        name = "too much"
        file = "story.txt"
        options = { policy = "streaming", window = 64, segment = 128 }
        [case.expect]
        policy = "full"
        max_peak_memory = "10M"

        [[case]]
        name = "refused"
        file = "absent.txt"
        [case.expect]
        exit_code = 3
        "#,
    )
    .unwrap();
    let report = dir.join("report.json");
    // from elsewhere: paths are seen from the cases file
    let output = edgeinf()
        .args(["check", cases.to_str().unwrap(), "--format", "json", "-o", report.to_str().unwrap()])
        .current_dir("/")
        .output()
        .unwrap();
    ends_with(&output, 1);
    let table = stdout(&output);
    assert!(table.contains("\nshort     ok      full"), "{table}");
    assert!(table.contains("\ntoo much  FAILED  streaming"), "{table}");
    assert!(table.contains("\n    the policy was streaming, expected full\n    peak memory"), "{table}");
    assert!(table.contains("\nrefused   ok      -"), "{table}");
    assert!(table.contains("\n2 of 3 passed"), "{table}");
    let json: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&2.into(), &1.into()));
    let short = &json["cases"][0];
    assert!(short["passed"].as_bool().unwrap() && short["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(short["statistics"]["input"]["tokens"], short["statistics"]["input"]["tokens_read"]);
    assert_eq!(json["cases"][1]["failures"].as_array().unwrap().len(), 2);
    assert_eq!(json["cases"][2]["exit_code"], 3);
}

#[test]
fn a_cases_file_that_is_not_understood_is_refused_before_anything_runs() {
    let dir = scratch("check-refused");
    let check = |cases: &str| {
        let path = dir.join("cases.toml");
        fs::write(&path, cases).unwrap();
        edgeinf().args(["check", path.to_str().unwrap()]).output().unwrap()
    };
    let refused = |cases: &str, words: &str| {
        let output = check(cases);
        ends_with(&output, 2);
        let message = stderr(&output);
        assert!(message.starts_with("error: cases file '") && message.contains(words), "{message}");
        assert_eq!((output.stdout.len(), message.lines().count()), (0, 1), "{message}");
    };
    let case = "[[case]]\nname = 'a'\nfile = 'a.txt'\n";
    refused(&format!("{case}expekt = 1\n"), "line 4: unknown field `expekt`");
    refused(&format!("{case}options = {{ windw = 1 }}\n"), "line 1: case 'a': unexpected argument '--windw'");
    refused(&format!("{case}\n[[case]]\nname = 'b'\nfile = 'b'\noptions = {{ window = 0 }}\n"), "line 5: case 'b'");
    let output = edgeinf().args(["check", dir.join("no.toml").to_str().unwrap()]).output().unwrap();
    ends_with(&output, 3);
    let no_directory = dir.join("no/report.xml");
    fs::write(dir.join("cases.toml"), case).unwrap();
    let path = dir.join("cases.toml");
    let output =
        edgeinf().args(["check", path.to_str().unwrap(), "-o", no_directory.to_str().unwrap()]).output().unwrap();
    ends_with(&output, 1);
    assert!(output.stdout.is_empty() && stderr(&output).contains("report.xml' cannot be written"));
    // a report takes the place of nothing that is read
    fs::write(dir.join("a.txt"), "A text.").unwrap();
    fs::write(dir.join("t.toml"), "").unwrap();
    let case = format!("{case}options = {{ template = 't.toml' }}\n");
    fs::write(&path, &case).unwrap();
    for read in [&path, &dir.join("a.txt"), &dir.join("t.toml")] {
        let output = edgeinf().arg("check").arg(&path).arg("-o").arg(read).output().unwrap();
        ends_with(&output, 2);
        assert!(stderr(&output).contains("is read by this run"), "{}", stderr(&output));
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), case);
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_ends_the_run_too() {
    use std::thread;
    use std::time::{Duration, Instant};

    smollm2();
    let dir = scratch("check-interrupt");
    fs::write(dir.join("long.txt"), story(2_000_000, 2)).unwrap();
    let cases = dir.join("cases.toml");
    fs::write(&cases, "[[case]]\nname = 'long'\nfile = 'long.txt'\n").unwrap();
    let mut check = edgeinf();
    check.args(["check", cases.to_str().unwrap()]);
    let check = check.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let children = || {
        let processes = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
            // "pid (name) state parent ..."
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.to_owned();
            (parent == check.id().to_string()).then(|| entry.file_name().into_string().unwrap())
        });
        processes.collect::<Vec<_>>()
    };
    let start = Instant::now();
    let run = loop {
        if let [run] = &children()[..] {
            break run.clone();
        }
        assert!(start.elapsed() < Duration::from_secs(60), "no run was started");
        thread::sleep(Duration::from_millis(50));
    };
    // only this process is told: passing it on is its task
    Command::new("kill").args(["-TERM", &check.id().to_string()]).status().unwrap();
    let output = check.wait_with_output().unwrap();
    ends_with(&output, 130);
    assert!(stderr(&output).contains("error: interrupted"), "{}", stderr(&output));
    assert!(!Path::new("/proc").join(run).exists(), "the run goes on");
}
