//! Compaction by llama.cpp's own means, as sliding-window models are read: what stays, how keys wear, what a failure does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::state::{self, CacheState};
use crate::common::tiny::Tiny;
use crate::common::zoo::{GEMMA3_BASE, GEMMA3_BASE_SLIDING, gemma3};
use crate::common::{ContextBuilder, load, reference, relative_error, tokens};
use edgeinf::llama::{CacheType, Compaction, Context, LlamaError, Logits, Model};

fn tiny_gemma3(n_swa: u32, sliding: &[bool]) -> Model {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    load(&gemma3(n_swa, sliding).write(dir.path()))
}

fn caches(context: &mut Context<'_>) -> Vec<CacheState> {
    state::parse(&context.save_state().unwrap())
}

/// What the first layer has as the value of each token; it depends on nothing else.
fn values_of_tokens(model: &Model, cache: usize) -> Vec<Vec<f32>> {
    let mut context = ContextBuilder::default().build(model, Compaction::None, None);
    context.decode(&(0..256).collect::<Vec<_>>(), Logits::None).unwrap();
    let state = &caches(&mut context)[cache];
    (0..256).map(|position| state::from_f16(&state.values[0][state.cell(position).unwrap()])).collect()
}

/// The token whose value is next to that of a cell; sums are rounded in another way in batches of another size.
fn token_of(cell: &[u8], values: &[Vec<f32>]) -> i32 {
    let value = state::from_f16(cell);
    let distance = |other: &Vec<f32>| value.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
    let (token, nearest) = values.iter().map(distance).enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert!(nearest < 1e-4, "{nearest}");
    token as i32
}

#[test]
fn front_and_window_stay_however_much_is_read() {
    const FRONT: usize = 16;
    const SEGMENT: usize = 24;
    // the window may be wider than the model's own
    for (n_swa, window) in [(32, 32), (32, 70)] {
        for first_layer_slides in [false, true] {
            let model = tiny_gemma3(n_swa, &[first_layer_slides, !first_layer_slides]);
            // the cache of the first layer
            let seen = usize::from(first_layer_slides);
            let values = values_of_tokens(&model, seen);
            let builder = ContextBuilder { n_cells: 128, ..Default::default() };
            let mut context = builder.build(&model, Compaction::Plain, None);
            let mut expected: Vec<i32> = Vec::new();
            for (round, part) in tokens(60 * SEGMENT, 21).chunks(SEGMENT).enumerate() {
                if expected.len() + SEGMENT > 128 {
                    let end = expected.len() - window;
                    context.compact(FRONT as u32, end as u32).unwrap_or_else(|e| panic!("round {round}: {e}"));
                    expected.drain(FRONT..end);
                }
                context.decode(part, Logits::None).unwrap();
                expected.extend(part);
                let n = expected.len() as i32;
                let caches = caches(&mut context);
                assert_eq!(caches[0].sorted(), (0..n).collect::<Vec<_>>(), "round {round}");
                // the other cache may forget what no token will see any more
                let from = if first_layer_slides { n - n.min(n_swa as i32 - 1) } else { 0 };
                for position in from..n {
                    let cell = caches[seen].cell(position).unwrap_or_else(|| panic!("round {round}: no {position}"));
                    let token = token_of(&caches[seen].values[0][cell], &values);
                    assert_eq!(token, expected[position as usize], "round {round} position {position}");
                }
            }
        }
    }
}

/// Undoes RoPE in one head. `neighbours`: pairs are side by side, not half a head apart.
fn unrotated(k: &[f32], position: i32, base: f64, neighbours: bool) -> Vec<f64> {
    let half = k.len() / 2;
    let mut out = vec![0.0; k.len()];
    for i in 0..half {
        let (a, b) = if neighbours { (2 * i, 2 * i + 1) } else { (i, i + half) };
        let (sin, cos) = (f64::from(position) * base.powf(-(i as f64) / half as f64)).sin_cos();
        let (x, y) = (f64::from(k[a]), f64::from(k[b]));
        (out[a], out[b]) = (x * cos + y * sin, y * cos - x * sin);
    }
    out
}

