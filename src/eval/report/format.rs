//! Figures as a report shows them.

use crate::eval::bootstrap::Estimate;

/// Bytes in KiB, MiB or GiB, with three figures.
pub fn bytes(bytes: u64) -> String {
    let (value, unit) = match bytes {
        0..0x10_0000 => (bytes as f64 / 1024.0, "KiB"),
        0x10_0000..0x4000_0000 => (bytes as f64 / f64::from(1 << 20), "MiB"),
        _ => (bytes as f64 / f64::from(1 << 30), "GiB"),
    };
    format!("{} {unit}", three_figures(value))
}

/// A number with three figures, or all before the point.
pub fn three_figures(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        x if x >= 99.95 => 0,
        x if x >= 9.995 => 1,
        x if x >= 0.9995 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// A number of tokens: K is 1024.
pub fn tokens(n: f64) -> String {
    if n >= 1024.0 && n % 1024.0 == 0.0 { format!("{}K", n / 1024.0) } else { format!("{n:.0}") }
}

/// How an estimate is shown.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Factor, 100 for per cent.
    pub factor: f64,
    /// Figures after the point.
    pub decimals: usize,
    /// Whether a plus is shown.
    pub signed: bool,
}

impl Shape {
    /// As it is.
    pub const PLAIN: Self = Self { factor: 1.0, decimals: 3, signed: false };
    /// In per cent.
    pub const PERCENT: Self = Self { factor: 100.0, decimals: 1, signed: false };

    /// With a plus before what is more.
    pub const fn signed(self) -> Self {
        Self { signed: true, ..self }
    }

    /// A number so.
    fn number(self, value: f64) -> String {
        let Self { factor, decimals, signed } = self;
        let text =
            if signed { format!("{:+.decimals$}", value * factor) } else { format!("{:.decimals$}", value * factor) };
        // nothing has no sign
        let is_zero = !text.contains(|c: char| c.is_ascii_digit() && c != '0');
        if is_zero { text.trim_start_matches(['-', '+']).to_owned() } else { text }
    }

    /// An estimate with its interval, and over how many it is where these are fewer than `all`; a dash where there is none.
    pub fn estimate(self, estimate: Option<Estimate>, n: usize, all: usize) -> String {
        let Some(e) = estimate else { return "-".into() };
        let of = if n < all { format!(" (n={n})") } else { String::new() };
        format!("{} [{}, {}]{of}", self.number(e.value), self.number(e.low), self.number(e.high))
    }
}

/// A name that is safe in a file's: small letters, digits and dashes.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        match c {
            _ if c.is_ascii_alphanumeric() || c == '.' => slug.push(c.to_ascii_lowercase()),
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
    }
    slug.trim_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_unit_that_fits() {
        assert_eq!(bytes(48 * 1024), "48.0 KiB");
        assert_eq!(bytes(11_888_640), "11.3 MiB");
        assert_eq!(bytes(5 << 30), "5.00 GiB");
        assert_eq!([three_figures(0.0), three_figures(1234.5), three_figures(0.25)], ["0", "1234", "0.250"]);
        assert_eq!([tokens(2048.0), tokens(2000.0)], ["2K", "2000"]);
        assert_eq!(slug("/a/b/SmolLM2 135M (b179).gguf"), "a-b-smollm2-135m-b179-.gguf");
    }

    #[test]
    fn nothing_has_no_sign() {
        let estimate = Some(Estimate { value: -0.0001, low: -0.25, high: 0.25 });
        assert_eq!(Shape::PLAIN.signed().estimate(estimate, 2, 3), "0.000 [-0.250, +0.250] (n=2)");
        assert_eq!(Shape::PERCENT.estimate(estimate, 3, 3), "0.0 [-25.0, 25.0]");
        assert_eq!(Shape::PLAIN.estimate(None, 0, 3), "-");
    }
}
