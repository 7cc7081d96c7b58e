//! The score of a token in one layer with gradients: what [`crate::memory::gate::LayerScore`] computes, by candle.

use candle_core::{DType, Device, Result, Tensor, Var};

use super::kept::choose;
use super::notice::{Notice, Noticed};
use super::tensors::{floats, tensor};
use crate::memory::gate::LayerScore;
use crate::rng::Rng;

/// Decay of Adam's means, and what keeps a quotient finite.
const BETA: [f64; 2] = [0.9, 0.99];
const EPS: f64 = 1e-8;

/// How far from being chosen a score still counts.
const SOFTNESS: f64 = 2.0;

/// What the logarithm of an age is moved by: ages are some hundreds to some thousands.
const MIDDLE_AGE: f64 = 7.0;

/// The score of one layer, in the middle of its fit.
#[derive(Debug)]
pub struct FittedScore {
    /// Of key and value, which are brought to mean 0 and deviation 1, `[n_head_kv, n_hidden, 2 d]`; of the age and the bias,
    /// `[n_head_kv, 1, n_hidden]`; of hidden units, `[n_head_kv, n_hidden, 1]`.
    parts: [Var; 4],
    /// Adam's means of gradients and of their squares.
    means: [[Tensor; 2]; 4],
    /// Mean and deviation of each input, `[n_head_kv, 1, 2 d]`.
    mean: Tensor,
    deviation: Tensor,
    /// The oldest age that was seen.
    age_max: u32,
    /// Of retained tokens; a fit of scores leaves it as it is.
    share: f32,
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
            random((n_kv, 1, n_hidden), 0.5)?,
            random((n_kv, 1, n_hidden), 0.1)?,
            random((n_kv, n_hidden, 1), (1.0 / n_hidden as f64).sqrt())?,
        ];
        let zeros = |var: &Var| Tensor::zeros(var.shape(), DType::F32, &Device::Cpu);
        let both = |var: &Var| Ok::<_, candle_core::Error>([zeros(var)?, zeros(var)?]);
        let means = [both(&parts[0])?, both(&parts[1])?, both(&parts[2])?, both(&parts[3])?];
        Ok(Self { parts, means, mean, deviation, age_max: 1, share: 1.0, step: 0 })
    }

    /// A score that goes on from one of a gate.
    ///
    /// # Errors
    /// Those of candle.
    pub(crate) fn from_gate(score: &LayerScore, inputs: &Tensor, rng: &mut Rng) -> Result<Self> {
        let n_hidden = score.n_hidden() as usize;
        let fresh = Self::new(inputs, n_hidden, rng)?;
        let (n_kv, _, d) = inputs.dims3()?;
        let map = tensor(score.map.clone(), (n_kv, n_hidden, d + 1))?;
        let of_age = map.narrow(2, d, 1)?.transpose(1, 2)?.contiguous()?;
        let map = map.narrow(2, 0, d)?.contiguous()?;
        let moved = map.broadcast_mul(&fresh.mean)?.sum_keepdim(2)?.transpose(1, 2)?;
        let bias = ((tensor(score.bias.clone(), (n_kv, 1, n_hidden))? + moved)? + (&of_age * MIDDLE_AGE)?)?;
        let map = map.broadcast_mul(&fresh.deviation)?;
        let weight = tensor(score.weight.clone(), (n_kv, n_hidden, 1))?;
        for (var, value) in fresh.parts.iter().zip([map, of_age, bias, weight]) {
            var.set(&value)?;
        }
        Ok(Self { age_max: score.age_max, share: score.share, ..fresh })
    }

    /// What hidden units get of inputs `[n_head_kv, n, 2 d]`, whatever their age: `[n_head_kv, n, n_hidden]`.
    fn units(&self, inputs: &Tensor) -> Result<Tensor> {
        let x = inputs.to_dtype(DType::F32)?.broadcast_sub(&self.mean)?.broadcast_div(&self.deviation)?;
        let [map, _, bias, _] = &self.parts;
        x.matmul(&map.t()?)?.broadcast_add(bias)
    }

    /// Scores `[n_head_kv, n]` of the first n tokens, of these ages.
    fn of_units(&self, units: &Tensor, ages: impl Iterator<Item = u32>) -> Result<Tensor> {
        let ages: Vec<f32> = ages.map(|age| (f64::from(age).ln() - MIDDLE_AGE) as f32).collect();
        let n = ages.len();
        let [_, of_age, _, weight] = &self.parts;
        let ages = tensor(ages, (1, n, 1))?.broadcast_mul(of_age)?;
        (units.narrow(1, 0, n)? + ages)?.silu()?.matmul(weight)?.squeeze(2)
    }

    /// Scores at each moment of the tokens that had left the window by then, `[n_head_kv, n]`, as a gate gives them.
    ///
    /// # Errors
    /// Those of candle.
    pub fn scores(&self, notice: &Notice, layer: &Noticed) -> Result<Vec<Tensor>> {
        let units = self.units(&layer.x)?;
        let ages = |moment| notice.ages(moment).map(|age| age.min(self.age_max));
        (0..notice.moments.len()).map(|moment| self.of_units(&units, ages(moment))).collect()
    }

    /// The loss: cross-entropy of the softmax of scores to what tokens are worth, in nats, a mean over KV heads and over moments, which count
    /// as much as there is to lose. What is asked at the end counts `asked` times what the next segment needs, and from the first moment on, as a
    /// token that left once does not come back. At the minimum a score is the logarithm of what tokens like this one are worth.
    ///
    /// # Errors
    /// Those of candle.
    pub fn loss(&self, notice: &Notice, layer: &Noticed, asked: f64) -> Result<Tensor> {
        let units = self.units(&layer.x)?;
        let n_kv = units.dim(0)?;
        let mut sum = Tensor::zeros(n_kv, DType::F32, &Device::Cpu)?;
        let mut all = sum.clone();
        for moment in 0..notice.moments.len() {
            let n = notice.n_left(moment);
            let scores = self.of_units(&units, notice.ages(moment))?;
            let top = scores.max_keepdim(1)?.detach();
            let shifted = scores.broadcast_sub(&top)?;
            let log_p = shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(1)?.log()?)?;
            let worth = ((layer.asked.narrow(1, 0, n)? * asked)?
                + layer.text.narrow(1, moment, 1)?.squeeze(1)?.narrow(1, 0, n)?)?;
            sum = (sum - (&worth * log_p)?.sum(1)?)?;
            all = (all + worth.sum(1)?)?;
        }
        (sum / (all + 1e-20)?)?.sum_all()? / n_kv as f64
    }

    /// The other loss, whose gradient is that of the distance of attention over the tokens that are chosen, `n` in each KV head, to full attention. A
    /// choice has no gradient, so what each token would change is held against how near its score is to being chosen; sums over moments, means over
    /// KV heads. What is asked counts `asked` times what the next segment needs. With it goes that distance, a mean over moments, with the one at
    /// the end where nothing is kept as its unit; 0 where no token has to be left out.
    ///
    /// # Errors
    /// Those of candle, and if the document has no queries.
    pub fn loss_of_choice(&self, notice: &Notice, layer: &Noticed, asked: f64, n: usize) -> Result<(Tensor, f64)> {
        let Some(looks) = &layer.looks else { candle_core::bail!("the queries of a document are not there") };
        let units = self.units(&layer.x)?;
        let n_kv = units.dim(0)?;
        let values = layer.values()?;
        let moments = (0..notice.moments.len()).filter(|&moment| notice.n_left(moment) > n);
        let mut loss = Tensor::zeros((), DType::F32, &Device::Cpu)?;
        let (mut error, mut n_moments) = (0.0, 0);
        let scale: Vec<f32> = (looks.nothing[0].iter().zip(&looks.nothing[1]))
            .map(|(text, ask)| 1.0 / (text / looks.reading.len().max(1) as f32 + asked as f32 * ask + 1e-20))
            .collect();
        for moment in moments {
            let scores = self.of_units(&units, notice.ages(moment))?;
            let (chosen, limit) = choose(&scores, n)?;
            let (asking, gains) = looks.asking.gains(&values, &chosen)?;
            let (mut errors, mut gains) =
                (asking.iter().map(|e| asked as f32 * e).collect::<Vec<_>>(), (gains * asked)?);
            if let Some(reading) = looks.reading.get(moment) {
                let (more, of_reading) = reading.gains(&values, &chosen)?;
                errors.iter_mut().zip(more).for_each(|(sum, error)| *sum += error);
                gains = (gains + of_reading)?;
            }
            let gains = gains.broadcast_mul(&tensor(scale.clone(), (n_kv, 1))?)?;
            // a sigmoid whose gradient is a number however far a score is away
            let near = scores.broadcast_sub(&limit)?.affine(0.5 / SOFTNESS, 0.0)?.tanh()?.affine(0.5, 0.5)?;
            loss = (loss - (near * gains)?.sum_all()?)?;
            error += errors.iter().zip(&scale).map(|(error, scale)| f64::from(error * scale)).sum::<f64>();
            n_moments += 1;
        }
        Ok(((loss / n_kv as f64)?, error / (n_kv * n_moments.max(1)) as f64))
    }

    /// A step of Adam on the other loss, and the distance before it; no number if the loss is none.
    ///
    /// # Errors
    /// Those of candle.
    pub fn learn_choice(&mut self, notice: &Notice, layer: &Noticed, asked: f64, n: usize, rate: f64) -> Result<f64> {
        self.age_max = self.age_max.max(notice.ages(notice.moments.len() - 1).next().unwrap_or(1));
        let (loss, error) = self.loss_of_choice(notice, layer, asked, n)?;
        self.descend(&loss, rate)?;
        // the choice is one of numbers, whatever became of them
        Ok(if loss.to_scalar::<f32>()?.is_finite() { error } else { f64::NAN })
    }

    /// A step of Adam, and the loss before it.
    ///
    /// # Errors
    /// Those of candle.
    pub fn learn(&mut self, notice: &Notice, layer: &Noticed, asked: f64, rate: f64) -> Result<f64> {
        self.age_max = self.age_max.max(notice.ages(notice.moments.len() - 1).next().unwrap_or(1));
        let loss = self.loss(notice, layer, asked)?;
        self.descend(&loss, rate)?;
        loss.to_scalar::<f32>().map(f64::from)
    }

    fn descend(&mut self, loss: &Tensor, rate: f64) -> Result<()> {
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
        Ok(())
    }

    /// As it goes into a gate: for inputs as they are.
    ///
    /// # Errors
    /// Those of candle.
    pub fn to_gate(&self) -> Result<LayerScore> {
        let [map, of_age, bias, weight] = &self.parts;
        let map = map.broadcast_div(&self.deviation)?;
        let moved = map.broadcast_mul(&self.mean)?.sum_keepdim(2)?.transpose(1, 2)?;
        let bias = ((bias.as_tensor() - moved)? - (of_age.as_tensor() * MIDDLE_AGE)?)?;
        let map = Tensor::cat(&[&map, &of_age.transpose(1, 2)?], 2)?;
        let n_head_kv = u32::try_from(map.dim(0)?).unwrap_or(0);
        let [map, bias, weight] = [&map, &bias, weight.as_tensor()].map(floats);
        Ok(LayerScore { n_head_kv, age_max: self.age_max, map: map?, bias: bias?, weight: weight?, share: self.share })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::choice::Queries;
    use crate::train::kept::{best, errors, kept};
    use crate::train::notice::Looks;

    const HEADS: usize = 2;
    const D: usize = 4;

    /// Worth that tokens tell by their third value, in the second head by the first, and while the text is read by their age as well.
    fn invented(seed: u64) -> Notice {
        let (moments, window) = (vec![40, 80, 130], 10);
        let n = 120;
        let n_all = n;
        let mut rng = Rng::new(seed);
        let x: Vec<f32> = (0..HEADS * n * D).map(|_| rng.index(1000) as f32 / 500.0 - 1.0).collect();
        let told = |head: usize, i: usize| (3.0 * x[(head * n + i) * D + if head == 0 { 2 } else { 0 }]).exp();
        let asked = (0..HEADS).flat_map(|head| (0..n).map(move |i| (head, i))).map(|(head, i)| told(head, i)).collect();
        let mut text = vec![0.0; HEADS * 3 * n];
        for head in 0..HEADS {
            for (moment, end) in [(0, 40), (1, 80)] {
                for i in 0..end - window {
                    // a token like the others is worth most while it is young
                    text[(head * 3 + moment) * n + i] = 6e4 / ((end - i) as f32).powi(3);
                }
            }
        }
        // queries that look at what tokens tell, and at one that stays in any case; the second half of x are values
        let mut queries = |n: usize| {
            let rows = 6;
            let (mut shares, mut out) = (Vec::new(), Vec::new());
            for head in 0..HEADS {
                for _ in 0..rows {
                    let logits: Vec<f32> = (0..n).map(|i| told(head, i) * (rng.index(100) as f32 + 50.0)).collect();
                    let sum: f32 = logits.iter().sum();
                    let p: Vec<f32> = logits.iter().map(|x| 0.8 * x / sum).collect();
                    let along = |j: usize| (0..n).map(|i| p[i] * x[(head * n_all + i) * D + j]).sum::<f32>() + 0.2;
                    out.extend([along(D / 2), along(D / 2 + 1)]);
                    shares.extend(p);
                }
            }
            let values: Vec<f32> = (0..HEADS)
                .flat_map(|head| (0..n).flat_map(move |i| (D / 2..D).map(move |j| (head * n_all + i) * D + j)))
                .map(|at| x[at])
                .collect();
            let shares = tensor(shares, (HEADS, rows, n)).unwrap();
            let out = tensor(out, (HEADS, rows, D / 2)).unwrap();
            let values = tensor(values, (HEADS, n, D / 2)).unwrap();
            Queries::new(&shares, out, &values, vec![1.0 / rows as f32; rows]).unwrap()
        };
        let (reading, asking) = (vec![queries(30), queries(70)], queries(n));
        let asked = tensor(asked, (HEADS, n)).unwrap();
        let text = tensor(text, (HEADS, 3, n)).unwrap();
        let x = tensor(x, (HEADS, n, D)).unwrap().to_dtype(DType::F16).unwrap();
        let nothing = [vec![1.0; HEADS], vec![1.0; HEADS]];
        let looks = Some(Looks { reading, asking, nothing });
        let layer = Noticed { x, asked, snap: text.clone(), text, looks };
        Notice { moments, window, layers: vec![layer] }
    }

    #[test]
    fn a_score_finds_what_is_worth_something() {
        let notice = invented(3);
        let layer = &notice.layers[0];
        let mut rng = Rng::new(4);
        let mut fitted = FittedScore::new(&layer.x, 8, &mut rng).unwrap();
        let first = fitted.learn(&notice, layer, 2.0, 1e-2).unwrap();
        for _ in 0..400 {
            fitted.learn(&notice, layer, 2.0, 1e-2).unwrap();
        }
        let last = fitted.learn(&notice, layer, 2.0, 1e-2).unwrap();
        assert!(last < first - 0.3, "{first} {last}");
        let scores = fitted.scores(&notice, layer).unwrap();
        let (best, found) = (best(layer, 12).unwrap(), kept(&notice, layer, &scores, 12).unwrap());
        let newest: Vec<Tensor> = scores.iter().map(by_age).collect();
        let newest = kept(&notice, layer, &newest, 12).unwrap();
        assert!(newest[0] < 0.3 * best[0] && newest[1] > 0.99 * best[1], "{newest:?} of {best:?}");
        // what is asked alone, which does not know of age
        let asked = |moment| layer.asked.narrow(1, 0, notice.n_left(moment)).unwrap();
        let ageless = kept(&notice, layer, &[asked(0), asked(1), asked(2)], 12).unwrap();
        let all = format!("{found:?} of {best:?}, newest {newest:?}, ageless {ageless:?}");
        assert!(found[0] > 0.7 * best[0] && found[1] > 0.1 * best[1] + ageless[1], "{all}");
        // what goes into a gate computes the same
        let gate = fitted.to_gate().unwrap();
        assert_eq!((gate.n_head_kv, gate.n_hidden(), gate.age_max), (2, 8, 130));
        let x = layer.x.to_dtype(DType::F32).unwrap().to_vec3::<f32>().unwrap();
        for (moment, scores) in scores.iter().enumerate() {
            for (head, scores) in scores.to_vec2::<f32>().unwrap().iter().enumerate() {
                assert_eq!(scores.len(), notice.n_left(moment));
                for ((i, score), age) in scores.iter().enumerate().zip(notice.ages(moment)) {
                    let again = gate.of(head, &x[head][i], age);
                    assert!((again - score).abs() < 1e-4, "{again} {score}");
                }
            }
        }
    }

    #[test]
    fn a_score_finds_what_attention_needs() {
        let notice = invented(6);
        let layer = &notice.layers[0];
        let mut rng = Rng::new(7);
        let mut fitted = FittedScore::new(&layer.x, 8, &mut rng).unwrap();
        let error = |fitted: &FittedScore| -> f64 {
            let [asked, text] = errors(&notice, layer, &fitted.scores(&notice, layer).unwrap(), 12).unwrap();
            asked + text
        };
        let before = error(&fitted);
        for _ in 0..300 {
            fitted.learn_choice(&notice, layer, 1.0, 12, 1e-2).unwrap();
        }
        let after = error(&fitted);
        let newest: Vec<Tensor> = fitted.scores(&notice, layer).unwrap().iter().map(by_age).collect();
        let newest: f64 = errors(&notice, layer, &newest, 12).unwrap().into_iter().sum();
        assert!(after < 0.3 * before && after < 0.3 * newest, "{before} {after} {newest}");
        // a fit that goes on from a gate goes on where that was
        let again = FittedScore::from_gate(&fitted.to_gate().unwrap(), &layer.x, &mut rng).unwrap();
        for (a, b) in fitted.scores(&notice, layer).unwrap().iter().zip(again.scores(&notice, layer).unwrap()) {
            let [a, b] = [a, &b].map(|scores| floats(scores).unwrap());
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-3), "{a:?}");
        }
    }

    /// Scores by which the newest stay.
    fn by_age(like: &Tensor) -> Tensor {
        let (heads, n) = like.dims2().unwrap();
        Tensor::new(vec![(0..n).map(|i| i as f32).collect::<Vec<_>>(); heads], &Device::Cpu).unwrap()
    }

    #[test]
    fn what_left_once_does_not_come_back() {
        let notice = invented(5);
        let layer = &notice.layers[0];
        let newest =
            |moment| by_age(&tensor(vec![0.0; HEADS * notice.n_left(moment)], (HEADS, notice.n_left(moment))).unwrap());
        let oldest = |moment| newest(moment).neg().unwrap();
        let sum =
            |values: &[f32], range: std::ops::Range<usize>| values[range].iter().map(|&x| f64::from(x)).sum::<f64>();
        let (asked, text) = (layer.asked.to_vec2::<f32>().unwrap(), layer.text.to_vec3::<f32>().unwrap());
        // twice the newest stay, then the oldest of what is left
        let found = kept(&notice, layer, &[newest(0), newest(1), oldest(2)], 15).unwrap();
        let of_asked: f64 = asked.iter().map(|values| sum(values, 55..70)).sum();
        let of_text: f64 = text.iter().map(|rows| sum(&rows[0], 15..30) + sum(&rows[1], 55..70)).sum();
        for (found, expected) in found.into_iter().zip([of_asked, of_text]) {
            assert!((found - expected).abs() < 1e-3 * expected, "{found} {expected}");
        }
        // the oldest stay to the end
        let [found, _] = kept(&notice, layer, &[oldest(0), oldest(1), oldest(2)], 15).unwrap();
        let expected: f64 = asked.iter().map(|values| sum(values, 0..15)).sum();
        assert!((found - expected).abs() < 1e-3 * expected, "{found} {expected}");
    }
}
