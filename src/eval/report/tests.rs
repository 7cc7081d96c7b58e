//! A report of results of each kind.

use std::fs;

use super::*;

/// A report of one file with some lines.
pub fn report_of(lines: &[String]) -> Report {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("results.jsonl");
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let report = render(std::slice::from_ref(&path)).unwrap();
    assert_eq!(report, render(&[path]).unwrap(), "a report is the same each time");
    report
}

/// A result of a text; `own` are the keys of its kind.
pub fn line(case: &str, policy: &str, budget: u64, sizes: (u32, u32), own: &str) -> String {
    let (retain, window) = sizes;
    format!(
        r#"{{"case":"{case}","policy":"{policy}","budget_bytes":{budget},{own},"text_sha256":"{case}","seconds":1,"setting":{{"model":"m","model_sha256":"0123456789","gate":null,"sinks":4,"retain":{retain},"window":{window},"segment":512,"cache_type":"f16","build":"1","other":[]}}}}"#
    )
}

/// Compares with a file that was looked at; with UPDATE_GOLDEN it is written anew.
fn golden(name: &str, report: &Report) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/report").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &report.markdown).unwrap();
    }
    assert_eq!(report.markdown, fs::read_to_string(&path).unwrap(), "{}", path.display());
    for (name, _) in &report.plots {
        assert!(report.markdown.contains(&format!("]({name})")), "{name}");
    }
}

