//! Queries, keys and values by head, and the positions in them.
//!
//! `[token, head, element]`, as a projection gives them, becomes `[head, token, element]`, in which attention works.

use std::ops::Range;

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::rows::{norm_row, norm_row_backward};
use super::tensors::{tensor, vectorized, with_slice};
use super::weights::{Architecture, Config, Layer};

/// Queries `[n_head, n, d]`, keys and values `[n_head_kv, n, d]`, without RoPE.
#[derive(Debug, Clone)]
pub struct Heads {
    /// Queries.
    pub q: Tensor,
    /// Keys.
    pub k: Tensor,
    /// Values.
    pub v: Tensor,
}

impl Heads {
    /// Those of some tokens. Where only the last ones have queries, it must be some of these.
    ///
    /// # Errors
    /// Those of candle.
    pub fn tokens(&self, range: &Range<usize>) -> Result<Self> {
        let part = |x: &Tensor, first: usize| x.narrow(1, range.start - first, range.len())?.contiguous();
        let first = self.k.dim(1)? - self.q.dim(1)?;
        Ok(Self { q: part(&self.q, first)?, k: part(&self.k, 0)?, v: part(&self.v, 0)? })
    }
}

/// Splits what the projection gives, `[n, (n_head + 2 n_head_kv) d]`, adds biases and applies the norms of queries and keys.
///
/// # Errors
/// Those of candle.
pub fn split(qkv: &Tensor, layer: &Layer, config: &Config) -> Result<Heads> {
    let (n, d, n_head, n_kv) = (qkv.dim(0)?, config.d_head, config.n_head, config.n_head_kv);
    let width = (n_head + 2 * n_kv) * d;
    let take = |first: usize, count: usize, norm: Option<&[f32]>| -> Result<Tensor> {
        let out = with_slice(qkv, |qkv| {
            let mut out = vec![0.0; count * n * d];
            out.par_chunks_mut(d).enumerate().with_min_len(64).for_each(|(row, y)| {
                let (h, t) = (first + row / n, row % n);
                let x = &qkv[t * width + h * d..][..d];
                match (norm, &layer.bias) {
                    (Some(w), _) => vectorized(
                        #[inline(always)]
                        || norm_row(y, x, w, config.eps),
                    ),
                    (None, Some(bias)) => {
                        let bias = &bias[h * d..][..d];
                        y.iter_mut().zip(x).zip(bias).for_each(|((y, x), b)| *y = x + b);
                    }
                    (None, None) => y.copy_from_slice(x),
                }
            });
            out
        })?;
        tensor(out, (count, n, d))
    };
    let norms = layer.head_norms.as_ref();
    Ok(Heads {
        q: take(0, n_head, norms.map(|norms| norms[0].as_slice()))?,
        k: take(n_head, n_kv, norms.map(|norms| norms[1].as_slice()))?,
        v: take(n_head + n_kv, n_kv, None)?,
    })
}

/// The gradient of [`split`] for gradients of its three results; `qkv` is what was split.
///
/// # Errors
/// Those of candle.
pub fn split_backward(gradients: &Heads, qkv: &Tensor, layer: &Layer, config: &Config) -> Result<Tensor> {
    let (n, d, n_head, n_kv) = (qkv.dim(0)?, config.d_head, config.n_head, config.n_head_kv);
    let width = (n_head + 2 * n_kv) * d;
    let norms = layer.head_norms.as_ref();
    let out = with_slice(&gradients.q, |dq| {
        with_slice(&gradients.k, |dk| {
            with_slice(&gradients.v, |dv| {
                with_slice(qkv, |qkv| {
                    let mut out = vec![0.0; n * width];
                    out.par_chunks_mut(width).enumerate().with_min_len(16).for_each(|(t, row)| {
                        for (h, dx) in row.chunks_mut(d).enumerate() {
                            let (dy, norm) = if h < n_head {
                                (&dq[(h * n + t) * d..][..d], norms.map(|norms| &norms[0]))
                            } else if h < n_head + n_kv {
                                (&dk[((h - n_head) * n + t) * d..][..d], norms.map(|norms| &norms[1]))
                            } else {
                                (&dv[((h - n_head - n_kv) * n + t) * d..][..d], None)
                            };
                            match norm {
                                Some(w) => {
                                    let x = &qkv[t * width + h * d..][..d];
                                    vectorized(
                                        #[inline(always)]
                                        || norm_row_backward(dx, dy, x, w, config.eps),
                                    );
                                }
                                None => dx.copy_from_slice(dy),
                            }
                        }
                    });
                    out
                })
            })
        })
    })????;
    tensor(out, (n, width))
}

/// `[n_head, n, d]` to `[n, n_head d]`.
///
/// # Errors
/// Those of candle.
pub fn merge(x: &Tensor) -> Result<Tensor> {
    let (h, n, d) = x.dims3()?;
    x.transpose(0, 1)?.contiguous()?.reshape((n, h * d))
}

/// `[n, n_head d]` to `[n_head, n, d]`.
///
/// # Errors
/// Those of candle.
pub fn unmerge(x: &Tensor, n_head: usize) -> Result<Tensor> {
    let (n, width) = x.dims2()?;
    x.reshape((n, n_head, width / n_head))?.transpose(0, 1)?.contiguous()
}

/// The angles of RoPE at each position.
#[derive(Debug, Clone)]
pub struct Rope {
    /// Cosine and sine of each pair: `[position][n_rot / 2]`.
    turns: Vec<[f32; 2]>,
    n_rot: usize,
    neighbours: bool,
}

impl Rope {
    /// Angles `position base^(-2 i / n_rot)`, divided by the model's factors, for positions below `n`.
    pub fn new(config: &Config, factors: Option<&[f32]>, n: usize) -> Self {
        let half = config.n_rot / 2;
        let frequency = |i: usize| {
            let factor = factors.and_then(|f| f.get(i)).map_or(1.0, |&f| f64::from(f));
            config.rope_base.powf(-2.0 * i as f64 / config.n_rot as f64) / factor
        };
        let frequencies: Vec<f64> = (0..half).map(frequency).collect();
        let turn = |angle: f64| [angle.cos() as f32, angle.sin() as f32];
        let turns = (0..n).flat_map(|p| frequencies.iter().map(move |f| turn(p as f64 * f))).collect();
        Self { turns, n_rot: config.n_rot, neighbours: config.architecture == Architecture::Llama }
    }

    /// Turns `[heads, n, d]` to the positions of the tokens forwards; or back, which is also the gradient.
    ///
    /// # Errors
    /// Those of candle.
    pub fn turn(&self, x: &Tensor, position: impl Fn(usize) -> usize + Sync, back: bool) -> Result<Tensor> {
        let (_, n, d) = x.dims3()?;
        let half = self.n_rot / 2;
        let out = with_slice(x, |x| {
            let mut out = x.to_vec();
            out.par_chunks_mut(d).enumerate().with_min_len(64).for_each(|(row, x)| {
                let turns = &self.turns[position(row % n) * half..][..half];
                for (i, &[cos, sin]) in turns.iter().enumerate() {
                    let (i, j) = if self.neighbours { (2 * i, 2 * i + 1) } else { (i, i + half) };
                    let sin = if back { -sin } else { sin };
                    (x[i], x[j]) = (x[i] * cos - x[j] * sin, x[i] * sin + x[j] * cos);
                }
            });
            out
        })?;
        tensor(out, x.shape())
    }
}