/// A key without RoPE from the row of a cache that holds a position; `None` if it was forgotten.
type ReadKey<'a> = &'a dyn Fn(usize, &CacheState, i32) -> Option<Vec<f64>>;

/// 256 compactions, on the way through which a key of the window is turned `turns` times. Returns for each cache the largest
/// error of a key of the window against one rotation of its original, and that of a key of the front.
fn wear(model: &Model, cache_type: CacheType, turns: u32, key: ReadKey<'_>) -> Vec<(f64, f64)> {
    let (front, cells) = (32, 512);
    let step = (cells - front) / (turns + 1);
    let builder = ContextBuilder { n_cells: cells, cache_type, ..Default::default() };
    let mut context = builder.build(model, Compaction::Plain, None);
    let text = tokens((cells + 256 * step) as usize, 11);
    let mut originals: Vec<Vec<Option<Vec<f64>>>> = vec![Vec::new(); 2];
    let mut dropped = 0;
    let (first, rest) = text.split_at((cells - step) as usize);
    for part in std::iter::once(first).chain(rest.chunks(step as usize).take(256)) {
        let old = context.n_cached() as i32;
        context.decode(part, Logits::None).unwrap();
        for (i, state) in caches(&mut context).iter().enumerate() {
            originals[i].extend((old..old + part.len() as i32).map(|position| key(i, state, position)));
        }
        if part.len() == step as usize {
            context.compact(front, front + step).unwrap();
            dropped += step;
        }
    }
    assert_eq!(dropped, 256 * step);
    let errors = |(i, state): (usize, &CacheState)| {
        let error = |now: u32, then: u32| {
            let now: Vec<f32> = key(i, state, now as i32)?.iter().map(|&x| x as f32).collect();
            Some(relative_error(&now, originals[i][then as usize].as_deref()?))
        };
        let window: Vec<f64> = (front..cells - step).filter_map(|p| error(p, p + dropped)).collect();
        assert!(window.len() > 300);
        (window.into_iter().fold(0.0, f64::max), (0..front).filter_map(|p| error(p, p)).fold(0.0, f64::max))
    };
    caches(&mut context).iter().enumerate().map(errors).collect()
}

#[test]
fn keys_of_a_sliding_window_model_are_not_worn_down_by_256_compactions() {
    let model = tiny_gemma3(400, &[true, false]);
    for (cache_type, bound) in [(CacheType::F16, 0.01), (CacheType::F32, 1e-5)] {
        // the most that the program's layout allows
        let worn = wear(&model, cache_type, 32, &|cache, state, position| {
            let row = &state.keys[0][state.cell(position)?];
            let k = if cache_type == CacheType::F16 { state::from_f16(row) } else { state::from_f32(row) };
            let base = if cache == 0 { GEMMA3_BASE } else { GEMMA3_BASE_SLIDING };
            Some(unrotated(&k, position, base, false))
        });
        for (name, (window, front)) in ["global", "sliding"].iter().zip(worn) {
            println!("{cache_type:?} {name}: window {window:.2e}, front {front:.2e}");
            assert!(window > 0.0 && window <= bound, "{cache_type:?} {name}: {window}");
            assert!(front < 1e-6, "{cache_type:?} {name}: the front is never turned, yet {front}");
        }
    }
}

#[test]
fn keys_of_8_bits_would_be_worn_down() {
    // why a sliding-window model is refused with an 8-bit cache; other models are not read by these means
    let model = load(&Tiny::new("llama").write());
    let worn = wear(&model, CacheType::Q8_0, 32, &|_, state, position| {
        let mut k = state::from_q8_0(&state.keys[1][state.cell(position)?]);
        reference::hadamard64(&mut k);
        Some(unrotated(&k[..64], position, 1e5, true))
    });
    println!("Q8_0: window {:.2e}, front {:.2e}", worn[0].0, worn[0].1);
    assert!(worn[0].0 > 0.01 && worn[0].0 < 0.2, "{}", worn[0].0);
}

