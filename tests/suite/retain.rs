//! Which tokens stay when others leave: choice, place and memory against the reference, and saved states.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::retaining::{
    BATCH, Errors, FRONT, LEARNED, LEARNED_AROUND, N_CTX, N_VOCAB, PYRAMID, RETAIN, Run, SEGMENT, SPREAD, gate_for,
    shared,
};
use crate::common::tiny::Tiny;
use crate::common::{ContextBuilder, load, max_diff, relative_error, tokens};
use edgeinf::llama::{CacheType, Compaction, Context, Depth, LlamaError, Logits, Model, NativeGate, Retain};
use edgeinf::memory::gate::{FeatureMap, Gate, random_scores};

/// Reads segments with compactions between them; `attends` is whether what is attended to is compared too, which takes most of the time.
fn run(
    arch: &'static str,
    cache_type: CacheType,
    retain: Retain,
    memory: bool,
    (compactions, attends): (usize, bool),
) -> Errors {
    let n_layer = if retain.depth == Depth::Even { 2 } else { 5 };
    let model = load(&Tiny { n_vocab: N_VOCAB, n_layer, n_ctx: N_CTX, ..Tiny::new(arch) }.write());
    let mut run = Run::new(&model, arch, cache_type, retain, memory);
    // no token twice: in the first layer equal tokens have equal keys, and nobody could tell which of them stayed
    let n_text = SEGMENT * (compactions + 2);
    let token = |i: usize| (i as i32 * 5051 + 7) % N_VOCAB as i32;
    let text: Vec<i32> = (0..n_text).map(token).collect();
    assert!(n_text + 3 * (compactions + 2) <= N_VOCAB as usize);
    for (i, segment) in text.chunks(SEGMENT).enumerate() {
        if i >= 2 {
            run.compact(&model);
        }
        run.decode(&model, segment, attends);
        // what is asked in between sees what is retained elsewhere, and then the text goes on as before
        if i % 3 == 2 {
            run.set_asked(true);
            let question = |k: usize| -> Vec<i32> { (0..3).map(|j| token(n_text + 3 * (i - k) + j)).collect() };
            run.decode(&model, &question(0), attends);
            // a long answer makes room too
            if i % 6 == 5 {
                run.compact(&model);
                run.decode(&model, &question(1), attends);
            }
            run.set_asked(false);
        }
    }
    run.errors
}

/// Runs cases that compute with one thread each, as many at a time as there are processors.
fn side_by_side<T: Sync>(cases: &[T], check: impl Fn(&T) + Sync) {
    let n_threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let (next, check) = (AtomicUsize::new(0), &check);
    std::thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(case);
                }
            });
        }
    });
}

#[test]
fn what_stays_is_what_the_reference_chooses() {
    let even = [("llama", false), ("llama", true), ("qwen2", true), ("qwen3", false)].map(|(a, m)| (a, RETAIN, m));
    let pyramid = ["llama", "qwen3"].map(|arch| (arch, PYRAMID, false));
    let spread = [("llama", SPREAD, true), ("qwen3", Retain { depth: Depth::Pyramid, ..SPREAD }, false)];
    let learned = [("llama", LEARNED, true), ("qwen2", LEARNED, false), ("qwen3", LEARNED_AROUND, true)];
    // one layer folds all that leaves, and another one begins to fold long after the others
    let shared = [("llama", shared(), false), ("qwen2", Retain { kernel: 3, ..shared() }, true)];
    let cases: Vec<_> = even.into_iter().chain(pyramid).chain(spread).chain(learned).chain(shared).collect();
    side_by_side(&cases, |&(arch, retain, memory)| {
        for (cache_type, exact) in [(CacheType::F16, 5e-4), (CacheType::F32, 1e-6), (CacheType::Q8_0, 1.5e-2)] {
            let e = run(arch, cache_type, retain, memory, (8, true));
            let what = format!("{arch} {retain:?} {cache_type:?} memory {memory}: {e:?}");
            println!("{what}");
            // the kernel of flash attention works with 16 bits
            assert!(e.key > 0.0 && e.key <= exact && e.attention <= 5.0 * exact.max(1e-3), "{what}");
            // a score that is that close to the next may be on either side of it
            assert!(e.score <= 4.0 * exact.max(1e-5) && e.memory <= exact, "{what}");
            assert!(e.read_out <= 1e-4 && (e.read_out > 0.0) == memory, "{what}");
            assert!(e.different > 0, "heads chose alike, so nothing shows that they choose for themselves: {what}");
        }
    });
}

