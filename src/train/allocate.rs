//! How many tokens each layer should retain, where the sum is given and each layer says what it loses by how few.

use crate::memory::policy::GROUPS;

/// Numbers of tokens at which a loss is known, in eighths of the mean. Between them a loss is taken to fall evenly.
pub(super) const EIGHTHS: [usize; 11] = [0, 1, 2, 4, 6, 8, 12, 16, 24, 32, 48];

/// The fewest eighths of the mean that a layer retains: it reads by them too.
const LEAST: usize = 1;

/// What it counts to be far from the mean, in nats: nothing beside what is lost.
const EVEN: f64 = 1e-9;

/// What a layer loses when it retains so many eighths of the mean; beyond the last known number no less than there.
fn loss(known: &[f64; EIGHTHS.len()], eighths: f64) -> f64 {
    let above = EIGHTHS.iter().position(|&at| at as f64 >= eighths);
    let Some(above) = above else { return known[EIGHTHS.len() - 1] };
    let below = above.saturating_sub(1);
    let [low, high] = [below, above].map(|i| EIGHTHS[i] as f64);
    let part = if high > low { (eighths - low) / (high - low) } else { 0.0 };
    known[below] + part * (known[above] - known[below])
}

/// The share of each layer, lowest first, as a multiple of the mean, at most [`GROUPS`] different ones, by which all layers together lose least; none
/// if a loss is no number.
pub(super) fn allocate(losses: &[[f64; EIGHTHS.len()]]) -> Option<Vec<f32>> {
    if !losses.iter().flatten().all(|loss| loss.is_finite()) {
        return None;
    }
    let best = numbers(losses);
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by_key(|&il| (best[il], il));
    let mut found = (f64::INFINITY, Vec::new());
    cut(&mut Vec::new(), order.len(), &mut |cuts| {
        let mut ends = cuts.to_vec();
        ends.push(order.len());
        let mut shares = vec![0.0; order.len()];
        let (mut begin, mut all) = (0, 0.0);
        for end in ends {
            let group = &order[begin..end];
            let mean = group.iter().map(|&il| best[il] as f64).sum::<f64>() / group.len() as f64;
            group.iter().for_each(|&il| shares[il] = (mean / 8.0) as f32);
            all += group.iter().map(|&il| loss(&losses[il], mean)).sum::<f64>();
            begin = end;
        }
        if all < found.0 {
            found = (all, shares);
        }
    });
    Some(found.1)
}

/// Calls `tell` with all ways to cut `n` things in a row into at most [`GROUPS`] parts that are not empty.
fn cut(cuts: &mut Vec<usize>, n: usize, tell: &mut dyn FnMut(&[usize])) {
    tell(cuts);
    if cuts.len() + 1 < GROUPS {
        for at in cuts.last().map_or(1, |last| last + 1)..n {
            cuts.push(at);
            cut(cuts, n, tell);
            cuts.pop();
        }
    }
}

/// The eighths of the mean that each layer retains, by which all together lose least: exactly, by what the first layers can do with each sum.
fn numbers(losses: &[[f64; EIGHTHS.len()]]) -> Vec<usize> {
    let all = 8 * losses.len();
    let most = EIGHTHS[EIGHTHS.len() - 1];
    // the least that the layers before lose together with each sum, and what each of them takes then
    let mut least = vec![f64::INFINITY; all + 1];
    least[0] = 0.0;
    let mut takes = Vec::with_capacity(losses.len());
    for known in losses {
        // where nothing is lost either way, as in the others
        let far = |n: usize| EVEN * (n as f64 / 8.0 - 1.0).powi(2);
        let lost: Vec<f64> = (0..=most).map(|n| loss(known, n as f64) + far(n)).collect();
        let (mut next, mut take) = (vec![f64::INFINITY; all + 1], vec![0; all + 1]);
        for sum in 0..=all {
            for n in LEAST..=most.min(sum) {
                let together = least[sum - n] + lost[n];
                if together < next[sum] {
                    (next[sum], take[sum]) = (together, n);
                }
            }
        }
        least = next;
        takes.push(take);
    }
    let mut left = all;
    let mut found: Vec<usize> = takes
        .iter()
        .rev()
        .map(|take| {
            let n = take[left];
            left -= n;
            n
        })
        .collect();
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::policy::Shares;

    /// What halves with each `half` eighths.
    fn falling(weight: f64, half: f64) -> [f64; EIGHTHS.len()] {
        EIGHTHS.map(|n| weight * 0.5_f64.powf(n as f64 / half))
    }

    #[test]
    fn layers_that_lose_most_get_most() {
        let losses = [falling(0.1, 4.0), falling(1.0, 1.0), falling(1.0, 16.0), falling(0.1, 4.0)];
        let shares = allocate(&losses).unwrap();
        assert!(Shares::new(&shares).is_some(), "{shares:?}");
        // what falls quickly needs few, what falls slowly many
        assert!(shares[2] > 1.5 && shares[1] < 1.5 && shares[0] < 1.0, "{shares:?}");
        assert_eq!(shares[0], shares[3]);
    }

    #[test]
    fn no_other_numbers_lose_less() {
        let losses = [falling(0.3, 3.0), falling(1.0, 5.0), falling(0.7, 1.5)];
        let found = numbers(&losses);
        assert_eq!(found.iter().sum::<usize>(), 24);
        let all =
            |numbers: [usize; 3]| -> f64 { numbers.iter().zip(&losses).map(|(&n, known)| loss(known, n as f64)).sum() };
        let least = all([found[0], found[1], found[2]]);
        for a in 1..=22 {
            for b in 1..=23 - a {
                assert!(all([a, b, 24 - a - b]) >= least - 1e-12, "{found:?} {a} {b}");
            }
        }
    }

    #[test]
    fn layers_that_lose_nothing_are_alike() {
        assert_eq!(allocate(&[[0.0; EIGHTHS.len()]; 5]), Some(vec![1.0; 5]));
        assert_eq!(allocate(&[falling(1.0, 2.0), falling(f64::NAN, 2.0)]), None);
    }

    #[test]
    fn there_are_few_kinds_of_shares() {
        let losses: Vec<_> = (0..30).map(|il| falling(1.0 + il as f64, 1.0 + (il * 7 % 5) as f64)).collect();
        let shares = allocate(&losses).unwrap();
        assert!(Shares::new(&shares).is_some_and(|shares| !shares.is_even()), "{shares:?}");
    }
}
