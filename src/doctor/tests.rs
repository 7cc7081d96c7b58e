//! What is made of facts, without looking at a machine.

use super::*;

fn facts() -> Facts {
    let feature = |name, compiled, present| Feature { name, compiled, present };
    Facts {
        schema_version: SCHEMA_VERSION,
        version: "1.2.3",
        profile: "release",
        features: vec!["openmp"],
        engine: Build { target: "x86_64-unknown-linux-gnu", native: true, hooks: true, cpu_features: vec![] },
        processor: Processor {
            name: "Test Processor".into(),
            processors: 8,
            threads: 4,
            threads_problem: None,
            features: vec![
                feature("AVX2", true, Some(true)),
                feature("AVX512", false, Some(false)),
                feature("AVX512_BF16", false, Some(true)),
                feature("AMX_INT8", false, None),
            ],
        },
        memory: Memory { total_bytes: 16 << 30, available_bytes: 8 << 30, limit_bytes: None },
        cache: CacheFacts { dir: Some("/home/u/.cache/edgeinf".into()), free_bytes: Some(20 << 30), writable: true },
        models: vec![
            ModelFacts { name: "small".into(), bytes: Some(98_362_432), state: ModelState::Verified, problem: None },
            ModelFacts { name: "large".into(), bytes: Some(491_400_064), state: ModelState::Absent, problem: None },
        ],
        model: Wanted { name: "small".into(), bytes: Some(98_362_432), problem: None, can_be_pulled: false },
        python: Python { found: true, pip: Some("pip 25.0, Python 3.13".into()) },
    }
}

#[test]
fn a_good_machine_has_no_findings() {
    assert_eq!(facts().findings(), []);
    let expected = "\
version      1.2.3, release, x86_64-unknown-linux-gnu
engine       for the processor that built it, with hooks, features: openmp
processor    Test Processor, 8 processors, 4 threads used
  compiled   AVX2
  unused     AVX512_BF16
  lacking    none
memory       16.0 GiB, 8192.0 MiB available
cache        /home/u/.cache/edgeinf, 20.0 GiB free
  model      small                  93.8 MiB  sha256 verified
  model      large                 468.6 MiB  not pulled
python3      pip 25.0, Python 3.13
ready to summarize with 'small'
";
    assert_eq!(facts().to_text(), expected);
}

/// The findings after a change, as `level: text`.
fn after(change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = facts();
    change(&mut facts);
    let text = facts.to_text();
    let lines: Vec<&str> = text.lines().filter(|l| l.starts_with("warning: ") || l.starts_with("problem: ")).collect();
    assert_eq!(lines.len(), facts.findings().len());
    assert_eq!(text.contains("ready to summarize"), !lines.iter().any(|l| l.starts_with("problem")));
    lines.into_iter().map(ToOwned::to_owned).collect()
}

#[track_caller]
fn finds(change: impl FnOnce(&mut Facts), level: &str, words: &[&str]) {
    let found = after(change);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(level), "{found:?}");
    for word in words {
        assert!(found[0].contains(word), "'{word}' is not in {found:?}");
    }
}

#[test]
fn a_build_for_another_processor_is_a_problem() {
    let lacking = |f: &mut Facts| f.processor.features[0].present = Some(false);
    finds(lacking, "problem", &["uses AVX2,", "EDGEINF_PORTABLE=1"]);
    finds(
        |f| {
            lacking(f);
            f.engine.native = false;
        },
        "problem",
        &["uses AVX2,", "without EDGEINF_PORTABLE"],
    );
    // what cannot be found out is no finding
    assert_eq!(after(|f| f.processor.features[0].present = None), [""; 0]);
}

#[test]
fn a_slow_build_is_a_warning() {
    finds(|f| f.processor.features[1].present = Some(true), "warning", &["has AVX512,"]);
    finds(|f| f.profile = "debug", "warning", &["--release"]);
    finds(|f| f.engine.hooks = false, "warning", &["EDGEINF_STOCK"]);
}

#[test]
fn a_model_that_is_not_there_is_a_problem() {
    let problem = "model 'small' is not pulled yet; run 'edgeinf model pull small'";
    let absent = |f: &mut Facts| {
        f.models[0].state = ModelState::Absent;
        f.model.problem = Some(problem.into());
        f.model.can_be_pulled = true;
    };
    finds(absent, "problem", &[problem]);
    let found = after(|f| {
        absent(f);
        f.cache.free_bytes = Some(100 << 20);
        f.python.pip = None;
    });
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[1].contains("has 100.0 MiB free") && found[2].contains("python3 has no pip"), "{found:?}");
}

#[test]
fn a_damaged_model_is_told_once() {
    let damage = |model: &mut ModelFacts| {
        model.state = ModelState::Damaged;
        model.problem = Some("it is damaged".into());
    };
    finds(|f| damage(&mut f.models[1]), "warning", &["it is damaged"]);
    finds(
        |f| {
            damage(&mut f.models[0]);
            f.model.problem = f.models[0].problem.clone();
        },
        "problem",
        &["it is damaged"],
    );
}

#[test]
fn memory_that_is_too_small_is_found() {
    finds(|f| f.memory.total_bytes = 190 << 20, "problem", &["takes 193.8 MiB", "this machine has 190.0 MiB"]);
    finds(|f| f.memory.limit_bytes = Some(100 << 20), "problem", &["the control group allows 100.0 MiB"]);
    finds(|f| f.memory.available_bytes = 150 << 20, "warning", &["150.0 MiB are available"]);
    assert_eq!(after(|f| f.memory.limit_bytes = Some(1 << 30)), [""; 0]);
}

#[test]
fn what_keeps_models_from_being_pulled_is_a_warning() {
    finds(|f| f.cache.writable = false, "warning", &["/home/u/.cache/edgeinf", "EDGEINF_CACHE"]);
    finds(|f| f.python = Python { found: false, pip: None }, "warning", &["there is no python3"]);
    finds(|f| f.python.pip = None, "warning", &["has no pip"]);
}
