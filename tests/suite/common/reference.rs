//! The formulas of docs/gate-file.md, written a second time, plainly, in double precision.

use edgeinf::memory::gate::{FeatureMap, Gate, LayerShape};

/// phi(x) for one head; `map` is [F/2][d].
pub fn features(kind: FeatureMap, map: Option<&[f32]>, x: &[f32]) -> Vec<f64> {
    match kind {
        FeatureMap::Elu => x.iter().map(|&x| f64::from(x)).map(|x| if x > 0.0 { x + 1.0 } else { x.exp() }).collect(),
        FeatureMap::Hedgehog => {
            let rows: Vec<f64> = map
                .unwrap()
                .chunks(x.len())
                .map(|row| row.iter().zip(x).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum())
                .collect();
            let softmax = |sign: f64| {
                let top = rows.iter().map(|r| sign * r).fold(f64::MIN, f64::max);
                let e: Vec<f64> = rows.iter().map(|r| (sign * r - top).exp()).collect();
                let sum: f64 = e.iter().sum();
                e.into_iter().map(move |e| e / sum).collect::<Vec<_>>()
            };
            [softmax(1.0), softmax(-1.0)].concat()
        }
    }
}

/// M and z of one layer, and how many tokens are in them.
#[derive(Clone)]
pub struct Memory {
    pub m: Vec<f64>, // [n_head_kv][d_v][F]
    pub z: Vec<f64>, // [n_head_kv][F]
    pub n: u64,
}

impl Memory {
    pub fn new(shape: LayerShape, n_features: usize) -> Self {
        let n_z = shape.n_head_kv as usize * n_features;
        Self { m: vec![0.0; n_z * shape.d_v as usize], z: vec![0.0; n_z], n: 0 }
    }

    /// M += phi(k) v, z += phi(k) for one token; k and v of all KV heads.
    pub fn fold(&mut self, shape: LayerShape, gate: &Gate, il: u32, k: &[f32], v: &[f32]) {
        for h in 0..shape.n_head_kv as usize {
            self.fold_head(shape, gate, il, h, k, v);
        }
        self.n += 1;
    }

    /// The same for one KV head.
    pub fn fold_head(&mut self, shape: LayerShape, gate: &Gate, il: u32, h: usize, k: &[f32], v: &[f32]) {
        let (d_k, d_v, f) = (shape.d_k as usize, shape.d_v as usize, gate.n_features as usize);
        let map = gate.layers[&il].map_k.as_deref().map(|m| &m[h * f / 2 * d_k..][..f / 2 * d_k]);
        let phi = features(gate.feature_map, map, &k[h * d_k..][..d_k]);
        for j in 0..d_v {
            let row = &mut self.m[(h * d_v + j) * f..][..f];
            row.iter_mut().zip(&phi).for_each(|(m, phi)| *m += phi * f64::from(v[h * d_v + j]));
        }
        self.z[h * f..][..f].iter_mut().zip(&phi).for_each(|(z, phi)| *z += phi);
    }
}

/// What the memory does to the attention output of one token in one query head.
pub struct ReadOut {
    pub a_mem: Vec<f64>,
    pub gate: f64,
    pub out: Vec<f64>,
}

/// `m` [d_v][F] and `z` [F] of the KV head that belongs to query head `h`.
pub fn read(gate: &Gate, il: u32, h: usize, m: &[f64], z: &[f64], n: u64, q: &[f32], local: &[f32]) -> ReadOut {
    let (d_k, d_v, f) = (q.len(), local.len(), gate.n_features as usize);
    let layer = &gate.layers[&il];
    let map = layer.map_q.as_deref().map(|m| &m[h * f / 2 * d_k..][..f / 2 * d_k]);
    let phi = features(gate.feature_map, map, q);
    let dot = |row: &[f64]| row.iter().zip(&phi).map(|(a, b)| a * b).sum::<f64>();
    let den = dot(z);
    let a_mem: Vec<f64> = (0..d_v).map(|j| dot(&m[j * f..][..f]) / (den + 1e-6)).collect();
    let n = n as f64;
    let wq: f64 = layer.w[h * d_k..][..d_k].iter().zip(q).map(|(&w, &q)| f64::from(w) * f64::from(q)).sum();
    let x = f64::from(layer.a[h]) * (den / n + 1e-6).ln() + f64::from(layer.b[h]) * n.ln() + wq + f64::from(layer.c[h]);
    let g = 1.0 / (1.0 + (-x).exp());
    let out = a_mem.iter().zip(local).map(|(&a, &l)| (1.0 - g) * f64::from(l) + g * a).collect();
    ReadOut { a_mem, gate: g, out }
}

