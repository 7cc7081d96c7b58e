//! Sentences of a text.
//!
//! A sentence ends at a mark that white space follows, unless the mark belongs to an abbreviation, an initial or the number of an
//! item; at an empty line; and at the end of a line that is a heading or an item of a list. Lines are wrapped in many documents, so
//! the end of a line says nothing by itself.

use std::ops::Range;

/// Marks that end a sentence.
pub const ENDS: &[char] = &['.', '!', '?', '。', '！', '？', '…'];
/// What may stand between such a mark and the white space after it.
pub const CLOSERS: &[char] = &['"', '\'', ')', ']', '”', '’', '»', '*', '」'];
/// Words whose full stop ends no sentence.
const ABBREVIATIONS: &[&str] =
    &["Mr.", "Mrs.", "Ms.", "Dr.", "Prof.", "St.", "vs.", "e.g.", "i.e.", "etc.", "No.", "p."];

/// A line with fewer characters that does not end in a mark, before one that begins like a sentence, is taken for a heading.
const SHORT_LINE: usize = 50;

/// Whether the last word of a text that ends with a mark is known to be an abbreviation, an initial or the number of an item.
pub fn is_abbreviation(text: &str) -> bool {
    let word = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    let word = word.trim_start_matches(['(', '[', '"', '\'', '“', '*']);
    // "U.S."
    let letters = word.len() > 3 && word.split('.').all(|part| part.len() <= 1);
    // initials: "J."
    let initial = word.len() == 2 && word.starts_with(|c: char| c.is_ascii_uppercase()) && word.ends_with('.');
    // list numbers: "3."
    let number = word.len() <= 3 && word.ends_with('.') && word[..word.len() - 1].bytes().all(|b| b.is_ascii_digit());
    initial || number || letters || ABBREVIATIONS.contains(&word)
}

/// Whether a text ends at the end of a sentence.
pub fn is_whole(text: &str) -> bool {
    let text = text.trim_end().trim_end_matches(CLOSERS);
    text.ends_with(ENDS) && !is_abbreviation(text)
}

/// The sentences of a text: bytes, without the white space around them.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut begin = 0;
    let mut give = |begin: &mut usize, end: usize| {
        let part = &text[*begin..end];
        let start = *begin + (part.len() - part.trim_start().len());
        let stop = *begin + part.trim_end().len();
        if start < stop {
            found.push(start..stop);
        }
        *begin = end;
    };
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\n' {
            if ends_here(&text[begin..at], &text[at + 1..]) {
                give(&mut begin, at);
            }
            continue;
        }
        if !ENDS.contains(&c) {
            continue;
        }
        while chars.next_if(|(_, c)| ENDS.contains(c) || CLOSERS.contains(c)).is_some() {}
        let end = chars.peek().map_or(text.len(), |&(next, _)| next);
        let spaced = chars.peek().is_none_or(|(_, next)| next.is_whitespace());
        // full-width marks need no space after them
        if (spaced || !c.is_ascii()) && !is_abbreviation(&text[begin..end]) {
            give(&mut begin, end);
        }
    }
    give(&mut begin, text.len());
    found
}

/// Whether a sentence that has this much ends at the end of its line, before these lines.
fn ends_here(sentence: &str, after: &str) -> bool {
    let next = after.lines().next().unwrap_or_default().trim_start();
    if next.is_empty() {
        return true;
    }
    let is_item = next.starts_with(['-', '*', '•', '#', '>'])
        || next.split_once(['.', ')']).is_some_and(|(n, _)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let line = sentence.rsplit('\n').next().unwrap_or_default();
    let is_heading = line.chars().count() < SHORT_LINE
        && !line.trim_end().ends_with([',', ';', '-', '–', '—'])
        && next.starts_with(|c: char| c.is_uppercase() || matches!(c, '"' | '“' | '«'));
    is_item || is_heading
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn sentences_end_at_marks() {
        let text = "Mr. Gray paid 3.50 to J. Swift. \"Did he?\" He did!  So it goes";
        assert_eq!(split(text), ["Mr. Gray paid 3.50 to J. Swift.", "\"Did he?\"", "He did!", "So it goes"]);
        assert_eq!(split("一つ。二つ。"), ["一つ。", "二つ。"]);
        assert_eq!(split(" \n\n "), Vec::<&str>::new());
        assert!(
            is_whole("He left.\" ")
                && is_whole("次。")
                && !is_whole("It is in St.")
                && !is_whole("cut")
                && !is_whole("")
        );
    }

    #[test]
    fn wrapped_lines_are_one_sentence_and_headings_are_not() {
        let text = "FROM THE DAY-BOOK\n\nTuesday, 22 February\nLouisa came for a stove pipe, which was nowhere to be found, and in\nthe end took pins.\n- one item\n- another\n";
        assert_eq!(
            split(text),
            [
                "FROM THE DAY-BOOK",
                "Tuesday, 22 February",
                "Louisa came for a stove pipe, which was nowhere to be found, and in\nthe end took pins.",
                "- one item",
                "- another"
            ]
        );
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_left_out(text in "[a-zA-Z0-9.!?\" \\n。é]{0,80}") {
            let ranges = sentences(&text);
            let joined: String = ranges.iter().flat_map(|r| text[r.clone()].split_whitespace()).collect();
            let all: String = text.split_whitespace().collect();
            prop_assert_eq!(joined, all);
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
        }
    }
}
