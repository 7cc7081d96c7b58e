//! Sentences that the end of a stretch cuts in two: they belong to the stretch where they end.

use std::str;

use crate::text::sentences::{is_whole, sentences};

/// Bytes of the begin of a sentence, with the white space behind it, that are kept for the next stretch: more than a sentence can have.
const LONGEST: usize = 4096;

/// What a stretch leaves for the next one.
#[derive(Debug, Default)]
pub(super) struct Torn {
    /// The begin of a sentence.
    bytes: Vec<u8>,
    /// Whether the begin of that was not kept.
    is_middle: bool,
}

impl Torn {
    /// The text of the next stretch: with the begin of its first sentence, and without its last sentence if that may go on as the document does. And
    /// whether the first sentence has no begin all the same.
    pub(super) fn mend(&mut self, stretch: &[u8], goes_on: bool) -> (String, bool) {
        self.bytes.extend_from_slice(stretch);
        // a character may be cut as well
        let whole = match str::from_utf8(&self.bytes) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.bytes.len(),
        };
        let mut text = String::from_utf8_lossy(&self.bytes[..whole]).into_owned();
        let is_middle = self.is_middle;
        // one that seems to be over may go on: 'It cost 3.' and '50 pounds.'
        let is_over = !goes_on || text.ends_with(char::is_whitespace) && is_whole(&text);
        let last = || sentences(&text).last().map_or(text.len(), |range| range.start);
        let end = if is_over { text.len() } else { last() };
        // in a text that was no UTF-8 it is not known where the sentence begins
        let is_kept = text.len() == whole && whole - end <= LONGEST;
        self.bytes.drain(..if is_kept { end } else { whole });
        self.is_middle = !is_kept || is_middle && text[..end].trim().is_empty();
        text.truncate(end);
        (text, is_middle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the stretches of a text have, joined.
    fn mended(pieces: &[&[u8]]) -> Vec<(String, bool)> {
        let mut torn = Torn::default();
        pieces.iter().enumerate().map(|(i, piece)| torn.mend(piece, i + 1 < pieces.len())).collect()
    }

    #[test]
    fn a_sentence_is_of_the_stretch_where_it_ends() {
        let text = |s: &str| (s.to_owned(), false);
        let pieces: [&[u8]; 3] = [b"The mare was sold. It cost 3.", b"50 pounds. Old Tobias ", b"left."];
        assert_eq!(
            mended(&pieces),
            [text("The mare was sold. "), text("It cost 3.50 pounds. "), text("Old Tobias left.")]
        );
        assert_eq!(mended(&[b"He left. ", b"Then she did."]), [text("He left. "), text("Then she did.")]);
        // a character that is cut
        let (head, tail) = "Er fuhr über die Brücke.".as_bytes().split_at(9);
        assert_eq!(mended(&[head, tail]), [text(""), text("Er fuhr über die Brücke.")]);
        assert_eq!(mended(&[b"", b""]), [text(""), text("")]);
    }

    #[test]
    fn what_is_too_long_to_be_told_is_not_kept() {
        let gap = " ".repeat(LONGEST);
        let (head, tail) = (format!("He left. Then{gap}"), "she did. So on.");
        assert_eq!(
            mended(&[head.as_bytes(), tail.as_bytes()]),
            [("He left. ".to_owned(), false), (tail.to_owned(), true)]
        );
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_there_twice(text in "[a-c.!é \n]{0,60}", cuts in prop::collection::vec(0..120_usize, 0..5)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let ends = cuts.iter().copied().chain([bytes.len()]);
            let begins = [0].into_iter().chain(cuts.iter().copied());
            let pieces: Vec<&[u8]> = begins.zip(ends).map(|(begin, end)| &bytes[begin..end]).collect();
            let all: String = mended(&pieces).into_iter().map(|(text, _)| text).collect();
            prop_assert_eq!(all, text);
        }
    }
}
