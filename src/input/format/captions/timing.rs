//! The line that begins a cue.

use std::fmt;

/// From when to when a cue is shown, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timing {
    pub start: u64,
    pub end: u64,
}

impl Timing {
    /// Reads `00:00:01,000 --> 00:00:04,000`, with a comma or a dot, with or without hours. Settings may follow.
    pub fn parse(line: &str) -> Option<Self> {
        let (start, rest) = line.split_once("-->")?;
        let end = rest.split_whitespace().next()?;
        Some(Self { start: time(start.trim())?, end: time(end)? })
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.start / 1000;
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

/// Milliseconds of a time such as `01:02:03,456`.
pub(super) fn time(text: &str) -> Option<u64> {
    let (clock, fraction) = text.split_once([',', '.']).unwrap_or((text, ""));
    let mut seconds = 0;
    let mut parts = 0;
    for part in clock.split(':') {
        seconds = seconds * 60 + digits(part.trim())?;
        parts += 1;
    }
    if !(2..=3).contains(&parts) {
        return None;
    }
    let thousandths = match fraction.len() {
        0 => 0,
        length @ 1..=3 => digits(fraction)? * [100, 10, 1][length - 1],
        _ => digits(fraction.get(..3)?)?,
    };
    Some(seconds * 1000 + thousandths)
}

/// A number of one to six digits.
fn digits(text: &str) -> Option<u64> {
    let plain = (1..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}
