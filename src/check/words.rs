//! Whether a text has certain words.

use std::borrow::Cow;

/// A text in which words are looked for.
#[derive(Debug)]
pub struct Words {
    text: String,
    ignore_case: bool,
}

impl Words {
    /// Line breaks count as spaces; upper and lower case are the same with `ignore_case`.
    pub fn new(text: &str, ignore_case: bool) -> Self {
        Self { text: normal(text, ignore_case), ignore_case }
    }

    /// Whether `wanted` stands in the text as whole words: no letter or digit may continue it. An end of `wanted` that is a
    /// sign itself needs no border, so that a mark such as `<|end|>` is found anywhere.
    pub fn have(&self, wanted: &str) -> bool {
        let wanted = normal(wanted, self.ignore_case);
        let (Some(first), Some(last)) = (wanted.chars().next(), wanted.chars().next_back()) else { return false };
        let mut start = 0;
        while let Some(at) = self.text[start..].find(&wanted).map(|at| start + at) {
            let (before, after) = (&self.text[..at], &self.text[at + wanted.len()..]);
            let begins = !(first.is_alphanumeric() && before.ends_with(char::is_alphanumeric));
            let ends = !(last.is_alphanumeric() && after.starts_with(char::is_alphanumeric));
            if begins && ends {
                return true;
            }
            start = at + first.len_utf8();
        }
        false
    }
}

fn normal(text: &str, ignore_case: bool) -> String {
    let cased = if ignore_case { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) };
    cased.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_whole() {
        let text = Words::new("The Cat sat\n  on 1,842 mats.<|im_end|>x", true);
        for (wanted, found) in [
            ("cat", true),
            ("ca", false),
            ("at", false),
            ("sat on", true),
            ("1,842", true),
            ("842", true),
            ("1,84", false),
            ("mats", true),
            ("mat", false),
            ("<|im_end|>", true),
            ("the", true),
            ("x", true),
            ("", false),
            (" \n", false),
        ] {
            assert_eq!(text.have(wanted), found, "{wanted}");
        }
        assert!(!Words::new("The Cat", false).have("cat"));
        // the first place does not count, one that overlaps it does
        assert!(Words::new("xa a a", false).have("a a"));
        assert!(Words::new("Größe ÄRGER", true).have("ärger"));
    }

    proptest! {
        #[test]
        fn each_word_of_a_text_is_found(words in proptest::collection::vec("[a-zA-Zäß0-9]{1,6}", 1..12), i in 0_usize..12) {
            let text = Words::new(&words.join("  "), true);
            prop_assert!(text.have(&words[i % words.len()]));
            let longer = words[i % words.len()].clone() + "q7q7q7q";
            prop_assert!(!text.have(&longer));
        }

        #[test]
        fn no_text_breaks_it(text in "\\PC{0,40}", wanted in "\\PC{0,5}") {
            Words::new(&text, true).have(&wanted);
        }
    }
}
