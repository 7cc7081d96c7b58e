//! Which tokens stay when others leave: choice, place and memory against the reference, and what each policy must forget.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::needless_range_loop)]

mod common;

use std::collections::{BTreeMap, HashMap};

use common::capture::Capture;
use common::reference::{Asking, Memory, attention, hadamard64, largest_around, rope, snapkv};
use common::tiny::Tiny;
use common::{ContextBuilder, load, max_diff, relative_error, tokens};
use edgeinf::llama::{CacheType, Compaction, Context, Depth, LlamaError, Logits, Model, NativeGate, Retain, Score};
use edgeinf::memory::gate::{FeatureMap, Gate, LayerScore, random_scores};

const FRONT: usize = 12;
const WINDOW: usize = 64;
// not a multiple of the batch: the last one of a segment has fewer tokens than queries are kept
const SEGMENT: usize = 60;
const BATCH: u32 = 48;
const N_VOCAB: u32 = 1 << 14;
const RETAIN: Retain =
    Retain { score: Score::SnapKv, tokens: 24, depth: Depth::Even, queries: 32, stride: 1, kernel: 7 };
const PYRAMID: Retain = Retain { depth: Depth::Pyramid, ..RETAIN };
/// Fewer queries than fit a segment, of tokens that stand apart.
const SPREAD: Retain = Retain { queries: 9, stride: 5, ..RETAIN };

/// By scores of a gate, which nobody asks.
const LEARNED: Retain = Retain { score: Score::Learned, queries: 0, kernel: 1, ..RETAIN };
const LEARNED_AROUND: Retain = Retain { kernel: 5, ..LEARNED };

/// q, k, v of all tokens of a layer before RoPE.
#[derive(Default, Clone)]
struct Past {
    q: Vec<Vec<f32>>,
    k: Vec<Vec<f32>>,
    v: Vec<Vec<f32>>,
}

/// Largest errors of a run.
#[derive(Debug, Default)]
struct Errors {
    /// Of keys that stayed, against what the model computed, and against what first stood in the cache.
    key: f64,
    wear: f64,
    attention: f64,
    score: f64,
    memory: f64,
    /// Tokens that two heads of a layer do not both hold.
    different: usize,
}

struct Run<'m> {
    context: Context<'m>,
    capture: Capture,
    /// Of the memory.
    gate: Option<Gate>,
    scores: BTreeMap<u32, LayerScore>,
    cache_type: CacheType,
    neox: bool,
    past: Vec<Past>,
    choice: Retain,
    /// How many tokens each layer may retain, and how many it does.
    retain: Vec<usize>,
    retained: Vec<usize>,
    /// Tokens that each KV head of each layer holds, oldest first.
    held: Vec<Vec<Vec<usize>>>,
    memories: Vec<Memory>,
    /// Keys as they stood in the cache before they were first compacted, by layer and token.
    stored: Vec<HashMap<usize, Vec<f32>>>,
    errors: Errors,
}

impl<'m> Run<'m> {
    fn new(model: &'m Model, arch: &str, cache_type: CacheType, retain: Retain, memory: bool) -> Self {
        let capture = Capture::default();
        let builder = ContextBuilder { n_cells: 192, n_ubatch: BATCH, cache_type, ..Default::default() };
        let gate = gate_for(model, retain, memory);
        let native = gate.as_ref().map(|gate| NativeGate::new(model, gate).unwrap());
        let scores = gate.as_ref().map(|gate| gate.scores.clone()).unwrap_or_default();
        let gate = gate.filter(|gate| !gate.layers.is_empty());
        let compaction =
            Compaction::Edgeinf { gate: native, n_front_max: FRONT as u32, retain: Some(retain), model_id: 0 };
        let shape = model.shape();
        let f = gate.as_ref().map_or(0, |gate| gate.n_features as usize);
        Self {
            context: builder.build(model, compaction, Some(capture.callback())),
            capture,
            gate,
            scores,
            cache_type,
            neox: arch != "llama",
            past: vec![Past::default(); shape.layers.len()],
            choice: retain,
            retain: retain.by_layer(&shape).iter().map(|&n| n as usize).collect(),
            retained: vec![0; shape.layers.len()],
            held: shape.layers.iter().map(|layer| vec![Vec::new(); layer.n_head_kv as usize]).collect(),
            memories: shape.layers.iter().map(|&layer| Memory::new(layer, f)).collect(),
            stored: vec![HashMap::new(); shape.layers.len()],
            errors: Errors::default(),
        }
    }

