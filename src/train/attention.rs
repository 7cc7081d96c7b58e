//! Attention over what is in the cache, block by block, forwards and backwards.
//!
//! RoPE only sees differences, so queries and keys are turned once to their places in the text, and the few keys of the front are
//! turned forward by what has left between them and the rest, as the engine does it.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::heads::{Heads, Rope};
use super::layer::Kv;
use super::rows::add;
use super::schedule::{Block, Schedule};
use super::tensors::{exp, max, sum2, tensor, vectorized, with_slice};

/// Queries, keys and values of a layer, ready for attention.
pub struct Attention<'a> {
    schedule: &'a Schedule,
    rope: &'a Rope,
    heads: &'a Heads,
    /// Of all tokens in the text.
    positions: Vec<usize>,
    /// The first token that has a query; all have keys and values.
    first: usize,
    /// With RoPE at the place in the text.
    q: Tensor,
    k: Tensor,
    /// What stands right before the window in each block, and has no gradient.
    retained: Option<Retained<'a>>,
}

/// Tokens that each KV head retains of those that have left the window, in the order of the text, keys without RoPE.
#[derive(Debug, Clone, Copy)]
pub struct Retained<'a> {
    /// `[n_head_kv, n, d]`; none in a layer that retains nothing.
    pub kv: Option<&'a Kv>,
    /// As many as the layer has that retains most: the front is as far before the window in all layers.
    pub n_most: usize,
}

/// What attention has done with one block: its result and the shares of the keys.
pub struct Attended {
    /// `[n_head, n, d]`
    pub out: Tensor,
    /// `[n_head_kv, group n, n_keys]`
    shares: Tensor,
}

impl<'a> Attention<'a> {
    /// Turns queries and keys. The queries may be those of the last tokens alone.
    ///
    /// # Errors
    /// Those of candle.
    pub fn new(schedule: &'a Schedule, rope: &'a Rope, heads: &'a Heads) -> Result<Self> {
        let positions = schedule.positions();
        let first = heads.k.dim(1)? - heads.q.dim(1)?;
        let q = rope.turn(&heads.q, |i| positions[first + i], false)?;
        let k = rope.turn(&heads.k, |i| positions[i], false)?;
        Ok(Self { schedule, rope, heads, positions, first, q, k, retained: None })
    }

    /// The same beside tokens that are retained in all blocks, as the engine has them when something is asked.
    #[must_use]
    pub fn beside(self, retained: Option<Retained<'a>>) -> Self {
        Self { retained, ..self }
    }

    /// How far the front is turned forward for a block.
    fn front_shift(&self, block: &Block) -> usize {
        block.dropped - self.retained.map_or(0, |retained| retained.n_most.min(block.dropped))
    }

    fn n_retained(&self) -> Result<usize> {
        self.retained.and_then(|retained| retained.kv).map_or(Ok(0), |kv| kv.k.dim(1))
    }

    /// `softmax(q k / sqrt(d)) v` for the queries of a block.
    ///
    /// # Errors
    /// Those of candle.
    pub fn forward(&self, block: &Block) -> Result<Attended> {
        let (n_head, _, d) = self.q.dims3()?;
        let (keys, values) = self.cached(block)?;
        let n = block.tokens.len();
        let scores = self.queries(block)?.matmul(&keys.t()?)?;
        let shares = causal_softmax(&scores, n, 1.0 / (d as f32).sqrt())?;
        let out = shares.matmul(&values)?.reshape((n_head, n, d))?;
        Ok(Attended { out, shares })
    }

