//! Predictions of the next token.

/// Log-probabilities, in nats.
#[derive(Debug, Clone, PartialEq)]
pub struct LogSoftmax {
    logits: Vec<f32>,
    /// ln sum exp of the logits.
    norm: f64,
}

impl LogSoftmax {
    /// Of logits; at least one.
    pub fn new(logits: &[f32]) -> Self {
        let top = f64::from(logits.iter().fold(f32::NEG_INFINITY, |m, &x| m.max(x)));
        let sum: f64 = logits.iter().map(|&x| (f64::from(x) - top).exp()).sum();
        Self { logits: logits.to_vec(), norm: top + sum.ln() }
    }

    /// That of a token; minus infinity for one that does not exist.
    pub fn of(&self, token: usize) -> f64 {
        self.logits.get(token).map_or(f64::NEG_INFINITY, |&x| f64::from(x) - self.norm)
    }

    /// The likeliest token.
    pub fn top(&self) -> usize {
        let likelier = |best: (usize, f32), (i, &x): (usize, &f32)| if x > best.1 { (i, x) } else { best };
        self.logits.iter().enumerate().fold((0, f32::NEG_INFINITY), likelier).0
    }
}

/// KL(p || q) = sum p (ln p - ln q), in nats. Both are over the same tokens.
pub fn kl(p: &LogSoftmax, q: &LogSoftmax) -> f64 {
    let of = |(&a, &b): (&f32, &f32)| {
        let log_p = f64::from(a) - p.norm;
        let share = log_p.exp();
        if share == 0.0 { 0.0 } else { share * (log_p - (f64::from(b) - q.norm)) }
    };
    let sum: f64 = p.logits.iter().zip(&q.logits).map(of).sum();
    // rounding; what is no number stays none
    if sum < 0.0 { 0.0 } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_probabilities_are_those_of_a_softmax() {
        let p = LogSoftmax::new(&[0.0, 0.0, 3.0_f32.ln(), -1000.0]);
        assert!((p.of(2) - 0.6_f64.ln()).abs() < 1e-7 && (p.of(0) - 0.2_f64.ln()).abs() < 1e-7);
        assert_eq!(p.top(), 2);
        assert!(p.of(9).is_infinite());
        // e^1000 is no number
        let large = LogSoftmax::new(&[1000.0, 1000.0]);
        assert!((large.of(0) - 0.5_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn kl_is_that_of_two_coins() {
        let coin = |p: f64| LogSoftmax::new(&[p.ln() as f32, (1.0 - p).ln() as f32]);
        let expected = 0.5 * (0.5_f64 / 0.9).ln() + 0.5 * (0.5_f64 / 0.1).ln();
        assert!((kl(&coin(0.5), &coin(0.9)) - expected).abs() < 1e-6);
        assert!(kl(&coin(0.3), &coin(0.3)).abs() < 1e-12);
        // what never comes counts nothing, and what is no number shows
        let never = LogSoftmax::new(&[0.0, f32::NEG_INFINITY]);
        assert!((kl(&never, &coin(0.5)) - 2.0_f64.ln()).abs() < 1e-6);
        assert!(kl(&coin(0.5), &LogSoftmax::new(&[f32::NAN, 0.0])).is_nan());
    }
}
