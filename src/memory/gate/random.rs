//! Gates that were never fitted.

use std::collections::BTreeMap;
use std::f64::consts::{LN_2, SQRT_2};

use super::{FeatureMap, Gate, GateError, LayerGate, LayerScore, LayerShape, ModelShape, ReadOut, check_features};

impl Gate {
    /// A gate for all layers that reads from the memory, but was never fitted: it tests the machine and spoils the
    /// text. The same arguments give the same bits on every platform.
    ///
    /// # Errors
    /// [`GateError::EluWidth`] or [`GateError::MapWidth`] if there cannot be so many features,
    /// [`GateError::Empty`] if the model has no attention.
    pub fn random(shape: &ModelShape, feature_map: FeatureMap, n_features: u32, seed: u64) -> Result<Self, GateError> {
        let gate = "a random gate";
        let mut rng = Rng::new(seed);
        let mut layers = BTreeMap::new();
        for (il, layer) in shape.attention() {
            check_features(gate, feature_map, n_features.into(), il, layer)?;
            layers.insert(il, random_layer(&mut rng, feature_map, n_features, layer));
        }
        if layers.is_empty() {
            return Err(GateError::Empty { gate: gate.to_owned() });
        }
        let (architecture, base_sha256) = (shape.architecture.clone(), String::new());
        Ok(Self {
            architecture,
            feature_map,
            n_features,
            read_out: ReadOut::Always,
            base_sha256,
            fit: None,
            layers,
            scores: BTreeMap::new(),
        })
    }
}

/// Scores for all layers that were never fitted, for tests of the machine.
pub fn random_scores(shape: &ModelShape, n_hidden: u32, seed: u64) -> BTreeMap<u32, LayerScore> {
    let mut rng = Rng::new(seed);
    let of_layer = |(il, layer): (u32, &LayerShape)| {
        let (n_in, rows) = ((layer.d_k + layer.d_v + 1) as usize, (n_hidden * layer.n_head_kv) as usize);
        let map = rng.normals(n_in * rows, 0.0, 1.0 / (n_in as f64).sqrt());
        let (bias, weight) = (rng.normals(rows, 0.0, 0.5), rng.normals(rows, 0.0, 1.0));
        (il, LayerScore { n_head_kv: layer.n_head_kv, age_max: 300, map, bias, weight, share: 1.0 })
    };
    shape.attention().map(of_layer).collect()
}

/// The order of the draws is part of what a seed means.
fn random_layer(rng: &mut Rng, map: FeatureMap, n_features: u32, layer: &LayerShape) -> LayerGate {
    let unit = 1.0 / f64::from(layer.d_k).sqrt();
    let (d_k, n_head, n_head_kv) = (layer.d_k as usize, layer.n_head as usize, layer.n_head_kv as usize);
    let rows = n_features as usize / 2;
    let w = rng.normals(d_k * n_head, 0.0, 0.3 * unit);
    let a = rng.normals(n_head, 1.0, 0.25);
    let b = rng.normals(n_head, 0.0, 0.1);
    let c = rng.normals(n_head, -2.0, 1.0);
    let mut w_of = |heads| (map == FeatureMap::Hedgehog).then(|| rng.normals(d_k * rows * heads, 0.0, unit));
    let (map_q, map_k) = (w_of(n_head), w_of(n_head_kv));
    LayerGate { w, a, b, c, map_q, map_k }
}

/// splitmix64, and normal numbers by the polar form of Box-Muller. Only operations that IEEE 754 rounds in one
/// way: the logarithm of the system's library may differ in its last bit from one platform to the next.
pub(super) struct Rng {
    state: u64,
    spare: Option<f64>,
}

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed, spare: None }
    }

    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly between -1 and 1, from the upper 53 bits.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn normal(&mut self) -> f64 {
        if let Some(value) = self.spare.take() {
            return value;
        }
        loop {
            let (x, y) = (self.uniform(), self.uniform());
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * ln(square) / square).sqrt();
                self.spare = Some(y * scale);
                return x * scale;
            }
        }
    }

    pub(super) fn normals(&mut self, n: usize, mean: f64, deviation: f64) -> Vec<f32> {
        (0..n).map(|_| (mean + deviation * self.normal()) as f32).collect()
    }
}

/// The logarithm of a positive normal number, by ln m = 2 artanh((m - 1) / (m + 1)) for m near 1.
pub(super) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as f64 - 1023.0;
    let mut m = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    if m > SQRT_2 {
        m /= 2.0;
        exponent += 1.0;
    }
    let s = (m - 1.0) / (m + 1.0);
    let series = (0..12).rev().fold(0.0, |sum, k| sum * s * s + 1.0 / f64::from(2 * k + 1));
    exponent * LN_2 + 2.0 * s * series
}
