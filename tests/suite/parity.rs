//! Every formula that C++ computes, against the plain reference in `common::reference`, on tiny random models.

use crate::common::capture::Capture;
use crate::common::reference::{Memory, hadamard64, read};
use crate::common::tiny::Tiny;
use crate::common::{ContextBuilder, load, relative_error, tokens};
use edgeinf::llama::{CacheType, Compaction, Logits, Model, NativeGate};
use edgeinf::memory::gate::{FeatureMap, Gate};

const FRONT: u32 = 12;
const WINDOW: u32 = 64;
const SEGMENT: usize = 80;

/// Largest errors of a run.
#[derive(Debug, Default)]
struct Errors {
    m: f64,
    z: f64,
    read_out: f64,
    gate: f64,
    out: f64,
}

fn max(a: &mut f64, b: f64) {
    assert!(b.is_finite());
    *a = a.max(b);
}

/// Reads segments with `compactions` compactions between them and compares everything on the way.
fn run(model: &Model, cache_type: CacheType, flash_attention: bool, gate: &Gate, compactions: usize) -> Errors {
    let shape = model.shape();
    let n_layer = shape.n_layer as usize;
    let capture = Capture::default();
    let builder =
        ContextBuilder { n_cells: 256, n_ubatch: 48, n_threads: 2, cache_type, flash_attention, ..Default::default() };
    let native = NativeGate::new(model, gate).unwrap();
    let compaction = Compaction::Edgeinf { gate: Some(native), n_front_max: FRONT, retain: None, model_id: 0 };
    let mut context = builder.build(model, compaction, Some(capture.callback()));
    let text = tokens(SEGMENT * (compactions + 2), 7);
    let mut segments = text.chunks(SEGMENT);
    let mut errors = Errors::default();

    let mut memories: Vec<Memory> = shape.layers.iter().map(|&l| Memory::new(l, gate.n_features as usize)).collect();
    // k and v of the tokens in the cache, oldest first, by layer
    let mut cached: Vec<Vec<(Vec<f32>, Vec<f32>)>> = vec![Vec::new(); n_layer];
    for step in 0..=compactions + 1 {
        let segment = segments.next().unwrap();
        if step >= 2 {
            let n = context.n_cached();
            context.compact(FRONT, n - WINDOW).unwrap();
            for il in 0..n_layer {
                for (k, v) in cached[il].drain(FRONT as usize..(n - WINDOW) as usize) {
                    memories[il].fold(shape.layers[il], gate, il as u32, &k, &v);
                }
                let (m, z) = context.memory_of_layer(il as u32).unwrap();
                max(&mut errors.m, relative_error(&m, &memories[il].m));
                max(&mut errors.z, relative_error(&z, &memories[il].z));
                assert_eq!(context.n_folded(), memories[il].n);
            }
        }
        capture.clear();
        context.decode(segment, Logits::None).unwrap();
        for il in 0..n_layer {
            let s = shape.layers[il];
            let (q, k, v) = capture.take_qkv(il);
            let kv = (s.n_head_kv * s.d_k) as usize;
            cached[il].extend(k.chunks(kv).zip(v.chunks(kv)).map(|(k, v)| (k.to_vec(), v.to_vec())));
            if step >= 2 {
                compare_readout(&mut context, &capture, il, gate, cache_type, s, &q, &mut errors);
            }
        }
        assert_eq!(context.n_cached() as usize, cached[0].len());
    }
    errors
}

#[allow(clippy::too_many_arguments)]
fn compare_readout(
    context: &mut edgeinf::llama::Context<'_>,
    capture: &Capture,
    il: usize,
    gate: &Gate,
    cache_type: CacheType,
    s: edgeinf::memory::gate::LayerShape,
    q: &[f32],
    errors: &mut Errors,
) {
    let (d, f, n_head) = (s.d_k as usize, gate.n_features as usize, s.n_head as usize);
    // batch by batch [h][t][d_v], as the graph computes them
    let (num, den) = (capture.take("edgeinf_num", il), capture.take("edgeinf_den", il));
    let (g, out) = (capture.take("edgeinf_gate", il), capture.take("edgeinf_out", il));
    let mut local = capture.take("kqv_out", il);
    if cache_type == CacheType::Q8_0 {
        hadamard64(&mut local);
    }
    let (m, z) = context.memory_of_layer(il as u32).unwrap();
    let (m, z): (Vec<f64>, Vec<f64>) = (m.into_iter().map(f64::from).collect(), z.into_iter().map(f64::from).collect());
    let n_tokens = q.len() / (n_head * d);
    let mut t0 = 0;
    while t0 < n_tokens {
        let batch = 48.min(n_tokens - t0);
        for t in 0..batch {
            for h in 0..n_head {
                let kv = h / (n_head / s.n_head_kv as usize);
                let at = (t0 + t) * n_head + h;
                let (q, local) = (&q[at * d..][..d], &local[at * d..][..d]);
                let expected = read(
                    gate,
                    il as u32,
                    h,
                    &m[kv * d * f..][..d * f],
                    &z[kv * f..][..f],
                    context.n_folded(),
                    q,
                    local,
                );
                let row = t0 * n_head + h * batch + t;
                for j in 0..d {
                    let a_mem = f64::from(num[row * d + j]) / (f64::from(den[row]) + 1e-6);
                    max(&mut errors.read_out, (a_mem - expected.a_mem[j]).abs());
                    max(&mut errors.out, (f64::from(out[at * d + j]) - expected.out[j]).abs());
                }
                max(&mut errors.gate, (f64::from(g[row]) - expected.gate).abs());
            }
        }
        t0 += batch;
    }
}

