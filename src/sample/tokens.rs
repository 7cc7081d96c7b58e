//! How many tokens a text will be, without a tokenizer.
//!
//! The weights were fitted, by least squares over the paragraphs of 120 short and three long documents, to the tokenizer
//! of the default model (SmolLM2). A paragraph is off by 2 or 3 tokens, a document of 2,000 tokens by 0.6 %, a long
//! one by 0.3 %. `tests/suite/sample.rs` checks it.

/// What a word costs, in thousandths of a token.
struct Cost {
    word: u64,
    /// For each letter above `short`.
    letter: u64,
    short: u64,
}

/// A word in small letters.
const SMALL: Cost = Cost { word: 1001, letter: 175, short: 7 };

/// The first word of a sentence.
const FIRST: Cost = Cost { word: 1220, letter: 147, short: 4 };

/// A name.
const NAME: Cost = Cost { word: 1153, letter: 195, short: 3 };

/// A word of [`COMMON`].
const TITLE: Cost = Cost { word: 1025, letter: 0, short: 0 };

/// Words with a capital that are one token each.
const COMMON: [&str; 26] = [
    "Mr",
    "Mrs",
    "Miss",
    "Dr",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "I",
    "Street",
    "Lane",
];

/// A letter of a word in capitals.
const CAPITAL: u64 = 477;

/// A number, without its digits.
const NUMBER: u64 = 2794;

/// A digit.
const DIGIT: u64 = 479;

/// A quotation mark.
const QUOTE: u64 = 506;

/// Any other mark.
const MARK: u64 = 1097;

/// The end of a line.
const LINE: u64 = 707;

/// Estimated tokens of a text in thousandths. The estimate of two sentences is that of one after the other.
pub(super) fn estimate(text: &str) -> u64 {
    let mut sum = 0;
    let mut rest = text;
    // what stood before: whether a sentence begins, and whether a number goes on
    let (mut is_first, mut in_number) = (true, false);
    while let Some(c) = rest.bytes().next() {
        if c.is_ascii_alphabetic() {
            let (word, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len()));
            sum += cost_of(word, is_first);
            (is_first, in_number) = (false, false);
            rest = tail;
            continue;
        }
        sum += match c {
            b'0'..=b'9' => DIGIT + if in_number { 0 } else { NUMBER },
            b' ' => 0,
            b'\n' => LINE,
            b'"' => QUOTE,
            _ => MARK,
        };
        in_number = c.is_ascii_digit();
        is_first = matches!(c, b'.' | b'?' | b'!' | b':' | b'"' | b'\n') || (c == b' ' && is_first);
        let length = rest.chars().next().map_or(1, char::len_utf8);
        rest = &rest[length..];
    }
    sum
}

fn cost_of(word: &str, is_first: bool) -> u64 {
    let length = word.len() as u64;
    let is_capital = |c: Option<&u8>| c.is_some_and(u8::is_ascii_uppercase);
    let cost = match (is_capital(word.as_bytes().first()), is_capital(word.as_bytes().get(1))) {
        (true, true) => return CAPITAL * length,
        (false, _) => SMALL,
        (true, false) if is_first => FIRST,
        (true, false) if COMMON.contains(&word) => TITLE,
        (true, false) => NAME,
    };
    cost.word + cost.letter * length.saturating_sub(cost.short)
}

#[cfg(test)]
mod tests {
    use super::estimate;

    #[test]
    fn is_additive_over_sentences() {
        let parts = ["Mr Pell said: \"In 1871 THE MILL stood.\"", " ", "It did.", "\n\n"];
        assert_eq!(estimate(&parts.concat()), parts.iter().map(|part| estimate(part)).sum::<u64>());
        assert_eq!(estimate(""), 0);
        assert!((9..16).contains(&(estimate("A horse and 12 loaves were here.") / 1000)));
    }
}