    /// Retained tokens that a layer has less than the one that has most of them: it has the last of the slots behind the front.
    fn missing(&self, il: usize) -> usize {
        self.retained.iter().max().unwrap() - self.retained[il]
    }

    /// The number in the cache, and with that the position, of the `i`-th token that a layer holds.
    fn slot(&self, il: usize, i: usize) -> usize {
        if i < FRONT { i } else { i + self.missing(il) }
    }

    /// Decodes tokens and compares the attention over what is held with the reference.
    fn decode(&mut self, model: &Model, text: &[i32], compare: bool) {
        self.capture.clear();
        self.context.decode(text, Logits::None).unwrap();
        for (il, s) in model.shape().layers.iter().enumerate() {
            let (q, k, v) = self.capture.take_qkv(il);
            let mut out = self.capture.take("kqv_out", il);
            if self.cache_type == CacheType::Q8_0 {
                hadamard64(&mut out);
            }
            let d = s.d_k as usize;
            let first = self.past[il].q.len();
            let missing = self.missing(il);
            let slot = |i: usize| if i < FRONT { i } else { i + missing };
            let past = &mut self.past[il];
            past.q.extend(q.chunks((s.n_head * s.d_k) as usize).map(<[f32]>::to_vec));
            past.k.extend(k.chunks((s.n_head_kv * s.d_k) as usize).map(<[f32]>::to_vec));
            past.v.extend(v.chunks((s.n_head_kv * s.d_v) as usize).map(<[f32]>::to_vec));
            for held in &mut self.held[il] {
                held.extend(first..first + text.len());
            }
            if !compare {
                continue;
            }
            let group = (s.n_head / s.n_head_kv) as usize;
            for h in 0..s.n_head as usize {
                let held = &self.held[il][h / group];
                let of = |rows: &[Vec<f32>], id: usize| rows[id][h / group * d..][..d].to_vec();
                let keys: Vec<Vec<f64>> =
                    held.iter().enumerate().map(|(i, &id)| rope(&of(&past.k, id), slot(i), self.neox)).collect();
                // one token of each batch will do
                for t in [0, text.len() - 1] {
                    let i = held.len() - text.len() + t;
                    let q = rope(&past.q[first + t][h * d..][..d], slot(i), self.neox);
                    let p = attention(&q, &keys[..=i]);
                    let expected: Vec<f64> = (0..d)
                        .map(|j| p.iter().zip(held).map(|(p, &id)| p * f64::from(of(&past.v, id)[j])).sum())
                        .collect();
                    let found = &out[(t * s.n_head as usize + h) * d..][..d];
                    self.errors.attention = self.errors.attention.max(relative_error(found, &expected));
                }
            }
        }
    }

