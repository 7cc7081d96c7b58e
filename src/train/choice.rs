//! What a choice of tokens does to attention, and what each token would change about it.
//!
//! Attention over some of the tokens that full attention sees is full attention with the other shares left out and the rest brought to a
//! sum of 1. So the shares and values of one reading with full attention tell, for every choice, what a head would have answered, and how far from the
//! full answer that is: also by what many tokens of small shares do together, which no sum over single tokens tells.

use candle_core::{DType, Result, Tensor};
use rayon::prelude::*;

use super::tensors::{floats, tensor, vectorized, with_slice};

/// What some queries of a layer got from full attention, heads that share a KV head one below the other.
#[derive(Debug)]
pub struct Queries {
    /// Shares of the tokens that may be kept, `[n_head_kv, rows, n]`, in 16 bits.
    pub shares: Tensor,
    /// What they got, `[n_head_kv, rows, d]`.
    pub out: Tensor,
    /// Of that, what came from tokens that stay in any case, and the sum of their shares, `[n_head_kv, rows, d + 1]`.
    pub sure: Tensor,
    /// How much each counts, `[1, rows, 1]`.
    pub weights: Tensor,
}

/// What queries get of the tokens that were chosen.
struct Answers {
    /// Values of the tokens that are there, `[n_head_kv, n, d]`.
    values: Tensor,
    /// Shares of them, `[n_head_kv, rows, n]`.
    shares: Tensor,
    /// The sum of the shares that were chosen, `[n_head_kv, rows, 1]`.
    sum: Tensor,
    /// `[n_head_kv, rows, d]`
    out: Tensor,
    /// How far that is from full attention's, likewise.
    error: Tensor,
}

impl Queries {
    /// Queries whose shares of the tokens that may be kept are `[n_head_kv, rows, n]`, and values of these `[n_head_kv, n, d]`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn new(shares: &Tensor, out: Tensor, values: &Tensor, weights: Vec<f32>) -> Result<Self> {
        let rows = weights.len();
        let given = shares.matmul(&with_ones(values)?)?;
        let whole = with_ones(&out)?;
        Ok(Self {
            sure: (whole - given)?,
            shares: shares.to_dtype(DType::F16)?,
            out,
            weights: tensor(weights, (1, rows, 1))?,
        })
    }

    /// Bytes of all of it.
    pub fn n_bytes(&self) -> usize {
        2 * self.shares.elem_count() + 4 * (self.out.elem_count() + self.sure.elem_count() + self.weights.elem_count())
    }

    /// The square of the distance to the answers of full attention, a weighted sum over queries, for each KV head, where `chosen`,
    /// `[n_head_kv, n]` of 0 and 1, says which of the first n tokens are kept; those behind are not there. `values` are of all tokens that may
    /// be kept, `[n_head_kv, .., d]`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn errors(&self, values: &Tensor, chosen: &Tensor) -> Result<Vec<f32>> {
        self.squares(&self.answers(values, chosen)?)
    }

    /// The same, and how much larger it would be without a token that was chosen, or smaller with one that was not, `[n_head_kv, n]`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn gains(&self, values: &Tensor, chosen: &Tensor) -> Result<(Vec<f32>, Tensor)> {
        let answers = self.answers(values, chosen)?;
        let errors = self.squares(&answers)?;
        let Answers { values, shares, sum, out, error } = answers;
        let d = values.dim(2)?;
        let (w, w2) = changes(&shares, &sum, chosen)?;
        let along = Tensor::cat(&[&error, &(&error * &out)?.sum_keepdim(2)?], 2)?;
        let own = Tensor::cat(&[out.clone(), out.sqr()?.sum_keepdim(2)?, sum.ones_like()?], 2)?;
        let along = w.t()?.matmul(&along.broadcast_mul(&self.weights)?)?;
        let own = w2.t()?.matmul(&own.broadcast_mul(&self.weights)?)?;
        let part = |x: &Tensor, first: usize, len: usize| x.narrow(2, first, len);
        // sums over queries of w (v - o_S) . (o_S - o) and of w^2 |v - o_S|^2
        let cross = ((&values * part(&along, 0, d)?)?.sum_keepdim(2)? - part(&along, d, 1)?)?;
        let square = ((values.sqr()?.sum_keepdim(2)? * part(&own, d + 1, 1)?)?
            - ((&values * part(&own, 0, d)?)?.sum_keepdim(2)? * 2.0)?)?;
        let square = (square + part(&own, d, 1)?)?.squeeze(2)?;
        // a token that leaves moves the answer away from its value
        let sign = chosen.affine(2.0, -1.0)?;
        let gains = ((square * sign)? - (cross.squeeze(2)? * 2.0)?)?;
        Ok((errors, gains))
    }

    fn answers(&self, values: &Tensor, chosen: &Tensor) -> Result<Answers> {
        let (n, d) = (chosen.dim(1)?, values.dim(2)?);
        let values = values.narrow(1, 0, n)?.contiguous()?;
        let shares = self.shares.narrow(2, 0, n)?.to_dtype(DType::F32)?.contiguous()?;
        let kept = with_ones(&values)?.broadcast_mul(&chosen.unsqueeze(2)?)?;
        let sums = (shares.matmul(&kept)? + &self.sure)?;
        // sinks have some of every query's attention
        let sum = sums.narrow(2, d, 1)?.contiguous()?.maximum(1e-6)?;
        let out = sums.narrow(2, 0, d)?.broadcast_div(&sum)?;
        let error = (&out - &self.out)?;
        Ok(Answers { values, shares, sum, out, error })
    }

    fn squares(&self, answers: &Answers) -> Result<Vec<f32>> {
        answers.error.sqr()?.sum_keepdim(2)?.broadcast_mul(&self.weights)?.sum((1, 2))?.to_vec1()
    }
}

