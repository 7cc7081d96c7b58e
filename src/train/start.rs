//! A gate before it is fitted: nearly shut, and free to open.

use crate::memory::gate::{FeatureMap, Gate, GateError, LayerGate, LayerShape, ModelShape};

/// What a gate is like before it is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Start {
    /// ELU, or the width of a learned map.
    pub map: Map,
    /// Logit of the gate for a query that matches what was folded no better and no worse than any other.
    pub shut: f32,
    /// Start of the random numbers.
    pub seed: u64,
}

/// The feature map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Map {
    /// `elu(x) + 1`.
    Elu,
    /// `[softmax(W x), softmax(-W x)]` with so many features.
    Hedgehog(u32),
}

impl Start {
    /// The gate for some layers of a model.
    ///
    /// # Errors
    /// [`GateError`] if the model has no such map.
    pub fn gate(&self, shape: &ModelShape, layers: &[u32]) -> Result<Gate, GateError> {
        let (map, width) = match self.map {
            Map::Elu => (FeatureMap::Elu, shape.layers.first().map_or(0, |layer| layer.d_k)),
            Map::Hedgehog(width) => (FeatureMap::Hedgehog, width),
        };
        let mut gate = Gate::random(shape, map, width, self.seed)?;
        gate.layers.retain(|il, _| layers.contains(il));
        for (&il, layer) in &mut gate.layers {
            if let Some(shape) = shape.layers.get(il as usize) {
                self.begin(layer, shape, width);
            }
        }
        Ok(gate)
    }

    /// a = 1, b = 0, w = 0, and c so that an ordinary query finds the gate at `shut`.
    fn begin(&self, layer: &mut LayerGate, shape: &LayerShape, width: u32) {
        let ordinary = match self.map {
            // both features are about 1
            Map::Elu => shape.d_k as f32,
            // two softmaxes over width / 2, each with a sum of 1
            Map::Hedgehog(_) => 4.0 / width as f32,
        };
        layer.w.fill(0.0);
        layer.a.fill(1.0);
        layer.b.fill(0.0);
        layer.c.fill(self.shut - ordinary.ln());
        let d = shape.d_k as usize;
        for map in [&mut layer.map_q, &mut layer.map_k].into_iter().flatten() {
            spread(map, d, width as usize / 2);
        }
    }
}

/// Begins a map as the identity (Hedgehog, arXiv 2402.04347), as far as it has rows; further rows are random and orthogonal to each
/// other, `d` at a time, so that no feature is like another. Queries and keys get the same ones, that those which are alike meet.
fn spread(map: &mut [f32], d: usize, rows: usize) {
    let heads = map.chunks_mut(d * rows);
    let mut first: Option<Vec<f32>> = None;
    for head in heads {
        let like = first.get_or_insert_with(|| {
            let mut all = Vec::with_capacity(rows * d);
            let mut rng = crate::rng::Rng::new(rows as u64);
            for block in 0..rows.div_ceil(d.max(1)) {
                let n = d.min(rows - block * d);
                all.extend(if block == 0 && n == d { identity(d) } else { orthogonal(&mut rng, d, n) });
            }
            all
        });
        head.copy_from_slice(like);
    }
}

fn identity(d: usize) -> Vec<f32> {
    (0..d * d).map(|i| if i / d == i % d { 1.0 } else { 0.0 }).collect()
}

/// `n` rows of `d` elements, orthonormal, by Gram and Schmidt.
fn orthogonal(rng: &mut crate::rng::Rng, d: usize, n: usize) -> Vec<f32> {
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(n);
    while rows.len() < n {
        // a sum of uniform numbers is normal enough to point anywhere
        let mut uniform = || (rng.next() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
        let mut row: Vec<f64> = (0..d).map(|_| (0..6).map(|_| uniform()).sum()).collect();
        for other in &rows {
            let dot: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
            row.iter_mut().zip(other).for_each(|(a, b)| *a -= dot * b);
        }
        let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm > 1e-3 {
            row.iter_mut().for_each(|x| *x /= norm);
            rows.push(row);
        }
    }
    rows.into_iter().flatten().map(|x| x as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_map_are_alike_in_no_direction() {
        let mut map = vec![0.0; 2 * 20 * 8];
        spread(&mut map, 8, 20);
        assert_eq!(map[..160], map[160..]);
        assert_eq!(map[..64], identity(8));
        for block in [&map[64..128], &map[128..160]] {
            for (i, a) in block.chunks(8).enumerate() {
                for (j, b) in block.chunks(8).enumerate() {
                    let dot: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                    assert!((dot - if i == j { 1.0 } else { 0.0 }).abs() < 1e-5, "{i} {j} {dot}");
                }
            }
        }
    }

    #[test]
    fn gates_begin_nearly_shut_in_the_layers_asked_for() {
        let layer = LayerShape { n_head: 4, n_head_kv: 2, d_k: 8, d_v: 8 };
        let shape = ModelShape { architecture: "llama".into(), n_layer: 3, layers: vec![layer; 3] };
        let start = Start { map: Map::Hedgehog(16), shut: -4.0, seed: 1 };
        let gate = start.gate(&shape, &[0, 2]).unwrap();
        assert_eq!(gate.layers.keys().copied().collect::<Vec<_>>(), [0, 2]);
        // z / n of features that are all 1 / 8
        let logit = gate.layers[&2].a[1] * (2.0_f32 / 8.0).ln() + gate.layers[&2].c[1];
        assert!((logit + 4.0).abs() < 1e-5, "{logit}");
        assert!(Start { map: Map::Hedgehog(7), ..start }.gate(&shape, &[0]).is_err());
    }
}
