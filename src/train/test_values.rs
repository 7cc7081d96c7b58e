//! Numbers for tests.

use crate::rng::Rng;

/// `n` numbers between -1 and 1, the same each time.
pub fn values(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    (0..n).map(|_| (rng.next() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0).collect()
}

/// Each within `limit` of the largest expected.
#[track_caller]
pub fn close(found: &[f32], expected: &[f32], limit: f32) {
    assert_eq!(found.len(), expected.len());
    let top = expected.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= limit * top, "{i}: {a} {b}, largest {top}");
    }
}
