//! The reader: every token through the cache, whatever the pieces; answers longer than the cache; graphs used again.

use crate::common::tiny::Tiny;
use crate::common::{ContextBuilder, load, tokens};
use edgeinf::eval::forgotten;
use edgeinf::llama::{Compaction, Logits, Model, NativeGate};
use edgeinf::memory::gate::{FeatureMap, Gate, ReadOut};
use edgeinf::memory::layout::{ANSWER_RESERVE, Layout, WindowSizes};
use edgeinf::memory::policy::Policy;
use edgeinf::reader::Reader;

const SIZES: WindowSizes = WindowSizes { sinks: 4, retain: 0, window: 100, segment: 64 };

fn reader<'m>(model: &'m Model, layout: Layout, with_memory: bool) -> Reader<'m> {
    gated_reader(model, layout, with_memory.then_some(ReadOut::Always))
}

fn gated_reader<'m>(model: &'m Model, layout: Layout, read_out: Option<ReadOut>) -> Reader<'m> {
    let gate = read_out.map(|read_out| {
        let gate = Gate::random(&model.shape(), FeatureMap::Elu, 64, 5).unwrap();
        NativeGate::new(model, &Gate { read_out, ..gate }).unwrap()
    });
    let builder = ContextBuilder { n_cells: layout.n_cells, n_ubatch: 64, n_outputs: 1, ..Default::default() };
    let compaction = Compaction::Edgeinf { gate, n_front_max: layout.n_front, retain: None, model_id: 0 };
    Reader::new(builder.build(model, compaction, None), Some(layout), SIZES.segment)
}

#[test]
fn what_streaming_forgets_is_known_beforehand() {
    let model = load(&Tiny::new("llama").write());
    let (prefix, suffix) = (tokens(20, 1), tokens(30, 3));
    let layout = Layout::new(SIZES, 20, 30);
    for n in [10, 100, 300, 383, 384, 385, 700, 1111] {
        let mut reader = reader(&model, layout, false);
        reader.push(&prefix).unwrap();
        reader.push(&tokens(n, 2)).unwrap();
        reader.finish(&suffix).unwrap();
        let range = forgotten(&layout, 20, n as u32, 30);
        assert_eq!((range.start, range.len() as u64), (4, reader.progress().tokens_dropped), "{n}");
    }
}

#[test]
fn a_question_can_choose_whatever_the_length_of_the_text() {
    let model = load(&Tiny::new("llama").write());
    let retain = Policy::SnapKv.rule().retain(32);
    let layout = Layout::new(WindowSizes { retain: 32, ..SIZES }, 20, 30).with_aside(30, 0);
    for n in 1500..1500 + 64 {
        let builder = ContextBuilder { n_cells: layout.n_cells, n_ubatch: 64, n_outputs: 1, ..Default::default() };
        let compaction = Compaction::Edgeinf { gate: None, n_front_max: layout.n_front, retain, model_id: 0 };
        let mut reader = Reader::new(builder.build(&model, compaction, None), Some(layout), SIZES.segment);
        reader.push(&tokens(20, 1)).unwrap();
        reader.push(&tokens(n, 2)).unwrap();
        reader.flush().unwrap();
        let before = reader.progress().compactions;
        reader.finish_and_choose(&tokens(30, 3)).unwrap();
        assert_eq!(reader.progress().compactions, before + 1, "{n}");
        // front, retained tokens, window and the question
        assert_eq!(reader.context().n_cached(), 24 + 32 + 100 + 30, "{n}");
        reader.extend(&tokens(ANSWER_RESERVE as usize, 4), Logits::Last).unwrap();
        assert_eq!(reader.progress().compactions, before + 1, "{n}");
    }
}

