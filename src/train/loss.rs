//! What is wanted of predictions: those of full attention, and the tokens of the answer. Over the vocabulary in chunks of positions.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::rows::{rms_norm, rms_norm_backward};
use super::tensors::{exp, max, sum2, tensor, vectorized, with_slice};
use super::weights::Frozen;

/// Positions whose logits are in memory at once.
const CHUNK: usize = 128;

/// How much a mean over positions counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Of KL(teacher || student).
    pub kl: f64,
    /// Of the negative log-likelihood of the tokens that follow.
    pub nll: f64,
}

/// Means over positions, in nats.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Losses {
    /// KL(teacher || student); 0 without a teacher.
    pub kl: f64,
    /// Negative log-likelihood of the tokens that follow.
    pub nll: f64,
}

/// What is predicted where.
#[derive(Debug, Clone, Copy)]
pub struct Predicted<'a> {
    /// First position.
    pub first: usize,
    /// The token that follows each of them.
    pub next: &'a [i32],
    /// Last hidden states of the teacher at these positions, after the norm, `[next, n_embd]`.
    pub teacher: Option<&'a Tensor>,
}

impl Frozen {
    /// Last hidden states at positions `first..first + n`, after the norm, `[n, n_embd]`: a teacher's are kept like this, as its
    /// logits take a hundred times as much.
    ///
    /// # Errors
    /// Those of candle.
    pub fn last_states(&self, hidden: &Tensor, first: usize, n: usize) -> Result<Tensor> {
        rms_norm(&hidden.narrow(0, first, n)?.contiguous()?, &self.output_norm, self.config.eps)
    }

    /// Logits of last hidden states, `[n, n_vocab]`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn logits(&self, states: &Tensor) -> Result<Tensor> {
        states.matmul(&self.output.t()?)
    }

    /// The losses at some positions, for the output of the last layer, `[n, n_embd]`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn losses(&self, hidden: &Tensor, predicted: Predicted<'_>) -> Result<Losses> {
        let states = self.last_states(hidden, predicted.first, predicted.next.len())?;
        Ok(self.walk(&states, predicted.next, predicted.teacher, None)?.0)
    }

    /// The negative log-likelihood of the tokens that follow last hidden states, a mean in nats.
    ///
    /// # Errors
    /// Those of candle.
    pub fn nll(&self, states: &Tensor, next: &[i32]) -> Result<f64> {
        Ok(self.walk(states, next, None, None)?.0.nll)
    }

    /// The losses, and the gradient of their weighted sum in `hidden`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn losses_backward(
        &self,
        hidden: &Tensor,
        predicted: Predicted<'_>,
        weights: Weights,
    ) -> Result<(Losses, Tensor)> {
        let (n_all, n_embd) = hidden.dims2()?;
        let n = predicted.next.len();
        let states = self.last_states(hidden, predicted.first, n)?;
        let (losses, d_states) = self.walk(&states, predicted.next, predicted.teacher, Some(weights))?;
        let x = hidden.narrow(0, predicted.first, n)?.contiguous()?;
        let zeros = Tensor::zeros_like(&x)?;
        let d_states = tensor(d_states, (n, n_embd))?;
        let d_x = rms_norm_backward(&zeros, &d_states, &x, &self.output_norm, self.config.eps)?;
        let mut d_hidden = vec![0.0; n_all * n_embd];
        with_slice(&d_x, |d_x| d_hidden[predicted.first * n_embd..][..n * n_embd].copy_from_slice(d_x))?;
        Ok((losses, tensor(d_hidden, (n_all, n_embd))?))
    }

    /// Losses, and gradients in the states if there are weights.
    fn walk(
        &self,
        states: &Tensor,
        next: &[i32],
        teacher: Option<&Tensor>,
        weights: Option<Weights>,
    ) -> Result<(Losses, Vec<f32>)> {
        let n = next.len();
        let (mut kl, mut nll) = (0.0, 0.0);
        let mut d_states = Vec::new();
        for first in (0..n).step_by(CHUNK) {
            let next = &next[first..n.min(first + CHUNK)];
            let part = |x: &Tensor| x.narrow(0, first, next.len());
            let logits = self.logits(&part(states)?)?;
            let teacher = teacher.map(|teacher| self.logits(&part(teacher)?)).transpose()?;
            let (losses, d_logits) = chunk(&logits, teacher.as_ref(), next, weights, n as f64)?;
            for loss in losses {
                kl += loss.kl;
                nll += loss.nll;
            }
            if weights.is_some() {
                let d_logits = tensor(d_logits, logits.shape())?;
                with_slice(&d_logits.matmul(&self.output)?, |d| d_states.extend_from_slice(d))?;
            }
        }
        Ok((Losses { kl: kl / n as f64, nll: nll / n as f64 }, d_states))
    }
}

