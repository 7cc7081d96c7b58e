//! Sentences that the end of a stretch cuts in two: they belong to the stretch where they end.

use std::mem;
use std::str;

use crate::text::sentences::{is_whole, sentences};

/// What a stretch leaves for the next one: no more than a sentence, however much white space follows it.
#[derive(Debug, Default)]
pub(super) struct Torn {
    /// The begin of a sentence.
    sentence: String,
    /// The begin of a character.
    character: Vec<u8>,
}

impl Torn {
    /// The text of the next stretch: with the begin of its first sentence, and if the document goes on without its last sentence, unless that is over.
    pub(super) fn mend(&mut self, stretch: &[u8], goes_on: bool) -> String {
        self.character.extend_from_slice(stretch);
        let bytes = mem::take(&mut self.character);
        let whole = match str::from_utf8(&bytes) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => bytes.len(),
        };
        self.character = bytes[whole..].to_vec();
        let mut text = mem::take(&mut self.sentence) + &String::from_utf8_lossy(&bytes[..whole]);
        // one that seems to be over may go on where no space follows: 'It cost 3.' and '50 pounds.'
        if goes_on && !(text.ends_with(char::is_whitespace) && is_whole(&text)) {
            let begin = sentences(&text).last().map_or(text.len(), |range| range.start);
            let cut = text.split_off(begin);
            let said = cut.trim_end();
            self.sentence = said.to_owned() + gap(&cut[said.len()..]);
        }
        text
    }
}

/// White space that separates as much in as few characters.
fn gap(space: &str) -> &'static str {
    match space.matches('\n').count().max(space.matches('\r').count()) {
        0 if space.is_empty() => "",
        0 => " ",
        1 => "\n",
        _ => "\n\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the stretches of a text have.
    fn mended(pieces: &[&[u8]]) -> Vec<String> {
        let mut torn = Torn::default();
        pieces.iter().enumerate().map(|(i, piece)| torn.mend(piece, i + 1 < pieces.len())).collect()
    }

    #[test]
    fn a_sentence_is_of_the_stretch_where_it_ends() {
        let pieces: [&[u8]; 3] = [b"The mare was sold. It cost 3.", b"50 pounds. Old Tobias ", b"left."];
        assert_eq!(mended(&pieces), ["The mare was sold. ", "It cost 3.50 pounds. ", "Old Tobias left."]);
        assert_eq!(mended(&[b"He left. ", b"Then she did."]), ["He left. ", "Then she did."]);
        // a character that is cut
        let (head, tail) = "Er fuhr über die Brücke.".as_bytes().split_at(9);
        assert_eq!(mended(&[head, tail]), ["", "Er fuhr über die Brücke."]);
        assert_eq!(mended(&[b"", b""]), ["", ""]);
    }

    #[test]
    fn little_is_kept_whatever_follows() {
        let mut torn = Torn::default();
        assert_eq!(torn.mend(b"He left. Then", true), "He left. ");
        let space = " ".repeat(5000);
        for _ in 0..3 {
            assert_eq!(torn.mend(space.as_bytes(), true), "");
        }
        assert!(torn.sentence.len() < 10);
        assert_eq!(torn.mend(b"she did.", false), "Then she did.");
        // without an end there is a sentence all the same
        let endless = "so and ".repeat(20_000);
        torn.mend(endless.as_bytes(), true);
        assert!(torn.sentence.len() < 3000);
        // two line breaks still separate, and one does not
        assert_eq!(mended(&[b"On the road \n \n\n", b"He left."]), ["", "On the road\n\nHe left."]);
        assert_eq!(mended(&[b"On the road \n ", b"he left."]), ["", "On the road\nhe left."]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_there_twice(text in "[a-c.!é \\n]{0,60}", cuts in prop::collection::vec(0..120_usize, 0..5)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let ends = cuts.iter().copied().chain([bytes.len()]);
            let begins = [0].into_iter().chain(cuts.iter().copied());
            let pieces: Vec<&[u8]> = begins.zip(ends).map(|(begin, end)| &bytes[begin..end]).collect();
            let all = mended(&pieces).concat();
            prop_assert_eq!(all.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
        }
    }
}
