//! What full attention needs of a document: the measure of which tokens are worth keeping.
//!
//! Without a token of share p and value v the answer o of a head becomes o + p / (1 - p) (o - v). So what a token is worth to a query is
//! p^2 |v - o|^2: the square of that change, but for the divisor, with which a token that has all of the attention would count without
//! limit. It says how much of the answer a token is, not how often it is looked at. Shares that are spread over many tokens, or lie on
//! those that only take what no other token wants, count for little.

use std::ops::Range;

use candle_core::{DType, Result, Tensor};

use super::attention::Attended;
use super::choice::Queries;
use super::error::TrainError;
use super::examples::Example;
use super::layer::Kv;
use super::pass::{Machine, Text, Watcher};
use super::schedule::{BLOCK, Block, Schedule};
use super::tensors::tensor;
use crate::memory::policy::SNAPKV_QUERIES;

/// Tokens of a segment whose queries are looked at one by one.
const READING: usize = 16;

/// Tokens of all that is asked of a document, likewise.
const ASKING: usize = 64;

/// What a document needs of its tokens. Those that may be kept, n of them, are behind the front and not among the last of the text.
#[derive(Debug)]
pub struct Notice {
    /// Where tokens leave: how many of the text behind the front were read by then, rising. The last is all of it.
    pub moments: Vec<usize>,
    /// The newest tokens at each moment, which stay in any case.
    pub window: usize,
    /// What each layer needs.
    pub layers: Vec<Noticed>,
}

/// What the tokens that may be kept are worth to a layer's KV heads.
#[derive(Debug)]
pub struct Noticed {
    /// Keys before RoPE and values side by side, `[n_head_kv, n, 2 d]`, in 16 bits as the engine's cache has them.
    pub x: Tensor,
    /// What each is worth to a question and its answer, sums over heads that share a KV head, means over queries, `[n_head_kv, n]`.
    pub asked: Tensor,
    /// What each is worth, from each moment on, to the tokens of the next segment, likewise, `[n_head_kv, n_moments, n]`. After the last there is
    /// none, and 0 is for tokens that had not left the window by then.
    pub text: Tensor,
    /// The shares that the last tokens before each moment give to each, summed, likewise: by them SnapKV chooses.
    pub snap: Tensor,
    /// Queries one by one. They take more than all the rest, and may be left out where nobody wants them.
    pub looks: Option<Looks>,
}

/// Some queries of a layer, and what they got from full attention.
#[derive(Debug)]
pub struct Looks {
    /// Those of the segment behind each moment but the last; all of a whole segment count 1 together.
    pub reading: Vec<Queries>,
    /// Those of the question and its answer; each of both counts half.
    pub asking: Queries,
    /// The errors of each KV head where nothing is kept: while reading, a sum over moments, and when asked.
    pub nothing: [Vec<f32>; 2],
}

impl Noticed {
    /// Values, `[n_head_kv, n, d]`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn values(&self) -> Result<Tensor> {
        let d = self.x.dim(2)? / 2;
        self.x.narrow(2, d, d)?.to_dtype(DType::F32)?.contiguous()
    }
}

impl Notice {
    /// How many tokens have left the window at a moment.
    pub fn n_left(&self, moment: usize) -> usize {
        self.moments[moment] - self.window
    }

    /// Ages of those tokens, in order; the newest token that was read has age 1.
    pub fn ages(&self, moment: usize) -> impl Iterator<Item = u32> {
        let end = self.moments[moment];
        (0..self.n_left(moment)).map(move |i| (end - i) as u32)
    }

    /// Bytes of all of it.
    pub fn n_bytes(&self) -> usize {
        let of_layer = |n: &Noticed| {
            let queries: usize = n
                .looks
                .iter()
                .flat_map(|looks| looks.reading.iter().chain([&looks.asking]))
                .map(Queries::n_bytes)
                .sum();
            2 * n.x.elem_count()
                + 4 * [&n.asked, &n.text, &n.snap].map(Tensor::elem_count).iter().sum::<usize>()
                + queries
        };
        self.layers.iter().map(of_layer).sum()
    }
}

