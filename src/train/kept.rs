//! What a choice of tokens keeps, of what they are worth one by one and of what attention gives.

use candle_core::{Result, Tensor};

use super::notice::{Notice, Noticed};
use super::tensors::tensor;

/// The `n` tokens of each KV head with the highest scores, as ones among zeros, and the middle between the last score that is chosen and the
/// first that is not, `[n_head_kv, 1]`.
///
/// # Errors
/// Those of candle.
pub(super) fn choose(scores: &Tensor, n: usize) -> Result<(Tensor, Tensor)> {
    let (n_kv, n_all) = scores.dims2()?;
    let mut limits = Vec::with_capacity(n_kv);
    let mut chosen = Vec::with_capacity(n_kv * n_all);
    for row in scores.to_vec2::<f32>()? {
        let mut order: Vec<usize> = (0..n_all).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        let mut marks = vec![0.0_f32; n_all];
        order.iter().take(n).for_each(|&i| marks[i] = 1.0);
        let (last, next) = (order[n.min(n_all) - 1], order[n.min(n_all - 1)]);
        limits.push((row[last] + row[next]) / 2.0);
        chosen.extend(marks);
    }
    Ok((tensor(chosen, (n_kv, n_all))?, tensor(limits, (n_kv, 1))?))
}

/// What is kept at each moment in each KV head as the reader does it: the `n` tokens with the highest scores among those that stayed before and those
/// that leave the window. `scores` are those at each moment, `[n_head_kv, tokens]`.
fn stays(notice: &Notice, scores: &[Tensor], n: usize) -> Result<Vec<Vec<Vec<usize>>>> {
    let (mut stay, mut seen): (Vec<Vec<usize>>, usize) = (Vec::new(), 0);
    let mut all = Vec::with_capacity(scores.len());
    for (moment, scores) in scores.iter().enumerate() {
        let n_left = notice.n_left(moment);
        stay.resize(scores.dim(0)?, Vec::new());
        for (stay, scores) in stay.iter_mut().zip(scores.to_vec2::<f32>()?) {
            stay.extend(seen..n_left);
            stay.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
            stay.truncate(n);
        }
        seen = n_left;
        all.push(stay.clone());
    }
    Ok(all)
}

/// Of what tokens are worth when something is asked and while the text is read, what a choice keeps: the `n` tokens of each KV head with the highest
/// scores, where what left once does not come back. `scores` are those at each moment, `[n_head_kv, tokens]`.
///
/// # Errors
/// Those of candle.
pub fn kept(notice: &Notice, layer: &Noticed, scores: &[Tensor], n: usize) -> Result<[f64; 2]> {
    let (asked, text) = (layer.asked.to_vec2::<f32>()?, layer.text.to_vec3::<f32>()?);
    let all = stays(notice, scores, n)?;
    let sum = |stay: &[usize], worth: &[f32]| stay.iter().map(|&i| f64::from(worth[i])).sum::<f64>();
    let mut sums = [0.0; 2];
    for (moment, heads) in all.iter().enumerate() {
        sums[1] += heads.iter().zip(&text).map(|(stay, text)| sum(stay, &text[moment])).sum::<f64>();
    }
    sums[0] = all.last().into_iter().flatten().zip(&asked).map(|(stay, asked)| sum(stay, asked)).sum();
    Ok(sums)
}

/// The same for a choice that is the best for each purpose and each moment, whatever left before.
///
/// # Errors
/// Those of candle.
pub fn best(layer: &Noticed, n: usize) -> Result<[f64; 2]> {
    let top = |mut worth: Vec<f32>| -> f64 {
        worth.sort_by(|a, b| b.total_cmp(a));
        worth.iter().take(n).map(|&worth| f64::from(worth)).sum()
    };
    let asked = layer.asked.to_vec2::<f32>()?.into_iter().map(top).sum();
    Ok([asked, layer.text.to_vec3::<f32>()?.into_iter().flatten().map(top).sum()])
}

/// The errors of attention where a choice is made as [`kept`] has it: while the text is read, a sum over moments, and when something is
/// asked; sums over KV heads of errors in units of what they are where nothing is kept.
///
/// # Errors
/// Those of candle.
pub fn errors(notice: &Notice, layer: &Noticed, scores: &[Tensor], n: usize) -> Result<[f64; 2]> {
    let Some(looks) = &layer.looks else { candle_core::bail!("the queries of a document are not there") };
    let values = layer.values()?;
    let n_kv = values.dim(0)?;
    let mut sums = [vec![0.0_f32; n_kv], vec![0.0; n_kv]];
    for (moment, heads) in stays(notice, scores, n)?.iter().enumerate() {
        let n_left = notice.n_left(moment);
        let mut chosen = vec![0.0_f32; n_kv * n_left];
        for (head, stay) in heads.iter().enumerate() {
            stay.iter().for_each(|&i| chosen[head * n_left + i] = 1.0);
        }
        let chosen = tensor(chosen, (n_kv, n_left))?;
        let last = (moment + 1 == notice.moments.len()).then_some(&looks.asking);
        for (queries, sum) in [(looks.reading.get(moment), 0), (last, 1)] {
            let Some(queries) = queries else { continue };
            let errors = queries.errors(&values, &chosen)?;
            sums[sum].iter_mut().zip(errors).for_each(|(sum, error)| *sum += error);
        }
    }
    let relative = |i: usize| {
        let each = sums[i].iter().zip(&looks.nothing[i]);
        each.map(|(&error, &nothing)| f64::from(error) / f64::from(nothing).max(1e-20)).sum()
    };
    Ok([relative(1), relative(0)])
}