#[test]
fn retained_keys_are_not_worn_down() {
    let cases = [
        (CacheType::F16, RETAIN, false),
        (CacheType::Q8_0, RETAIN, true),
        (CacheType::F16, PYRAMID, false),
        (CacheType::F16, LEARNED, true),
    ];
    side_by_side(&cases, |&(cache_type, retain, memory)| {
        // 15,360 tokens: positions are turned back on the way
        let e = run("llama", cache_type, retain, memory, (256, false));
        println!("{cache_type:?}: {e:?}");
        assert!(e.wear > 0.0 && e.wear <= 0.01 && e.score <= 0.05, "{cache_type:?}: {e:?}");
    });
}

#[test]
fn a_layer_has_as_many_cells_as_it_can_use() {
    let model = load(&Tiny { n_layer: 5, ..Tiny::new("llama") }.write());
    for cache_type in [CacheType::F16, CacheType::F32, CacheType::Q8_0] {
        let bytes = |retain: Option<Retain>| {
            let compaction = Compaction::Edgeinf { gate: None, n_front_max: FRONT as u32, retain, model_id: 0 };
            let builder = ContextBuilder { n_cells: 192, n_ubatch: BATCH, cache_type, ..Default::default() };
            let mut context = builder.build(&model, compaction, None);
            assert_eq!(context.n_free(), 192 - retain.map_or(0, |retain| retain.tokens));
            let full = context.decode(&tokens(context.n_free() as usize + 1, 1), Logits::None);
            assert!(matches!(full, Err(LlamaError::CacheFull { .. })));
            let usage = context.memory_usage();
            (usage.kv_cache_bytes, usage.front_bytes)
        };
        for retain in [RETAIN, PYRAMID] {
            let shape = model.shape();
            let (mut kv, mut front) = (0, 0);
            for (layer, n) in shape.layers.iter().zip(retain.by_layer(&shape)) {
                let row = u64::from(layer.n_head_kv * (layer.d_k + layer.d_v));
                kv += u64::from(192 - retain.tokens + n) * cache_type.bytes(row);
                front += u64::from(FRONT as u32 + n) * u64::from(4 * layer.n_head_kv * layer.d_k);
            }
            let found = bytes(Some(retain));
            // ten tensors, each of which begins at a multiple of 64 bytes
            assert!(
                (kv..=kv + 640).contains(&found.0) && found.1 == front,
                "{found:?} {:?} {kv} {front}",
                retain.depth
            );
        }
        // the same mean, the same bytes, as far as five layers can be divided; and those of a cache that retains nothing
        let [none, even, pyramid] = [None, Some(RETAIN), Some(PYRAMID)].map(|retain| bytes(retain).0);
        assert!(even == none && pyramid <= even + 640 && pyramid * 100 > even * 99, "{none} {even} {pyramid}");
    }
}

/// Two contexts in the same state, in which tokens are retained and others folded.
fn twins(model: &Model, cache_type: CacheType, retain: Retain) -> [Context<'_>; 2] {
    [0, 1].map(|_| {
        let mut context = retaining(model, cache_type, retain, true);
        read(&mut context);
        context
    })
}

fn retaining(model: &Model, cache_type: CacheType, retain: Retain, memory: bool) -> Context<'_> {
    let gate = gate_for(model, retain, memory);
    let gate = gate.map(|gate| NativeGate::new(model, &gate).unwrap());
    let compaction = Compaction::Edgeinf { gate, n_front_max: 16, retain: Some(retain), model_id: 1 };
    ContextBuilder { cache_type, ..Default::default() }.build(model, compaction, None)
}