/// Reads an example with full attention and notes what each layer needs, where the last `window` tokens of a text stay in any case.
///
/// # Errors
/// [`TrainError::Interrupted`], and those of candle.
pub fn notice(machine: &Machine, example: &Example, window: usize) -> std::result::Result<Notice, TrainError> {
    Ok(watch(machine, example, window, false)?.0)
}

/// The same, and the keys and values of the text.
///
/// # Errors
/// As [`notice`].
pub fn notice_text(
    machine: &Machine,
    example: &Example,
    window: usize,
) -> std::result::Result<(Notice, Text), TrainError> {
    watch(machine, example, window, true)
}

fn watch(
    machine: &Machine,
    example: &Example,
    window: usize,
    with_text: bool,
) -> std::result::Result<(Notice, Text), TrainError> {
    let n_text = example.schedule.n_text;
    let schedule = Schedule::full(n_text, &example.asked);
    let mut notes = Notes::new(&schedule, example.schedule.n_front, window, weights(example));
    notes.kv = with_text.then(Vec::new);
    machine.watch(&example.tokens, &schedule, &mut notes)?;
    Ok((notes.notice, Text::new(notes.kv.unwrap_or_default())))
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
    /// Tokens at the beginning that never leave.
    n_front: usize,
    n_text: usize,
    weights: Vec<f32>,
    /// Of the layer that is being computed, `[n_head_kv, n, d + 2]`: sums over queries of w p^2 (o, |o|^2, 1).
    asked: Option<Tensor>,
    /// Likewise for each moment.
    text: Vec<Option<Tensor>>,
    /// `[n_head_kv, 1, n]` for each moment: sums of shares.
    snap: Vec<Option<Tensor>>,
    /// Shares `[n_head_kv, rows, n]` and answers of queries behind each moment.
    reading: Vec<Option<(Tensor, Tensor)>>,
    /// The same for those of questions and answers, and how much each counts.
    asking: Vec<(Tensor, Tensor, Vec<f32>)>,
    /// Keys and values of the text in the layers so far, if somebody wants them.
    kv: Option<Vec<Kv>>,
    notice: Notice,
}

impl Notes {
    fn new(schedule: &Schedule, n_front: usize, window: usize, weights: Vec<f32>) -> Self {
        let n_text = schedule.n_text;
        // a segment of the reader is as long as a block of full attention
        let ends = schedule.blocks[..schedule.first_asked()].iter().map(|block| block.tokens.end);
        let mut moments: Vec<usize> = ends.filter(|&end| end > n_front + window).map(|end| end - n_front).collect();
        if moments.is_empty() {
            moments.push(window + 1);
        }
        let none = || vec![None; moments.len()];
        let (text, snap) = (none(), none());
        let reading = moments.iter().map(|_| None).collect();
        Self {
            n_front,
            n_text,
            weights,
            asked: None,
            text,
            snap,
            reading,
            asking: Vec::new(),
            kv: None,
            notice: Notice { moments, window, layers: Vec::new() },
        }
    }

    /// Tokens that may be kept.
    fn n(&self) -> usize {
        self.notice.n_left(self.notice.moments.len() - 1)
    }

    /// The moment after so many tokens, if anything leaves then.
    fn moment(&self, end: usize) -> Option<usize> {
        self.notice.moments.iter().position(|&moment| moment + self.n_front == end)
    }

    /// The sums of a block over the first `n` tokens that may be kept; those behind are 0. `weight` says how much a token counts.
    fn sums(&self, block: &Block, attended: &Attended, n: usize, weight: &dyn Fn(usize) -> f32) -> Result<Tensor> {
        let (n_kv, n_rows, _) = attended.shares().dims3()?;
        let out = attended.out.reshape((n_kv, n_rows, attended.out.dim(2)?))?;
        let ends =
            [out.clone(), out.sqr()?.sum_keepdim(2)?, Tensor::ones((n_kv, n_rows, 1), DType::F32, out.device())?];
        let weights: Vec<f32> = rows(block, n_rows).map(weight).collect();
        let ends = Tensor::cat(&ends, 2)?.broadcast_mul(&tensor(weights, (1, n_rows, 1))?)?;
        let squares = attended.shares().narrow(2, self.n_front, n)?.contiguous()?.sqr()?;
        squares.t()?.matmul(&ends)?.pad_with_zeros(1, 0, self.n() - n)
    }

