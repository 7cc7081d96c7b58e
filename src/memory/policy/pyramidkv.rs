//! PyramidKV (arXiv 2406.02069): lower layers, which attend to many tokens, retain more than higher ones, which attend to few.
//! What is retained is chosen as SnapKV chooses it.
//!
//! With a mean of B tokens the highest layer gets B / beta, the lowest 2 B less that, and those between them lie on a line.
//! Here neighbouring layers form groups that share a cache of one length: at most four, each with the mean of its layers.

use crate::llama::{Depth, Retain};

use super::Rule;
use super::shares::GROUPS;
use super::snapkv::SnapKv;

/// How much less than the mean the highest layer gets; 20 as in the published code.
const BETA: f64 = 20.0;

pub(super) struct PyramidKv;

impl Rule for PyramidKv {
    fn name(&self) -> &'static str {
        "pyramidkv"
    }

    fn share(&self, n: u32) -> u32 {
        SnapKv.share(n)
    }

    fn retain(&self, n: u32) -> Option<Retain> {
        SnapKv.retain(n).map(|retain| Retain { depth: Depth::Pyramid, ..retain })
    }
}

/// How many tokens each of `n_layers` layers retains, lowest first, with a mean of `mean`: as many altogether as groups of
/// layers allow without exceeding it.
pub fn layer_budgets(mean: u32, n_layers: usize) -> Vec<u32> {
    if n_layers == 0 {
        return Vec::new();
    }
    let (exact, sizes) = groups(mean, n_layers);
    let numbers = round(mean, &exact, &sizes);
    numbers.iter().zip(&sizes).flat_map(|(&n, &size)| vec![n; size]).collect()
}

/// The mean of the published numbers in each group, and its layers.
fn groups(mean: u32, n_layers: usize) -> (Vec<f64>, Vec<usize>) {
    let b = f64::from(mean);
    let (min, steps) = (b / BETA, n_layers.saturating_sub(1).max(1) as f64);
    let max = if n_layers == 1 { b } else { 2.0 * b - min };
    let published = |layer: usize| max - layer as f64 * (max - min) / steps;
    let n_groups = n_layers.min(GROUPS);
    let begin = |group: usize| group * n_layers / n_groups;
    (0..n_groups)
        .map(|group| {
            let layers = begin(group)..begin(group + 1);
            let size = layers.len();
            (layers.map(published).sum::<f64>() / size as f64, size)
        })
        .unzip()
}

/// Whole numbers near `exact`, not rising, whose sum over all layers is the largest that `mean` allows.
fn round(mean: u32, exact: &[f64], sizes: &[usize]) -> Vec<u32> {
    let allowed = u64::from(mean) * sizes.iter().sum::<usize>() as u64;
    let steps = [-1.0, 0.0, 1.0, 2.0];
    let mut best: Option<(u64, f64, Vec<u32>)> = None;
    for code in 0..steps.len().pow(exact.len() as u32) {
        let step = |group: usize| steps[code / steps.len().pow(group as u32) % steps.len()];
        let numbers: Vec<u32> = exact.iter().enumerate().map(|(i, x)| (x.floor() + step(i)).max(0.0) as u32).collect();
        let sum: u64 = numbers.iter().zip(sizes).map(|(&n, &size)| u64::from(n) * size as u64).sum();
        if sum > allowed || !numbers.is_sorted_by(|a, b| a >= b) {
            continue;
        }
        let far: f64 = numbers.iter().zip(exact).map(|(&n, x)| (f64::from(n) - x).powi(2)).sum();
        if best.as_ref().is_none_or(|(s, f, _)| sum > *s || (sum == *s && far < *f)) {
            best = Some((sum, far, numbers));
        }
    }
    best.map_or_else(|| vec![0; exact.len()], |(_, _, numbers)| numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_layers_get_the_published_numbers() {
        // 256 / 20 = 12.8 and 512 - 12.8 = 499.2, and two thirds and one third of the way
        assert_eq!(layer_budgets(256, 4), [499, 337, 175, 13]);
        assert_eq!(layer_budgets(100, 1), [100]);
        assert_eq!(layer_budgets(100, 2), [195, 5]);
        assert!(layer_budgets(100, 0).is_empty());
    }

    #[test]
    fn groups_have_the_mean_of_their_layers() {
        let budgets = layer_budgets(256, 30);
        let exact = |layer: usize| 499.2 - layer as f64 * (499.2 - 12.8) / 29.0;
        for group in [0..7, 7..15, 15..22, 22..30] {
            let mean = group.clone().map(exact).sum::<f64>() / group.len() as f64;
            assert!(budgets[group.clone()].iter().all(|&n| n == budgets[group.start]), "{budgets:?}");
            assert!((f64::from(budgets[group.start]) - mean).abs() < 2.0, "{budgets:?} {mean}");
        }
    }

    #[test]
    fn no_token_is_retained_that_the_mean_does_not_pay_for() {
        for n_layers in 1..100 {
            for mean in (0..40).chain([64, 100, 127, 256, 511, 1000, 65_535]) {
                let budgets = layer_budgets(mean, n_layers);
                assert_eq!(budgets.len(), n_layers);
                assert!(budgets.is_sorted_by(|a, b| a >= b), "{budgets:?}");
                let mut distinct = budgets.clone();
                distinct.dedup();
                assert!(distinct.len() <= GROUPS, "{budgets:?}");
                let (sum, allowed) =
                    (budgets.iter().map(|&n| u64::from(n)).sum::<u64>(), u64::from(mean) * n_layers as u64);
                // a group has at most a fourth of the layers, rounded up
                assert!(
                    sum <= allowed && allowed - sum < n_layers.div_ceil(4) as u64,
                    "{mean} {n_layers}: {budgets:?}"
                );
                assert!(mean == 0 || sum > 0, "{mean} {n_layers}");
                // where all groups are of one size nothing is left over
                assert!(!n_layers.is_multiple_of(4) || sum == allowed, "{mean} {n_layers}: {budgets:?}");
            }
        }
    }
}