#[test]
fn the_pieces_that_tokens_come_in_do_not_matter() {
    let model = load(&Tiny::new("llama").write());
    let (prefix, text, suffix) = (tokens(20, 1), tokens(1500, 2), tokens(30, 3));
    let layout = Layout::new(SIZES, 20, 30);
    let read = |piece: usize| {
        let mut reader = reader(&model, layout, true);
        reader.push(&prefix).unwrap();
        for part in text.chunks(piece) {
            reader.push(part).unwrap();
        }
        reader.finish(&suffix).unwrap();
        let progress = reader.progress().clone();
        assert_eq!(progress.tokens_read, 1550);
        let cached = u64::from(reader.context().n_cached());
        assert_eq!(progress.tokens_dropped + cached, 1550, "no token is lost");
        assert_eq!(reader.context().n_folded(), progress.tokens_dropped);
        reader.logits().unwrap().to_vec()
    };
    let whole = read(1500);
    for piece in [1, 63, 64, 65, 700] {
        assert!(read(piece) == whole, "pieces of {piece}");
    }
}

/// A gate that is read when something is asked leaves the text to streaming, to the bit, and yet remembers it.
#[test]
fn a_memory_that_is_read_when_asked_leaves_the_text_alone() {
    let model = load(&Tiny::new("llama").write());
    let (prefix, text, suffix) = (tokens(20, 1), tokens(1500, 2), tokens(30, 3));
    let layout = Layout::new(SIZES, 20, 30);
    let read = |read_out: Option<ReadOut>| {
        let mut reader = gated_reader(&model, layout, read_out);
        reader.push(&prefix).unwrap();
        let (body, last) = text.split_at(text.len() - 64);
        reader.push(body).unwrap();
        reader.flush().unwrap();
        let n_folded = reader.context().n_folded();
        reader.predict(last, Logits::Last).unwrap();
        let of_text = reader.logits().unwrap().to_vec();
        reader.finish(&suffix).unwrap();
        let of_suffix = reader.logits().unwrap().to_vec();
        // what follows is text again
        reader.predict(&[5], Logits::Last).unwrap();
        (n_folded, of_text, of_suffix, reader.logits().unwrap().to_vec())
    };
    let (streaming, asked, always) = (read(None), read(Some(ReadOut::Asked)), read(Some(ReadOut::Always)));
    assert_eq!((streaming.0, asked.0), (0, always.0));
    assert!(asked.0 > 1000 && asked.1 == streaming.1 && always.1 != streaming.1);
    assert!(asked.2 != streaming.2 && asked.2 != always.2 && asked.3 != streaming.3);
}

#[test]
fn room_for_instruction_and_answer_is_kept() {
    let model = load(&Tiny::new("llama").write());
    // an instruction that is longer than a segment
    let layout = Layout::new(SIZES, 10, 150);
    for n in [0, 1, 50, 63, 64, 200, 1000] {
        let mut reader = reader(&model, layout, false);
        reader.push(&tokens(10, 1)).unwrap();
        reader.push(&tokens(n, 2)).unwrap();
        reader.finish(&tokens(150, 3)).unwrap();
        let before = reader.progress().compactions;
        for _ in 0..ANSWER_RESERVE {
            reader.step(7).unwrap();
        }
        assert_eq!(reader.progress().compactions, before, "{n} tokens: the answer pushed something out");
    }
}

#[test]
fn an_answer_can_be_longer_than_the_cache() {
    let model = load(&Tiny::new("llama").write());
    let layout = Layout::new(SIZES, 10, 20);
    for with_memory in [false, true] {
        let mut reader = reader(&model, layout, with_memory);
        reader.push(&tokens(600, 2)).unwrap();
        reader.finish(&tokens(20, 3)).unwrap();
        for i in 0..2 * layout.n_cells as i32 {
            assert!(reader.step(i % 256).unwrap().iter().all(|x| x.is_finite()));
        }
        assert!(reader.context().n_cached() <= layout.n_cells);
    }
}

#[test]
fn graphs_are_used_again_while_generating() {
    let model = load(&Tiny::new("llama").write());
    let layout = Layout::new(SIZES, 10, 20);
    let mut reader = reader(&model, layout, true);
    reader.push(&tokens(600, 2)).unwrap();
    reader.finish(&tokens(20, 3)).unwrap();
    assert!(reader.context().n_folded() > 0);
    let before = reader.context().graphs_reused();
    for i in 0..100 {
        reader.step(i).unwrap();
    }
    let reused = reader.context().graphs_reused() - before;
    assert!(reused >= 95, "only {reused} of 100 tokens");
}
