//! What training computes, against the engine: the same tokens through the same cache and memory.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::common::program::scratch;
use crate::common::text::story;
use crate::common::tiny::Tiny;
use crate::common::{ContextBuilder, load, max_diff, tokens};
use candle_core::Device;
use candle_core::quantized::gguf_file::Content;
use edgeinf::eval::ANSWER_BATCH;
use edgeinf::gguf::{Gguf, GgufWriter, TensorData};
use edgeinf::llama::{CacheType, Compaction, Depth, Logits, NativeGate, Retain};
use edgeinf::memory::gate::{FeatureMap, Gate, ReadOut, random_scores};
use edgeinf::memory::layout::{Layout, WindowSizes};
use edgeinf::memory::policy::{Policy, Shares};
use edgeinf::reader::Reader;
use edgeinf::train::beside::Beside;
use edgeinf::train::pass::{LayerGates, Machine, Source};
use edgeinf::train::schedule::{Asked, Schedule};
use edgeinf::train::tensors::floats;
use edgeinf::train::weights::Frozen;

/// Tokens before the document, of it, behind it, and of an answer.
#[derive(Clone, Copy)]
struct Lengths {
    prefix: usize,
    document: usize,
    suffix: usize,
    answer: usize,
}

const SHORT: Lengths = Lengths { prefix: 9, document: 903, suffix: 21, answer: 50 };

fn layout(lengths: Lengths, window: u32, segment: u32) -> Layout {
    let sizes = WindowSizes { sinks: 4, retain: 0, window, segment };
    Layout::new(sizes, lengths.prefix as u32, lengths.suffix as u32)
}

/// A sequence that both read.
#[derive(Clone, Copy)]
struct Sequence<'a> {
    path: &'a Path,
    gate: Option<&'a Gate>,
    retain: Option<Retain>,
    lengths: Lengths,
    layout: Layout,
    text: &'a [i32],
}

/// Logits of the engine at the last token of the suffix and at all of the answer, one after the other, and how many tokens were
/// folded.
fn engine(sequence: Sequence<'_>) -> (Vec<f32>, u64) {
    let Sequence { path, gate, retain, lengths, layout, text } = sequence;
    let model = load(path);
    let builder = ContextBuilder {
        n_cells: layout.n_cells,
        n_ubatch: layout.segment.min(512),
        n_outputs: ANSWER_BATCH as u32,
        cache_type: CacheType::F32,
        // tokens are only retained with it
        flash_attention: retain.is_some(),
        ..Default::default()
    };
    let gate = gate.map(|gate| NativeGate::new(&model, gate).unwrap());
    let compaction = Compaction::Edgeinf { gate, n_front_max: layout.n_front, retain, model_id: 0 };
    let mut reader = Reader::new(builder.build(&model, compaction, None), Some(layout), layout.segment);
    let (before, answer) = text.split_at(text.len() - lengths.answer);
    let (document, suffix) = before.split_at(before.len() - lengths.suffix);
    reader.push(&document[..lengths.prefix]).unwrap();
    reader.push(&document[lengths.prefix..]).unwrap();
    reader.finish(suffix).unwrap();
    let mut logits = reader.logits().unwrap().to_vec();
    for part in answer.chunks(ANSWER_BATCH) {
        reader.extend(part, Logits::All).unwrap();
        for i in 0..part.len() {
            logits.extend_from_slice(reader.context().logits(i as i32).unwrap());
        }
    }
    (logits, reader.progress().tokens_dropped)
}

