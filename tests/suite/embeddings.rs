//! Sentences as vectors, and what compares them.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::bert::TinyBert;
use crate::common::models::pulled;
use crate::common::program::{assert_fails, edgeinf, scratch, stderr, stdout};
use crate::common::sandbox::Sandbox;
use edgeinf::embed::{EmbedError, Embedder, SentenceModel, cosine};
use edgeinf::llama::LlamaError;
use edgeinf::quote::{Alike, FoundBy, Quote, Quotes, Verdict};
use serde_json::Value;

fn embedder(model: &SentenceModel) -> Embedder<'_> {
    Embedder::new(model, 2, Arc::default()).unwrap()
}

#[test]
fn a_tiny_model_gives_what_the_formulas_say() {
    let tiny = TinyBert::new(1);
    let model = SentenceModel::load(&tiny.write(&scratch("bert").join("tiny.gguf"), |_| ())).unwrap();
    let mut embedder = embedder(&model);
    // in one batch, and so that nothing gets from one text into another
    let texts = ["The harbour of Brell opened", "harbours, in 1842.", "", "BRELL"];
    let tokens: [&[usize]; 4] = [&[2, 5, 6, 7, 8, 10, 11, 3], &[2, 6, 12, 1, 13, 14, 15, 3], &[2, 3], &[2, 8, 3]];
    let found = embedder.embed(&texts).unwrap();
    for ((text, found), tokens) in texts.iter().zip(&found).zip(tokens) {
        let expected = tiny.embed(tokens);
        let furthest = found.components().iter().zip(&expected).map(|(a, b)| (f64::from(*a) - b).abs());
        let furthest = furthest.fold(0.0, f64::max);
        assert!(furthest < 1e-3, "'{text}' is {furthest} away");
    }
    assert!(embedder.embed(&[]).unwrap().is_empty());
    // as long as the batch lets it be, and in pieces of the 62 tokens that fit the context
    let long = "harbour of ".repeat(62);
    let piece = tiny.embed(&[&[2][..], &[6, 7].repeat(31), &[3]].concat());
    let found = embedder.embed(&[&long]).unwrap();
    assert!(found[0].components().iter().zip(&piece).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-3));
}

#[test]
fn an_interrupt_ends_it() {
    let model = SentenceModel::load(&TinyBert::new(2).write(&scratch("bert-stop").join("tiny.gguf"), |_| ())).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut embedder = Embedder::new(&model, 1, Arc::clone(&stop)).unwrap();
    stop.store(true, Ordering::Relaxed);
    assert!(matches!(embedder.embed(&["the harbour"]), Err(EmbedError::Llama(LlamaError::Interrupted))));
    stop.store(false, Ordering::Relaxed);
    assert!(embedder.embed(&["the harbour"]).is_ok());
}

/// Cosines that a float32 implementation with numpy gave, with the tokenizer of the model's makers.
#[test]
fn minilm_gives_known_cosines() {
    let model = SentenceModel::load(&pulled("minilm")).unwrap();
    let texts = [
        "The harbour of Brell was opened in 1842.",
        "In 1842 the port at Brell began to receive ships.",
        "She sold the milk of her cow to sailors.",
        "A woman earned money by selling milk to seamen.",
        "Neural networks learn representations from labels.",
        "Größe und naïve Café, 東京 8,473!",
    ];
    let expected = [
        [1.0, 0.8229, 0.1529, 0.174, -0.0346, 0.1954],
        [0.8229, 1.0, 0.2637, 0.2619, 0.0122, 0.1366],
        [0.1529, 0.2637, 1.0, 0.715, 0.1112, 0.1026],
        [0.174, 0.2619, 0.715, 1.0, 0.0547, 0.025],
        [-0.0346, 0.0122, 0.1112, 0.0547, 1.0, 0.0514],
        [0.1954, 0.1366, 0.1026, 0.025, 0.0514, 1.0],
    ];
    let vectors = embedder(&model).embed(&texts).unwrap();
    assert_eq!(model.n_embd(), 384);
    for (i, a) in vectors.iter().enumerate() {
        for (j, b) in vectors.iter().enumerate() {
            let found = cosine(a, b);
            assert!((found - expected[i][j]).abs() < 3e-3, "{i} {j}: {found}");
        }
    }
}