    /// Makes room, and compares what stayed with the reference.
    fn compact(&mut self, model: &Model) {
        let n = self.context.n_cached() as usize;
        let ranges: Vec<_> = self.held.iter().map(|held| FRONT..held[0].len() - WINDOW).collect();
        for il in 0..self.stored.len() {
            for i in 0..ranges[il].end {
                // behind the front every head holds another token, and those are known
                if i < FRONT || i >= FRONT + self.retained[il] {
                    let slot = self.slot(il, i) as u32;
                    let (context, stored) = (&mut self.context, &mut self.stored[il]);
                    let id = self.held[il][0][i];
                    stored.entry(id).or_insert_with(|| context.key_of_token(il as u32, slot, false).unwrap());
                }
            }
        }
        self.context.compact(FRONT as u32, (n - WINDOW) as u32).unwrap();
        let before: Vec<usize> = (0..ranges.len()).map(|il| self.missing(il)).collect();
        for (il, range) in ranges.iter().enumerate() {
            self.retained[il] = self.retain[il].min(range.len());
        }
        let most = *self.retained.iter().max().unwrap();
        assert_eq!(
            (self.context.n_cached() as usize, self.context.n_retained() as usize),
            (FRONT + most + WINDOW, most)
        );
        for (il, s) in model.shape().layers.iter().enumerate() {
            let (d, group) = (s.d_k as usize, (s.n_head / s.n_head_kv) as usize);
            let (range, n_keep) = (ranges[il].clone(), self.retained[il]);
            let slot = |i: usize| if i < FRONT { i } else { i + before[il] };
            let keys_now: Vec<u32> = (0..FRONT + n_keep).map(|i| self.slot(il, i) as u32).collect();
            let found: Vec<Vec<f32>> =
                keys_now.iter().map(|&i| self.context.key_of_token(il as u32, i, false).unwrap()).collect();
            for i in FRONT..FRONT + self.missing(il) {
                assert!(self.context.key_of_token(il as u32, i as u32, false).is_none(), "layer {il} has no slot {i}");
            }
            for h in 0..s.n_head_kv as usize {
                let past = &self.past[il];
                let held = &mut self.held[il][h];
                let key = |id: usize| &past.k[id][h * d..][..d];
                let keys: Vec<Vec<f64>> =
                    held.iter().enumerate().map(|(i, &id)| rope(key(id), slot(i), self.neox)).collect();
                let queries: Vec<Asking> = (0..held.len())
                    .rev()
                    .filter(|&i| held[i].is_multiple_of(self.choice.stride as usize))
                    .take(self.choice.queries as usize)
                    .map(|i| {
                        let heads = h * group..(h + 1) * group;
                        (i, heads.map(|g| rope(&past.q[held[i]][g * d..][..d], slot(i), self.neox)).collect())
                    })
                    .collect();
                let kernel = self.choice.kernel as usize;
                let scores = match self.scores.get(&(il as u32)).filter(|_| self.choice.score == Score::Learned) {
                    None => snapkv(&queries, &keys, range.clone(), kernel),
                    Some(score) => {
                        let value = |id: usize| &past.v[id][h * d..][..d];
                        let each: Vec<f64> = range
                            .clone()
                            .map(|i| f64::from(score.of(h, &[key(held[i]), value(held[i])].concat())))
                            .collect();
                        largest_around(&each, kernel)
                    }
                };
                // which ones stayed is read off their keys; among equal scores any choice is right
                let error = |id: usize, i: usize| {
                    let exact: Vec<f64> = key(id).iter().map(|&x| f64::from(x)).collect();
                    relative_error(&found[i][h * d..][..d], &exact)
                };
                let chosen: Vec<usize> = (FRONT..FRONT + n_keep)
                    .map(|i| {
                        let nearest = |&a: &usize, &b: &usize| error(held[a], i).total_cmp(&error(held[b], i));
                        range.clone().min_by(nearest).unwrap()
                    })
                    .collect();
                assert!(chosen.is_sorted_by(|a, b| a < b), "layer {il} head {h}: {chosen:?}");
                let score = |i: usize| scores[i - FRONT];
                let worst = chosen.iter().map(|&i| score(i)).fold(f64::MAX, f64::min);
                let left: Vec<usize> = range.clone().filter(|i| !chosen.contains(i)).collect();
                let best = left.iter().map(|&i| score(i)).fold(f64::MIN, f64::max);
                let scale = scores.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
                if !left.is_empty() && n_keep > 0 {
                    let scale = if self.choice.score == Score::Learned { scale } else { best };
                    self.errors.score = self.errors.score.max((best - worst) / scale);
                }
                if let Some(gate) = &self.gate {
                    for &i in &left {
                        let (k, v) = (&past.k[held[i]], &past.v[held[i]]);
                        self.memories[il].fold_head(*s, gate, il as u32, h, k, v);
                    }
                    self.memories[il].n += if h == 0 { left.len() as u64 } else { 0 };
                }
                *held =
                    [&held[..FRONT], &chosen.iter().map(|&i| held[i]).collect::<Vec<_>>(), &held[range.end..]].concat();
                for (i, id) in held[..FRONT + n_keep].iter().enumerate() {
                    let stored: Vec<f64> = self.stored[il][id][h * d..][..d].iter().map(|&x| f64::from(x)).collect();
                    self.errors.wear = self.errors.wear.max(relative_error(&found[i][h * d..][..d], &stored));
                    self.errors.key = self.errors.key.max(error(*id, i));
                }
            }
            let n_keep = self.retained[il];
            let [a, b] = [0, 1].map(|h| &self.held[il][h][FRONT..FRONT + n_keep]);
            self.errors.different += a.iter().filter(|id| !b.contains(id)).count();
            if self.gate.is_some() {
                let (m, z) = self.context.memory_of_layer(il as u32).unwrap();
                let memory = &self.memories[il];
                assert_eq!(self.context.n_folded(), memory.n);
                let error = relative_error(&m, &memory.m).max(relative_error(&z, &memory.z));
                self.errors.memory = self.errors.memory.max(error);
            }
        }
    }
}

