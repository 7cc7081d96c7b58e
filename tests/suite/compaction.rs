//! What compaction promises beside its formulas: exactness while nothing was folded, keys that stay fresh, transactions,
//! saved states, refusals.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::tiny::Tiny;
use crate::common::{ContextBuilder, load, max_diff, tokens};
use edgeinf::llama::{CacheType, Compaction, Context, LlamaError, Logits, Model, NativeGate};
use edgeinf::memory::gate::{FeatureMap, Gate};

fn elu_gate(model: &Model, seed: u64) -> Option<NativeGate> {
    Some(NativeGate::new(model, &Gate::random(&model.shape(), FeatureMap::Elu, 64, seed).unwrap()).unwrap())
}

fn with_memory(model: &Model) -> Compaction {
    Compaction::Edgeinf { gate: elu_gate(model, 3), n_front_max: 64, retain: None, model_id: 1 }
}

fn streaming() -> Compaction {
    Compaction::Edgeinf { gate: None, n_front_max: 64, retain: None, model_id: 1 }
}

fn decode_all(context: &mut Context<'_>, text: &[i32]) -> Vec<f32> {
    context.decode(text, Logits::All).unwrap();
    (0..text.len() as i32).flat_map(|i| context.logits(i).unwrap().to_vec()).collect()
}

#[test]
fn an_empty_memory_changes_no_bit() {
    for arch in ["llama", "qwen2", "qwen3"] {
        let model = load(&Tiny::new(arch).write());
        let text = tokens(330, 5);
        for (cache_type, flash_attention) in
            [(CacheType::F16, true), (CacheType::F16, false), (CacheType::F32, true), (CacheType::Q8_0, true)]
        {
            let builder = ContextBuilder { cache_type, flash_attention, ..Default::default() };
            let mut stock = builder.build(&model, Compaction::None, None);
            let mut ours = builder.build(&model, with_memory(&model), None);
            for round in 0..2 {
                let mut same = decode_all(&mut stock, &text[..300]) == decode_all(&mut ours, &text[..300]);
                for token in &text[300..] {
                    same &= decode_all(&mut stock, &[*token]) == decode_all(&mut ours, &[*token]);
                }
                assert!(same, "{arch} {cache_type:?} flash attention {flash_attention} round {round}");
                // a cleared context is as good as a new one, also after a memory was in use
                ours.compact(8, 100).unwrap();
                ours.decode(&text[..20], Logits::None).unwrap();
                assert!(ours.n_folded() > 0);
                ours.clear();
                stock.clear();
                assert_eq!((ours.n_folded(), ours.n_cached()), (0, 0));
            }
        }
    }
}

/// Relative error between keys without RoPE.
fn key_error(a: &[f32], b: &[f32]) -> f32 {
    let difference: f32 = a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum();
    (difference / b.iter().map(|y| y * y).sum::<f32>()).sqrt()
}

/// 256 compactions of `step` tokens each; returns the largest error of a key that was there all the time, in the front
/// and in the window.
fn wear(cache_type: CacheType, step: u32) -> (f32, f32) {
    let (front, cells) = (32, 512);
    let model = load(&Tiny::new("llama").write());
    let builder = ContextBuilder { n_cells: cells, cache_type, ..Default::default() };
    let mut context = builder.build(&model, streaming(), None);
    let text = tokens(cells as usize + 256 * step as usize, 11);
    let (first, rest) = text.split_at(cells as usize - step as usize);
    context.decode(first, Logits::None).unwrap();
    let key = |context: &mut Context<'_>, i| context.key_of_token(1, i, false).unwrap();
    let originals: Vec<Vec<f32>> = (0..context.n_cached()).map(|i| key(&mut context, i)).collect();
    let mut dropped = 0;
    for part in rest.chunks(step as usize).take(256) {
        context.decode(part, Logits::None).unwrap();
        context.compact(front, front + step).unwrap();
        dropped += step;
    }
    assert_eq!(dropped, 256 * step);
    let error =
        |context: &mut Context<'_>, now: u32, then: u32| key_error(&key(context, now), &originals[then as usize]);
    let worst_front = (0..front).map(|i| error(&mut context, i, i)).fold(0.0, f32::max);
    let still_there = (front + dropped)..originals.len() as u32;
    let worst_window = still_there.map(|i| error(&mut context, i - dropped, i)).fold(0.0, f32::max);
    (worst_front, worst_window)
}

