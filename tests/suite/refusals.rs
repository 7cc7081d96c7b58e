//! Models that compaction would corrupt are refused by name and reason, before anything is computed. All of them are whole:
//! each reads a text that fits its context.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::rc::Rc;

use crate::common::text::story;
use crate::common::zoo::{self, Zoo};
use crate::common::{ContextBuilder, load, tokens};
use edgeinf::llama::{CacheType, Compaction, LlamaError, Logits, Model};

/// A directory that vanishes with the test.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn streaming() -> Compaction {
    Compaction::Edgeinf { gate: None, n_front_max: 64, retain: None, model_id: 1 }
}

/// What is seen in the hyperparameters, and the words of the reason.
fn refused_by_name() -> Vec<(Zoo, &'static str)> {
    vec![
        (zoo::deepseek2(false), "multi-head latent attention (MLA)"),
        (zoo::mamba(), "recurrent or hybrid"),
        (zoo::lfm2(), "recurrent or hybrid"),
        (zoo::like_llama("smollm3", 4), "skip RoPE"),
        (zoo::llama4(), "skip RoPE"),
        (zoo::exaone4(4), "skip RoPE"),
        (zoo::exaone4(64), "skip RoPE"),
        (zoo::afmoe(), "skip RoPE"),
        (zoo::smallthinker(), "skip RoPE"),
        (zoo::granite(), "skip RoPE"),
        (zoo::scaled("yarn"), "YaRN"),
        (zoo::scaled("longrope"), "LongRoPE"),
        (zoo::attention_factor(), "LongRoPE"),
        (zoo::like_llama("refact", 2), "not plain RoPE"),
        (zoo::like_llama("baichuan", 40), "ALiBi"),
        (zoo::qwen2vl(), "not plain RoPE"),
        (zoo::gemma2(), "sliding-window"),
    ]
}

/// What only the graph shows.
fn refused_by_graph() -> Vec<(Zoo, &'static str)> {
    let reason = "does not end its keys and queries with RoPE";
    vec![(zoo::hunyuan(), reason), (zoo::deepseek2(true), reason)]
}

fn accepted() -> Vec<Zoo> {
    vec![zoo::like_llama("llama", 2), zoo::scaled("linear")]
}

/// Reads a text the ordinary way: the file is whole, and what the message advises works.
fn assert_reads_in_full(model: &Model, label: &str) {
    let mut context = ContextBuilder::default().build(model, Compaction::None, None);
    context.decode(&tokens(40, 3), Logits::Last).unwrap_or_else(|e| panic!("{label}: {e}"));
    assert!(context.logits(-1).unwrap().iter().all(|x| x.is_finite()), "{label}");
}

/// Makes the context that the program would make, and counts the tensors that were computed meanwhile.
fn refusal(model: &Model, compaction: Compaction, label: &str) -> String {
    let computed = Rc::new(Cell::new(0));
    let count = Rc::clone(&computed);
    let callback = Box::new(move |_: edgeinf::llama::EvalTensor<'_>| {
        count.set(count.get() + 1);
        false
    });
    let error = match ContextBuilder::default().try_build(model, compaction, Some(callback)) {
        Err(error @ LlamaError::Unsupported { .. }) => error,
        Err(other) => panic!("{label}: {other}"),
        Ok(_) => panic!("{label} was accepted"),
    };
    assert_eq!(computed.get(), 0, "{label}");
    error.to_string()
}

#[track_caller]
fn assert_names(message: &str, zoo: &Zoo, reason: &str) {
    assert!(message.contains(&format!("'{}'", zoo.arch())) && message.contains(reason), "{}: {message}", zoo.label());
    assert!(message.contains("--policy full") && !message.contains('\n'), "{}: {message}", zoo.label());
}

#[test]
fn models_without_a_whole_rotation_of_keys_are_refused_by_name() {
    let dir = scratch();
    for (zoo, reason) in refused_by_name() {
        let model = load(&zoo.write(dir.path()));
        assert_eq!(model.architecture(), zoo.arch());
        assert_reads_in_full(&model, zoo.label());
        for compaction in [streaming(), Compaction::Plain] {
            assert_names(&refusal(&model, compaction, zoo.label()), &zoo, reason);
        }
    }
}

#[test]
fn what_follows_rope_is_seen_in_the_graph() {
    let dir = scratch();
    for (zoo, reason) in refused_by_graph() {
        let model = load(&zoo.write(dir.path()));
        assert_reads_in_full(&model, zoo.label());
        assert_names(&refusal(&model, streaming(), zoo.label()), &zoo, reason);
    }
}