    /// Adds the gradients of a block's queries, keys and values for the gradient of its result, `[n_head, n, d]`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn backward(&self, block: &Block, shares: &Tensor, d_out: &Tensor, sums: &mut Sums) -> Result<()> {
        let (n_head, _, d) = self.q.dims3()?;
        let n_kv = self.k.dim(0)?;
        let n = block.tokens.len();
        let (keys, values) = self.cached(block)?;
        let d_out = d_out.reshape((n_kv, n_head / n_kv * n, d))?;
        let d_values = shares.t()?.matmul(&d_out)?;
        let d_shares = d_out.matmul(&values.t()?)?;
        let d_scores = softmax_backward(shares, &d_shares, 1.0 / (d as f32).sqrt())?;
        let d_q = d_scores.matmul(&keys)?.reshape((n_head, n, d))?;
        let d_keys = d_scores.t()?.matmul(&self.queries(block)?)?;
        sums.q.add(block.tokens.start - self.first, &d_q)?;
        let n_front = if block.dropped == 0 { 0 } else { self.schedule.n_front };
        if n_front > 0 {
            let d_front = d_keys.narrow(1, 0, n_front)?.contiguous()?;
            let shift = self.front_shift(block);
            let d_front = self.rope.turn(&d_front, |i| shift + i, true)?;
            sums.k_plain.add(0, &d_front)?;
            sums.v.add(0, &d_values.narrow(1, 0, n_front)?.contiguous()?)?;
        }
        let mut at = n_front + self.n_retained()?;
        for range in block.seen(n_front) {
            sums.k.add(range.start, &d_keys.narrow(1, at, range.len())?.contiguous()?)?;
            sums.v.add(range.start, &d_values.narrow(1, at, range.len())?.contiguous()?)?;
            at += range.len();
        }
        Ok(())
    }

    /// The gradients of queries, keys and values without RoPE.
    ///
    /// # Errors
    /// Those of candle.
    pub fn gradients(&self, sums: Sums) -> Result<Heads> {
        let together = |turned: Rows, plain: Rows, first: usize| {
            let back = self.rope.turn(&turned.into_tensor()?, |i| self.positions[first + i], true)?;
            add(&back, &plain.into_tensor()?)
        };
        let q = together(sums.q, sums.q_plain, self.first)?;
        Ok(Heads { q, k: together(sums.k, sums.k_plain, 0)?, v: sums.v.into_tensor()? })
    }

    /// `[n_head_kv, group n, d]`: heads that share a KV head stand one below the other.
    fn queries(&self, block: &Block) -> Result<Tensor> {
        let (n_head, _, d) = self.q.dims3()?;
        let n_kv = self.k.dim(0)?;
        let n = block.tokens.len();
        self.q.narrow(1, block.tokens.start - self.first, n)?.contiguous()?.reshape((n_kv, n_head / n_kv * n, d))
    }

    /// Keys with RoPE and values that the last token of a block sees, `[n_head_kv, n_keys, d]`.
    fn cached(&self, block: &Block) -> Result<(Tensor, Tensor)> {
        let n_front = if block.dropped == 0 { 0 } else { self.schedule.n_front };
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        if n_front > 0 {
            let front = self.heads.k.narrow(1, 0, n_front)?.contiguous()?;
            let shift = self.front_shift(block);
            keys.push(self.rope.turn(&front, |i| shift + i, false)?);
            values.push(self.heads.v.narrow(1, 0, n_front)?);
        }
        if let Some(kv) = self.retained.and_then(|retained| retained.kv) {
            let first = (self.schedule.n_front + block.dropped) - self.n_retained()?;
            keys.push(self.rope.turn(&kv.k, |i| first + i, false)?);
            values.push(kv.v.clone());
        }
        for range in block.seen(n_front) {
            keys.push(self.k.narrow(1, range.start, range.len())?);
            values.push(self.heads.v.narrow(1, range.start, range.len())?);
        }
        Ok((Tensor::cat(&keys, 1)?.contiguous()?, Tensor::cat(&values, 1)?.contiguous()?))
    }
}

impl Attended {
    /// The shares of the keys, `[n_head_kv, group n, n_keys]`: heads that share a KV head one below the other.
    pub fn shares(&self) -> &Tensor {
        &self.shares
    }

    /// The shares of the keys, for the way back.
    pub fn into_shares(self) -> Tensor {
        self.shares
    }
}