fn gates(model: &Model) -> [Gate; 2] {
    let shape = model.shape();
    [Gate::random(&shape, FeatureMap::Elu, 64, 3).unwrap(), Gate::random(&shape, FeatureMap::Hedgehog, 96, 4).unwrap()]
}

fn check(arch: &'static str) {
    let model = load(&Tiny::new(arch).write());
    for gate in gates(&model) {
        for (cache_type, limit) in [(CacheType::F16, 5e-4), (CacheType::F32, 1e-6), (CacheType::Q8_0, 8e-3)] {
            for compactions in [1, 5] {
                let e = run(&model, cache_type, true, &gate, compactions);
                let what = format!("{arch} {:?} {cache_type:?} {compactions} compactions: {e:?}", gate.feature_map);
                println!("{what}");
                assert!(e.m <= limit && e.z <= limit, "{what}");
                assert!(e.read_out <= 1e-5 && e.out <= 1e-5 && e.gate <= 1e-5, "{what}");
                assert!(e.m > 0.0 && e.out > 0.0, "nothing was compared: {what}");
            }
        }
    }
}

#[test]
fn llama_formulas() {
    check("llama");
}

#[test]
fn qwen2_formulas() {
    check("qwen2");
}

#[test]
fn qwen3_formulas() {
    check("qwen3");
}

#[test]
fn formulas_of_a_real_model() {
    let model = load(&crate::common::models::smollm2());
    for gate in gates(&model) {
        let e = run(&model, CacheType::F16, true, &gate, 2);
        println!("SmolLM2 {:?}: {e:?}", gate.feature_map);
        assert!(e.m <= 5e-4 && e.z <= 5e-4 && e.read_out <= 1e-5 && e.out <= 1e-5 && e.gate <= 1e-5, "{e:?}");
    }
}

#[test]
fn without_flash_attention() {
    let model = load(&Tiny::new("llama").write());
    for gate in gates(&model) {
        for cache_type in [CacheType::F16, CacheType::F32] {
            let e = run(&model, cache_type, false, &gate, 3);
            let limit = if cache_type == CacheType::F16 { 5e-4 } else { 1e-6 };
            assert!(e.m <= limit && e.z <= limit, "{cache_type:?}: {e:?}");
            assert!(e.read_out <= 1e-5 && e.out <= 1e-5 && e.gate <= 1e-5, "{cache_type:?}: {e:?}");
        }
    }
}

#[test]
fn formulas_hold_after_positions_were_turned_back() {
    let model = load(&Tiny::new("llama").write());
    let gate = Gate::random(&model.shape(), FeatureMap::Elu, 64, 3).unwrap();
    for (cache_type, limit) in [(CacheType::F16, 5e-4), (CacheType::Q8_0, 8e-3)] {
        // 110 segments of 80 tokens: positions pass 8,192 on the way
        let e = run(&model, cache_type, true, &gate, 108);
        println!("{cache_type:?}: {e:?}");
        assert!(e.m <= limit && e.z <= limit && e.out <= 1e-5, "{cache_type:?}: {e:?}");
    }
}

#[test]
fn a_layer_without_gate_has_no_memory() {
    let model = load(&Tiny::new("llama").write());
    let mut gate = Gate::random(&model.shape(), FeatureMap::Elu, 64, 3).unwrap();
    gate.layers.remove(&0);
    let native = NativeGate::new(&model, &gate).unwrap();
    let compaction = Compaction::Edgeinf { gate: Some(native), n_front_max: 4, retain: None, model_id: 0 };
    let mut context = ContextBuilder::default().build(&model, compaction, None);
    context.decode(&tokens(200, 1), Logits::None).unwrap();
    context.compact(4, 100).unwrap();
    assert!(context.memory_of_layer(0).is_none());
    let (m, _) = context.memory_of_layer(1).unwrap();
    assert!(m.iter().any(|&x| x != 0.0));
    context.decode(&tokens(10, 2), Logits::Last).unwrap();
    assert!(context.logits(-1).unwrap().iter().all(|x| x.is_finite()));
}