/// The same of the trainer.
fn trainer(sequence: Sequence<'_>) -> (Vec<f32>, u64) {
    let Sequence { path, gate, retain, lengths, layout, text } = sequence;
    let gates = gate.map_or_else(LayerGates::new, |gate| gate.layers.clone());
    let beside = retain.map(|retain| {
        let numbers = retain.by_layer(&load(path).shape()).iter().map(|&n| n as usize).collect();
        Beside::new(gate.unwrap().scores.clone(), numbers, retain.kernel as usize)
    });
    let machine = Machine::new(Frozen::load(path).unwrap(), text.len(), Arc::default()).beside(beside);
    let asked = Asked { n_suffix: lengths.suffix, n_answer: lengths.answer };
    let schedule = Schedule::windowed(&layout, lengths.prefix + lengths.document, &[asked]);
    assert_eq!(schedule.n_tokens(), text.len());
    let (hidden, from) = if gate.is_some_and(|gate| gate.read_out == ReadOut::Asked) {
        let read = machine.read_text(text, &schedule).unwrap();
        let tokens = schedule.forgotten();
        let source = Source { text: &read, left: &read, tokens: &tokens, n_behind: schedule.n_text - tokens.end };
        let passed = machine.forward(text, &schedule, &gates, Some(source)).unwrap();
        (passed.hidden, passed.first)
    } else {
        (machine.read(text, &schedule, &gates).unwrap(), 0)
    };
    let (first, n) = (text.len() - lengths.answer - 1 - from, lengths.answer + 1);
    let states = machine.model.last_states(&hidden, first, n).unwrap();
    (floats(&machine.model.logits(&states).unwrap()).unwrap(), schedule.forgotten().len() as u64)
}

/// Largest difference of logits, and mean KL(trainer || engine).
fn compare(path: &Path, gate: Option<&Gate>, lengths: Lengths, layout: Layout, text: &[i32]) -> (f32, f64) {
    let sequence = Sequence { path, gate, retain: None, lengths, layout, text };
    let (expected, dropped) = engine(sequence);
    let (found, forgotten) = trainer(sequence);
    assert_eq!(forgotten, dropped);
    assert!(dropped > 2 * u64::from(layout.segment), "too little was folded: {dropped}");
    differences(&found, &expected, lengths)
}

/// Of two sets of logits.
fn differences(found: &[f32], expected: &[f32], lengths: Lengths) -> (f32, f64) {
    assert!(found.iter().all(|x| x.is_finite()));
    let n_vocab = found.len() / (lengths.answer + 1);
    let softmax = |row: &[f32]| {
        let norm: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
        row.iter().map(|&x| f64::from(x) - norm.ln()).collect::<Vec<f64>>()
    };
    let kl: f64 = found
        .chunks(n_vocab)
        .zip(expected.chunks(n_vocab))
        .map(|(p, q)| softmax(p).iter().zip(softmax(q)).map(|(p, q)| p.exp() * (p - q)).sum::<f64>())
        .sum();
    (max_diff(found, expected), kl / (lengths.answer + 1) as f64)
}

/// A gate of a learned map whose heads listen, but not only.
fn mild(path: &Path, map: FeatureMap, n_features: u32) -> Gate {
    Gate::random(&load(path).shape(), map, n_features, 5).unwrap()
}

fn check(arch: &'static str) {
    let path = Tiny::new(arch).write();
    let text = tokens(SHORT.prefix + SHORT.document + SHORT.suffix + SHORT.answer, 3);
    for (window, segment) in [(64, 48), (100, 130)] {
        let layout = layout(SHORT, window, segment);
        for gate in [None, Some((FeatureMap::Elu, 64)), Some((FeatureMap::Hedgehog, 96))] {
            let gate = gate.map(|(map, n_features)| mild(&path, map, n_features));
            let (difference, kl) = compare(&path, gate.as_ref(), SHORT, layout, &text);
            let what = format!("{arch} {window} {segment} {:?}", gate.as_ref().map(|gate| gate.feature_map));
            println!("{what}: logits differ by {difference}, KL {kl}");
            assert!(difference <= 1e-3, "{what}: {difference}");
            // keys and values of the text are kept in 16 bits
            if let Some(gate) = gate.map(|gate| Gate { read_out: ReadOut::Asked, ..gate }) {
                let (difference, kl) = compare(&path, Some(&gate), SHORT, layout, &text);
                println!("{what}, asked: logits differ by {difference}, KL {kl}");
                assert!(kl <= 1e-6, "{what}: {kl}");
            }
        }
    }
}

