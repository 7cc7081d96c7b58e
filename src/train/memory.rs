//! The memory of a layer: what `docs/gate-file.md` computes, with gradients by candle.

use candle_core::{CpuStorage, CustomOp1, CustomOp3, Layout, Result, Shape, Tensor, Var, bail};
use rayon::prelude::*;

use super::tensors::{exp, floats, sum2, tensor, vectorized, with_slice};
use crate::memory::gate::LayerGate;

/// What is added to `phi(q) z`, and to its mean over the folded tokens before the logarithm.
const EPS: f64 = 1e-6;

/// What is fitted in one layer, as candle's variables.
#[derive(Debug)]
pub struct Fitted {
    /// `[n_head, 1, 1]` each: weight of the match, weight of how much was folded, bias.
    a: Var,
    b: Var,
    c: Var,
    /// `[n_head, d, 1]`
    w: Var,
    /// `[n_head, n_features / 2, d]` and `[n_head_kv, n_features / 2, d]`; none with ELU.
    maps: Option<[Var; 2]>,
}

impl Fitted {
    /// The variables of a layer, for heads of `d` elements.
    ///
    /// # Errors
    /// If the lengths do not fit together.
    pub fn new(gate: &LayerGate, d: usize) -> Result<Self> {
        let n_head = gate.a.len();
        let each = |values: &[f32]| Var::from_tensor(&tensor(values.to_vec(), (n_head, 1, 1))?);
        let map = |values: &[f32], heads: usize| {
            let rows = values.len() / (heads * d).max(1);
            Var::from_tensor(&tensor(values.to_vec(), (heads, rows, d))?)
        };
        let maps = match (&gate.map_q, &gate.map_k) {
            (Some(q), Some(k)) => {
                let rows = q.len() / (n_head * d).max(1);
                Some([map(q, n_head)?, map(k, k.len() / (rows * d).max(1))?])
            }
            _ => None,
        };
        Ok(Self {
            a: each(&gate.a)?,
            b: each(&gate.b)?,
            c: each(&gate.c)?,
            w: Var::from_tensor(&tensor(gate.w.clone(), (n_head, d, 1))?)?,
            maps,
        })
    }

    /// The gradients, in the shape of what is fitted; zeros where there is none.
    ///
    /// # Errors
    /// Those of candle.
    pub fn gradients(&self, store: &candle_core::backprop::GradStore) -> Result<LayerGate> {
        let of = |var: &Var| match store.get(var) {
            Some(gradient) => floats(gradient),
            None => Ok(vec![0.0; var.elem_count()]),
        };
        let map = |i: usize| self.maps.as_ref().map(|maps| of(&maps[i])).transpose();
        Ok(LayerGate {
            w: of(&self.w)?,
            a: of(&self.a)?,
            b: of(&self.b)?,
            c: of(&self.c)?,
            map_q: map(0)?,
            map_k: map(1)?,
        })
    }

    fn features(&self, x: &Tensor, which: usize) -> Result<Tensor> {
        match &self.maps {
            Some(maps) => x.matmul(&maps[which].t()?)?.apply_op1(BothSoftmaxes),
            None => x.elu(1.0)? + 1.0,
        }
    }
}

/// M and z of a layer side by side, `[n_head_kv, n_features, d + 1]`; z is the last column. Nothing before the first token is folded.
#[derive(Debug, Clone, Default)]
pub struct Memory(Option<Tensor>);

impl Memory {
    /// `M += phi(k)^T v, z += phi(k)` over tokens that leave; k and v `[n_head_kv, n, d]`, k without RoPE.
    ///
    /// # Errors
    /// Those of candle.
    pub fn fold(&mut self, fitted: &Fitted, k: &Tensor, v: &Tensor) -> Result<()> {
        let (n_kv, n, _) = v.dims3()?;
        let ones = Tensor::ones((n_kv, n, 1), v.dtype(), v.device())?;
        let more = fitted.features(k, 1)?.t()?.matmul(&Tensor::cat(&[v, &ones], 2)?)?;
        self.0 = Some(match self.0.take() {
            Some(memory) => (memory + more)?,
            None => more,
        });
        Ok(())
    }