#[test]
fn keys_are_not_worn_down_by_256_compactions() {
    for cache_type in [CacheType::F16, CacheType::Q8_0] {
        // small steps: keys of the window live through all of them
        let (front, window) = wear(cache_type, 1);
        println!("{cache_type:?}: front {front:.2e}, window {window:.2e}");
        assert!(front > 0.0 && front <= 0.01, "{cache_type:?} front {front}");
        assert!(window <= 1e-5, "{cache_type:?} window {window}: these keys should not have been touched");
        // large steps: positions are turned back on the way
        let (front, _) = wear(cache_type, 40);
        println!("{cache_type:?}: front {front:.2e} after 10,240 tokens");
        assert!(front <= 0.01, "{cache_type:?} front {front}");
    }
}

#[test]
fn streaming_equals_a_k_shift() {
    for arch in ["llama", "qwen3"] {
        let model = load(&Tiny::new(arch).write());
        // single precision everywhere, so that only rounding differs
        let builder = ContextBuilder { cache_type: CacheType::F32, flash_attention: false, ..Default::default() };
        let mut plain = builder.build(&model, Compaction::Plain, None);
        let mut ours = builder.build(&model, streaming(), None);
        let text = tokens(20 * 100, 13);
        for (i, part) in text.chunks(100).enumerate() {
            if i >= 4 {
                for context in [&mut plain, &mut ours] {
                    let n = context.n_cached();
                    context.compact(16, n - 200).unwrap();
                }
            }
            let (a, b) = (decode_all(&mut plain, part), decode_all(&mut ours, part));
            let scale = a.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
            assert!(max_diff(&a, &b) < 2e-3 * scale, "{arch} part {i}: {} of {scale}", max_diff(&a, &b));
        }
    }
}

#[test]
fn long_reading_turns_positions_back() {
    let model = load(&Tiny::new("llama").write());
    let builder = ContextBuilder { cache_type: CacheType::F32, flash_attention: false, ..Default::default() };
    let mut plain = builder.build(&model, Compaction::Plain, None);
    let mut ours = builder.build(&model, streaming(), None);
    let text = tokens(30_000, 17);
    let mut worst = 0.0_f32;
    for part in text.chunks(200) {
        for context in [&mut plain, &mut ours] {
            let n = context.n_cached();
            if n + 200 > 512 {
                context.compact(16, n - 250).unwrap();
            }
            context.decode(part, Logits::Last).unwrap();
        }
        let (a, b) = (plain.logits(-1).unwrap().to_vec(), ours.logits(-1).unwrap().to_vec());
        worst = worst.max(max_diff(&a, &b) / a.iter().fold(0.0_f32, |m, x| m.max(x.abs())));
    }
    println!("largest difference in 30,000 tokens: {worst:.1e} of the largest logit");
    assert!(worst < 5e-3, "{worst}");
}

/// Two contexts in the same state, some tokens folded.
fn twins<'m>(model: &'m Model, builder: &ContextBuilder) -> [Context<'m>; 2] {
    [0, 1].map(|_| {
        let mut context = builder.build(model, with_memory(model), None);
        context.decode(&tokens(300, 1), Logits::None).unwrap();
        context.compact(16, 200).unwrap();
        context.decode(&tokens(50, 2), Logits::None).unwrap();
        context
    })
}

