//! What the progress of a reading looks like.

use std::time::Duration;

use indicatif::{HumanCount, HumanDuration};

/// How far a document was read.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Tokens decoded.
    pub tokens: u64,
    /// Bytes that they stood for.
    pub bytes: u64,
    /// Bytes of the document; `None` for a pipe.
    pub total_bytes: Option<u64>,
    /// Segments decoded.
    pub segments: u64,
    /// Time since the reading began.
    pub elapsed: Duration,
}

impl Reading {
    /// Part of the document that was read, from 0 to 1; `None` for a pipe.
    pub fn fraction(&self) -> Option<f64> {
        let total = self.total_bytes.filter(|&n| n > 0)?;
        Some((self.bytes as f64 / total as f64).clamp(0.0, 1.0))
    }

    /// The line beside the bar.
    pub fn line(&self) -> String {
        let seconds = self.elapsed.as_secs_f64();
        let speed = if seconds > 0.0 { self.tokens as f64 / seconds } else { 0.0 };
        let (mut total, mut end) = (String::new(), format!("{} so far", HumanDuration(self.elapsed)));
        if let Some(fraction) = self.fraction().filter(|&f| f > 0.0) {
            // what is still to come is taken to be like what came
            let all = (self.tokens as f64 / fraction / 100.0).round() as u64 * 100;
            total = format!(" of about {}", HumanCount(all.max(self.tokens)));
            let left = self.elapsed.mul_f64((1.0 - fraction) / fraction);
            end = format!("{} left", HumanDuration(left));
        }
        format!("{}{total} tokens, segment {}, {speed:.0} tokens/s, {end}", HumanCount(self.tokens), self.segments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_total_and_a_pipe_has_none() {
        let file = Reading {
            tokens: 41_472,
            bytes: 200_000,
            total_bytes: Some(600_000),
            segments: 81,
            elapsed: Duration::from_secs(180),
        };
        assert_eq!(file.line(), "41,472 of about 124,400 tokens, segment 81, 230 tokens/s, 6 minutes left");
        let pipe = Reading { total_bytes: None, ..file };
        assert_eq!(pipe.line(), "41,472 tokens, segment 81, 230 tokens/s, 3 minutes so far");
        assert_eq!(pipe.fraction(), None);
    }

    #[test]
    fn the_beginning_divides_by_nothing() {
        let start = Reading { tokens: 0, bytes: 0, total_bytes: Some(10), segments: 0, elapsed: Duration::ZERO };
        assert_eq!(start.line(), "0 tokens, segment 0, 0 tokens/s, 0 seconds so far");
    }
}