/// Two contexts in the same state, some tokens dropped.
fn twins<'m>(model: &'m Model, builder: &ContextBuilder) -> [Context<'m>; 2] {
    [0, 1].map(|_| {
        let mut context = builder.build(model, Compaction::Plain, None);
        context.decode(&tokens(300, 1), Logits::None).unwrap();
        context.compact(16, 200).unwrap();
        context.decode(&tokens(50, 2), Logits::None).unwrap();
        context
    })
}

fn decode_all(context: &mut Context<'_>, text: &[i32]) -> Vec<f32> {
    context.decode(text, Logits::All).unwrap();
    (0..text.len() as i32).flat_map(|i| context.logits(i).unwrap().to_vec()).collect()
}

fn models() -> [Model; 2] {
    [tiny_gemma3(64, &[true, false]), load(&Tiny::new("llama").write())]
}

#[test]
fn an_interrupt_waits_for_a_plain_compaction() {
    for model in models() {
        let interrupt = Arc::new(AtomicBool::new(false));
        let builder = ContextBuilder { interrupt: Arc::clone(&interrupt), ..Default::default() };
        let [mut a, mut b] = twins(&model, &builder);
        interrupt.store(true, Ordering::Relaxed);
        assert!(matches!(a.decode(&tokens(50, 3), Logits::Last), Err(LlamaError::Interrupted)));
        a.compact(16, 60).unwrap();
        assert!(matches!(a.decode(&tokens(50, 3), Logits::Last), Err(LlamaError::Interrupted)));
        interrupt.store(false, Ordering::Relaxed);
        b.compact(16, 60).unwrap();
        // the interrupted batches left nothing behind
        assert_eq!(a.n_cached(), b.n_cached());
        // but free cells are taken in another order, and with them the sums in half precision
        let (x, y) = (decode_all(&mut a, &tokens(20, 4)), decode_all(&mut b, &tokens(20, 4)));
        let scale = x.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        assert!(crate::common::max_diff(&x, &y) < 0.01 * scale, "{} of {scale}", crate::common::max_diff(&x, &y));
    }
}

#[test]
fn a_failed_k_shift_poisons_until_a_state_is_restored() {
    for model in models() {
        let [mut a, mut b] = twins(&model, &ContextBuilder::default());
        let saved = b.save_state().unwrap();
        a.inject_failure(true);
        assert!(matches!(a.compact(16, 60), Err(LlamaError::Poisoned)));
        assert!(matches!(a.decode(&[1], Logits::Last), Err(LlamaError::Poisoned)));
        assert!(matches!(a.compact(16, 60), Err(LlamaError::Poisoned)));
        assert!(matches!(a.save_state(), Err(LlamaError::State(_))));
        for context in [&mut a, &mut b] {
            context.restore_state(&saved).unwrap();
            context.compact(16, 60).unwrap();
        }
        assert!(decode_all(&mut a, &tokens(20, 4)) == decode_all(&mut b, &tokens(20, 4)));
    }
}

#[test]
fn a_failed_k_shift_poisons_until_the_context_is_cleared() {
    for model in models() {
        let [mut a, _] = twins(&model, &ContextBuilder::default());
        a.inject_failure(true);
        assert!(matches!(a.compact(16, 60), Err(LlamaError::Poisoned)));
        a.clear();
        let mut fresh = ContextBuilder::default().build(&model, Compaction::Plain, None);
        for context in [&mut a, &mut fresh] {
            context.decode(&tokens(100, 5), Logits::None).unwrap();
            context.compact(16, 60).unwrap();
        }
        assert!(decode_all(&mut a, &tokens(20, 4)) == decode_all(&mut fresh, &tokens(20, 4)));
    }
}
