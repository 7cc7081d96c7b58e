//! Adam, with a rate of its own for each kind of parameter.

use super::pass::LayerGates;
use crate::memory::gate::LayerGate;

/// Decay of the means of gradients and of their squares, and what keeps a quotient finite; no weight decay.
const BETA: [f64; 2] = [0.9, 0.99];
const EPS: f64 = 1e-8;

/// Steps over which rates rise to what they are.
const WARM_UP: f64 = 10.0;

/// Rates at which parameters move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Biases of gates. Too small a rate, and gates stay where they begin.
    pub c: f64,
    /// The other weights of gates.
    pub gate: f64,
    /// Learned maps.
    pub map: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Self { c: 1e-1, gate: 2e-2, map: 5e-3 }
    }
}

/// A kind of parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Biases of gates.
    Bias,
    /// Other weights of gates.
    Gate,
    /// Learned maps.
    Map,
}

/// What is fitted in a layer, part by part, always in the same order.
pub fn parts(gate: &LayerGate) -> impl Iterator<Item = (Kind, &'static str, &[f32])> {
    let maps = [("map_q", &gate.map_q), ("map_k", &gate.map_k)];
    let gates = [
        (Kind::Gate, "w", &gate.w),
        (Kind::Gate, "a", &gate.a),
        (Kind::Gate, "b", &gate.b),
        (Kind::Bias, "c", &gate.c),
    ];
    let gates = gates.into_iter().map(|(kind, name, values)| (kind, name, values.as_slice()));
    gates.chain(maps.into_iter().filter_map(|(name, map)| Some((Kind::Map, name, map.as_deref()?))))
}

/// The same to be changed.
pub fn parts_mut(gate: &mut LayerGate) -> impl Iterator<Item = (Kind, &'static str, &mut [f32])> {
    let LayerGate { w, a, b, c, map_q, map_k } = gate;
    let gates = [(Kind::Gate, "w", w), (Kind::Gate, "a", a), (Kind::Gate, "b", b), (Kind::Bias, "c", c)];
    let gates = gates.into_iter().map(|(kind, name, values)| (kind, name, values.as_mut_slice()));
    let maps = [("map_q", map_q), ("map_k", map_k)];
    gates.chain(maps.into_iter().filter_map(|(name, map)| Some((Kind::Map, name, map.as_deref_mut()?))))
}

/// Zeros in the shape of what is fitted.
pub fn zeros(like: &LayerGates) -> LayerGates {
    let mut zeros = like.clone();
    scale(&mut zeros, 0.0);
    zeros
}

/// Multiplies everything.
pub fn scale(gates: &mut LayerGates, by: f32) {
    let parts = gates.values_mut().flat_map(parts_mut);
    parts.for_each(|(_, _, values)| values.iter_mut().for_each(|x| *x *= by));
}

/// Adds what `more` has.
pub fn add(sum: &mut LayerGates, more: &LayerGates) {
    for (il, more) in more {
        if let Some(sum) = sum.get_mut(il) {
            for ((_, _, sum), (_, _, more)) in parts_mut(sum).zip(parts(more)) {
                sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            }
        }
    }
}

/// Euclidean norm of everything.
pub fn norm(gates: &LayerGates) -> f64 {
    let parts = gates.values().flat_map(parts);
    parts.flat_map(|(_, _, values)| values).map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt()
}

/// The optimizer: means of the gradients and of their squares.
#[derive(Debug, Clone, PartialEq)]
pub struct Adam {
    /// Steps made.
    pub step: u64,
    /// Means of gradients.
    pub mean: LayerGates,
    /// Means of their squares.
    pub square: LayerGates,
}

impl Adam {
    /// Before the first step.
    pub fn new(fitted: &LayerGates) -> Self {
        Self { step: 0, mean: zeros(fitted), square: zeros(fitted) }
    }

    /// Moves what is fitted against its gradient.
    pub fn update(&mut self, fitted: &mut LayerGates, gradient: &LayerGates, rates: Rates) {
        self.step += 1;
        let t = self.step as f64;
        let corrections = BETA.map(|beta| 1.0 - beta.powf(t));
        let warm = (t / WARM_UP).min(1.0);
        for (il, fitted) in fitted {
            let of = (self.mean.get_mut(il), self.square.get_mut(il), gradient.get(il));
            let (Some(mean), Some(square), Some(gradient)) = of else { continue };
            let moments = parts_mut(mean).zip(parts_mut(square));
            for (((kind, _, x), (_, _, g)), ((_, _, m), (_, _, v))) in
                parts_mut(fitted).zip(parts(gradient)).zip(moments)
            {
                let rate = warm
                    * match kind {
                        Kind::Bias => rates.c,
                        Kind::Gate => rates.gate,
                        Kind::Map => rates.map,
                    };
                for i in 0..x.len() {
                    let g = f64::from(g[i]);
                    let mean = BETA[0] * f64::from(m[i]) + (1.0 - BETA[0]) * g;
                    let square = BETA[1] * f64::from(v[i]) + (1.0 - BETA[1]) * g * g;
                    let by = rate * (mean / corrections[0]) / ((square / corrections[1]).sqrt() + EPS);
                    x[i] = (f64::from(x[i]) - by) as f32;
                    (m[i], v[i]) = (mean as f32, square as f32);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(values: [f32; 3]) -> LayerGates {
        let gate = LayerGate {
            w: vec![values[0]; 2],
            a: vec![0.0],
            b: vec![0.0],
            c: vec![values[1]],
            map_q: Some(vec![values[2]; 4]),
            map_k: Some(vec![0.0; 4]),
        };
        LayerGates::from([(3, gate)])
    }

    #[test]
    fn each_kind_moves_at_its_rate_whatever_the_size_of_its_gradient() {
        let (mut fitted, rates) = (one([0.0; 3]), Rates { c: 0.5, gate: 0.25, map: 0.125 });
        let mut adam = Adam::new(&fitted);
        for _ in 0..3 {
            adam.update(&mut fitted, &one([1e-3, -5.0, 70.0]), rates);
        }
        // rates are still rising: 0.1, 0.2, 0.3
        let gate = &fitted[&3];
        assert!((gate.w[1] + 0.25 * 0.6).abs() < 1e-5 && (gate.c[0] - 0.5 * 0.6).abs() < 1e-5, "{gate:?}");
        assert!((gate.map_q.as_ref().unwrap()[2] + 0.125 * 0.6).abs() < 1e-5);
        assert_eq!((gate.a[0], gate.map_k.as_ref().unwrap()[0]), (0.0, 0.0));
    }

    #[test]
    fn sums_and_norms() {
        let mut sum = one([1.0, 2.0, 3.0]);
        add(&mut sum, &one([1.0, 1.0, 0.0]));
        assert_eq!(sum, one([2.0, 3.0, 3.0]));
        scale(&mut sum, 2.0);
        assert!((norm(&sum) - (2.0 * 16.0 + 36.0 + 4.0 * 36.0_f64).sqrt()).abs() < 1e-9);
        assert_eq!(zeros(&sum), one([0.0; 3]));
    }
}
