//! Sizes in bytes as people write and read them.

/// Bytes with an optional suffix K, M, G, KiB, MiB or GiB, all powers of 1024.
///
/// # Errors
/// A remark on what is wrong, to be put behind the text in question.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let lower = text.trim().to_ascii_lowercase();
    let lower = lower.strip_suffix("ib").or_else(|| lower.strip_suffix('b')).unwrap_or(&lower);
    let shift = match lower.chars().last() {
        Some('k') => 10,
        Some('m') => 20,
        Some('g') => 30,
        _ => 0,
    };
    let digits = if shift > 0 { &lower[..lower.len() - 1] } else { lower };
    let number: f64 = digits.trim().parse().map_err(|_| "not a size; write it like 500M or 2G".to_owned())?;
    let bytes = number * f64::from(1_u32 << shift);
    if (1.0..1e18).contains(&bytes) { Ok(bytes as u64) } else { Err("not a size that makes sense".into()) }
}

/// For people: MiB, or GiB from 10 of them on, with one decimal.
pub fn readable(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 10_240.0 { format!("{mib:.1} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("500M"), Ok(500 << 20));
        assert_eq!(parse_size("1.5 GiB"), Ok(3 << 29));
        assert_eq!(parse_size("4096"), Ok(4096));
        assert!(parse_size("much").is_err());
        assert!(parse_size("-1G").is_err());
    }

    #[test]
    fn sizes_are_shown_in_the_unit_that_fits() {
        assert_eq!(readable(98_362_432), "93.8 MiB");
        assert_eq!(readable(10 << 30), "10.0 GiB");
    }
}