/// RoPE of one head at a position, for the frequency base of the tiny models. `neox`: halves are pairs, else neighbours are.
pub fn rope(x: &[f32], position: f64, neox: bool) -> Vec<f64> {
    let d = x.len();
    let mut out = vec![0.0; d];
    for i in 0..d / 2 {
        let angle = position * 1e5_f64.powf(-2.0 * i as f64 / d as f64);
        let (a, b) = if neox { (i, i + d / 2) } else { (2 * i, 2 * i + 1) };
        let (x, y) = (f64::from(x[a]), f64::from(x[b]));
        out[a] = x * angle.cos() - y * angle.sin();
        out[b] = x * angle.sin() + y * angle.cos();
    }
    out
}

/// softmax(q k / sqrt(d)) of one query over the keys that it sees, all with RoPE.
pub fn attention(q: &[f64], keys: &[Vec<f64>]) -> Vec<f64> {
    let scale = 1.0 / (q.len() as f64).sqrt();
    let logits: Vec<f64> = keys.iter().map(|k| scale * k.iter().zip(q).map(|(k, q)| k * q).sum::<f64>()).collect();
    let top = logits.iter().fold(f64::MIN, |m, &x| m.max(x));
    let e: Vec<f64> = logits.iter().map(|x| (x - top).exp()).collect();
    let sum: f64 = e.iter().sum();
    e.into_iter().map(|e| e / sum).collect()
}

/// The queries of a token in each head of a group, with RoPE, and the number of its key, the last one that they see.
pub type Asking = (usize, Vec<Vec<f64>>);

/// SnapKV's scores of the keys `range`: the attention of the queries averaged over them and over the heads of the group, and the
/// largest of a neighbourhood. Keys are with RoPE.
pub fn snapkv(queries: &[Asking], keys: &[Vec<f64>], range: std::ops::Range<usize>, kernel: usize) -> Vec<f64> {
    let mut mean = vec![0.0; keys.len()];
    for (own, heads) in queries {
        for q in heads {
            let share = 1.0 / (queries.len() * heads.len()) as f64;
            for (mean, p) in mean.iter_mut().zip(attention(q, &keys[..=*own])) {
                *mean += share * p;
            }
        }
    }
    largest_around(&mean[range], kernel)
}

/// The largest of each neighbourhood.
pub fn largest_around(scores: &[f64], kernel: usize) -> Vec<f64> {
    let half = kernel / 2;
    let around = |i: usize| &scores[i.saturating_sub(half)..(i + half + 1).min(scores.len())];
    (0..scores.len()).map(|i| around(i).iter().fold(f64::MIN, |m: f64, &p| m.max(p))).collect()
}

/// Undoes the rotation that a quantized cache puts on values: blocks of 64 times the orthonormal Hadamard matrix.
pub fn hadamard64(x: &mut [f32]) {
    for block in x.chunks_mut(64) {
        let mut step = 1;
        while step < 64 {
            for i in (0..64).filter(|i| i & step == 0) {
                let (a, b) = (block[i], block[i + step]);
                (block[i], block[i + step]) = (a + b, a - b);
            }
            step *= 2;
        }
        block.iter_mut().for_each(|x| *x /= 8.0);
    }
}
