//! Means and ratios of paired values, with intervals.

use serde::Serialize;

use crate::rng::Rng;

/// Samples that are drawn for an interval.
const DRAWS: usize = 10_000;

/// A value and the interval that holds 95 % of what other draws of the same cases would have given.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The value over all cases.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The ratio of the sums of both columns, with a percentile bootstrap over the rows (Efron 1979), the same at each call.
/// With a second column of ones it is the mean of the first. `None` without rows, or where the sums give no number.
pub fn ratio(rows: &[(f64, f64)]) -> Option<Estimate> {
    let of = |(above, below): (f64, f64)| Some(above / below).filter(|value: &f64| value.is_finite());
    let add = |sum: (f64, f64), row: &(f64, f64)| (sum.0 + row.0, sum.1 + row.1);
    let value = of(rows.iter().fold((0.0, 0.0), add))?;
    let mut rng = Rng::new(1);
    let draw = |rng: &mut Rng| (0..rows.len()).fold((0.0, 0.0), |sum, _| add(sum, &rows[rng.index(rows.len())]));
    let mut draws: Vec<f64> = (0..DRAWS).filter_map(|_| of(draw(&mut rng))).collect();
    draws.sort_by(f64::total_cmp);
    let at = |share: f64| draws.get((share * draws.len() as f64) as usize).copied();
    Some(Estimate { value, low: at(0.025)?, high: at(0.975)? })
}

/// The mean of some values, with its interval.
pub fn mean(values: &[f64]) -> Option<Estimate> {
    ratio(&values.iter().map(|&value| (value, 1.0)).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_that_of_the_mean() {
        // 0 and 1 in equal parts: the mean of 100 has a standard deviation of 0.05
        let values: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
        let found = mean(&values).unwrap();
        assert!((found.value - 0.5).abs() < 1e-12);
        assert!((found.low - 0.402).abs() < 0.02 && (found.high - 0.598).abs() < 0.02, "{found:?}");
        assert_eq!(mean(&values), Some(found));
        assert_eq!(mean(&[2.0]), Some(Estimate { value: 2.0, low: 2.0, high: 2.0 }));
    }

    #[test]
    fn a_ratio_is_that_of_sums() {
        assert_eq!(ratio(&[(1.0, 2.0), (3.0, 2.0)]).map(|e| e.value), Some(1.0));
        assert_eq!(ratio(&[]), None);
        assert_eq!(ratio(&[(1.0, 0.0)]), None);
    }
}