/// A random gate with what a choice and a memory need; none if neither needs one.
fn gate_for(model: &Model, retain: Retain, memory: bool) -> Option<Gate> {
    let scores = retain.score == Score::Learned;
    (memory || scores).then(|| {
        let gate = Gate::random(&model.shape(), FeatureMap::Elu, 64, 3).unwrap();
        let gate = if memory { gate } else { gate.without_memory() };
        Gate { scores: if scores { random_scores(&model.shape(), 8, 5) } else { BTreeMap::new() }, ..gate }
    })
}

/// Reads segments with compactions between them.
fn run(arch: &'static str, cache_type: CacheType, retain: Retain, memory: bool, compactions: usize) -> Errors {
    let n_layer = if retain.depth == Depth::Pyramid { 5 } else { 2 };
    let model = load(&Tiny { n_vocab: N_VOCAB, n_layer, ..Tiny::new(arch) }.write());
    let mut run = Run::new(&model, arch, cache_type, retain, memory);
    // no token twice: in the first layer equal tokens have equal keys, and nobody could tell which of them stayed
    let text: Vec<i32> = (0..SEGMENT * (compactions + 2)).map(|i| (i as i32 * 5051 + 7) % N_VOCAB as i32).collect();
    assert!(text.len() <= N_VOCAB as usize);
    for (i, segment) in text.chunks(SEGMENT).enumerate() {
        if i >= 2 {
            run.compact(&model);
        }
        run.decode(&model, segment, true);
    }
    run.errors
}

#[test]
fn what_stays_is_what_the_reference_chooses() {
    let even = [("llama", false), ("llama", true), ("qwen2", true), ("qwen3", false)].map(|(a, m)| (a, RETAIN, m));
    let pyramid = ["llama", "qwen3"].map(|arch| (arch, PYRAMID, false));
    let spread = [("llama", SPREAD, true), ("qwen3", Retain { depth: Depth::Pyramid, ..SPREAD }, false)];
    let learned = [("llama", LEARNED, true), ("qwen2", LEARNED, false), ("qwen3", LEARNED_AROUND, true)];
    for (arch, retain, memory) in even.into_iter().chain(pyramid).chain(spread).chain(learned) {
        for (cache_type, exact) in [(CacheType::F16, 5e-4), (CacheType::F32, 1e-6), (CacheType::Q8_0, 1.5e-2)] {
            let e = run(arch, cache_type, retain, memory, 8);
            let what = format!("{arch} {retain:?} {cache_type:?} memory {memory}: {e:?}");
            println!("{what}");
            // the kernel of flash attention works with 16 bits
            assert!(e.key > 0.0 && e.key <= exact && e.attention <= 5.0 * exact.max(1e-3), "{what}");
            // a score that is that close to the next may be on either side of it
            assert!(e.score <= 4.0 * exact.max(1e-5) && e.memory <= exact, "{what}");
            assert!(e.different > 0, "heads chose alike, so nothing shows that they choose for themselves: {what}");
        }
    }
}

#[test]
fn retained_keys_are_not_worn_down() {
    for (cache_type, retain, memory) in
        [(CacheType::F16, RETAIN, false), (CacheType::Q8_0, RETAIN, true), (CacheType::F16, PYRAMID, false)]
    {
        // 15,360 tokens: positions are turned back on the way
        let e = run("llama", cache_type, retain, memory, 256);
        println!("{cache_type:?}: {e:?}");
        assert!(e.wear > 0.0 && e.wear <= 0.01 && e.score <= 0.05, "{cache_type:?}: {e:?}");
    }
}

