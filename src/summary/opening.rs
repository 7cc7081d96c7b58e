//! What a model says before it says something: `Sure! Here is a summary of the document:`.

use crate::text::sentences::sentences;

use super::notes::{is_scaffold, without_preamble};

/// Words up to which a remark on the task announces something even without a colon: `Sure!`, `Sure, here you are.`
const REMARK: usize = 4;

/// Leaves out the announcements at the beginning of a text that comes in whole sentences.
#[derive(Debug, Default)]
pub struct Opening {
    is_over: bool,
}

impl Opening {
    /// What of the next piece is to be given out.
    pub fn pass<'a>(&mut self, piece: &'a str) -> &'a str {
        if self.is_over {
            return piece;
        }
        let mut rest = piece.trim_start();
        while let Some(range) = sentences(rest).into_iter().next() {
            // a heading has no full stop, and the splitter takes it for the begin of what follows
            let line = rest.lines().next().unwrap_or_default();
            let sentence = &rest[range.clone()];
            let end = if is_scaffold(line) && line.trim_end().ends_with([':', '*']) {
                line.len()
            } else if is_scaffold(sentence) && sentence.split_whitespace().count() <= REMARK {
                range.end
            } else {
                self.is_over = true;
                let said = without_preamble(sentence).len();
                return if said == sentence.len() { rest } else { &rest[range.end - said..] };
            };
            rest = rest[end..].trim_start();
        }
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(pieces: &[&str]) -> String {
        let mut opening = Opening::default();
        pieces.iter().map(|piece| opening.pass(piece)).collect()
    }

    #[test]
    fn announcements_are_left_out() {
        let said = "The road was closed. It rained.\n- one\n- two";
        for before in [
            "Sure! ",
            "Here is a summary of the document:\n\n",
            "**Summary:**\n",
            "Certainly! Here are the main points:\n",
        ] {
            assert_eq!(passed(&[before, said]), said, "{before}");
            assert_eq!(passed(&[&format!("{before}{said}")]), said, "{before}");
        }
        assert_eq!(
            passed(&["Here is a summary: the road was closed to everyone in March."]),
            "the road was closed to everyone in March."
        );
        for whole in [said, "The following year it rained.", "Sure of himself, the smith went on to London that day."] {
            assert_eq!(passed(&[whole]), whole);
        }
        // only at the beginning
        assert_eq!(passed(&["It rained. ", "Sure!"]), "It rained. Sure!");
    }
}