/// Where gradients come together.
#[derive(Debug)]
pub struct Sums {
    /// Of queries, with RoPE.
    pub q: Rows,
    /// Of queries that meet the memory, without RoPE.
    pub q_plain: Rows,
    /// Of keys, with RoPE.
    pub k: Rows,
    /// Of keys without RoPE: those of the front, which are turned otherwise in each block, and those that are folded.
    pub k_plain: Rows,
    /// Of values.
    pub v: Rows,
}

impl Sums {
    /// Zeros for the shapes of `heads`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn new(heads: &Heads) -> Result<Self> {
        Ok(Self {
            q: Rows::new(&heads.q)?,
            q_plain: Rows::new(&heads.q)?,
            k: Rows::new(&heads.k)?,
            k_plain: Rows::new(&heads.k)?,
            v: Rows::new(&heads.v)?,
        })
    }
}

/// `[heads, n, d]`, to which ranges of tokens are added.
#[derive(Debug)]
pub struct Rows {
    values: Vec<f32>,
    shape: (usize, usize, usize),
}

impl Rows {
    /// Zeros in the shape of a tensor.
    ///
    /// # Errors
    /// If it has not three dimensions.
    pub fn new(like: &Tensor) -> Result<Self> {
        let shape = like.dims3()?;
        Ok(Self { values: vec![0.0; shape.0 * shape.1 * shape.2], shape })
    }

    /// Adds `[heads, m, d]` to the tokens `first..first + m`.
    ///
    /// # Errors
    /// If it is not contiguous.
    pub fn add(&mut self, first: usize, x: &Tensor) -> Result<()> {
        let (_, n, d) = self.shape;
        let m = x.dim(1)?;
        with_slice(x, |x| {
            self.values.par_chunks_mut(n * d).zip(x.par_chunks(m * d)).for_each(|(sum, x)| {
                sum[first * d..][..m * d].iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
            });
        })
    }

    /// The sums.
    ///
    /// # Errors
    /// Those of candle.
    pub fn into_tensor(self) -> Result<Tensor> {
        tensor(self.values, self.shape)
    }
}

/// Softmax of each row over the keys that its query sees: the last of `n` queries sees all of them, the one before all but one.
/// Rows are `[.., query]`, several heads below each other.
fn causal_softmax(scores: &Tensor, n: usize, scale: f32) -> Result<Tensor> {
    let n_keys = scores.dim(2)?;
    let out = with_slice(scores, |scores| {
        let mut out = vec![0.0; scores.len()];
        out.par_chunks_mut(n_keys).zip(scores.par_chunks(n_keys)).enumerate().with_min_len(16).for_each(
            |(row, (p, x))| {
                let visible = n_keys - n + row % n + 1;
                vectorized(
                    #[inline(always)]
                    || {
                        let (p, x) = (&mut p[..visible], &x[..visible]);
                        let top = max(x);
                        p.iter_mut().zip(x).for_each(|(p, x)| *p = exp(scale * (x - top)));
                        let inverse = 1.0 / sum2(p, p, |p, _| p);
                        p.iter_mut().for_each(|p| *p *= inverse);
                    },
                );
            },
        );
        out
    })?;
    tensor(out, scores.shape())
}

/// `scale p (dp - p . dp)` for each row.
fn softmax_backward(shares: &Tensor, d_shares: &Tensor, scale: f32) -> Result<Tensor> {
    let n_keys = shares.dim(2)?;
    let out = with_slice(shares, |p| {
        with_slice(d_shares, |dp| {
            let mut out = vec![0.0; p.len()];
            let rows = out.par_chunks_mut(n_keys).zip(p.par_chunks(n_keys)).zip(dp.par_chunks(n_keys));
            rows.with_min_len(16).for_each(|((out, p), dp)| {
                vectorized(
                    #[inline(always)]
                    || {
                        let dot = sum2(p, dp, |p, dp| p * dp);
                        for ((out, p), dp) in out.iter_mut().zip(p).zip(dp) {
                            *out = scale * p * (dp - dot);
                        }
                    },
                );
            });
            out
        })
    })??;
    tensor(out, shares.shape())
}
