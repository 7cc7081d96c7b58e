//! Medians, and curves through what was measured.

/// The median; `None` of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { (values[middle - 1] + upper) / 2.0 })
}

/// A term of a curve.
type Term = fn(f64) -> f64;

/// A sum of two terms, neither of which is negative, through points. Deviations count in relation to the value: what moves a
/// time on a busy machine is a share of it.
#[derive(Debug, Clone, Copy)]
pub struct Curve {
    terms: [Term; 2],
    factors: [f64; 2],
}

impl Curve {
    /// `a n + b n^2`: what reading takes, where each token attends to all before it.
    pub fn quadratic(points: &[(f64, f64)]) -> Self {
        Self::fit(points, [|n| n, |n| n * n])
    }

    /// `a + b n`.
    pub fn line(points: &[(f64, f64)]) -> Self {
        Self::fit(points, [|_| 1.0, |n| n])
    }

    /// Its value.
    pub fn at(&self, n: f64) -> f64 {
        self.terms.iter().zip(self.factors).map(|(term, factor)| factor * term(n)).sum()
    }

    fn fit(points: &[(f64, f64)], terms: [Term; 2]) -> Self {
        // each row ought to give 1
        let rows = points.iter().filter(|(_, y)| *y > 0.0).map(|&(n, y)| terms.map(|term| term(n) / y));
        let (mut s00, mut s01, mut s11, mut s0, mut s1) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for [a, b] in rows {
            s00 += a * a;
            s01 += a * b;
            s11 += b * b;
            s0 += a;
            s1 += b;
        }
        let alone = |own: f64, sum: f64| if own > 0.0 { sum / own } else { 0.0 };
        let determinant = s00 * s11 - s01 * s01;
        // points at one place say nothing of the second term
        let factors = if determinant > 1e-9 * s00 * s11 {
            [(s0 * s11 - s1 * s01) / determinant, (s1 * s00 - s0 * s01) / determinant]
        } else {
            [alone(s00, s0), 0.0]
        };
        let factors = match factors {
            [a, _] if a < 0.0 => [0.0, alone(s11, s1)],
            [_, b] if b < 0.0 => [alone(s00, s0), 0.0],
            both => both,
        };
        Self { terms, factors }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-6 * b.abs(), "{a} {b}");
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0]), Some(3.0));
        assert_eq!(median([5.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median([4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn a_curve_goes_through_its_points() {
        let time = |n: f64| 0.0024 * n + 1.5e-7 * n * n;
        let points: Vec<(f64, f64)> = [1024.0, 2048.0, 4096.0, 8192.0].map(|n| (n, time(n))).to_vec();
        assert_close(Curve::quadratic(&points).at(131_072.0), time(131_072.0));
        assert_close(Curve::quadratic(&points[..2]).at(131_072.0), time(131_072.0));
        let line = Curve::line(&[(1000.0, 5e6), (3000.0, 9e6)]);
        assert_close(line.at(10_000.0), 23e6);
    }

    #[test]
    fn no_term_is_negative() {
        // faster the longer it is, by chance
        assert_close(Curve::quadratic(&[(1000.0, 2.0), (2000.0, 4.0), (4000.0, 8.0)]).at(8000.0), 16.0);
        let fast = Curve::quadratic(&[(1000.0, 2.0), (2000.0, 3.0)]);
        assert!(fast.at(4000.0) > fast.at(2000.0) && fast.at(8000.0) > 0.0);
        // constant and falling
        assert_close(Curve::line(&[(1000.0, 7.0), (2000.0, 7.0)]).at(9000.0), 7.0);
        assert!(Curve::line(&[(1000.0, 7.0), (2000.0, 6.0)]).at(90_000.0) > 6.0);
        // one point, and none that says anything
        assert_close(Curve::quadratic(&[(1000.0, 2.0)]).at(3000.0), 6.0);
        assert_eq!(Curve::line(&[(1000.0, 0.0)]).at(3000.0), 0.0);
    }
}
