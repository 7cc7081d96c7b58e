//! The score of a token in one layer with gradients: what [`crate::memory::gate::LayerScore`] computes, by candle.

use candle_core::{DType, Device, Result, Tensor, Var};

use super::notice::Noticed;
use super::tensors::{floats, tensor};
use crate::memory::gate::LayerScore;
use crate::rng::Rng;

/// Decay of Adam's means, and what keeps a quotient finite.
const BETA: [f64; 2] = [0.9, 0.99];
const EPS: f64 = 1e-8;

/// How much what the text itself looks at counts beside what is asked, which counts 1.
const TEXT_WEIGHT: f64 = 0.5;

/// The score of one layer, in the middle of its fit.
#[derive(Debug)]
pub struct FittedScore {
    /// `[n_head_kv, n_hidden, 2 d]`, `[n_head_kv, 1, n_hidden]`, `[n_head_kv, n_hidden, 1]`; for inputs of mean 0 and deviation 1.
    parts: [Var; 3],
    /// Adam's means of gradients and of their squares.
    means: [[Tensor; 2]; 3],
    /// Mean and deviation of each input, `[n_head_kv, 1, 2 d]`.
    mean: Tensor,
    deviation: Tensor,
    step: i32,
}

impl FittedScore {
    /// A score that has seen nothing but how large its inputs are.
    ///
    /// # Errors
    /// Those of candle.
    pub(crate) fn new(inputs: &Tensor, n_hidden: usize, rng: &mut Rng) -> Result<Self> {
        let (n_kv, n, d) = inputs.dims3()?;
        let x = inputs.to_dtype(DType::F32)?;
        let mean = x.mean_keepdim(1)?;
        let square = x.broadcast_sub(&mean)?.sqr()?.mean_keepdim(1)?;
        let deviation = (square + 1e-6)?.sqrt()?;
        debug_assert!(n > 0);
        let mut random = |shape: (usize, usize, usize), scale: f64| {
            let n = shape.0 * shape.1 * shape.2;
            let uniform = |_| (((rng.next() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0) * scale) as f32;
            Var::from_tensor(&tensor((0..n).map(uniform).collect(), shape)?)
        };
        let parts = [
            random((n_kv, n_hidden, d), (3.0 / d as f64).sqrt())?,
            random((n_kv, 1, n_hidden), 0.1)?,
            random((n_kv, n_hidden, 1), (1.0 / n_hidden as f64).sqrt())?,
        ];
        let zeros = |var: &Var| Tensor::zeros(var.shape(), DType::F32, &Device::Cpu);
        let both = |var: &Var| Ok::<_, candle_core::Error>([zeros(var)?, zeros(var)?]);
        let means = [both(&parts[0])?, both(&parts[1])?, both(&parts[2])?];
        Ok(Self { parts, means, mean, deviation, step: 0 })
    }

    /// Scores `[n_head_kv, n]` of inputs `[n_head_kv, n, 2 d]`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn scores(&self, inputs: &Tensor) -> Result<Tensor> {
        let x = inputs.to_dtype(DType::F32)?.broadcast_sub(&self.mean)?.broadcast_div(&self.deviation)?;
        let [map, bias, weight] = &self.parts;
        x.matmul(&map.t()?)?.broadcast_add(bias)?.silu()?.matmul(weight)?.squeeze(2)
    }