fn read(context: &mut Context<'_>) {
    context.decode(&tokens(300, 1), Logits::None).unwrap();
    context.compact(16, 200).unwrap();
    context.decode(&tokens(40, 2), Logits::None).unwrap();
}

fn next_logits(context: &mut Context<'_>, seed: u64) -> Vec<f32> {
    context.decode(&tokens(20, seed), Logits::Last).unwrap();
    context.logits(-1).unwrap().to_vec()
}

/// Keys are turned between two batches of the same size, whose graph must not be taken for that of the turn.
#[test]
fn what_is_asked_is_decoded_by_a_graph_of_its_own() {
    let model = load(&Tiny::new("llama").write());
    for retain in [RETAIN, LEARNED] {
        let [whole, parts] = [40, 20].map(|n| {
            let mut context = retaining(&model, CacheType::F32, retain, false);
            read(&mut context);
            context.set_asked(true).unwrap();
            for part in tokens(40, 3).chunks(n) {
                context.decode(part, Logits::None).unwrap();
            }
            next_logits(&mut context, 4)
        });
        let scale = whole.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        assert!(max_diff(&whole, &parts) < 0.01 * scale, "{} of {scale}", max_diff(&whole, &parts));
    }
}

#[test]
fn a_failed_choice_changes_nothing() {
    let model = load(&Tiny { n_layer: 5, ..Tiny::new("llama") }.write());
    // in the second case layers fold different numbers, and the failure is in the last of them
    for retain in [RETAIN, shared()] {
        let [mut a, mut b] = twins(&model, CacheType::F16, retain);
        let memories = |context: &mut Context<'_>| [0, 1, 2, 3].map(|il| context.memory_of_layer(il).unwrap());
        a.inject_failure(false);
        assert!(matches!(a.compact(16, 100), Err(LlamaError::Compaction(_))));
        assert_eq!((a.n_folded(), a.n_cached()), (b.n_folded(), b.n_cached()));
        assert!(memories(&mut a) == memories(&mut b));
        for context in [&mut a, &mut b] {
            context.compact(16, 100).unwrap();
        }
        assert!(memories(&mut a) == memories(&mut b));
        assert!(next_logits(&mut a, 4) == next_logits(&mut b, 4));
        a.inject_failure(true);
        assert!(matches!(a.compact(16, 16 + a.n_retained() + 20), Err(LlamaError::Poisoned)));
    }
}