    /// Shares of the first n tokens that may be kept, and answers, of some tokens of a block, counted from its first.
    fn queries(&self, attended: &Attended, picks: &[usize], n: usize) -> Result<(Tensor, Tensor)> {
        let (n_kv, n_rows, _) = attended.shares().dims3()?;
        let (n_head, n_block, d) = attended.out.dims3()?;
        let heads = 0..(n_head / n_kv) as u32;
        let rows = heads.flat_map(|head| picks.iter().map(move |&pick| head * n_block as u32 + pick as u32));
        let rows = Tensor::from_iter(rows, attended.out.device())?;
        let shares = attended.shares().index_select(&rows, 1)?.narrow(2, self.n_front, n)?.contiguous()?;
        let out = attended.out.reshape((n_kv, n_rows, d))?.index_select(&rows, 1)?;
        Ok((shares, out))
    }

    /// Of the tokens of a block of what is asked, counted from its first, those that are looked at, and how much each counts.
    fn picks(&self, block: &Block) -> (Vec<usize>, Vec<f32>) {
        let asks = |token: &usize| self.weights[*token] > 0.0;
        let n_all = (self.n_text..self.weights.len()).filter(asks).count();
        let stride = n_all.div_ceil(ASKING).max(1);
        let before = (self.n_text..block.tokens.start).filter(asks).count();
        let here = block.tokens.clone().filter(asks).enumerate().filter(|(i, _)| (before + i).is_multiple_of(stride));
        here.map(|(_, token)| (token - block.tokens.start, stride as f32 * self.weights[token])).unzip()
    }

    /// The sum of w p^2 |v - o|^2, by its three parts.
    fn worth(v: &Tensor, sums: &Tensor) -> Result<Tensor> {
        let d = v.dim(2)?;
        let [with_o, squares, alone] = [(0, d), (d, 1), (d + 1, 1)].map(|(first, len)| sums.narrow(2, first, len));
        let own = (v.sqr()?.sum_keepdim(2)? * alone?)?;
        let both = (v * with_o?)?.sum_keepdim(2)?;
        ((own + squares?)? - (both * 2.0)?)?.squeeze(2)?.relu()
    }
}

/// The token of each row of a block, whose heads stand one after the other.
fn rows(block: &Block, n_rows: usize) -> impl Iterator<Item = usize> {
    let tokens: Range<usize> = block.tokens.clone();
    (0..n_rows).map(move |row| tokens.start + row % tokens.len())
}

impl Watcher for Notes {
    fn see(&mut self, block: &Block, attended: &Attended) -> Result<()> {
        // keys are seen in the order of the text, and all of it is there
        if block.tokens.start >= self.n_text {
            let (picks, weights) = self.picks(block);
            if !picks.is_empty() {
                let (shares, out) = self.queries(attended, &picks, self.n())?;
                let group = shares.dim(1)? / picks.len();
                self.asking.push((shares, out, weights.repeat(group)));
            }
            let sums = self.sums(block, attended, self.n(), &|token| self.weights[token])?;
            self.asked = Some(match self.asked.take() {
                Some(sum) => (sum + sums)?,
                None => sums,
            });
            return Ok(());
        }
        if let Some(moment) = self.moment(block.tokens.start) {
            let n_left = self.notice.n_left(moment);
            self.text[moment] = Some(self.sums(block, attended, n_left, &|_| 1.0 / BLOCK as f32)?);
            let picks: Vec<usize> = (0..block.tokens.len()).step_by(BLOCK / READING).collect();
            self.reading[moment] = Some(self.queries(attended, &picks, n_left)?);
        }
        if let Some(moment) = self.moment(block.tokens.end) {
            let (n_kv, n_rows, _) = attended.shares().dims3()?;
            let first = block.tokens.end.saturating_sub(SNAPKV_QUERIES as usize);
            let asks: Vec<f32> = rows(block, n_rows).map(|token| if token >= first { 1.0 } else { 0.0 }).collect();
            let n_left = self.notice.n_left(moment);
            let shares = attended.shares().narrow(2, self.n_front, n_left)?.contiguous()?;
            let asks = tensor(asks, (1, 1, n_rows))?.broadcast_as((n_kv, 1, n_rows))?.contiguous()?;
            self.snap[moment] = Some(asks.matmul(&shares)?.pad_with_zeros(2, 0, self.n() - n_left)?);
        }
        Ok(())
    }

