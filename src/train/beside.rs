//! Tokens that are retained beside the memory when something is asked, chosen by the scores of the gate that is fitted.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{Result, Tensor};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::layer::Kv;
use super::tensors::with_slice;
use crate::memory::gate::LayerScore;

/// How many tokens each layer retains, and what chooses them.
#[derive(Debug)]
pub struct Beside {
    scores: BTreeMap<u32, LayerScore>,
    /// By layer.
    numbers: Vec<usize>,
    /// Neighbours whose best score counts, odd.
    kernel: usize,
}

/// What leaves the window in one layer: tokens that stay as they are, in each KV head others, `[n_head_kv, n, d]` in the order of the text,
/// and those that are folded; none where there are none of them.
#[derive(Debug, Clone)]
pub struct Parted {
    /// What is retained.
    pub retained: Option<Kv>,
    /// What is folded.
    pub folded: Option<Kv>,
}

/// What was chosen of a text.
#[derive(Debug, Default)]
pub struct Chosen(Mutex<HashMap<Key, Arc<Heads>>>);

/// Choices of a text that are remembered.
const MOST_CHOSEN: usize = 1024;

/// Layer, tokens that have left the window, and how many stand behind them.
type Key = (usize, Range<usize>, usize);

/// Tokens of each KV head, counted from the first that may stay, in order.
type Heads = Vec<Vec<usize>>;

impl Beside {
    /// By the scores of a gate, of which layer il retains `numbers[il]` tokens.
    pub fn new(scores: BTreeMap<u32, LayerScore>, numbers: Vec<usize>, kernel: usize) -> Self {
        Self { scores, numbers, kernel }
    }

    /// Everything that a choice depends on, beside the text.
    pub fn put_into(&self, hash: &mut Sha256) {
        hash.update(format!("beside {:?} {}", self.numbers, self.kernel));
        for score in self.scores.values() {
            hash.update(score.age_max.to_le_bytes());
            let values = score.map.iter().chain(&score.bias).chain(&score.weight);
            values.for_each(|value| hash.update(value.to_le_bytes()));
        }
    }

    /// How many of `n` tokens a layer retains.
    pub fn number(&self, il: usize, n: usize) -> usize {
        self.numbers.get(il).map_or(0, |&number| number.min(n))
    }

    /// How many of `n` tokens the layer retains that retains most.
    pub fn most(&self, n: usize) -> usize {
        self.numbers.iter().map(|&number| number.min(n)).max().unwrap_or(0)
    }

    /// Parts what has left the window, keys without RoPE, with `n_behind` tokens of text behind it. The reader chooses at each compaction
    /// anew; here it is one choice at the end of the text.
    ///
    /// # Errors
    /// Those of candle.
    pub fn part(&self, il: usize, kv: &Kv, tokens: &Range<usize>, n_behind: usize, chosen: &Chosen) -> Result<Parted> {
        let n = kv.k.dim(1)?;
        let n_keep = self.number(il, n);
        if n_keep == 0 || n_keep == n {
            let (retained, folded) = if n_keep == 0 { (None, Some(kv.clone())) } else { (Some(kv.clone()), None) };
            return Ok(Parted { retained, folded });
        }
        let heads = chosen.of(il, tokens, n_behind, || self.choose(il, kv, n_keep, n_behind))?;
        let rest: Heads = heads.iter().map(|stay| complement(stay, n)).collect();
        Ok(Parted { retained: Some(gather(kv, &heads)?), folded: Some(gather(kv, &rest)?) })
    }

    /// The tokens of each KV head with the highest scores.
    fn choose(&self, il: usize, kv: &Kv, n_keep: usize, n_behind: usize) -> Result<Heads> {
        let (n_kv, n, d) = kv.k.dims3()?;
        let Some(score) = self.scores.get(&(il as u32)) else { return Ok(vec![Vec::new(); n_kv]) };
        with_slice(&kv.k, |k| {
            with_slice(&kv.v, |v| {
                let d_v = v.len() / (n_kv * n);
                let of = |head: usize, i: usize| {
                    let row = head * n + i;
                    let token = [&k[row * d..][..d], &v[row * d_v..][..d_v]].concat();
                    // the newest token of the text has age 1
                    score.of(head, &token, (n - i + n_behind) as u32)
                };
                let each = |head: usize| {
                    let scores: Vec<f32> = (0..n).into_par_iter().map(|i| of(head, i)).collect();
                    best(&around(&scores, self.kernel), n_keep)
                };
                (0..n_kv).map(each).collect()
            })
        })?
    }
}

impl Chosen {
    /// What was chosen before, or is now.
    fn of(
        &self,
        il: usize,
        tokens: &Range<usize>,
        n_behind: usize,
        choose: impl FnOnce() -> Result<Heads>,
    ) -> Result<Arc<Heads>> {
        let key = (il, tokens.clone(), n_behind);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(heads) = known.get(&key) {
            return Ok(Arc::clone(heads));
        }
        let heads = Arc::new(choose()?);
        // those of other documents in its place, which have other lengths, seldom come again
        if known.len() >= MOST_CHOSEN {
            known.clear();
        }
        known.insert(key, Arc::clone(&heads));
        Ok(heads)
    }
}