#[test]
fn a_state_brings_back_what_was_retained_and_who_will_choose() {
    let model = load(&Tiny { n_layer: 5, ..Tiny::new("llama") }.write());
    let n_layers = model.shape().layers.len() as u32;
    // whether something is being asked when it is saved
    for (cache_type, retain, memory, asked) in [
        (CacheType::F16, RETAIN, true, false),
        (CacheType::Q8_0, RETAIN, true, true),
        (CacheType::F16, PYRAMID, false, true),
        (CacheType::Q8_0, PYRAMID, false, false),
        (CacheType::Q8_0, LEARNED, false, false),
        (CacheType::F16, LEARNED, true, true),
        (CacheType::F16, shared(), false, true),
        (CacheType::Q8_0, shared(), true, false),
    ] {
        let what = format!("{cache_type:?} {:?}", retain.depth);
        let [mut a, mut b] = [0, 1].map(|_| retaining(&model, cache_type, retain, memory));
        read(&mut a);
        a.set_asked(asked).unwrap();
        let saved = a.save_state().unwrap();
        b.decode(&tokens(70, 9), Logits::None).unwrap();
        b.restore_state(&saved).unwrap();
        assert_eq!((a.n_cached(), a.n_retained(), a.n_free()), (b.n_cached(), b.n_retained(), b.n_free()));
        // restored cells may lie in another order, and with them the sums in half precision
        let (x, y) = (next_logits(&mut a, 4), next_logits(&mut b, 4));
        let scale = x.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        assert!(max_diff(&x, &y) < 0.01 * scale, "{what} {} of {scale}", max_diff(&x, &y));
        a.restore_state(&saved).unwrap();
        b.restore_state(&saved).unwrap();
        // the queries of the saved text choose
        for context in [&mut a, &mut b] {
            let n = context.n_cached();
            context.compact(16, n - 40).unwrap();
        }
        let n = a.n_cached();
        for (il, i) in (0..n_layers).flat_map(|il| (0..n).map(move |i| (il, i))) {
            assert_eq!(a.key_of_token(il, i, true), b.key_of_token(il, i, true), "{what} layer {il} token {i}");
        }
        for il in (0..n_layers).filter(|_| memory) {
            assert_eq!(a.memory_of_layer(il), b.memory_of_layer(il), "{what} layer {il}");
        }
        assert!(next_logits(&mut a, 4) == next_logits(&mut b, 4), "{what}");
        // and reading goes on where it was
        let n_front = 16;
        let before = a.key_of_token(0, n_front, true);
        for context in [&mut a, &mut b] {
            context.set_asked(!asked).unwrap();
        }
        assert_ne!(a.key_of_token(0, n_front, true), before, "{what}");
        for (il, i) in (0..n_layers).flat_map(|il| (0..n).map(move |i| (il, i))) {
            assert_eq!(a.key_of_token(il, i, true), b.key_of_token(il, i, true), "{what} layer {il} token {i}");
        }
        let mut others = vec![(Retain { tokens: 25, ..retain }, memory)];
        if retain != RETAIN {
            others.push((RETAIN, memory));
        }
        for (other, memory) in others {
            let mut other = retaining(&model, cache_type, other, memory);
            assert!(matches!(other.restore_state(&saved), Err(LlamaError::State(_))));
        }
        if retain == LEARNED {
            // nor does it go on by other scores
            let gate = gate_for(&model, retain, memory).unwrap();
            let gate = Gate { scores: random_scores(&model.shape(), 8, 6), ..gate };
            let gate = Some(NativeGate::new(&model, &gate).unwrap());
            let compaction = Compaction::Edgeinf { gate, n_front_max: 16, retain: Some(retain), model_id: 1 };
            let mut other = ContextBuilder { cache_type, ..Default::default() }.build(&model, compaction, None);
            assert!(matches!(other.restore_state(&saved), Err(LlamaError::State(_))));
        }
    }
}

#[test]
fn a_state_with_impossible_tokens_is_refused() {
    let model = load(&Tiny::new("llama").write());
    let mut context = retaining(&model, CacheType::F16, LEARNED, false);
    read(&mut context);
    let saved = context.save_state().unwrap();
    // the numbers of what a head retains: so many of the tokens that could leave, rising
    let n = LEARNED.tokens as usize;
    let number = |at: usize| i64::from_le_bytes(saved[at..at + 8].try_into().unwrap());
    let is_list = |at: usize| {
        let list: Vec<i64> = (0..n).map(|j| number(at + 8 * j)).collect();
        list.is_sorted_by(|a, b| a < b) && list[0] >= 16 && list[n - 1] < 200
    };
    let at = (0..saved.len() - 8 * n).find(|&at| is_list(at)).unwrap();
    for impossible in [-1, i64::MIN, 300, i64::MAX] {
        let mut state = saved.clone();
        state[at..at + 8].copy_from_slice(&impossible.to_le_bytes());
        let error = context.restore_state(&state).unwrap_err().to_string();
        assert!(error.contains("damaged"), "{impossible}: {error}");
        assert_eq!(context.n_cached(), 0);
    }
    assert!(context.restore_state(&saved[..at + 8]).is_err());
    context.restore_state(&saved).unwrap();
    assert_eq!(context.n_retained() as usize, n);
}

