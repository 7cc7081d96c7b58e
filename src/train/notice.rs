//! What full attention needs of a document: the measure of which tokens are worth keeping.
//!
//! Without a token of share p and value v the answer o of a head becomes o + p / (1 - p) (o - v). So what a token is worth to a query is
//! p^2 |v - o|^2: the square of that change, but for the divisor, with which a token that has all of the attention would count without
//! limit. It says how much of the answer a token is, not how often it is looked at. Shares that are spread over many tokens, or lie on
//! those that only take what no other token wants, count for little.

use std::ops::Range;

use candle_core::{DType, Result, Tensor};

use super::attention::Attended;
use super::error::TrainError;
use super::examples::Example;
use super::layer::Kv;
use super::pass::{Machine, Watcher};
use super::schedule::{Block, Schedule};
use super::tensors::tensor;

/// Tokens of the end of a text whose attention SnapKV goes by.
const SNAP_QUERIES: usize = 32;

/// What the tokens that may be kept are worth to a layer's KV heads, all `[n_head_kv, n]`.
#[derive(Debug)]
pub struct Noticed {
    /// Keys before RoPE and values side by side, `[n_head_kv, n, 2 d]`, in 16 bits as the engine's cache has them.
    pub x: Tensor,
    /// What each is worth to a question and its answer, sums over queries and over heads that share a KV head.
    pub asked: Tensor,
    /// What each is worth to later tokens of the text, beyond the window, per token that could need it.
    pub text: Tensor,
    /// The share that the last tokens of the text give to each: SnapKV's question.
    pub snap: Tensor,
}

/// Reads an example with full attention and notes what each layer needs; the tokens that may be kept are those behind the front that
/// are not among the last `window` of the text.
///
/// # Errors
/// [`TrainError::Interrupted`], and those of candle.
pub fn notice(machine: &Machine, example: &Example, window: usize) -> std::result::Result<Vec<Noticed>, TrainError> {
    let n_text = example.schedule.n_text;
    let schedule = Schedule::full(n_text, &example.asked);
    let first = example.schedule.n_front;
    let mut notes = Notes {
        candidates: first..n_text.saturating_sub(window).max(first + 1),
        n_text,
        window,
        weights: weights(example),
        asked: None,
        text: None,
        snap: None,
        layers: Vec::new(),
    };
    machine.watch(&example.tokens, &schedule, &mut notes)?;
    Ok(notes.layers)
}

/// How much each token of a sequence counts when it asks: a question and its answer alike, and each answer like any other.
fn weights(example: &Example) -> Vec<f32> {
    let mut weights = vec![0.0; example.tokens.len()];
    let n_asked = example.asked.len() as f32;
    let mut begin = example.schedule.n_text;
    for asked in &example.asked {
        // the last token of the question predicts the first of the answer
        let answers = begin + asked.n_suffix - 1;
        let end = begin + asked.n_tokens() - 1;
        weights[begin..answers].fill(0.5 / (n_asked * (asked.n_suffix - 1).max(1) as f32));
        weights[answers..end].fill(0.5 / (n_asked * (end - answers).max(1) as f32));
        begin += asked.n_tokens();
    }
    weights
}

struct Notes {
    candidates: Range<usize>,
    n_text: usize,
    window: usize,
    weights: Vec<f32>,
    /// Of the layer that is being computed, `[n_head_kv, n, d + 2]`: sums over queries of w p^2 (o, |o|^2, 1).
    asked: Option<Tensor>,
    text: Option<Tensor>,
    /// `[n_head_kv, 1, n]`: mean shares of the last queries.
    snap: Option<Tensor>,
    layers: Vec<Noticed>,
}

impl Notes {
    /// The rows of a block over the first `n` tokens that may be kept; those behind are 0. `weight` says how much a token counts, and
    /// `far` whether only tokens beyond its window do.
    fn sums(
        &self,
        block: &Block,
        attended: &Attended,
        n: usize,
        weight: &dyn Fn(usize) -> f32,
        far: bool,
    ) -> Result<Tensor> {
        let (n_kv, n_rows, _) = attended.shares().dims3()?;
        let out = attended.out.reshape((n_kv, n_rows, attended.out.dim(2)?))?;
        let ends =
            [out.clone(), out.sqr()?.sum_keepdim(2)?, Tensor::ones((n_kv, n_rows, 1), DType::F32, out.device())?];
        let weights: Vec<f32> = (0..n_rows).map(|row| weight(block.tokens.start + row % block.tokens.len())).collect();
        let ends = Tensor::cat(&ends, 2)?.broadcast_mul(&tensor(weights, (1, n_rows, 1))?)?;
        let mut squares = attended.shares().narrow(2, self.candidates.start, n)?.contiguous()?.sqr()?;
        if far {
            let n_tokens = block.tokens.len();
            let mut mask = vec![0.0; n_tokens * n];
            for (token, row) in block.tokens.clone().zip(mask.chunks_mut(n)) {
                let n_far = (token + 1).saturating_sub(self.window + self.candidates.start).min(n);
                row[..n_far].fill(1.0);
            }
            let mask = tensor(mask, (1, 1, n_tokens, n))?;
            squares = squares.reshape((n_kv, n_rows / n_tokens, n_tokens, n))?.broadcast_mul(&mask)?;
            squares = squares.reshape((n_kv, n_rows, n))?;
        }
        let sums = squares.t()?.matmul(&ends)?;
        sums.pad_with_zeros(1, 0, self.candidates.len() - n)
    }
}

