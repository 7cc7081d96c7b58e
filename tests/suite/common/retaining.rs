//! A reading of segments with compactions between them, beside what the reference says should stay.

use std::collections::{BTreeMap, HashMap};

use edgeinf::llama::{CacheType, Compaction, Context, Depth, Logits, Model, NativeGate, Retain, Score};
use edgeinf::memory::gate::{FeatureMap, Gate, LayerScore, LayerShape, random_scores};
use edgeinf::memory::policy::Shares;

use super::capture::Capture;
use super::reference::{Asking, Memory, attention, hadamard64, largest_around, read, rope, snapkv};
use super::{ContextBuilder, relative_error};

pub const FRONT: usize = 12;
pub const WINDOW: usize = 64;
// not a multiple of the batch: the last one of a segment has fewer tokens than queries are kept
pub const SEGMENT: usize = 60;
pub const BATCH: u32 = 48;
pub const N_CELLS: u32 = 192;
/// So few that some of what is retained would be too far away.
pub const N_CTX: u32 = 400;
pub const N_VOCAB: u32 = 1 << 14;
pub const RETAIN: Retain =
    Retain { score: Score::SnapKv, tokens: 24, depth: Depth::Even, queries: 32, stride: 1, kernel: 7 };
pub const PYRAMID: Retain = Retain { depth: Depth::Pyramid, ..RETAIN };
/// Fewer queries than fit a segment, of tokens that stand apart.
pub const SPREAD: Retain = Retain { queries: 9, stride: 5, ..RETAIN };

/// By scores of a gate, which nobody asks.
pub const LEARNED: Retain = Retain { score: Score::Learned, queries: 0, kernel: 1, ..RETAIN };
pub const LEARNED_AROUND: Retain = Retain { kernel: 5, ..LEARNED };

/// As a gate shares them out among five layers: one retains nothing, and one more than the window has.
pub fn shared() -> Retain {
    let shares = Shares::new(&[3.0, 0.5, 0.0, 1.0, 0.5]).unwrap();
    Retain { depth: Depth::Fitted(shares), ..LEARNED }
}

/// q, k, v of all tokens of a layer before RoPE.
#[derive(Default, Clone)]
pub struct Past {
    pub q: Vec<Vec<f32>>,
    pub k: Vec<Vec<f32>>,
    pub v: Vec<Vec<f32>>,
}

/// Largest errors of a run.
#[derive(Debug, Default)]
pub struct Errors {
    /// Of keys that stayed, against what the model computed, and against what first stood in the cache.
    pub key: f64,
    pub wear: f64,
    pub attention: f64,
    pub score: f64,
    pub memory: f64,
    /// Of what attention gives once the memory is mixed in.
    pub read_out: f64,
    /// Tokens that two heads of a layer do not both hold.
    pub different: usize,
}

pub struct Run<'m> {
    pub context: Context<'m>,
    pub capture: Capture,
    /// Of the memory.
    pub gate: Option<Gate>,
    pub scores: BTreeMap<u32, LayerScore>,
    pub cache_type: CacheType,
    pub neox: bool,
    pub past: Vec<Past>,
    pub choice: Retain,
    /// How many tokens each layer may retain, and how many it does.
    pub retain: Vec<usize>,
    pub retained: Vec<usize>,
    /// Tokens that each KV head of each layer holds, oldest first.
    pub held: Vec<Vec<Vec<usize>>>,
    pub memories: Vec<Memory>,
    /// Keys as they stood in the cache before they were first compacted, by layer and token.
    pub stored: Vec<HashMap<usize, Vec<f32>>>,
    pub errors: Errors,
    /// Whether something is asked, so that what is retained stands right before the window.
    asked: bool,
}

