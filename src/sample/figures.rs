//! Numbers as they are written.

use std::fmt::Write;

/// `1,234`.
pub(super) fn grouped(n: u64) -> String {
    let mut out = String::new();
    push_grouped(n, &mut out);
    out
}

/// Appends `1,234`.
pub(super) fn push_grouped(n: u64, out: &mut String) {
    if n >= 1000 {
        push_grouped(n / 1000, out);
        let _ = write!(out, ",{:03}", n % 1000);
    } else {
        let _ = write!(out, "{n}");
    }
}

/// Numbers below 20.
const SMALL: [&str; 20] = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

/// Their tens.
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// A number below 100 in words.
pub(super) fn push_words(n: u64, out: &mut String) {
    let (tens, ones) = (n as usize / 10 % 10, n as usize % 10);
    if let Some(word) = SMALL.get(n as usize) {
        out.push_str(word);
    } else {
        out.push_str(TENS[tens]);
        if ones > 0 {
            out.push('-');
            out.push_str(SMALL[ones]);
        }
    }
}