/// Of a text that was read whole before anything left, so that nothing is left out; one layer retains nothing.
#[test]
fn retained_tokens_beside_a_memory_are_those_of_the_engine() {
    let path = Tiny { n_layer: 3, ..Tiny::new("llama") }.write();
    let shares = Shares::new(&[2.0, 0.0, 1.0]).unwrap();
    let text = tokens(SHORT.prefix + SHORT.document + SHORT.suffix + SHORT.answer, 3);
    let layout = layout(SHORT, 100, 900);
    let scores = random_scores(&load(&path).shape(), 8, 5);
    let gate = Gate { read_out: ReadOut::Asked, scores, ..mild(&path, FeatureMap::Hedgehog, 96) };
    let run = |tokens: Option<u32>| {
        // each token counts alone: among neighbours with the same score any choice is right
        let retain = tokens.and_then(|n| Policy::Learned.rule().retain(n)).map(|retain| Retain {
            kernel: 1,
            depth: Depth::Fitted(shares),
            ..retain
        });
        let n = tokens.unwrap_or(0);
        let with_room = Layout { n_retain: n, n_cells: layout.n_cells + n, ..layout };
        let sequence = Sequence { path: &path, gate: Some(&gate), retain, lengths: SHORT, layout, text: &text };
        let (expected, _) = engine(Sequence { layout: with_room, ..sequence });
        let (found, forgotten) = trainer(sequence);
        assert_eq!(forgotten, 799);
        (differences(&found, &expected, SHORT).1, found)
    };
    let (kl, found) = run(Some(24));
    println!("KL {kl}");
    // the kernel of flash attention works with 16 bits
    assert!(kl <= 5e-5, "{kl}");
    // without them other things are said
    let other = run(None).1;
    assert!(differences(&found, &other, SHORT).1 > 100.0 * kl.max(1e-7));
}

#[test]
fn llama_reads_as_the_engine_does() {
    check("llama");
}

#[test]
fn qwen2_reads_as_the_engine_does() {
    check("qwen2");
}

#[test]
fn qwen3_reads_as_the_engine_does() {
    check("qwen3");
}

/// The model with all weights in 32 bits.
fn dequantized(path: &Path) -> PathBuf {
    let out = scratch("dequantized").join("f32.gguf");
    let (gguf, mut file) = (Gguf::open(path).unwrap(), BufReader::new(File::open(path).unwrap()));
    let content = Content::read(&mut file).unwrap();
    let mut writer = GgufWriter::new();
    for key in gguf.keys() {
        writer.set(key, gguf.get(key).unwrap().clone());
    }
    for info in gguf.tensors() {
        let tensor = content.tensor(&mut file, &info.name, &Device::Cpu).unwrap();
        let values = floats(&tensor.dequantize(&Device::Cpu).unwrap()).unwrap();
        writer.tensor(info.name.clone(), &info.dims, TensorData::F32(values));
    }
    writer.write_to(&out).unwrap();
    out
}

#[test]
fn a_real_model_reads_as_the_engine_does() {
    let path = crate::common::models::smollm2();
    let lengths = Lengths { prefix: 30, document: 1_100, suffix: 40, answer: 30 };
    let layout = layout(lengths, 128, 128);
    let text = real_text(&path, lengths);
    let gate = mild(&path, FeatureMap::Hedgehog, 64);
    let exact = dequantized(&path);
    let (difference, kl) = compare(&exact, Some(&gate), lengths, layout, &text);
    println!("F32: logits differ by {difference}, KL {kl}");
    assert!(difference <= 1e-3, "{difference}");
    std::fs::remove_file(exact).unwrap();
    let (difference, kl) = compare(&path, Some(&gate), lengths, layout, &text);
    println!("as shipped: logits differ by {difference}, KL {kl}");
    assert!(kl < 1e-2, "{kl}");
    let gate = Gate { read_out: ReadOut::Asked, ..gate };
    let (difference, kl) = compare(&path, Some(&gate), lengths, layout, &text);
    println!("as shipped, asked: logits differ by {difference}, KL {kl}");
    assert!(kl < 1e-2, "{kl}");
}

fn real_text(path: &Path, lengths: Lengths) -> Vec<i32> {
    let model = load(path);
    let mut text = model.vocab().tokenize(&story(12_000, 4), false).unwrap();
    text.truncate(lengths.prefix + lengths.document + lengths.suffix + lengths.answer);
    assert_eq!(text.len(), lengths.prefix + lengths.document + lengths.suffix + lengths.answer);
    text
}
