//! Lists of literature: their titles are new and full of names, and tell nothing of the text.

use std::ops::Range;

/// Bytes around a sentence that are looked at.
const AROUND: usize = 150;

/// What entries have, beside a year. One alone stands in other texts too.
const SIGNS: &[&str] = &[
    "Proceedings",
    "In Proc.",
    "pages",
    "pp.",
    "vol.",
    "Vol.",
    "arXiv",
    "doi",
    "Transactions on",
    "Conference on",
    "Annual Meeting",
    "eds.",
    "editors",
    "thesis",
    "ISBN",
    "Zeitschrift",
];

/// What other texts have as well, and which counts beside one of those.
const WEAK: &[&str] = &["Journal", "Press", "Springer", "Verlag", "Elsevier", "://"];

/// Words that a sentence has beside links, or it says nothing.
const WORDS: usize = 6;

/// Whether a sentence of a text is one of an entry: there is a year around it as entries have it, and two signs of a list. Or it is a link.
pub fn is_reference(text: &str, sentence: &Range<usize>) -> bool {
    let around = &text[border(text, sentence.start.saturating_sub(AROUND))..border(text, sentence.end + AROUND)];
    let said = &text[sentence.clone()];
    let is_link = said.contains("://") && said.split_whitespace().filter(|word| !word.contains("://")).count() < WORDS;
    let n = |signs: &[&str]| signs.iter().filter(|sign| has_sign(around, sign)).count();
    is_link || has_year(around) && n(SIGNS) > 0 && n(SIGNS) + n(WEAK) > 1
}

/// The next place between characters.
fn border(text: &str, at: usize) -> usize {
    (at..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
}

/// Whether a text has a sign that is no part of a word.
fn has_sign(text: &str, sign: &str) -> bool {
    let (begins_open, ends_open) = (sign.starts_with(':'), !sign.ends_with(char::is_alphanumeric));
    text.match_indices(sign).any(|(at, _)| {
        (begins_open || !text[..at].ends_with(char::is_alphanumeric))
            && (ends_open || !text[at + sign.len()..].starts_with(char::is_alphanumeric))
    })
}

/// Whether there is `(2016`, `2016)`, `2016.` or `2016a.`.
fn has_year(text: &str) -> bool {
    let is_year = |word: &str| {
        let number = word.trim_start_matches('(').trim_end_matches(|c: char| !c.is_ascii_digit());
        let is_number = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number
            && (word.starts_with('(') || word.ends_with(['.', ')']))
            && (number.starts_with("19") || number.starts_with("20"))
    };
    text.split_whitespace().any(is_year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_lists_are_references() {
        let body = "We show that rare words are translated better if they are split into parts, as Gage (1994) did with bytes, and that it takes no \
                    dictionary at all where the parts are learned from the text that is translated.";
        let title = "Neural machine translation of rare words with subword units.";
        let text = format!(
            "{body}\n\nReferences\n\nRico Sennrich, Barry Haddow, and Alexandra Birch. 2016. {title} In Proceedings of the 54th Annual \
             Meeting of the Association, pages 1715-1725.\n"
        );
        let find = |part: &str| text.find(part).map(|at| at..at + part.len()).unwrap();
        assert!(is_reference(&text, &find(title)));
        assert!(is_reference(
            &text,
            &find("In Proceedings of the 54th Annual Meeting of the Association, pages 1715-1725.")
        ));
        assert!(!is_reference(&text, &find("We show that rare words are translated better")));
        assert!(!is_reference("The Press wrote in 1842 that it rained on all pages of it.", &(0..20)));
        let whole = |text: &str| is_reference(text, &(0..text.len()));
        assert!(whole("See https://example.org for more é"));
        for said in [
            "The [council](https://example.org/a) of the town sold the [harbour](https://example.org/b) to Anne Gray in 2019.",
            "The Associated Press reported the sale on May 3, 2019. The Wall Street Journal asked the mayor (http://example.org).",
            "In 2019. The Pressure of the Journalists, doing nothing, needs. A hypothesis of 2000 pounds.",
        ] {
            assert!(!whole(said), "{said}");
        }
    }
}