    /// Forgets how it came about, where no gradient is wanted.
    pub fn detach(&mut self) {
        self.0 = self.0.take().map(|memory| memory.detach());
    }

    /// What attention and memory answer together to queries without RoPE; q and the answer of local attention `[n_head, n, d]`,
    /// after `n_folded` tokens were folded. With it the logits of the gate, `[n_head, n, 1]`.
    ///
    /// # Errors
    /// If nothing was folded, and those of candle.
    pub fn read(&self, fitted: &Fitted, q: &Tensor, local: &Tensor, n_folded: usize) -> Result<(Tensor, Tensor)> {
        let Some(memory) = &self.0 else { bail!("nothing was folded") };
        let (n_head, n, d) = q.dims3()?;
        let (n_kv, n_features, _) = memory.dims3()?;
        let phi = fitted.features(q, 0)?.reshape((n_kv, n_head / n_kv * n, n_features))?;
        let answer = phi.matmul(memory)?.reshape((n_head, n, d + 1))?;
        let den = answer.narrow(2, d, 1)?;
        let n_folded = n_folded as f64;
        let fit = den.affine(1.0 / n_folded, EPS)?.log()?.broadcast_mul(&fitted.a)?;
        let own = q.matmul(&fitted.w)?.broadcast_add(&(&*fitted.c + (&*fitted.b * n_folded.ln())?)?)?;
        let logit = (fit + own)?;
        Ok((answer.apply_op3(&logit, local, Mix)?, logit))
    }
}

/// How far gates are open: sum of sigmoid over their logits, and their number.
///
/// # Errors
/// Those of candle.
pub fn openness(logit: &Tensor) -> Result<(f64, usize)> {
    let sum = with_slice(logit, |logit| logit.iter().map(|&x| f64::from(1.0 / (1.0 + exp(-x)))).sum())?;
    Ok((sum, logit.elem_count()))
}

/// A number whose gradient in `x` is `gradient`, where candle's way back begins.
///
/// # Errors
/// Those of candle.
pub fn with_gradient(x: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    x.apply_op1(Begin(gradient.clone()))
}

/// See [`with_gradient`]. The value is never looked at: 0.
struct Begin(Tensor);

impl CustomOp1 for Begin {
    fn name(&self) -> &'static str {
        "begin"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), Shape::from(())))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.0.clone()))
    }
}

/// `[softmax(x), softmax(-x)]` over the last dimension.
struct BothSoftmaxes;

impl CustomOp1 for BothSoftmaxes {
    fn name(&self) -> &'static str {
        "both_softmaxes"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = slice(storage, layout)?;
        let mut dims = layout.dims().to_vec();
        let Some(last) = dims.last_mut() else { bail!("softmax of a scalar") };
        let rows = *last;
        *last *= 2;
        let mut out = vec![0.0; 2 * x.len()];
        out.par_chunks_mut(2 * rows).zip(x.par_chunks(rows)).with_min_len(64).for_each(|(y, x)| {
            vectorized(
                #[inline(always)]
                || {
                    let (plus, minus) = y.split_at_mut(rows);
                    plus.copy_from_slice(x);
                    minus.iter_mut().zip(x).for_each(|(y, x)| *y = -x);
                    super::tensors::softmax(plus, 1.0);
                    super::tensors::softmax(minus, 1.0);
                },
            );
        });
        Ok((CpuStorage::F32(out), Shape::from(dims)))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let Some(&rows) = x.dims().last() else { bail!("softmax of a scalar") };
        let dy = dy.contiguous()?;
        let out = with_slice(y, |y| {
            with_slice(&dy, |dy| {
                let mut out = vec![0.0; y.len() / 2];
                let parts = out.par_chunks_mut(rows).zip(y.par_chunks(2 * rows)).zip(dy.par_chunks(2 * rows));
                parts.with_min_len(64).for_each(|((dx, y), dy)| {
                    vectorized(
                        #[inline(always)]
                        || {
                            let ((plus, minus), (d_plus, d_minus)) = (y.split_at(rows), dy.split_at(rows));
                            let mean_plus = sum2(plus, d_plus, |y, d| y * d);
                            let mean_minus = sum2(minus, d_minus, |y, d| y * d);
                            for i in 0..rows {
                                dx[i] = plus[i] * (d_plus[i] - mean_plus) - minus[i] * (d_minus[i] - mean_minus);
                            }
                        },
                    );
                });
                out
            })
        })??;
        Ok(Some(tensor(out, x.shape())?))
    }
}

