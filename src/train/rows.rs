//! What a layer does to each row by itself, forwards and backwards: norms and the activation of the feed-forward network.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::tensors::{exp, sum2, tensor, vectorized, with_slice};

/// `x w / rms(x)` of each row; x `[n, d]`, w `[d]`.
///
/// # Errors
/// Those of candle.
pub fn rms_norm(x: &Tensor, w: &[f32], eps: f32) -> Result<Tensor> {
    let out = with_slice(x, |x| {
        let mut out = vec![0.0; x.len()];
        out.par_chunks_mut(w.len()).zip(x.par_chunks(w.len())).with_min_len(16).for_each(|(y, x)| {
            vectorized(
                #[inline(always)]
                || norm_row(y, x, w, eps),
            );
        });
        out
    })?;
    tensor(out, x.shape())
}

/// `x w / rms(x)`, with rms over this row.
#[inline(always)]
pub fn norm_row(y: &mut [f32], x: &[f32], w: &[f32], eps: f32) {
    let scale = inverse_rms(x, eps);
    for ((y, x), w) in y.iter_mut().zip(x).zip(w) {
        *y = x * scale * w;
    }
}

/// Adds the gradient of `norm_row` to `dx`: with r = 1 / rms and u = w dy, it is `r u - r^3 x (x . u) / d`.
#[inline(always)]
pub fn norm_row_backward(dx: &mut [f32], dy: &[f32], x: &[f32], w: &[f32], eps: f32) {
    let r = inverse_rms(x, eps);
    let mut dot = 0.0;
    let mut product = [0.0; 16];
    let n = x.len() / 16 * 16;
    for ((x, dy), w) in x[..n].chunks_exact(16).zip(dy[..n].chunks_exact(16)).zip(w[..n].chunks_exact(16)) {
        for i in 0..16 {
            product[i] += x[i] * dy[i] * w[i];
        }
    }
    for i in n..x.len() {
        dot += x[i] * dy[i] * w[i];
    }
    dot += product.iter().sum::<f32>();
    let back = r * r * r * dot / x.len() as f32;
    for (((dx, dy), x), w) in dx.iter_mut().zip(dy).zip(x).zip(w) {
        *dx += r * w * dy - back * x;
    }
}

#[inline(always)]
fn inverse_rms(x: &[f32], eps: f32) -> f32 {
    1.0 / (sum2(x, x, |x, _| x * x) / x.len() as f32 + eps).sqrt()
}

/// `residual` plus the gradient of [`rms_norm`] at x for `dy`.
///
/// # Errors
/// Those of candle.
pub fn rms_norm_backward(residual: &Tensor, dy: &Tensor, x: &Tensor, w: &[f32], eps: f32) -> Result<Tensor> {
    let d = w.len();
    let out = with_slice(residual, |residual| {
        with_slice(dy, |dy| {
            with_slice(x, |x| {
                let mut out = residual.to_vec();
                let rows = out.par_chunks_mut(d).zip(dy.par_chunks(d)).zip(x.par_chunks(d));
                rows.with_min_len(16).for_each(|((dx, dy), x)| {
                    vectorized(
                        #[inline(always)]
                        || norm_row_backward(dx, dy, x, w, eps),
                    );
                });
                out
            })
        })
    })???;
    tensor(out, x.shape())
}

/// `silu(gate) up`; x `[n, 2 d]` with the gate first, result `[n, d]`.
///
/// # Errors
/// Those of candle.
pub fn swiglu(x: &Tensor) -> Result<Tensor> {
    let (n, d) = (x.dim(0)?, x.dim(1)? / 2);
    let out = with_slice(x, |x| {
        let mut out = vec![0.0; n * d];
        out.par_chunks_mut(d).zip(x.par_chunks(2 * d)).with_min_len(16).for_each(|(y, x)| {
            vectorized(
                #[inline(always)]
                || {
                    let (gate, up) = x.split_at(d);
                    for ((y, g), u) in y.iter_mut().zip(gate).zip(up) {
                        *y = g / (1.0 + exp(-g)) * u;
                    }
                },
            );
        });
        out
    })?;
    tensor(out, (n, d))
}

