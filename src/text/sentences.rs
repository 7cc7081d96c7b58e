//! Sentences of a text that is there as a whole; one that comes in blocks is for [`Splitter`].

use std::ops::Range;

use super::marks::{Over, over_after};
use super::split::{Lines, Splitter};

/// Whether a text ends at the end of a sentence.
pub fn is_whole(text: &str) -> bool {
    text.split_whitespace().next_back().is_some_and(|token| over_after(token) != Over::No)
}

/// The sentences of a text: bytes, without the white space around them. Headings and items of lists are some too.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut splitter = Splitter::new(Lines::Wrapped);
    splitter.push(text, &mut |sentence| places.push(sentence.place.characters));
    splitter.finish(&mut |sentence| places.push(sentence.place.characters));
    let bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    places.into_iter().map(|[from, to]| bytes[from as usize]..bytes[to as usize]).collect()
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