    /// The loss: cross-entropy of the softmax of scores along the text to what tokens are worth, in nats, a mean over KV heads. At its
    /// minimum a score is the logarithm of what tokens like this one are worth.
    ///
    /// # Errors
    /// Those of candle.
    pub fn loss(&self, noticed: &Noticed) -> Result<Tensor> {
        let scores = self.scores(&noticed.x)?;
        let n_kv = scores.dim(0)? as f64;
        let top = scores.max_keepdim(1)?.detach();
        let shifted = scores.broadcast_sub(&top)?;
        let log_p = shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(1)?.log()?)?;
        let towards = |target: &Tensor| -> Result<Tensor> {
            let share = target.broadcast_div(&(target.sum_keepdim(1)? + 1e-20)?)?;
            (share * &log_p)?.sum_all()?.affine(-1.0 / n_kv, 0.0)
        };
        towards(&noticed.asked)? + (towards(&noticed.text)? * TEXT_WEIGHT)?
    }

    /// A step of Adam, and the loss before it.
    ///
    /// # Errors
    /// Those of candle.
    pub fn learn(&mut self, noticed: &Noticed, rate: f64) -> Result<f64> {
        let loss = self.loss(noticed)?;
        let gradients = loss.backward()?;
        self.step += 1;
        let [fade, fade_square] = BETA.map(|beta| 1.0 - beta.powi(self.step));
        for (var, [mean, square]) in self.parts.iter().zip(&mut self.means) {
            let Some(gradient) = gradients.get(var) else { continue };
            *mean = ((&*mean * BETA[0])? + (gradient * (1.0 - BETA[0]))?)?.detach();
            *square = ((&*square * BETA[1])? + (gradient.sqr()? * (1.0 - BETA[1]))?)?.detach();
            let divisor = ((&*square / fade_square)?.sqrt()? + EPS)?;
            var.set(&(var.as_tensor() - ((&*mean * (rate / fade))? / divisor)?)?)?;
        }
        loss.to_scalar::<f32>().map(f64::from)
    }

    /// As it goes into a gate: for inputs as they are.
    ///
    /// # Errors
    /// Those of candle.
    pub fn to_gate(&self) -> Result<LayerScore> {
        let [map, bias, weight] = &self.parts;
        let map = map.broadcast_div(&self.deviation)?;
        let moved = map.broadcast_mul(&self.mean)?.sum_keepdim(2)?.transpose(1, 2)?;
        let bias = (bias.as_tensor() - moved)?;
        let n_head_kv = u32::try_from(map.dim(0)?).unwrap_or(0);
        Ok(LayerScore { n_head_kv, map: floats(&map)?, bias: floats(&bias)?, weight: floats(weight)? })
    }
}

/// How much of what is looked at stays if in each KV head the `n` tokens with the highest of `scores` `[n_head_kv, tokens]` are kept.
///
/// # Errors
/// Those of candle.
pub fn kept(scores: &Tensor, looked_at: &Tensor, n: usize) -> Result<f64> {
    let (scores, looked_at) = (scores.to_vec2::<f32>()?, looked_at.to_vec2::<f32>()?);
    let of_head = |(scores, looked_at): (&Vec<f32>, &Vec<f32>)| -> f64 {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        order.iter().take(n).map(|&i| f64::from(looked_at[i])).sum()
    };
    Ok(scores.iter().zip(&looked_at).map(of_head).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_finds_what_is_looked_at() {
        // of 40 tokens those with a large first value are looked at; the second head goes by the key
        let (n, d) = (40, 4);
        let mut rng = Rng::new(3);
        let x: Vec<f32> = (0..2 * n * d).map(|_| rng.index(1000) as f32 / 500.0 - 1.0).collect();
        let target = |head: usize| {
            let x = &x;
            (0..n).map(move |i| (3.0 * x[(head * n + i) * d + if head == 0 { 2 } else { 0 }]).exp())
        };
        let target: Vec<f32> = target(0).chain(target(1)).collect();
        let inputs = tensor(x.clone(), (2, n, d)).unwrap();
        let asked = tensor(target, (2, n)).unwrap();
        let noticed = Noticed {
            x: inputs.to_dtype(DType::F16).unwrap(),
            text: asked.clone(),
            snap: asked.clone(),
            asked: asked.clone(),
        };
        let mut fitted = FittedScore::new(&inputs, 8, &mut rng).unwrap();
        let first = fitted.learn(&noticed, 1e-2).unwrap();
        for _ in 0..300 {
            fitted.learn(&noticed, 1e-2).unwrap();
        }
        let last = fitted.learn(&noticed, 1e-2).unwrap();
        assert!(last < first - 0.3, "{first} {last}");
        let scores = fitted.scores(&inputs).unwrap();
        let (best, found) = (kept(&asked, &asked, 8).unwrap(), kept(&scores, &asked, 8).unwrap());
        assert!(found > 0.95 * best, "{found} of {best}");
        // what goes into a gate computes the same
        let gate = fitted.to_gate().unwrap();
        assert_eq!((gate.n_head_kv, gate.n_hidden()), (2, 8));
        let scores = scores.to_vec2::<f32>().unwrap();
        for (head, scores) in scores.iter().enumerate() {
            for (i, score) in scores.iter().enumerate() {
                let again = gate.of(head, &x[(head * n + i) * d..][..d]);
                assert!((again - score).abs() < 1e-4, "{again} {score}");
            }
        }
    }
}