impl<'m> Run<'m> {
    pub fn new(model: &'m Model, arch: &str, cache_type: CacheType, retain: Retain, memory: bool) -> Self {
        let capture = Capture::default();
        // so little is computed at once that threads would only wait for each other
        let builder =
            ContextBuilder { n_cells: N_CELLS, n_ubatch: BATCH, n_threads: 1, cache_type, ..Default::default() };
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
            asked: false,
        }
    }

    /// Retained tokens that a layer has less than the one that has most of them: it has the last of the slots behind the front.
    pub fn missing(&self, il: usize) -> usize {
        self.retained.iter().max().unwrap() - self.retained[il]
    }

    /// The number in the cache, and with that the position, of the `i`-th token that a layer holds.
    pub fn slot(&self, il: usize, i: usize) -> usize {
        if i < FRONT { i } else { i + self.missing(il) }
    }

    /// What is decoded next is what is asked of a text, or the text.
    pub fn set_asked(&mut self, asked: bool) {
        self.asked = asked;
        self.context.set_asked(asked).unwrap();
    }

    /// The position of each token that a KV head holds, oldest first, on a scale where the `i`-th of a layer that misses nothing has i. What is
    /// retained is as far before the window as it was in the text, but no farther than three quarters of the trained context, or
    /// right before it when something is asked.
    fn positions(&self, il: usize, held: &[usize]) -> Vec<f64> {
        let far = (3 * N_CTX as usize / 4).max(*self.retain.iter().max().unwrap());
        let behind = FRONT + self.retained[il];
        let window = self.slot(il, behind) as f64;
        let position = |(i, &id): (usize, &usize)| match i {
            i if self.asked || i < FRONT || i >= behind => self.slot(il, i) as f64,
            _ => window - (held[behind] - id).min(far) as f64,
        };
        held.iter().enumerate().map(position).collect()
    }

    /// Decodes tokens and compares the attention over what is held with the reference.
    pub fn decode(&mut self, model: &Model, text: &[i32], compare: bool) {
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
            for h_kv in 0..s.n_head_kv as usize {
                let held = &self.held[il][h_kv];
                let positions = self.positions(il, held);
                let past = &self.past[il];
                let of = |rows: &[Vec<f32>], id: usize| rows[id][h_kv * d..][..d].to_vec();
                let keys: Vec<Vec<f64>> =
                    held.iter().zip(&positions).map(|(&id, &at)| rope(&of(&past.k, id), at, self.neox)).collect();
                // one token of each batch will do
                let heads = (h_kv * group..(h_kv + 1) * group).flat_map(|h| [(h, 0), (h, text.len() - 1)]);
                for (h, t) in heads {
                    let i = held.len() - text.len() + t;
                    let q = rope(&past.q[first + t][h * d..][..d], positions[i], self.neox);
                    let p = attention(&q, &keys[..=i]);
                    let expected: Vec<f64> = (0..d)
                        .map(|j| p.iter().zip(held).map(|(p, &id)| p * f64::from(of(&past.v, id)[j])).sum())
                        .collect();
                    let found = &out[(t * s.n_head as usize + h) * d..][..d];
                    self.errors.attention = self.errors.attention.max(relative_error(found, &expected));
                }
            }
            self.compare_read_out(il, *s, first, &out);
        }
    }

    /// Compares what the memory of a layer makes of its attention over what is held, of the tokens from the `first` on. A layer that has
    /// folded nothing yet has to leave it as it is.
    fn compare_read_out(&mut self, il: usize, s: LayerShape, first: usize, local: &[f32]) {
        let Some(gate) = &self.gate else { return };
        let Some(mixed) = self.capture.take_any("edgeinf_out", il) else {
            assert_eq!(self.memories[il].n, 0, "layer {il} does not read its memory");
            return;
        };
        let n = self.memories[il].n;
        assert!(n > 0, "layer {il} reads a memory of nothing");
        let (m, z) = self.context.memory_of_layer(il as u32).unwrap();
        let (m, z): (Vec<f64>, Vec<f64>) =
            (m.into_iter().map(f64::from).collect(), z.into_iter().map(f64::from).collect());
        let (d, f, n_head) = (s.d_k as usize, gate.n_features as usize, s.n_head as usize);
        for t in 0..local.len() / (n_head * d) {
            for h in 0..n_head {
                let kv = h / (n_head / s.n_head_kv as usize);
                let at = (t * n_head + h) * d;
                let query = &self.past[il].q[first + t][h * d..][..d];
                let (m, z) = (&m[kv * d * f..][..d * f], &z[kv * f..][..f]);
                let expected = read(gate, il as u32, h, m, z, n, query, &local[at..][..d]);
                let error = relative_error(&mixed[at..][..d], &expected.out);
                self.errors.read_out = self.errors.read_out.max(error);
            }
        }
    }

    /// Makes room, and compares what stayed with the reference.
    pub fn compact(&mut self, model: &Model) {
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
        let before: Vec<Vec<Vec<f64>>> =
            (0..ranges.len()).map(|il| self.held[il].iter().map(|held| self.positions(il, held)).collect()).collect();
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
            let keys_now: Vec<u32> = (0..FRONT + n_keep).map(|i| self.slot(il, i) as u32).collect();
            let found: Vec<Vec<f32>> =
                keys_now.iter().map(|&i| self.context.key_of_token(il as u32, i, false).unwrap()).collect();
            for i in FRONT..FRONT + self.missing(il) {
                assert!(self.context.key_of_token(il as u32, i as u32, false).is_none(), "layer {il} has no slot {i}");
            }
            for h in 0..s.n_head_kv as usize {
                let past = &self.past[il];
                let positions = &before[il][h];
                let held = &mut self.held[il][h];
                let key = |id: usize| &past.k[id][h * d..][..d];
                let keys: Vec<Vec<f64>> =
                    held.iter().zip(positions).map(|(&id, &at)| rope(key(id), at, self.neox)).collect();
                let queries: Vec<Asking> = (0..held.len())
                    .rev()
                    .filter(|&i| held[i].is_multiple_of(self.choice.stride as usize))
                    .take(self.choice.queries as usize)
                    .map(|i| {
                        let heads = h * group..(h + 1) * group;
                        (i, heads.map(|g| rope(&past.q[held[i]][g * d..][..d], positions[i], self.neox)).collect())
                    })
                    .collect();
                let kernel = self.choice.kernel as usize;
                let scores = match self.scores.get(&(il as u32)).filter(|_| self.choice.score == Score::Learned) {
                    None => snapkv(&queries, &keys, range.clone(), kernel),
                    Some(score) => {
                        let value = |id: usize| &past.v[id][h * d..][..d];
                        let end = held[held.len() - 1] + 1;
                        let of = |id: usize| score.of(h, &[key(id), value(id)].concat(), (end - id) as u32);
                        let each: Vec<f64> = range.clone().map(|i| f64::from(of(held[i]))).collect();
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
                if let Some(gate) = self.gate.as_ref().filter(|gate| gate.layers.contains_key(&(il as u32))) {
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
            if self.gate.as_ref().is_some_and(|gate| gate.layers.contains_key(&(il as u32))) {
                let (m, z) = self.context.memory_of_layer(il as u32).unwrap();
                let memory = &self.memories[il];
                let error = relative_error(&m, &memory.m).max(relative_error(&z, &memory.z));
                self.errors.memory = self.errors.memory.max(error);
            }
        }
        if self.gate.is_some() {
            assert_eq!(self.context.n_folded(), self.memories.iter().map(|memory| memory.n).max().unwrap());
        }
    }
}

/// A random gate with what a choice and a memory need; none if neither needs one.
pub fn gate_for(model: &Model, retain: Retain, memory: bool) -> Option<Gate> {
    let scores = retain.score == Score::Learned;
    (memory || scores).then(|| {
        let gate = Gate::random(&model.shape(), FeatureMap::Elu, 64, 3).unwrap();
        let mut gate = if memory { gate } else { gate.without_memory() };
        // of five layers the last one has no memory, though others that retain as many have one
        gate.layers.remove(&4);
        Gate { scores: if scores { random_scores(&model.shape(), 8, 5) } else { BTreeMap::new() }, ..gate }
    })
}
