//! Whose attention decides which tokens stay.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// Most queries that are asked, and most tokens of which one asks.
const MAX: u32 = 4096;

/// So many queries of the newest tokens, of which one in `stride` asks. All of the last 32 are what SnapKV (arXiv 2404.14469) was
/// published with; one in 16 of the last 512 take as many bytes and speak for a whole segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queries {
    /// How many ask.
    pub count: u32,
    /// One in so many tokens; 1 for all.
    pub stride: u32,
}

/// A number of queries that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("queries are written as N, or as N/STRIDE for one in STRIDE tokens, both from 1 to {MAX}: 32 or 32/16")]
pub struct QueriesError;

impl FromStr for Queries {
    type Err = QueriesError;

    fn from_str(text: &str) -> Result<Self, QueriesError> {
        let (count, stride) = text.split_once('/').unwrap_or((text, "1"));
        let number = |text: &str| {
            let n: Result<u32, ParseIntError> = text.parse();
            n.ok().filter(|n| (1..=MAX).contains(n)).ok_or(QueriesError)
        };
        Ok(Self { count: number(count)?, stride: number(stride)? })
    }
}

impl fmt::Display for Queries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stride {
            1 => self.count.fmt(f),
            stride => write!(f, "{}/{stride}", self.count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_and_written() {
        assert_eq!("32/16".parse(), Ok(Queries { count: 32, stride: 16 }));
        for text in ["32", "32/16", "1", "4096/4096"] {
            assert_eq!(text.parse::<Queries>().map(|queries| queries.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("32/1".parse::<Queries>().map(|queries| queries.to_string()), Ok("32".to_owned()));
        for text in ["", "0", "/", "32/", "/16", "32/0", "5000", "32/16/2", "-1", "many"] {
            assert_eq!(text.parse::<Queries>(), Err(QueriesError), "{text}");
        }
    }
}