/// What `eval answer` writes: full attention does not hold one of the documents, and nobody measured another under snapkv.
pub fn answers() -> Vec<String> {
    let mut lines = Vec::new();
    for (i, case) in ["a", "b", "c"].into_iter().enumerate() {
        let x = i as f64 / 10.0;
        let own = |nll: f64, specific: f64| format!(r#""nll":{nll:.3},"specific":{specific:.3},"skipped":null"#);
        lines.push(line(case, "none", 0, (0, 512), &format!(r#""nll":{:.3},"specific":null"#, 4.5 + x)));
        let skipped = r#""nll":null,"specific":null,"skipped":"longer than | the context""#.to_owned();
        lines.push(line(case, "full", 90 << 20, (0, 0), &if i == 2 { skipped } else { own(3.0 + x, 0.5 + x) }));
        lines.push(line(case, "streaming", 10 << 20, (0, 512), &own(4.0 + x, 0.0)));
        lines.push(line(case, "streaming", 20 << 20, (0, 1024), &own(3.8 + x, 0.01)));
        if i < 2 {
            lines.push(line(case, "snapkv", 10 << 20, (256, 256), &own(3.7, 0.1 + x)));
        }
        lines.push(line(case, "snapkv", 20 << 20, (512, 512), &own(3.5, 0.2 + x)));
    }
    // the same once more
    lines.push(lines[2].clone());
    lines
}

/// What `eval fidelity` writes.
pub fn fidelity() -> Vec<String> {
    let mut lines = Vec::new();
    for (case, kl) in [("a.txt", 0.3), ("b.txt", 0.1)] {
        for (policy, sizes, budget, share) in [
            ("streaming", (0, 512), 11_888_640, 1.0),
            ("snapkv", (256, 256), 11_888_640, 0.8),
            ("streaming", (0, 1024), 23_777_280, 0.5),
            ("snapkv", (512, 512), 23_777_280, 0.4),
        ] {
            let bin = |from, factor: f64| {
                format!(r#"{{"from":{from},"tokens":1024,"kl":{:.4},"perplexity":9}}"#, kl * share * factor)
            };
            let own = format!(
                r#""kl":{:.4},"perplexity":{:.2},"perplexity_full":8.5,"same_top":0.8,"from":2048,"tokens":2048,"by_position":[{},{}]"#,
                kl * share,
                9.0 + kl * share,
                bin(2048, 0.5),
                bin(3072, 1.5),
            );
            lines.push(line(case, policy, budget, sizes, &own));
        }
    }
    lines
}

/// What `eval needle` writes.
pub fn needles() -> Vec<String> {
    let mut lines = Vec::new();
    for length in [2000, 8192] {
        for i in 0..6 {
            let decile = 9 * i / 5;
            for (policy, sizes, budget, from) in [
                ("full", (0, 0), length * 1000, 0),
                ("streaming", (0, 512), 10 << 20, 5),
                ("snapkv", (256, 256), 10 << 20, 2),
            ] {
                let own = format!(
                    r#""length":{length},"depth":0.{decile},"decile":{decile},"forgotten":{},"correct":{},"completed":{},"completed_closed_book":{},"closed_book":{},"nll":{},"nll_closed_book":5"#,
                    i < 5,
                    i >= from,
                    i + 1 >= from,
                    i == 0,
                    i == 3,
                    if i >= from { 1.0 } else { 4.5 } + 0.1 * f64::from(i),
                );
                lines.push(line(&format!("{length}/{i}"), policy, budget, sizes, &own));
            }
        }
    }
    lines
}

/// What `eval gates` writes: one text at two lengths, once more at the first, and another text that ends before the second. A layer has folded nothing
/// at the first.
fn gates() -> Vec<String> {
    let of = |case: &str, length: u64, gates: [f64; 2]| {
        let more = if length > 8192 { r#",{"layer":20,"gate":0.75,"heads":[]}"# } else { "" };
        let layers = format!(
            r#"[{{"layer":2,"gate":{},"heads":[]}},{{"layer":11,"gate":{},"heads":[]}}{more}]"#,
            gates[0], gates[1]
        );
        let own = format!(r#""length":{length},"tokens_folded":{},"layers":{layers}"#, length - 600);
        line(case, "edgeinfinite", 11_880_960, (128, 310), &own)
    };
    vec![
        of("a.txt", 8192, [0.1, 0.2]),
        of("a.txt", 131_072, [0.125, 0.25]),
        of("b.txt", 8192, [0.3, 0.6]),
        of("a.txt", 8192, [0.1, 0.2]),
    ]
}

/// What `bench lengths` writes.
pub fn lengths() -> Vec<String> {
    let mut lines = Vec::new();
    for k in [1_u64, 2, 4, 8] {
        for (policy, peak) in [("full", 150 + 50 * k), ("streaming", 170)] {
            let ttft = if policy == "full" { k * k + 2 } else { 3 * k };
            // older files do not tell these
            let more = if policy == "full" {
                String::new()
            } else {
                let memory = format!(
                    r#"{{"weights_bytes":{0},"kv_cache_bytes":{0},"compressed_bytes":0,"compute_bytes":{0},"rest_bytes":{1}}}"#,
                    50 << 20,
                    20 << 20
                );
                format!(
                    r#","generation_tokens_per_second":50,"memory":{memory},"ttft_min":{ttft},"ttft_max":{}"#,
                    ttft + k / 4
                )
            };
            lines.push(format!(
                r#"{{"policy":"{policy}","length":{},"ttft_seconds":{ttft},"prefill_tokens_per_second":400,"peak_rss_bytes":{},"runs":1,"extrapolated":{},"model":"m","build":"1"{more}}}"#,
                k * 1024,
                peak << 20,
                policy == "full" && k > 2,
            ));
        }
    }
    lines
}

#[test]
fn answers_have_differences_and_what_is_missing() {
    golden("answers.md", &report_of(&answers()));
}

#[test]
fn fidelity_has_plots_along_the_text_and_by_budget() {
    golden("fidelity.md", &report_of(&fidelity()));
}

#[test]
fn needles_are_told_apart_by_length() {
    golden("needles.md", &report_of(&needles()));
}

#[test]
fn gates_are_means_over_texts() {
    golden("gates.md", &report_of(&gates()));
}

#[test]
fn lengths_say_what_was_measured() {
    golden("lengths.md", &report_of(&lengths()));
}

#[test]
fn summaries_and_longbench_have_tables() {
    let mut lines = Vec::new();
    for (case, x) in [("a", 0.0), ("b", 0.1)] {
        for (policy, sizes, gain) in [("streaming", (0, 512), 0.0), ("snapkv", (256, 256), 0.05)] {
            let coverage = if case == "a" { "0.25" } else { "null" };
            let own = format!(
                r#""rouge1":{:.2},"rouge2":0.1,"rouge_l":{:.2},"similarity":{:.2},"coverage":{coverage},"repetition":0.02,"compression":0.1,"names_and_numbers":4,"unsupported":1,"asked":"short""#,
                0.3 + x + gain,
                0.2 + x + gain,
                0.6 + x + gain,
            );
            lines.push(line(case, policy, 10 << 20, sizes, &own));
            for dataset in ["qasper", "2wikimqa"] {
                let own = format!(r#""dataset":"{dataset}","score":{:.2}"#, 0.4 + x - gain);
                lines.push(line(&format!("{dataset}/{case}"), policy, 10 << 20, sizes, &own));
            }
        }
        lines.push(line(case, "full", 90 << 20, (0, 0), r#""asked":"short","skipped":"too long","summary":null"#));
    }
    let report = report_of(&lines);
    assert!(report.plots.is_empty());
    golden("summaries.md", &report);
}

#[test]
fn what_is_specific_is_compared_where_the_same_part_was_replaced() {
    let own = |specific: f64, n: u64| format!(r#""nll":2.0,"specific":{specific},"forgotten_tokens":{n}"#);
    let mut lines = Vec::new();
    for case in ["a", "b"] {
        lines.push(line(case, "full", 90 << 20, (0, 512), &own(0.8, 900)));
        lines.push(line(case, "snapkv", 10 << 20, (128, 384), &own(0.2, 900)));
        lines.push(line(case, "snapkv", 20 << 20, (256, 768), &own(0.2, 400)));
    }
    // of the other part full attention has a half, and was asked for it once
    lines.push(line("a", "full", 90 << 20, (0, 1024), &own(0.4, 400)));
    let report = report_of(&lines);
    let share = |window: &str| {
        let row = report.markdown.lines().find(|line| line.contains(&format!("| {window} | "))).unwrap();
        row.split(" | ").nth(12).unwrap().trim().to_owned()
    };
    assert!(share("384").starts_with("0.250") && share("768").starts_with("0.500"), "{}", report.markdown);
    assert!(share("768").ends_with("(n=1)"), "{}", report.markdown);
}

#[test]
fn models_and_settings_are_not_mixed() {
    let own = r#""nll":2.0,"specific":0.1"#;
    let one = line("a", "snapkv", 10 << 20, (256, 256), own);
    let lines = [
        one.replace("0123456789", "9876543210"),
        one.replace(r#""segment":512"#, r#""segment":256"#),
        one.replace(r#""gate":null"#, r#""gate":"/home/me/my.gguf""#),
        one,
    ];
    let report = report_of(&lines);
    let rows: Vec<&str> = report.markdown.lines().filter(|line| line.starts_with("| snapkv")).collect();
    assert_eq!(rows.len(), 4, "{}", report.markdown);
    assert!(
        report.markdown.contains("## Answers: m (98765432)") && report.markdown.contains("## Answers: m (01234567)")
    );
    assert!(report.markdown.contains("| snapkv | segment 256 |"), "{}", report.markdown);
    assert!(report.markdown.contains("| snapkv | gate my.gguf, segment 512 |"), "{}", report.markdown);
    assert!(!report.markdown.contains("/home"), "no folders of the machine");
}