#[test]
fn other_models_and_broken_files_are_refused() {
    let dir = scratch("bert-refused");
    let tiny = TinyBert::new(3);
    let good = tiny.write(&dir.join("good.gguf"), |_| ());
    let ranks = tiny.write(&dir.join("ranks.gguf"), |w| {
        w.set("bert.pooling_type", 4_u32);
    });
    let bytes = fs::read(&good).unwrap();
    let cut = dir.join("cut.gguf");
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let text = dir.join("text.gguf");
    fs::write(&text, "no model at all").unwrap();
    let other = crate::common::tiny::Tiny::new("llama").write();
    for name in ["summary.txt", "document.txt", "reference.txt"] {
        fs::write(dir.join(name), "The harbour of Brell was opened in 1842.").unwrap();
    }
    let score = |model: &Path| {
        let mut command = edgeinf();
        command.args(["eval", "score"]).arg(dir.join("summary.txt")).arg("--document").arg(dir.join("document.txt"));
        command.arg("--reference").arg(dir.join("reference.txt")).arg("--embeddings").arg(model);
        command.output().unwrap()
    };
    let output = score(&good);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(serde_json::from_str::<Value>(&stdout(&output)).unwrap()["similarity"], 1.0);
    assert_fails(&score(&ranks), 4, &["'bert'", "pooling type 4", "edgeinf model pull minilm"]);
    assert_fails(&score(&other), 4, &["'llama'", "cannot compare sentences"]);
    assert_fails(&score(&cut), 4, &["cut.gguf' cannot be loaded"]);
    assert_fails(&score(&text), 4, &["text.gguf' cannot be loaded"]);
    assert_fails(&score(&dir), 4, &["is a directory"]);
    assert_fails(&score(&dir.join("none.gguf")), 4, &["none.gguf' does not exist"]);
    assert_fails(&score(Path::new("nobody")), 4, &["is not in models.toml"]);
    // and it writes nothing
    let output = edgeinf().arg("summarize").arg(dir.join("document.txt")).arg("-m").arg(&good).output().unwrap();
    assert_fails(&output, 4, &["'bert'", "cannot write a summary"]);
}

#[test]
fn without_the_model_it_is_not_missed_and_a_damaged_one_is() {
    let sandbox = Sandbox::new();
    let text = sandbox.write("text.txt", "The harbour of Brell was opened in 1842.");
    let score = |args: &[&str]| {
        let mut command = edgeinf();
        command.env("EDGEINF_CACHE", sandbox.cache()).args(["eval", "score"]).arg(&text).arg("--document").arg(&text);
        command.arg("--reference").arg(&text).args(args).output().unwrap()
    };
    let absent = score(&[]);
    assert_eq!(absent.status.code(), Some(0), "{}", stderr(&absent));
    assert!(serde_json::from_str::<Value>(&stdout(&absent)).unwrap()["similarity"].is_null());
    assert_eq!(stderr(&absent), "");
    assert_fails(&score(&["--embeddings", "minilm"]), 4, &["not pulled yet", "edgeinf model pull minilm"]);
    sandbox.put("all-MiniLM-L6-v2.gguf", "GGUF");
    assert_fails(&score(&[]), 4, &["all-MiniLM-L6-v2.gguf' has 4 bytes", "edgeinf model pull minilm"]);
    assert_eq!(stdout(&score(&["--embeddings", "none"])), stdout(&absent));
}