/// The gradient of [`swiglu`] at x for `dy` `[n, d]`.
///
/// # Errors
/// Those of candle.
pub fn swiglu_backward(x: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let d = dy.dim(1)?;
    let out = with_slice(x, |x| {
        with_slice(dy, |dy| {
            let mut out = vec![0.0; x.len()];
            let rows = out.par_chunks_mut(2 * d).zip(x.par_chunks(2 * d)).zip(dy.par_chunks(d));
            rows.with_min_len(16).for_each(|((dx, x), dy)| {
                vectorized(
                    #[inline(always)]
                    || {
                        let (gate, up) = x.split_at(d);
                        let (dgate, dup) = dx.split_at_mut(d);
                        for i in 0..d {
                            let g = gate[i];
                            let s = 1.0 / (1.0 + exp(-g));
                            dup[i] = dy[i] * g * s;
                            dgate[i] = dy[i] * up[i] * s * (1.0 + g * (1.0 - s));
                        }
                    },
                );
            });
            out
        })
    })??;
    tensor(out, x.shape())
}

/// `a + b`, of one shape.
///
/// # Errors
/// Those of candle.
pub fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let out = with_slice(a, |a| {
        with_slice(b, |b| {
            const CHUNK: usize = 1 << 14;
            let mut out = a.to_vec();
            out.par_chunks_mut(CHUNK).zip(b.par_chunks(CHUNK)).for_each(|(out, b)| {
                out.iter_mut().zip(b).for_each(|(out, b)| *out += b);
            });
            out
        })
    })??;
    tensor(out, a.shape())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::tensors::floats;
    use crate::train::test_values::{close, values};

    /// The derivative of `sum(f(x) dy)` in each element of x, by central differences.
    fn differences(x: &[f32], dy: &[f32], f: impl Fn(&[f32]) -> Vec<f32>) -> Vec<f32> {
        let of = |x: &[f32]| f(x).iter().zip(dy).map(|(&y, &d)| f64::from(y) * f64::from(d)).sum::<f64>();
        (0..x.len())
            .map(|i| {
                let (mut a, mut b) = (x.to_vec(), x.to_vec());
                (a[i], b[i]) = (x[i] + 1e-2, x[i] - 1e-2);
                ((of(&a) - of(&b)) / f64::from(a[i] - b[i])) as f32
            })
            .collect()
    }

    #[test]
    fn gradients_are_those_of_differences() {
        let (n, d) = (3, 20);
        let (x, dy, w) = (values(n * d, 1), values(n * d, 2), values(d, 3));
        let of = |x: &[f32]| floats(&rms_norm(&tensor(x.to_vec(), (n, d)).unwrap(), &w, 1e-5).unwrap()).unwrap();
        let zeros = tensor(vec![0.0; n * d], (n, d)).unwrap();
        let (tx, tdy) = (tensor(x.clone(), (n, d)).unwrap(), tensor(dy.clone(), (n, d)).unwrap());
        let found = rms_norm_backward(&zeros, &tdy, &tx, &w, 1e-5).unwrap();
        close(&floats(&found).unwrap(), &differences(&x, &dy, of), 2e-3);

        let dy = values(n * d / 2, 4);
        let of = |x: &[f32]| floats(&swiglu(&tensor(x.to_vec(), (n, d)).unwrap()).unwrap()).unwrap();
        let found = swiglu_backward(&tx, &tensor(dy.clone(), (n, d / 2)).unwrap()).unwrap();
        close(&floats(&found).unwrap(), &differences(&x, &dy, of), 2e-3);
    }

    #[test]
    fn a_sum_is_a_sum() {
        let (a, b) = (values(50_000, 5), values(50_000, 6));
        let sum = add(&tensor(a.clone(), 50_000).unwrap(), &tensor(b.clone(), 50_000).unwrap()).unwrap();
        let expected: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        assert_eq!(floats(&sum).unwrap(), expected);
    }
}