impl Watcher for Notes {
    fn see(&mut self, block: &Block, attended: &Attended) -> Result<()> {
        let n_keys = attended.shares().dim(2)?;
        // keys are seen in the order of the text, and all of it is there
        let of_all = |end: usize| end.min(self.candidates.end).saturating_sub(self.candidates.start);
        if block.tokens.start >= self.n_text {
            let sums = self.sums(block, attended, of_all(n_keys), &|token| self.weights[token], false)?;
            add(&mut self.asked, sums)?;
            return Ok(());
        }
        let n_far = of_all(block.tokens.end.saturating_sub(self.window));
        if n_far > 0 {
            let sums = self.sums(block, attended, n_far, &|_| 1.0, true)?;
            add(&mut self.text, sums)?;
        }
        let snaps = self.n_text - SNAP_QUERIES.min(self.n_text)..self.n_text;
        if block.tokens.end > snaps.start {
            let (n_kv, n_rows, _) = attended.shares().dims3()?;
            let rows = (0..n_rows).map(|row| block.tokens.start + row % block.tokens.len());
            let rows: Vec<f32> = rows.map(|token| if snaps.contains(&token) { 1.0 } else { 0.0 }).collect();
            let n = of_all(n_keys);
            let shares = attended.shares().narrow(2, self.candidates.start, n)?.contiguous()?;
            let rows = tensor(rows, (1, 1, n_rows))?.broadcast_as((n_kv, 1, n_rows))?.contiguous()?;
            add(&mut self.snap, rows.matmul(&shares)?.pad_with_zeros(2, 0, self.candidates.len() - n)?)?;
        }
        Ok(())
    }

    fn layer(&mut self, _: usize, kv: &Kv) -> Result<()> {
        let n = self.candidates.len();
        let part = |x: &Tensor| x.narrow(1, self.candidates.start, n)?.contiguous();
        let (k, v) = (part(&kv.k)?, part(&kv.v)?);
        let (n_kv, _, d) = v.dims3()?;
        // sum of w p^2 |v - o|^2, by its three parts
        let lost = |sums: Option<Tensor>| -> Result<Tensor> {
            let Some(sums) = sums else { return Tensor::zeros((n_kv, n), DType::F32, v.device()) };
            let [with_o, squares, alone] = [(0, d), (d, 1), (d + 1, 1)].map(|(first, len)| sums.narrow(2, first, len));
            let own = (v.sqr()?.sum_keepdim(2)? * alone?)?;
            let both = (&v * with_o?)?.sum_keepdim(2)?;
            ((own + squares?)? - (both * 2.0)?)?.squeeze(2)?.relu()
        };
        let asked = lost(self.asked.take())?;
        // early tokens are seen by more of the text than late ones
        let later =
            (0..n).map(|i| 1.0 / self.n_text.saturating_sub(self.candidates.start + i + self.window).max(1) as f32);
        let text = lost(self.text.take())?.broadcast_mul(&tensor(later.collect(), (1, n))?)?;
        let snap = match self.snap.take() {
            Some(snap) => snap.squeeze(1)?,
            None => Tensor::zeros((n_kv, n), DType::F32, v.device())?,
        };
        self.layers.push(Noticed { x: Tensor::cat(&[k, v], 2)?.to_dtype(DType::F16)?, asked, text, snap });
        Ok(())
    }
}

