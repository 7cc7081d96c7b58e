//! How many of the facts in a document its summary has.

use serde::{Deserialize, Deserializer};

use crate::text::numbers::terms;
use crate::text::words::{each_word, folded};

/// Parts of a document of equal length, by which coverage is told.
pub const DECILES: usize = 10;

/// A fact that stands in a document.
///
/// A line of the facts file of `edgeinf sample` is one: its `id` is the key, its `answer` the value, its `depth` the depth; `offset`,
/// `sentence` and `question` are not used.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Fact {
    /// Its name.
    #[serde(default, alias = "id")]
    pub key: Option<String>,
    /// What a summary must say to have it, such as a number or a name.
    #[serde(alias = "answer")]
    pub value: String,
    /// Part of the document that stands before it, from 0 to 1.
    #[serde(deserialize_with = "depth")]
    pub depth: f64,
}

/// Shares of facts that a summary has.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Coverage {
    /// Of all facts; `None` without facts.
    pub all: Option<f64>,
    /// Of those in each tenth of the document, the first one first; `None` where there are none. A depth on a border belongs to the
    /// tenth that begins there, and depth 1 to the last one.
    pub by_decile: [Option<f64>; DECILES],
}

/// Finds facts in a summary by their values.
///
/// A value is found where its words stand one after the other. Case, white space and signs between words make no difference, nor do the
/// separators of thousands, the ending of an ordinal number or a `'s` (see `words.rs` and `numbers.rs`); parts of words and of numbers
/// do not count. A value of signs alone is found as it is.
pub fn coverage(facts: &[Fact], summary: &str) -> Coverage {
    let words = compared(summary);
    let mut counts = [(0_u32, 0_u32); DECILES];
    for fact in facts {
        let (found, all) = &mut counts[((fact.depth * DECILES as f64) as usize).min(DECILES - 1)];
        *found += u32::from(has(&words, summary, &fact.value));
        *all += 1;
    }
    let share = |(found, all): (u32, u32)| (all > 0).then(|| f64::from(found) / f64::from(all));
    let sum = counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    Coverage { all: share(sum), by_decile: counts.map(share) }
}

/// Whether a text has a value, found as [`coverage`] finds it.
pub fn says(text: &str, value: &str) -> bool {
    has(&compared(text), text, value)
}

/// Whether a summary, which has these words, has a value.
fn has(words: &[String], summary: &str, value: &str) -> bool {
    let wanted = compared(value);
    if wanted.is_empty() {
        return !value.trim().is_empty() && summary.contains(value.trim());
    }
    words.windows(wanted.len()).any(|window| window == wanted)
}

/// The words of a text as they are compared.
fn compared(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    each_word(text, &mut |word| found.extend(terms(word.text).iter().map(|term| folded(term))));
    found
}

/// Reads a depth.
fn depth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let depth = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&depth) {
        return Ok(depth);
    }
    Err(serde::de::Error::custom(format!("a 'depth' is {depth}, and should be from 0 to 1")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fact(value: &str, depth: f64) -> Fact {
        Fact { key: None, value: value.into(), depth }
    }

    #[test]
    fn values_are_whole_words() {
        let summary = "It was “Ottoline  BURNCROFT’S” on January 16th,\n1606; Straße, 8473 pounds and 7 shillings, 1.5 km, C++ ± 140821.";
        for (value, found) in [
            ("Ottoline Burncroft", true),
            ("Ottoline", true),
            ("Burncroft Ottoline", false),
            ("Burn", false),
            ("January 16, 1606", true),
            ("8,473 pounds and 7 shillings", true),
            ("473", false),
            ("5 km", false),
            ("14082", false),
            ("140,821", true),
            ("STRASSE", true),
            ("±", true),
            ("§", false),
            (" ", false),
            ("140821 and more than that", false),
        ] {
            assert_eq!(coverage(&[fact(value, 0.5)], summary).all, Some(f64::from(u8::from(found))), "{value}");
        }
    }

    #[test]
    fn shares_are_by_tenths() {
        let facts = [fact("a", 0.0), fact("b", 0.05), fact("c", 0.1), fact("d", 0.95), fact("e", 1.0)];
        let mut by_decile = [None; DECILES];
        (by_decile[0], by_decile[1], by_decile[9]) = (Some(0.5), Some(1.0), Some(0.0));
        assert_eq!(coverage(&facts, "A and C"), Coverage { all: Some(0.4), by_decile });
        assert_eq!(coverage(&[], "A and C"), Coverage::default());
    }

    #[test]
    fn facts_of_a_sample_and_of_a_pair_are_read() {
        let line = r#"{"id":"0003-amount","depth":0.25,"offset":38636,"sentence":"The racehorse of Valentine Holridge won 8,473 pounds and 7 shillings in a single summer.","question":"How much did the racehorse of Valentine Holridge win in a single summer?","answer":"8,473 pounds and 7 shillings"}"#;
        let mut expected = fact("8,473 pounds and 7 shillings", 0.25);
        expected.key = Some("0003-amount".into());
        assert_eq!(serde_json::from_str::<Fact>(line).unwrap(), expected);
        assert_eq!(serde_json::from_str::<Fact>(r#"{"value":"7","depth":1}"#).unwrap(), fact("7", 1.0));
        for (line, words) in [
            (r#"{"value":"7","depth":1.5}"#, "a 'depth' is 1.5"),
            (r#"{"value":"7","depth":-0.1}"#, "a 'depth' is -0.1"),
            (r#"{"value":"7"}"#, "missing field `depth`"),
            (r#"{"depth":0}"#, "missing field `value`"),
        ] {
            let error = serde_json::from_str::<Fact>(line).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_stands_in_a_summary_is_found(before in "(\\PC{0,9} )?", value in "\\PC{0,9}[a-z0-9]", after in "( \\PC{0,9})?", depth in 0.0..=1.0) {
            let found = coverage(&[fact(&value, depth)], &format!("{before}{value}{after}"));
            prop_assert_eq!(found.all, Some(1.0));
            prop_assert_eq!(found.by_decile.iter().flatten().count(), 1);
        }
    }
}