#[test]
fn a_failed_compaction_changes_nothing() {
    let model = load(&Tiny::new("llama").write());
    let [mut a, mut b] = twins(&model, &ContextBuilder::default());
    a.inject_failure(false);
    assert!(matches!(a.compact(16, 60), Err(LlamaError::Compaction(_))));
    assert_eq!((a.n_folded(), a.n_cached()), (b.n_folded(), b.n_cached()));
    assert_eq!(a.memory_of_layer(1), b.memory_of_layer(1));
    assert!(decode_all(&mut a, &tokens(20, 3)) == decode_all(&mut b, &tokens(20, 3)));
    for context in [&mut a, &mut b] {
        context.compact(16, 60).unwrap();
    }
    assert!(decode_all(&mut a, &tokens(20, 4)) == decode_all(&mut b, &tokens(20, 4)));
}

#[test]
fn a_poisoned_context_is_not_read_from_until_it_is_restored() {
    let model = load(&Tiny::new("llama").write());
    let [mut a, mut b] = twins(&model, &ContextBuilder::default());
    let saved = b.save_state().unwrap();
    a.inject_failure(true);
    assert!(matches!(a.compact(16, 60), Err(LlamaError::Poisoned)));
    assert!(matches!(a.decode(&[1], Logits::Last), Err(LlamaError::Poisoned)));
    assert!(matches!(a.compact(16, 60), Err(LlamaError::Poisoned)));
    assert!(matches!(a.save_state(), Err(LlamaError::State(_))));
    a.restore_state(&saved).unwrap();
    b.restore_state(&saved).unwrap();
    assert!(decode_all(&mut a, &tokens(20, 4)) == decode_all(&mut b, &tokens(20, 4)));
}

#[test]
fn bad_ranges_are_refused() {
    let model = load(&Tiny::new("llama").write());
    let [mut a, _] = twins(&model, &ContextBuilder::default());
    let n = a.n_cached();
    for (i0, i1) in [(16, n + 1), (100, 60), (65, 80)] {
        assert!(matches!(a.compact(i0, i1), Err(LlamaError::Compaction(_))), "{i0}..{i1}");
    }
    assert_eq!(a.n_cached(), n);
    let mut none = ContextBuilder::default().build(&model, Compaction::None, None);
    none.decode(&tokens(10, 1), Logits::None).unwrap();
    assert!(matches!(none.compact(1, 2), Err(LlamaError::Compaction(_))));
}

#[test]
fn a_state_brings_back_memory_and_text() {
    let model = load(&Tiny::new("llama").write());
    for cache_type in [CacheType::F16, CacheType::F32, CacheType::Q8_0] {
        let builder = ContextBuilder { cache_type, ..Default::default() };
        let [mut a, _] = twins(&model, &builder);
        let saved = a.save_state().unwrap();
        let mut b = builder.build(&model, with_memory(&model), None);
        // a graph without the memory, which must not be used again
        b.decode(&tokens(5, 9), Logits::None).unwrap();
        b.restore_state(&saved).unwrap();
        assert_eq!((a.n_folded(), a.n_cached()), (b.n_folded(), b.n_cached()));
        assert_eq!(a.memory_of_layer(0), b.memory_of_layer(0));
        // restored cells may lie in another order, and with them the sums in half precision
        let (x, y) = (decode_all(&mut a, &tokens(20, 4)), decode_all(&mut b, &tokens(20, 4)));
        let scale = x.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        assert!(max_diff(&x, &y) < 0.01 * scale, "{cache_type:?} {} of {scale}", max_diff(&x, &y));
        for context in [&mut a, &mut b] {
            let n = context.n_cached();
            context.compact(16, n - 64).unwrap();
        }
        let (x, y) = (decode_all(&mut a, &tokens(20, 6)), decode_all(&mut b, &tokens(20, 6)));
        assert!(max_diff(&x, &y) < 0.01 * scale, "{cache_type:?} after a compaction {}", max_diff(&x, &y));
    }
}