#[test]
fn tokens_that_were_taken_back_have_no_say() {
    let model = load(&Tiny::new("llama").write());
    let [mut a, mut b] = twins(&model, CacheType::F16, RETAIN);
    let n = a.n_cached();
    a.decode(&tokens(50, 8), Logits::None).unwrap();
    a.truncate(n);
    for context in [&mut a, &mut b] {
        context.decode(&tokens(33, 5), Logits::None).unwrap();
        let n = context.n_cached();
        context.compact(16, n - 40).unwrap();
    }
    // the tokens lie in other cells, and with that sums in half precision are in another order
    for i in 0..a.n_cached() {
        let [x, y] = [&mut a, &mut b].map(|context| context.key_of_token(1, i, true).unwrap());
        let exact: Vec<f64> = y.iter().map(|&y| f64::from(y)).collect();
        assert!(relative_error(&x, &exact) < 0.02, "token {i}: {}", relative_error(&x, &exact));
    }
    // all that are left of the stored queries were taken back: nobody can choose
    let n = a.n_cached();
    a.decode(&tokens(64, 8), Logits::None).unwrap();
    a.truncate(n);
    assert!(matches!(a.compact(16, n - 20), Err(LlamaError::Compaction(_))));
    assert!(next_logits(&mut a, 6).iter().all(|x| x.is_finite()));
    // a compaction begins where the last one did and has all that is retained in it
    for (i0, i1) in [(15, 60), (17, 60), (16, 30)] {
        assert!(matches!(a.compact(i0, i1), Err(LlamaError::Compaction(_))), "{i0} {i1}");
    }
    // what is retained goes as a whole or not at all
    let (n, next) = (a.n_cached(), 16 + RETAIN.tokens);
    assert!(!a.truncate(30) && a.n_cached() == n, "{}", a.n_cached());
    assert!(a.truncate(next) && a.n_cached() == next, "{}", a.n_cached());
    // also where most of the text was taken back, new tokens can choose
    a.decode(&tokens(60, 7), Logits::None).unwrap();
    a.compact(16, 80).unwrap();
    assert_eq!(a.n_cached(), 16 + RETAIN.tokens + 20);
    assert!(next_logits(&mut a, 6).iter().all(|x| x.is_finite()));
}

#[test]
fn a_choice_that_makes_no_sense_is_refused() {
    let model = load(&Tiny::new("llama").write());
    for retain in [
        Retain { queries: 0, ..RETAIN },
        Retain { queries: 32, ..LEARNED },
        Retain { stride: 0, ..RETAIN },
        Retain { kernel: 6, ..RETAIN },
        Retain { tokens: 1 << 30, ..RETAIN },
    ] {
        let compaction = Compaction::Edgeinf { gate: None, n_front_max: 4, retain: Some(retain), model_id: 0 };
        let error = ContextBuilder::default().try_build(&model, compaction, None).unwrap_err().to_string();
        assert!(error.contains("cannot retain"), "{error}");
    }
    let deep = load(&Tiny { n_layer: 4, ..Tiny::new("llama") }.write());
    let gate = Gate::random(&deep.shape(), FeatureMap::Elu, 64, 3).unwrap();
    let gate = Some(NativeGate::new(&deep, &gate).unwrap());
    let retain = Some(Retain { tokens: 512, ..RETAIN });
    let compaction = Compaction::Edgeinf { gate, n_front_max: 4, retain, model_id: 0 };
    let error = ContextBuilder::default().try_build(&deep, compaction, None).unwrap_err().to_string();
    assert!(error.contains("no room"), "{error}");
    let compaction = Compaction::Edgeinf { gate: None, n_front_max: 4, retain: Some(LEARNED), model_id: 0 };
    let error = ContextBuilder::default().try_build(&model, compaction, None).unwrap_err().to_string();
    assert!(error.contains("no score for layer 0"), "{error}");
    let compaction = Compaction::Edgeinf { gate: None, n_front_max: 4, retain: Some(RETAIN), model_id: 0 };
    let builder = ContextBuilder { flash_attention: false, ..Default::default() };
    let error = builder.try_build(&model, compaction, None).unwrap_err().to_string();
    assert!(error.contains("flash attention"), "{error}");
}