/// The largest of each neighbourhood.
fn around(scores: &[f32], kernel: usize) -> Vec<f32> {
    let half = kernel / 2;
    let largest = |i: usize| {
        let near = &scores[i.saturating_sub(half)..(i + half + 1).min(scores.len())];
        near.iter().fold(f32::MIN, |m, &x| m.max(x))
    };
    (0..scores.len()).map(largest).collect()
}

/// The `n` highest, in order.
fn best(scores: &[f32], n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order.truncate(n);
    order.sort_unstable();
    order
}

/// The others of `n`, in order.
fn complement(stay: &[usize], n: usize) -> Vec<usize> {
    let mut next = stay.iter().copied().peekable();
    (0..n).filter(|i| next.next_if_eq(i).is_none()).collect()
}

/// The tokens of each KV head, `[n_head_kv, n, d]`.
fn gather(kv: &Kv, heads: &Heads) -> Result<Kv> {
    let of = |x: &Tensor| -> Result<Tensor> {
        let each = heads.iter().enumerate().map(|(head, tokens)| {
            let tokens: Vec<u32> = tokens.iter().map(|&i| i as u32).collect();
            let tokens = Tensor::new(tokens, x.device())?;
            x.narrow(0, head, 1)?.contiguous()?.index_select(&tokens, 1)
        });
        Tensor::cat(&each.collect::<Result<Vec<_>>>()?, 0)?.contiguous()
    };
    Ok(Kv { k: of(&kv.k)?, v: of(&kv.v)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::gate::{LayerShape, ModelShape, random_scores};
    use crate::train::tensors::tensor;
    use crate::train::test_values::values;

    #[test]
    fn each_head_keeps_its_own_and_the_rest_is_folded() {
        let layer = LayerShape { n_head: 4, n_head_kv: 2, d_k: 8, d_v: 8 };
        let shape = ModelShape { architecture: "llama".into(), n_layer: 2, layers: vec![layer; 2] };
        let (n, n_keep) = (40, 9);
        let [k, v] = [3, 4].map(|seed| tensor(values(2 * n * 8, seed), (2, n, 8)).unwrap());
        let kv = Kv { k, v };
        let beside = Beside::new(random_scores(&shape, 4, 5), vec![n_keep, 0], 3);
        let (chosen, tokens) = (Chosen::default(), 4..44);
        let Parted { retained, folded } = beside.part(0, &kv, &tokens, 12, &chosen).unwrap();
        let (retained, folded) = (retained.unwrap(), folded.unwrap());
        assert_eq!((retained.k.dims3().unwrap(), folded.v.dims3().unwrap()), ((2, n_keep, 8), (2, n - n_keep, 8)));
        // together they are what there was, and what stays counts more
        let rows = |x: &Tensor| x.to_vec3::<f32>().unwrap();
        let (keys, values) = (rows(&kv.k), rows(&kv.v));
        let scores = &random_scores(&shape, 4, 5)[&0];
        let mut different = false;
        for head in 0..2 {
            let place = |row: &Vec<f32>| keys[head].iter().position(|key| key == row).unwrap();
            let stay: Vec<usize> = rows(&retained.k)[head].iter().map(place).collect();
            let rest: Vec<usize> = rows(&folded.k)[head].iter().map(place).collect();
            assert!(stay.is_sorted() && rest.is_sorted());
            let mut all = [&stay[..], &rest].concat();
            all.sort_unstable();
            assert_eq!(all, (0..n).collect::<Vec<_>>());
            assert!(stay.iter().zip(&rows(&retained.v)[head]).all(|(&i, value)| values[head][i] == *value));
            let own = |i: usize| scores.of(head, &[&keys[head][i][..], &values[head][i]].concat(), (n - i + 12) as u32);
            let score = |i: usize| (i.saturating_sub(1)..=(i + 1).min(n - 1)).map(own).fold(f32::MIN, f32::max);
            let least = stay.iter().map(|&i| score(i)).fold(f32::MAX, f32::min);
            assert!(rest.iter().all(|&i| score(i) <= least));
            different |= stay != rows(&retained.k)[0].iter().map(place_in(&keys[0])).collect::<Vec<_>>();
        }
        assert!(different, "heads chose alike");
        // a layer that retains nothing folds everything, and one that could retain all of it folds nothing
        assert!(beside.part(1, &kv, &tokens, 12, &chosen).unwrap().retained.is_none());
        let wide = Beside::new(BTreeMap::new(), vec![100], 3);
        assert!(wide.part(0, &kv, &tokens, 12, &Chosen::default()).unwrap().folded.is_none());
        assert_eq!((wide.most(40), beside.most(40), beside.number(1, 40)), (40, 9, 0));
    }

    fn place_in(keys: &[Vec<f32>]) -> impl Fn(&Vec<f32>) -> usize + '_ {
        |row| keys.iter().position(|key| key == row).unwrap_or(usize::MAX)
    }
}