/// The losses of each row, and gradients in its logits of the weighted mean over `n_all` rows.
fn chunk(
    logits: &Tensor,
    teacher: Option<&Tensor>,
    next: &[i32],
    weights: Option<Weights>,
    n_all: f64,
) -> Result<(Vec<Losses>, Vec<f32>)> {
    let (n, n_vocab) = logits.dims2()?;
    let mut losses = vec![Losses::default(); n];
    let mut gradient = vec![0.0; n * n_vocab];
    let each = |i: usize, d: &mut [f32], loss: &mut Losses, student: &[f32], teacher: Option<&[f32]>| {
        vectorized(
            #[inline(always)]
            || {
                // shares of the student into d, those of the teacher beside it
                let norm = shares(d, student);
                let token = usize::try_from(next[i]).unwrap_or(usize::MAX);
                loss.nll = f64::from(norm) - student.get(token).map_or(f64::INFINITY, |&x| f64::from(x));
                let (kl, nll) = weights.map_or((0.0, 0.0), |w| ((w.kl / n_all) as f32, (w.nll / n_all) as f32));
                if let Some(teacher) = teacher {
                    let mut p = vec![0.0; teacher.len()];
                    let teacher_norm = shares(&mut p, teacher);
                    // sum p (teacher - student) by logits, and the norms
                    let mut difference = 0.0;
                    for ((p, t), s) in p.chunks(256).zip(teacher.chunks(256)).zip(student.chunks(256)) {
                        difference += f64::from(sum2(p, t, |p, t| p * t) - sum2(p, s, |p, s| p * s));
                    }
                    loss.kl = difference - f64::from(teacher_norm) + f64::from(norm);
                    d.iter_mut().zip(&p).for_each(|(d, p)| *d = kl * (*d - p) + nll * *d);
                } else {
                    d.iter_mut().for_each(|d| *d *= nll);
                }
                if let Some(d) = d.get_mut(token) {
                    *d -= nll;
                }
            },
        );
    };
    with_slice(logits, |student| {
        let rows = gradient.par_chunks_mut(n_vocab).zip(&mut losses).zip(student.par_chunks(n_vocab)).enumerate();
        match teacher {
            Some(teacher) => with_slice(teacher, |teacher| {
                rows.for_each(|(i, ((d, loss), student))| {
                    each(i, d, loss, student, Some(&teacher[i * n_vocab..][..n_vocab]));
                });
            }),
            None => {
                rows.for_each(|(i, ((d, loss), student))| each(i, d, loss, student, None));
                Ok(())
            }
        }
    })??;
    Ok((losses, gradient))
}

/// The softmax of a row into `out`, and the logarithm of the sum of its exponentials.
#[inline(always)]
fn shares(out: &mut [f32], logits: &[f32]) -> f32 {
    let top = max(logits);
    out.iter_mut().zip(logits).for_each(|(y, x)| *y = exp(x - top));
    let sum = sum2(out, out, |y, _| y);
    let inverse = 1.0 / sum;
    out.iter_mut().for_each(|y| *y *= inverse);
    top + sum.ln()
}