/// `(1 - g) local + g num / (den + eps)` with g = sigmoid(logit); `[h, n, d + 1]` with den last, `[h, n, 1]`, `[h, n, d]`.
struct Mix;

impl CustomOp3 for Mix {
    fn name(&self) -> &'static str {
        "mix"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (answer, logit, local) = (slice(s1, l1)?, slice(s2, l2)?, slice(s3, l3)?);
        let d = l3.dims().last().copied().unwrap_or(1);
        let mut out = vec![0.0; local.len()];
        let rows = out.par_chunks_mut(d).zip(local.par_chunks(d)).zip(answer.par_chunks(d + 1)).zip(logit);
        rows.with_min_len(64).for_each(|(((out, local), answer), &logit)| {
            vectorized(
                #[inline(always)]
                || {
                    let g = 1.0 / (1.0 + exp(-logit));
                    let scale = g / (answer[d] + EPS as f32);
                    for i in 0..d {
                        out[i] = (1.0 - g) * local[i] + scale * answer[i];
                    }
                },
            );
        });
        Ok((CpuStorage::F32(out), l3.shape().clone()))
    }

    fn bwd(
        &self,
        answer: &Tensor,
        logit: &Tensor,
        local: &Tensor,
        _: &Tensor,
        d_out: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let Some(&d) = local.dims().last() else { bail!("mix of a scalar") };
        let d_out = d_out.contiguous()?;
        let (mut d_answer, mut d_logit, mut d_local) =
            (vec![0.0; answer.elem_count()], vec![0.0; logit.elem_count()], vec![0.0; local.elem_count()]);
        with_slice(answer, |answer| {
            with_slice(logit, |logit| {
                with_slice(local, |local| {
                    with_slice(&d_out, |d_out| {
                        let gradients = d_answer.par_chunks_mut(d + 1).zip(&mut d_logit).zip(d_local.par_chunks_mut(d));
                        let values =
                            answer.par_chunks(d + 1).zip(logit).zip(local.par_chunks(d)).zip(d_out.par_chunks(d));
                        gradients.zip(values).with_min_len(64).for_each(
                            |(((d_answer, d_logit), d_local), (((answer, logit), local), d_out))| {
                                vectorized(
                                    #[inline(always)]
                                    || {
                                        let g = 1.0 / (1.0 + exp(-logit));
                                        let inverse = 1.0 / (answer[d] + EPS as f32);
                                        let from_memory = inverse * sum2(&answer[..d], d_out, |a, b| a * b);
                                        let from_local = sum2(local, d_out, |a, b| a * b);
                                        *d_logit = (from_memory - from_local) * g * (1.0 - g);
                                        for i in 0..d {
                                            d_answer[i] = g * inverse * d_out[i];
                                            d_local[i] = (1.0 - g) * d_out[i];
                                        }
                                        d_answer[d] = -g * inverse * from_memory;
                                    },
                                );
                            },
                        );
                    })
                })
            })
        })????;
        Ok((
            Some(tensor(d_answer, answer.shape())?),
            Some(tensor(d_logit, logit.shape())?),
            Some(tensor(d_local, local.shape())?),
        ))
    }
}

fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((begin, end)) => Ok(&storage.as_slice::<f32>()?[begin..end]),
        None => bail!("a tensor of shape {:?} is not contiguous", layout.shape()),
    }
}
