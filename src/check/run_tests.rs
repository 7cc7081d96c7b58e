//! The runner, with a shell script that stands in for this program.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;

use super::{Case, CaseResult, Cases, CheckError, Report, Runner, TableStyle};

/// Statistics as `summarize --json` prints them, of a document of 10 tokens in which all went well.
const GOOD: &str = r#"{"schema_version":1,"summary":"A harbour opened.","complete":true,"policy":"full","input":{"path":"-","bytes":9,"tokens":10,"tokens_read":10},"memory":{"peak_rss_bytes":104857600,"weights_bytes":1}}"#;

/// A directory with a stand-in for the program, which does what `script` says.
struct Stage {
    dir: TempDir,
}

impl Stage {
    fn new(script: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("edgeinf");
        let head = "#!/bin/sh\n[ \"$1\" = probe ] && exit\necho \"$*\" > calls\n";
        fs::write(&program, format!("{head}{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        // a test beside this one that forks right now holds the script open for writing for a moment
        while let Err(error) = Command::new(&program).arg("probe").status() {
            assert_eq!(error.kind(), ErrorKind::ExecutableFileBusy);
        }
        Self { dir }
    }

    fn case(&self, case: &str) -> Case {
        let file = self.dir.path().join("cases.toml");
        fs::write(&file, format!("[[case]]\nname = 'case'\nfile = 'a.txt'\n{case}\n")).unwrap();
        Cases::load(&file).unwrap().cases.remove(0)
    }

    fn run(&self, case: &str) -> CaseResult {
        self.try_run(case).unwrap()
    }

    fn try_run(&self, case: &str) -> Result<CaseResult, CheckError> {
        let interrupt = AtomicBool::new(false);
        let program = self.dir.path().join("edgeinf");
        Runner { program, dir: self.dir.path(), interrupt: &interrupt }.run(&self.case(case))
    }
}

fn says(json: &str, code: i32) -> Stage {
    Stage::new(&format!("cat <<'JSON'\n{json}\nJSON\nexit {code}"))
}

#[test]
fn a_good_run_passes_and_is_called_as_the_case_says() {
    let stage = says(GOOD, 0);
    let result =
        stage.run("options = { window = 512, prompt = 'two words' }\n[case.expect]\nmust_contain = ['harbour']");
    assert!(result.passed, "{:?}", result.failures);
    assert_eq!(result.exit_code, Some(0));
    assert_eq!(result.statistics.as_ref().unwrap()["memory"]["weights_bytes"], 1);
    // the program found its directory, and the document's path is whole
    let calls = fs::read_to_string(stage.dir.path().join("calls")).unwrap();
    let document = stage.dir.path().join("a.txt");
    assert_eq!(calls, format!("summarize {} --json --prompt=two words --window=512\n", document.display()));
}

#[test]
fn a_run_that_falls_short_fails() {
    let result = says(&GOOD.replace("\"tokens_read\":10", "\"tokens_read\":9"), 0).run("");
    assert_eq!(result.failures, ["9 of 10 tokens were read"]);
    let incomplete = GOOD.replace("true", "false,\"incomplete_reason\":\"why\"");
    let result = says(&incomplete, 6).run("");
    assert_eq!(result.failures, ["exit code 6, expected exit code 0", "the summary is not complete: why"]);
    assert!(says(&incomplete, 6).run("expect = { exit_code = 6 }").passed);
    let result = says(GOOD, 0).run("expect = { max_peak_memory = '99M' }");
    assert_eq!(result.failures, ["peak memory 100.0 MiB is over the bound of 99.0 MiB"]);
}

#[test]
fn refusals_can_be_expected() {
    let stage = Stage::new("echo 'warning: w' >&2; echo \"error: 'a.txt' is empty\" >&2; exit 3");
    let result = stage.run("");
    assert_eq!(result.failures, ["exit code 3, expected exit code 0: 'a.txt' is empty"]);
    assert_eq!(result.error.as_deref(), Some("'a.txt' is empty"));
    assert!(stage.run("expect = { exit_code = 3 }").passed);
    // an object that only names the error is no statistics
    let stage = says(r#"{"schema_version":1,"error":"x"}"#, 3);
    assert!(stage.run("expect = { exit_code = [3, 4] }").passed);
    assert!(!stage.run("").passed);
}

#[test]
fn a_crash_or_nonsense_is_a_failed_case() {
    assert_eq!(Stage::new("kill -SEGV $$").run("").failures, ["ended by signal SIGSEGV, expected exit code 0"]);
    assert_eq!(Stage::new("exit 0").run("").failures, ["it printed no statistics"]);
    assert_eq!(Stage::new("echo hello").run("").failures, ["what it printed is not JSON"]);
    let result = says(r#"{"summary":"x"}"#, 0).run("");
    assert!(result.failures[0].starts_with("its statistics are not understood: missing field"), "{result:?}");
    let result = Stage::new("exec sleep 60").run("timeout_s = 1");
    assert_eq!(result.failures, ["not finished after 1 s, expected exit code 0"]);
    assert_eq!(result.exit_code, None);
}

#[test]
fn without_a_program_there_is_no_result() {
    let stage = says(GOOD, 0);
    fs::remove_file(stage.dir.path().join("edgeinf")).unwrap();
    assert!(matches!(stage.try_run(""), Err(CheckError::Start { .. })));
}

#[test]
fn a_sample_is_written_its_facts_are_counted_and_it_is_removed() {
    let stage = Stage::new(
        "cp \"$2\" text; echo \"$2\" > where; facts=$(tr '\\n\"' '  ' < text | tr -d '\\\\')\n\
         printf '{\"summary\":\"%s\",\"complete\":true,\"policy\":\"full\",\"input\":{\"tokens\":1,\"tokens_read\":1},\"memory\":{\"peak_rss_bytes\":1}}' \"$facts\"",
    );
    let mut case = stage.case("");
    case.document = super::Document::Sample { tokens: 1000, seed: 7 };
    case.expect.facts = Some(1);
    let interrupt = AtomicBool::new(false);
    let program = stage.dir.path().join("edgeinf");
    let runner = Runner { program, dir: stage.dir.path(), interrupt: &interrupt };
    // a summary that repeats the whole text has all facts
    let result = runner.run(&case).unwrap();
    assert!(result.passed, "{:?}", result.failures);
    let facts = result.facts.unwrap();
    assert!(facts.planted > 0 && facts.found == facts.planted, "{facts:?}");
    assert!(fs::metadata(stage.dir.path().join("text")).unwrap().len() > 1000);
    let path = fs::read_to_string(stage.dir.path().join("where")).unwrap();
    assert!(!Path::new(path.trim()).exists());

    let stage = says(GOOD, 0);
    let runner = Runner { program: stage.dir.path().join("edgeinf"), dir: stage.dir.path(), interrupt: &interrupt };
    let result = runner.run(&case).unwrap();
    assert_eq!(result.failures, [format!("0 of {} facts are in the summary, expected 1", facts.planted)]);
}

#[test]
fn the_report_is_a_table_and_json() {
    let good = says(GOOD, 0).run("");
    let mut bad = says(&GOOD.replace("\"tokens_read\":10", "\"tokens_read\":9"), 0).run("");
    bad.name = "long name".into();
    let (mut good, mut bad) = (good, bad);
    (good.seconds, bad.seconds) = (1.25, 10.0);
    let style = TableStyle::new(&[Case { name: "long name".into(), ..says(GOOD, 0).case("") }]);
    let report = Report::new("c.toml".into(), vec![good, bad]);
    let rows: String = report.cases.iter().map(|case| style.row(case)).collect();
    let table = style.head() + &rows + &style.foot(&report);
    let expected = "\
case       result  policy               tokens  peak MiB    facts  seconds
case       ok      full                     10     100.0        -      1.2
long name  FAILED  full                   9/10     100.0        -     10.0
    9 of 10 tokens were read
1 of 2 passed in 11.2 s
";
    assert_eq!(table, expected);

    let json: serde_json::Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!((&json["schema_version"], &json["passed"], &json["failed"]), (&1.into(), &1.into(), &1.into()));
    assert_eq!(json["cases"][1]["failures"][0], "9 of 10 tokens were read");
    assert_eq!(json["cases"][0]["statistics"]["policy"], "full");
    assert!(json["cases"][0]["document"]["file"].as_str().unwrap().ends_with("a.txt"));
}