#[test]
fn similarity_tells_paraphrases_from_other_matters() {
    let model = pulled("minilm");
    let dir = scratch("similarity");
    let reference = "The harbour of Brell was opened in 1842, and soon it was the largest of the county.";
    fs::write(dir.join("reference.txt"), reference).unwrap();
    let of = |summary: &str| {
        fs::write(dir.join("summary.txt"), summary).unwrap();
        let mut command = edgeinf();
        command.args(["eval", "score"]).arg(dir.join("summary.txt")).arg("--document").arg(dir.join("reference.txt"));
        command.arg("--reference").arg(dir.join("reference.txt")).arg("--embeddings").arg(&model);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        serde_json::from_str::<Value>(&stdout(&output)).unwrap()["similarity"].as_f64().unwrap()
    };
    let paraphrase = of("In 1842 Brell got a port, which became the county's biggest.");
    let other = of("Neural networks learn representations from labels.");
    assert_eq!(of(reference), 1.0);
    assert!(paraphrase > 0.7 && other < 0.2, "{paraphrase} {other}");
    assert_eq!(of(" \n"), 0.0);
    // longer than the context of the model
    assert!(of(&reference.repeat(60)) > 0.8);
}

const DOCUMENT: &str = "THE DIARY\n\nThe town had wanted it for so long. In 1842 the port at Brell began to receive ships. It was the largest
of the county.\n\nShe kept a cow, nobody knew why, and sold its milk to seamen. Nothing grew on the hills but grass.\n";

/// Quotes by words, then by meaning; the document comes in blocks of so many bytes.
fn quotes(embedder: &mut Embedder<'_>, summary: &str, block: usize) -> [Vec<Quote>; 2] {
    let blocks: Vec<&str> =
        (0..DOCUMENT.len()).step_by(block).map(|i| &DOCUMENT[i..(i + block).min(DOCUMENT.len())]).collect();
    let mut counted = Quotes::new(summary);
    blocks.iter().for_each(|block| counted.count(block));
    let mut finder = counted.end_count();
    blocks.iter().for_each(|block| finder.find(block));
    let by_words = finder.finish();
    let mut both = by_words.clone();
    if let Some(mut alike) = Alike::new(embedder, &by_words).unwrap() {
        blocks.iter().for_each(|block| alike.find(block).unwrap());
        alike.finish(&mut both).unwrap();
    }
    [by_words, both]
}

#[test]
fn what_is_said_in_other_words_is_found() {
    let model = SentenceModel::load(&pulled("minilm")).unwrap();
    let mut embedder = embedder(&model);
    let summary = "The woman's cow gave milk, which sailors bought. It was the largest of the county. \
        Neural networks learn representations from labels. Ottoline sold milk of a cow to sailors.";
    let [by_words, both] = quotes(&mut embedder, summary, DOCUMENT.len());
    assert_ne!(by_words[0].verdict, Verdict::Supported, "{by_words:?}");
    let found = &both[0];
    assert_eq!((found.verdict, found.found_by), (Verdict::Supported, Some(FoundBy::Embeddings)), "{found:?}");
    assert!(found.similarity.unwrap() >= 0.7 && found.score == by_words[0].score);
    let passage = found.passage.as_ref().unwrap();
    assert!(passage.text.starts_with("She kept a cow") && passage.lines == [6, 6], "{passage:?}");
    let [from, to] = passage.characters.map(|at| at as usize);
    assert_eq!(&DOCUMENT[from..to], passage.text);
    // words found this one
    assert_eq!((both[1].found_by, &both[1].passage), (Some(FoundBy::Words), &by_words[1].passage));
    // and nothing these: another matter, and a name that the document lacks
    assert_ne!(both[2].verdict, Verdict::Supported);
    assert_eq!(both[3].verdict, by_words[3].verdict);
    for block in [7, 64] {
        let [_, again] = quotes(&mut embedder, summary, block);
        assert!(again.iter().zip(&both).all(|(a, b)| (a.verdict, &a.passage) == (b.verdict, &b.passage)));
    }
    // where words are enough nothing is looked for
    let [by_words, both] = quotes(&mut embedder, "It was the largest of the county.", 64);
    assert_eq!(by_words, both);
}