/// `[.., n, d + 1]`: ones behind each row.
fn with_ones(x: &Tensor) -> Result<Tensor> {
    let (a, b, _) = x.dims3()?;
    Tensor::cat(&[x, &Tensor::ones((a, b, 1), x.dtype(), x.device())?], 2)
}

/// By which share of its distance to a token's value an answer moves: away, where the token was chosen and leaves, p / (S - p), or towards it, where it
/// comes, p / (S + p), with the sum S of the shares that were chosen; and the squares of that.
fn changes(shares: &Tensor, sum: &Tensor, chosen: &Tensor) -> Result<(Tensor, Tensor)> {
    let (_, rows, n) = shares.dims3()?;
    let mut w = vec![0.0_f32; shares.elem_count()];
    let mut w2 = w.clone();
    let (sum, chosen) = (floats(sum)?, floats(chosen)?);
    with_slice(shares, |shares| {
        let each = w.par_chunks_mut(n).zip(w2.par_chunks_mut(n)).zip(shares.par_chunks(n)).enumerate();
        each.with_min_len(16).for_each(|(row, ((w, w2), p))| {
            let (sum, chosen) = (sum[row], &chosen[row / rows * n..][..n]);
            vectorized(
                #[inline(always)]
                || {
                    for (((w, w2), p), chosen) in w.iter_mut().zip(w2).zip(p).zip(chosen) {
                        let rest = sum + p - 2.0 * chosen * p;
                        // nothing is left where only one token had a share
                        let x = p / if rest > 1e-6 { rest } else { 1e-6 };
                        *w = x;
                        *w2 = x * x;
                    }
                },
            );
        });
    })?;
    let shape = shares.shape();
    Ok((tensor(w, shape)?, tensor(w2, shape)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::test_values::values;

    const HEADS: usize = 2;
    const ROWS: usize = 5;
    const N: usize = 9;
    const D: usize = 4;

    /// Attention over tokens that stay in any case, as one of them, and those that were chosen, by its definition.
    fn by_hand(logits: &[f32], values: &[Vec<f32>], chosen: &[bool]) -> Vec<f64> {
        let seen = |i: &usize| *i == 0 || chosen[*i - 1];
        let p = |i: usize| f64::from(logits[i]).exp();
        let sum: f64 = (0..logits.len()).filter(seen).map(p).sum();
        let along = |j: usize| (0..logits.len()).filter(seen).map(|i| p(i) / sum * f64::from(values[i][j])).sum();
        (0..D).map(along).collect()
    }

    #[test]
    fn gains_are_differences_of_errors() {
        // the first of all tokens stays in any case, and the last two are not there yet
        let (all, there) = (N + 1, N - 2);
        let logits: Vec<f32> = values(HEADS * ROWS * all, 1).into_iter().map(|x| 2.0 * x).collect();
        let v = values(HEADS * all * D, 2);
        let weights = [0.5, 1.0, 0.25, 2.0, 1.5];
        let row = |head: usize, row: usize| &logits[(head * ROWS + row) * all..][..all];
        let value =
            |head: usize| -> Vec<Vec<f32>> { (0..all).map(|i| v[(head * all + i) * D..][..D].to_vec()).collect() };
        let full = |head: usize, r: usize| by_hand(row(head, r), &value(head), &[true; N]);
        let (mut shares, mut out) = (Vec::new(), Vec::new());
        for head in 0..HEADS {
            for r in 0..ROWS {
                let sum: f32 = row(head, r).iter().map(|x| x.exp()).sum();
                shares.extend(row(head, r)[1..].iter().map(|x| x.exp() / sum));
                out.extend(full(head, r).into_iter().map(|x| x as f32));
            }
        }
        let may: Vec<f32> = (0..HEADS).flat_map(|head| value(head)[1..].concat()).collect();
        let may = tensor(may, (HEADS, N, D)).unwrap();
        let shares = tensor(shares, (HEADS, ROWS, N)).unwrap();
        let out = tensor(out, (HEADS, ROWS, D)).unwrap();
        let queries = Queries::new(&shares, out, &may, weights.to_vec()).unwrap();
        let chosen = |head: usize, i: usize| (i * 7 + head).is_multiple_of(3);
        let marks = (0..HEADS).flat_map(|head| (0..there).map(move |i| f32::from(u8::from(chosen(head, i)))));
        let chosen_ones = tensor(marks.collect(), (HEADS, there)).unwrap();
        let (errors, gains) = queries.gains(&may, &chosen_ones).unwrap();
        assert_eq!(queries.errors(&may, &chosen_ones).unwrap(), errors);
        let gains = gains.to_vec2::<f32>().unwrap();
        for (head, gains) in gains.iter().enumerate() {
            let error = |marks: &[bool]| -> f64 {
                let of_row = |r: usize| {
                    let found = by_hand(row(head, r), &value(head), marks);
                    let squares = found.iter().zip(full(head, r)).map(|(a, b)| (a - b).powi(2));
                    f64::from(weights[r]) * squares.sum::<f64>()
                };
                (0..ROWS).map(of_row).sum()
            };
            let marks: Vec<bool> = (0..N).map(|i| i < there && chosen(head, i)).collect();
            let as_it_is = error(&marks);
            assert!((f64::from(errors[head]) / as_it_is - 1.0).abs() < 1e-2, "{:?} {as_it_is}", errors);
            for i in 0..there {
                let mut other = marks.clone();
                other[i] = !other[i];
                let expected = if marks[i] { error(&other) - as_it_is } else { as_it_is - error(&other) };
                let gain = f64::from(gains[i]);
                assert!((gain - expected).abs() < 1e-3 + 1e-2 * expected.abs(), "{head} {i}: {gain} {expected}");
            }
        }
    }
}