/// A context on a model with a single layer that attends, in which a token can only act through its own key and value there.
fn one_layer(model: &Model, retain: Option<Retain>) -> Context<'_> {
    let gate = retain.and_then(|retain| gate_for(model, retain, false));
    let gate = gate.map(|gate| NativeGate::new(model, &gate).unwrap());
    let compaction = Compaction::Edgeinf { gate, n_front_max: FRONT as u32, retain, model_id: 0 };
    ContextBuilder { n_cells: 192, n_ubatch: 64, ..Default::default() }.build(model, compaction, None)
}

const MIDDLE: std::ops::Range<usize> = FRONT..FRONT + 80;

/// Logits after a text of whose middle a part may have left the cache, and the keys that stand behind the front of a layer then.
fn after(context: &mut Context<'_>, il: u32, text: &[i32], compacts: bool) -> (Vec<f32>, Vec<Vec<f32>>) {
    context.clear();
    let (early, late) = text.split_at(MIDDLE.end + WINDOW);
    context.decode(early, Logits::None).unwrap();
    if compacts {
        context.compact(MIDDLE.start as u32, MIDDLE.end as u32).unwrap();
    }
    let stayed = FRONT as u32..context.n_cached() - WINDOW as u32;
    // a layer that retains less than others has only some of the slots
    let keys = stayed.filter_map(|i| context.key_of_token(il, i, false)).collect();
    context.decode(late, Logits::Last).unwrap();
    (context.logits(-1).unwrap().to_vec(), keys)
}

/// A token in the place of which another one was put.
struct Change {
    token: usize,
    /// Whether the logits in the end are others.
    matters: bool,
    /// Whether the keys that stayed are others.
    choice: bool,
}

fn change_each(model: &Model, il: u32, text: &[i32], retain: Option<Retain>, compacts: bool) -> Vec<Change> {
    let mut context = one_layer(model, retain);
    let own = after(&mut context, il, text, compacts);
    (0..text.len())
        .map(|token| {
            let mut other = text.to_vec();
            other[token] = (other[token] + 1) % 256;
            let found = after(&mut context, il, &other, compacts);
            Change { token, matters: found.0 != own.0, choice: found.1 != own.1 }
        })
        .collect()
}

/// No token twice: its keys would be those of the other one.
fn distinct_tokens() -> Vec<i32> {
    (0..MIDDLE.end + WINDOW + 8).map(|i| (i as i32 * 37 + 5) % 256).collect()
}

/// Each token that a choice dropped has to be without effect, each that it kept has to have one. `il` is the layer that attends.
fn assert_forgets_the_rest(model: &Model, il: u32, retain: Retain) {
    let text = distinct_tokens();
    // what is kept is read off the keys
    let all = after(&mut one_layer(model, None), il, &text, false).1;
    let kept = after(&mut one_layer(model, Some(retain)), il, &text, true).1;
    let n_keep = retain.by_layer(&model.shape())[il as usize] as usize;
    assert_eq!(kept.len(), n_keep);
    let held = |token: usize| {
        let key = &all[token - FRONT];
        (0..2).any(|h| kept.iter().any(|k| max_diff(&k[h * 64..][..64], &key[h * 64..][..64]) < 1e-2))
    };
    let (mut stayed, mut left, mut chosen_anew) = (0, 0, 0);
    for change in change_each(model, il, &text, Some(retain), true) {
        let token = change.token;
        let what = format!("{:?}, layer {il}, token {token}", retain.depth);
        if !MIDDLE.contains(&token) || held(token) {
            assert!(change.matters, "{what} was kept and does not matter");
            stayed += usize::from(MIDDLE.contains(&token));
        } else if change.choice {
            // the other token, or a neighbour of it, is attended to
            chosen_anew += 1;
        } else {
            assert!(!change.matters, "{what} was dropped and matters");
            left += 1;
        }
    }
    println!("{:?}, layer {il}: {stayed} stayed, {left} left, {chosen_anew} would be chosen anew", retain.depth);
    assert!(stayed >= n_keep && left >= 5, "{stayed} stayed, {left} left");
}