#[test]
fn the_same_files_are_accepted_without_what_is_refused() {
    let dir = scratch();
    for zoo in accepted() {
        let model = load(&zoo.write(dir.path()));
        for compaction in [streaming(), Compaction::Plain] {
            let mut context = ContextBuilder::default().build(&model, compaction, None);
            context.decode(&tokens(300, 1), Logits::None).unwrap();
            context.compact(8, 200).unwrap();
            context.decode(&tokens(20, 2), Logits::Last).unwrap();
            assert_eq!(context.n_cached(), 128, "{}", zoo.label());
        }
    }
}

#[test]
fn gemma3_streams_by_plain_means_and_has_no_memory() {
    let dir = scratch();
    let zoo = zoo::gemma3(64, &[true, false]);
    let model = load(&zoo.write(dir.path()));
    assert_reads_in_full(&model, zoo.label());
    assert_names(&refusal(&model, streaming(), zoo.label()), &zoo, "sliding-window");
    let with = |cache_type| ContextBuilder { cache_type, ..Default::default() };
    for cache_type in [CacheType::F16, CacheType::F32] {
        with(cache_type).build(&model, Compaction::Plain, None);
    }
    let error = with(CacheType::Q8_0).try_build(&model, Compaction::Plain, None).unwrap_err().to_string();
    assert!(error.contains("'gemma3'") && error.contains("--cache-type f16"), "{error}");
    // without a sliding window it is an ordinary model
    let plain = load(&zoo::gemma3(0, &[false, false]).write(dir.path()));
    ContextBuilder::default().build(&plain, streaming(), None);
}

#[test]
fn a_model_that_cannot_write_is_not_advised_to_read_in_full() {
    let dir = scratch();
    let model = load(&zoo::like_llama("dream", 2).write(dir.path()));
    for compaction in [streaming(), Compaction::Plain, Compaction::None] {
        let error = ContextBuilder::default().try_build(&model, compaction, None).unwrap_err().to_string();
        assert!(error.contains("'dream'") && !error.contains("--policy"), "{error}");
    }
}

fn summarize(model: &Path, text: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeinf"));
    command.arg("summarize").arg(text).arg("-m").arg(model).args(["--max-tokens", "4", "--threads", "1"]).args(args);
    command.stdin(Stdio::null()).output().unwrap()
}

/// One line that begins with `error:`, nothing on stdout, exit code 4.
fn refused_by_program(output: &Output, label: &str) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(4), "{label}: {text}");
    assert!(output.stdout.is_empty(), "{label}");
    let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{label}: {text}");
    errors[0].to_owned()
}

#[test]
fn the_program_says_so_in_one_line_and_reads_what_fits() {
    let dir = scratch();
    let text = dir.path().join("text.txt");
    fs::write(&text, story(1200, 1)).unwrap();
    let mut zoos = refused_by_name();
    zoos.extend(refused_by_graph());
    for (zoo, reason) in zoos {
        let model = zoo.write(dir.path());
        let output = summarize(&model, &text, &["--policy", "streaming"]);
        assert_names(&refused_by_program(&output, zoo.label()), &zoo, reason);
        let output = summarize(&model, &text, &["--policy", "edgeinfinite", "--gate", "random:1:hedgehog:64"]);
        assert_names(&refused_by_program(&output, zoo.label()), &zoo, reason);
        let output = summarize(&model, &text, &["--policy", "full"]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 6)), "{}: {errors}", zoo.label());
    }
    for zoo in accepted() {
        let output = summarize(&zoo.write(dir.path()), &text, &["--window", "128", "--policy", "streaming", "--json"]);
        assert!(matches!(output.status.code(), Some(0 | 6)), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_text_that_does_not_fit_is_refused_with_the_reason_too() {
    let dir = scratch();
    let text = dir.path().join("long.txt");
    fs::write(&text, story(8000, 2)).unwrap();
    for (zoo, reason) in [(zoo::mamba(), "recurrent or hybrid"), (zoo::gemma2(), "sliding-window")] {
        let model = zoo.write(dir.path());
        assert_names(&refused_by_program(&summarize(&model, &text, &[]), zoo.label()), &zoo, reason);
        let memory = ["--policy", "edgeinfinite"];
        assert_names(&refused_by_program(&summarize(&model, &text, &memory), zoo.label()), &zoo, reason);
    }
}