    fn layer(&mut self, _: usize, kv: &Kv) -> Result<()> {
        if let Some(all) = &mut self.kv {
            let text = |x: &Tensor| x.narrow(1, 0, self.n_text)?.to_dtype(DType::F16);
            all.push(Kv { k: text(&kv.k)?, v: text(&kv.v)? });
        }
        let n = self.n();
        let part = |x: &Tensor| x.narrow(1, self.n_front, n)?.contiguous();
        let (k, v) = (part(&kv.k)?, part(&kv.v)?);
        let none = Tensor::zeros((v.dim(0)?, n), DType::F32, v.device())?;
        let asked = self.asked.take().map_or_else(|| Ok(none.clone()), |sums| Self::worth(&v, &sums))?;
        let text = self
            .text
            .iter_mut()
            .map(|sums| sums.take().map_or_else(|| Ok(none.clone()), |sums| Self::worth(&v, &sums)));
        let text = Tensor::stack(&text.collect::<Result<Vec<_>>>()?, 1)?;
        let snap =
            self.snap.iter_mut().map(|sums| sums.take().map_or_else(|| Ok(none.clone()), |sums| sums.squeeze(1)));
        let snap = Tensor::stack(&snap.collect::<Result<Vec<_>>>()?, 1)?;
        let reading = self.reading.iter_mut().filter_map(Option::take).map(|(shares, out)| {
            let weights = vec![1.0 / READING as f32; shares.dim(1)?];
            Queries::new(&shares, out, &v.narrow(1, 0, shares.dim(2)?)?.contiguous()?, weights)
        });
        let reading = reading.collect::<Result<Vec<_>>>()?;
        let together = |i: usize| {
            let each: Vec<&Tensor> = self.asking.iter().map(|(shares, out, _)| [shares, out][i]).collect();
            Tensor::cat(&each, 1)
        };
        let weights = self.asking.iter().flat_map(|(_, _, weights)| weights.iter().copied()).collect();
        let asking = Queries::new(&together(0)?, together(1)?, &v, weights)?;
        self.asking.clear();
        let mut nothing = [vec![0.0; v.dim(0)?], Vec::new()];
        for queries in &reading {
            let chosen = Tensor::zeros((v.dim(0)?, queries.shares.dim(2)?), DType::F32, v.device())?;
            let errors = queries.errors(&v, &chosen)?;
            nothing[0].iter_mut().zip(errors).for_each(|(sum, error)| *sum += error);
        }
        nothing[1] = asking.errors(&v, &asked.zeros_like()?)?;
        let x = Tensor::cat(&[k, v], 2)?.to_dtype(DType::F16)?;
        self.notice.layers.push(Noticed { x, asked, text, snap, looks: Some(Looks { reading, asking, nothing }) });
        Ok(())
    }
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
        let (n_head, n_kv, d, n_text, window, n_front) = (4, 2, 8, 1200, 40, 6);
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
            n_ctx_train: 2000,
        };
        let rope = Rope::new(&config, None, n);
        let random = |heads: usize, seed: u64| tensor(values(heads * n * d, seed), (heads, n, d)).unwrap();
        let heads = Heads { q: random(n_head, 1), k: random(n_kv, 2), v: random(n_kv, 3) };
        let attention = Attention::new(&schedule, &rope, &heads).unwrap();
        let mut weights = vec![0.0; n];
        weights[n_text + 3..].iter_mut().enumerate().for_each(|(i, w)| *w = 0.1 * (i % 4) as f32);
        let mut notes = Notes::new(&schedule, n_front, window, weights.clone());
        assert_eq!(notes.notice.moments, [512 - n_front, 1024 - n_front, n_text - n_front]);
        let n_left = n_text - window - n_front;
        let (mut n_asks, mut all_asks) = (0, 0.0);
        for block in &schedule.blocks {
            let (picks, weights) = notes.picks(block);
            n_asks += picks.len();
            all_asks += weights.iter().sum::<f32>();
        }
        // few enough to look at each; the weights of the test are 0 for every fourth token
        assert_eq!((n_asks, all_asks), (11, notes.weights.iter().sum()));
        // what is asked, and at each moment the text and SnapKV
        let mut expected = vec![vec![[0.0_f64; 7]; n_left]; n_kv];
        let (v, group) = (heads.v.to_vec3::<f32>().unwrap(), n_head / n_kv);
        for block in &schedule.blocks {
            let attended = attention.forward(block).unwrap();
            notes.see(block, &attended).unwrap();
            let shares = attended.shares().to_vec3::<f32>().unwrap();
            let out = attended.out.to_vec3::<f32>().unwrap();
            for h in 0..n_head {
                for (i, token) in block.tokens.clone().enumerate() {
                    let shares = &shares[h / group][h % group * block.tokens.len() + i];
                    for at in (n_front..n_front + n_left).filter(|&at| at < shares.len()) {
                        let p = f64::from(shares[at]);
                        let distance = |j: usize| f64::from(v[h / group][at][j] - out[h][i][j]).powi(2);
                        let worth = p * p * (0..d).map(distance).sum::<f64>();
                        let sums = &mut expected[h / group][at - n_front];
                        if token >= n_text {
                            sums[0] += f64::from(weights[token]) * worth;
                            continue;
                        }
                        for (moment, end) in [512, 1024, n_text].into_iter().enumerate() {
                            let left = at + window < end;
                            let next = (end..end + 512).contains(&token) && token < n_text;
                            sums[1 + moment] += if left && next { worth / 512.0 } else { 0.0 };
                            sums[4 + moment] += if left && (end - 32..end).contains(&token) { p } else { 0.0 };
                        }
                    }
                }
            }
        }
        notes.layer(0, &Kv { k: heads.k.clone(), v: heads.v.clone() }).unwrap();
        let notice = notes.notice;
        assert_eq!((notice.n_left(0), notice.ages(0).last(), notice.ages(2).next()), (466, Some(41), Some(1194)));
        let found = &notice.layers[0];
        assert_eq!(found.x.dims(), [n_kv, n_left, 2 * d]);
        // queries find full attention where all tokens are kept, and something else where none is
        let values = found.values().unwrap();
        let looks = found.looks.as_ref().unwrap();
        assert_eq!(looks.reading.len(), 2);
        let mut sums = [0.0; 2];
        for (i, queries) in looks.reading.iter().chain([&looks.asking]).enumerate() {
            let (rows, n) = (queries.shares.dim(1).unwrap(), queries.shares.dim(2).unwrap());
            // the last segment is short, and counts for less
            assert_eq!((rows, n), ([32, 12, 22][i], [466, 978, n_left][i]));
            let all = Tensor::ones((n_kv, n), DType::F32, values.device()).unwrap();
            let [with, without] =
                [all.clone(), all.zeros_like().unwrap()].map(|chosen| queries.errors(&values, &chosen).unwrap());
            assert!(with[0] < 1e-4 * without[0], "{with:?} {without:?}");
            sums[i / 2] += without[1];
        }
        assert_eq!(sums, looks.nothing.each_ref().map(|errors| errors[1]));
        let rows = Tensor::cat(&[&found.asked.unsqueeze(1).unwrap(), &found.text, &found.snap], 1).unwrap();
        let rows = rows.to_vec3::<f32>().unwrap();
        for which in 0..7 {
            let top = rows.iter().flat_map(|rows| &rows[which]).fold(0.0_f32, |m, x| m.max(*x));
            // nothing of the text follows the last moment
            assert_eq!(top > 0.0, which != 3, "{which}");
            for (rows, expected) in rows.iter().zip(&expected) {
                for (x, expected) in rows[which].iter().zip(expected) {
                    let error = (f64::from(*x) - expected[which]).abs();
                    assert!(error <= 1e-4 * f64::from(top), "{which}: {x} {expected:?}");
                }
            }
        }
    }
}