#[test]
fn a_state_is_bound_to_model_gate_and_sizes() {
    let model = load(&Tiny::new("llama").write());
    let builder = ContextBuilder::default();
    let [mut a, _] = twins(&model, &builder);
    let saved = a.save_state().unwrap();
    let edgeinf = |seed, n_front_max, model_id| Compaction::Edgeinf {
        gate: elu_gate(&model, seed),
        n_front_max,
        retain: None,
        model_id,
    };
    let others = [
        ("gate", builder.build(&model, edgeinf(4, 64, 1), None)),
        ("model", builder.build(&model, edgeinf(3, 64, 2), None)),
        ("front", builder.build(&model, edgeinf(3, 63, 1), None)),
        ("no gate", builder.build(&model, streaming(), None)),
        ("cells", ContextBuilder { n_cells: 544, ..Default::default() }.build(&model, edgeinf(3, 64, 1), None)),
        (
            "cache type",
            ContextBuilder { cache_type: CacheType::F32, ..Default::default() }.build(&model, edgeinf(3, 64, 1), None),
        ),
        ("stock", builder.build(&model, Compaction::None, None)),
    ];
    for (what, mut other) in others {
        assert!(matches!(other.restore_state(&saved), Err(LlamaError::State(_))), "{what}");
        other.clear();
        other.decode(&tokens(5, 1), Logits::Last).unwrap();
    }
    let mut stock = builder.build(&model, Compaction::None, None);
    stock.decode(&tokens(30, 1), Logits::None).unwrap();
    let stock_state = stock.save_state().unwrap();
    assert!(matches!(a.restore_state(&stock_state), Err(LlamaError::State(_))));
    for cut in [0, 7, 40, saved.len() / 2, saved.len() - 1] {
        assert!(matches!(a.restore_state(&saved[..cut]), Err(LlamaError::State(_))), "cut at {cut}");
    }
    a.restore_state(&saved).unwrap();
    a.decode(&tokens(5, 1), Logits::Last).unwrap();
}

#[test]
fn an_interrupt_waits_for_a_compaction() {
    let model = load(&Tiny::new("llama").write());
    let interrupt = Arc::new(AtomicBool::new(false));
    let builder = ContextBuilder { interrupt: Arc::clone(&interrupt), ..Default::default() };
    let [mut a, mut b] = twins(&model, &builder);
    interrupt.store(true, Ordering::Relaxed);
    assert!(matches!(a.decode(&tokens(50, 3), Logits::Last), Err(LlamaError::Interrupted)));
    a.compact(16, 60).unwrap();
    interrupt.store(false, Ordering::Relaxed);
    b.compact(16, 60).unwrap();
    // the interrupted batch left nothing behind
    assert_eq!(a.n_cached(), b.n_cached());
    assert!(decode_all(&mut a, &tokens(20, 4)) == decode_all(&mut b, &tokens(20, 4)));
}

#[test]
fn the_newest_tokens_can_be_taken_back() {
    let model = load(&Tiny::new("llama").write());
    let [mut a, mut b] = twins(&model, &ContextBuilder::default());
    let n = a.n_cached();
    a.decode(&tokens(30, 8), Logits::None).unwrap();
    a.truncate(n);
    assert_eq!(a.n_cached(), n);
    assert!(decode_all(&mut a, &tokens(20, 4)) == decode_all(&mut b, &tokens(20, 4)));
}

#[test]
fn models_that_would_be_corrupted_are_refused_by_name() {
    let model = load(&Tiny::new("smollm3").write());
    let error = ContextBuilder::default().try_build(&model, streaming(), None).unwrap_err().to_string();
    assert!(error.contains("smollm3") && error.contains("RoPE"), "{error}");

    let model = load(&Tiny { d: 32, ..Tiny::new("llama") }.write());
    let builder = ContextBuilder { cache_type: CacheType::Q8_0, ..Default::default() };
    let error = builder.try_build(&model, streaming(), None).unwrap_err().to_string();
    assert!(error.contains("multiple of 64"), "{error}");
    assert!(ContextBuilder::default().try_build(&model, streaming(), None).is_ok());
}

#[test]
fn a_full_cache_is_an_error_not_a_loss() {
    let model = load(&Tiny::new("llama").write());
    let mut context = ContextBuilder::default().build(&model, streaming(), None);
    context.decode(&tokens(500, 1), Logits::None).unwrap();
    assert!(matches!(context.decode(&tokens(13, 1), Logits::None), Err(LlamaError::CacheFull { .. })));
    assert_eq!(context.n_cached(), 500);
}