#[test]
fn each_policy_forgets_what_it_must_and_nothing_else() {
    let model = load(&Tiny { n_layer: 1, ..Tiny::new("llama") }.write());
    let text = distinct_tokens();
    let full = change_each(&model, 0, &text, None, false);
    assert!(full.iter().all(|change| change.matters), "full attention forgot something");

    for change in change_each(&model, 0, &text, None, true) {
        assert_eq!(change.matters, !MIDDLE.contains(&change.token), "streaming, token {}", change.token);
    }
    for retain in [RETAIN, PYRAMID, LEARNED] {
        assert_forgets_the_rest(&model, 0, retain);
    }
}

#[test]
fn each_layer_forgets_what_its_own_budget_does_not_hold() {
    for il in 0..4 {
        let model = load(&Tiny { n_layer: 4, attends: Some(il), ..Tiny::new("llama") }.write());
        let budgets = PYRAMID.by_layer(&model.shape());
        assert!(budgets.is_sorted_by(|a, b| a > b), "{budgets:?}");
        assert_forgets_the_rest(&model, il, PYRAMID);
    }
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
fn twins(model: &Model, cache_type: CacheType) -> [Context<'_>; 2] {
    [0, 1].map(|_| {
        let mut context = retaining(model, cache_type, RETAIN, true);
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

#[test]
fn a_failed_choice_changes_nothing() {
    let model = load(&Tiny::new("llama").write());
    let [mut a, mut b] = twins(&model, CacheType::F16);
    a.inject_failure(false);
    assert!(matches!(a.compact(16, 100), Err(LlamaError::Compaction(_))));
    assert_eq!((a.n_folded(), a.n_cached()), (b.n_folded(), b.n_cached()));
    for context in [&mut a, &mut b] {
        context.compact(16, 100).unwrap();
    }
    assert!(next_logits(&mut a, 4) == next_logits(&mut b, 4));
    a.inject_failure(true);
    assert!(matches!(a.compact(16, 60), Err(LlamaError::Poisoned)));
}

#[test]
fn a_state_brings_back_what_was_retained_and_who_will_choose() {
    let model = load(&Tiny { n_layer: 5, ..Tiny::new("llama") }.write());
    let n_layers = model.shape().layers.len() as u32;
    for (cache_type, retain, memory) in [
        (CacheType::F16, RETAIN, true),
        (CacheType::Q8_0, RETAIN, true),
        (CacheType::F16, PYRAMID, false),
        (CacheType::Q8_0, PYRAMID, false),
        (CacheType::Q8_0, LEARNED, false),
        (CacheType::F16, LEARNED, true),
    ] {
        let what = format!("{cache_type:?} {:?}", retain.depth);
        let [mut a, mut b] = [0, 1].map(|_| retaining(&model, cache_type, retain, memory));
        read(&mut a);
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
        assert_eq!(memory.then(|| a.memory_of_layer(0)), memory.then(|| b.memory_of_layer(0)));
        assert!(next_logits(&mut a, 4) == next_logits(&mut b, 4), "{what}");
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
fn tokens_that_were_taken_back_have_no_say() {
    let model = load(&Tiny::new("llama").write());
    let [mut a, mut b] = twins(&model, CacheType::F16);
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
    for (retain, why) in [(PYRAMID, "equally many"), (Retain { tokens: 512, ..RETAIN }, "no room")] {
        let gate = Gate::random(&deep.shape(), FeatureMap::Elu, 64, 3).unwrap();
        let gate = Some(NativeGate::new(&deep, &gate).unwrap());
        let compaction = Compaction::Edgeinf { gate, n_front_max: 4, retain: Some(retain), model_id: 0 };
        let error = ContextBuilder::default().try_build(&deep, compaction, None).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let compaction = Compaction::Edgeinf { gate: None, n_front_max: 4, retain: Some(LEARNED), model_id: 0 };
    let error = ContextBuilder::default().try_build(&model, compaction, None).unwrap_err().to_string();
    assert!(error.contains("no score for layer 0"), "{error}");
    let compaction = Compaction::Edgeinf { gate: None, n_front_max: 4, retain: Some(RETAIN), model_id: 0 };
    let builder = ContextBuilder { flash_attention: false, ..Default::default() };
    let error = builder.try_build(&model, compaction, None).unwrap_err().to_string();
    assert!(error.contains("flash attention"), "{error}");
}