/// Adds to a sum that may not have begun.
fn add(sum: &mut Option<Tensor>, more: Tensor) -> Result<()> {
    *sum = Some(match sum.take() {
        Some(sum) => (sum + more)?,
        None => more,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::attention::Attention;
    use crate::train::heads::{Heads, Rope};
    use crate::train::schedule::Asked;
    use crate::train::test_values::values;
    use crate::train::weights::{Architecture, Config};

    #[test]
    fn questions_and_answers_count_alike() {
        let asked = vec![Asked { n_suffix: 5, n_answer: 3 }, Asked { n_suffix: 1, n_answer: 4 }];
        let schedule = Schedule::full(20, &asked);
        let example = Example {
            id: "a".into(),
            kind: 0,
            tokens: vec![0; 33],
            n_prefix: 3,
            n_document: 17,
            asked,
            schedule: schedule.clone(),
            streaming: schedule,
        };
        let weights = weights(&example);
        let sum = |range: Range<usize>| weights[range].iter().sum::<f32>();
        // the last token of a question is the first that asks for the answer; the last of an answer asks for nothing
        assert_eq!((weights.len(), sum(0..20), weights[27], weights[32]), (33, 0.0, 0.0, 0.0));
        for (range, expected) in [(20..24, 0.25), (24..27, 0.25), (28..32, 0.25)] {
            assert!((sum(range.clone()) - expected).abs() < 1e-6, "{range:?} {weights:?}");
        }
    }

    /// Shares, answers and sums again, query by query.
    #[test]
    fn what_a_token_is_worth_is_how_much_of_the_answer_it_is() {
        let (n_head, n_kv, d, n_text, window) = (4, 2, 8, 700, 40);
        let asked = [Asked { n_suffix: 5, n_answer: 3 }, Asked { n_suffix: 4, n_answer: 6 }];
        let schedule = Schedule::full(n_text, &asked);
        let n = schedule.n_tokens();
        let config = Config {
            architecture: Architecture::Qwen2,
            n_layer: 1,
            n_embd: n_head * d,
            n_head,
            n_head_kv: n_kv,
            d_head: d,
            n_rot: d,
            rope_base: 1e4,
            eps: 1e-5,
            n_ctx_train: 1000,
        };
        let rope = Rope::new(&config, None, n);
        let random = |heads: usize, seed: u64| tensor(values(heads * n * d, seed), (heads, n, d)).unwrap();
        let heads = Heads { q: random(n_head, 1), k: random(n_kv, 2), v: random(n_kv, 3) };
        let attention = Attention::new(&schedule, &rope, &heads).unwrap();
        let candidates = 6..n_text - window;
        let mut weights = vec![0.0; n];
        weights[n_text + 3..].iter_mut().enumerate().for_each(|(i, w)| *w = 0.1 * (i % 4) as f32);
        let mut notes = Notes {
            candidates: candidates.clone(),
            n_text,
            window,
            weights: weights.clone(),
            asked: None,
            text: None,
            snap: None,
            layers: Vec::new(),
        };
        let mut expected = vec![[0.0_f64; 3]; n_kv * candidates.len()];
        let (v, group) = (heads.v.to_vec3::<f32>().unwrap(), n_head / n_kv);
        for block in &schedule.blocks {
            let attended = attention.forward(block).unwrap();
            notes.see(block, &attended).unwrap();
            let shares = attended.shares().to_vec3::<f32>().unwrap();
            let out = attended.out.to_vec3::<f32>().unwrap();
            for h in 0..n_head {
                for (i, token) in block.tokens.clone().enumerate() {
                    let shares = &shares[h / group][h % group * block.tokens.len() + i];
                    for at in candidates.clone().filter(|&at| at < shares.len()) {
                        let p = f64::from(shares[at]);
                        let distance = |j: usize| f64::from(v[h / group][at][j] - out[h][i][j]).powi(2);
                        let lost = p * p * (0..d).map(distance).sum::<f64>();
                        let sums = &mut expected[h / group * candidates.len() + at - candidates.start];
                        let is_text = token < n_text;
                        sums[0] += if is_text { 0.0 } else { f64::from(weights[token]) * lost };
                        let far = is_text && at + window <= token;
                        sums[1] += if far { lost / (n_text - at - window) as f64 } else { 0.0 };
                        sums[2] += if is_text && token + SNAP_QUERIES >= n_text { p } else { 0.0 };
                    }
                }
            }
        }
        notes.layer(0, &Kv { k: heads.k.clone(), v: heads.v.clone() }).unwrap();
        let found = &notes.layers[0];
        assert_eq!(found.x.dims(), [n_kv, candidates.len(), 2 * d]);
        for (which, x) in [&found.asked, &found.text, &found.snap].into_iter().enumerate() {
            let x = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let top = x.iter().fold(0.0_f32, |m, x| m.max(*x));
            assert!(top > 0.0);
            for (x, expected) in x.iter().zip(&expected) {
                assert!((f64::from(*x) - expected[which]).abs() < 1e-4 * f64::from(top), "{which}: {x} {expected:?}");
            }
        }
    }
}
