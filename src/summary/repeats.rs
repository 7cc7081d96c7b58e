//! Sentences that a model says again and again.

use std::collections::HashSet;

use crate::text::sentences::sentences;

/// Words from which a sentence that comes a second time is left out; shorter ones, such as `None.` in a list, may come often.
const WORDS: usize = 4;

/// Sentences left out one after the other after which nothing new is expected.
const IN_A_ROW: usize = 3;

/// Leaves out sentences of a text that were there before, word for word.
#[derive(Debug, Default)]
pub struct Repeats {
    said: HashSet<Vec<String>>,
    in_a_row: usize,
}

impl Repeats {
    /// What of the next piece, which consists of whole sentences, is new.
    pub fn pass(&mut self, piece: &str) -> String {
        let mut new = String::new();
        let mut from = 0;
        for range in sentences(piece) {
            let words = words(&piece[range.clone()]);
            new.push_str(&piece[from..range.start]);
            from = range.end;
            if words.len() < WORDS || self.said.insert(words) {
                self.in_a_row = 0;
                new.push_str(&piece[range]);
            } else {
                self.in_a_row += 1;
                from += piece[from..].len() - piece[from..].trim_start().len();
            }
        }
        new.push_str(&piece[from..]);
        new
    }

    /// Whether nothing new is expected.
    pub fn is_loop(&self) -> bool {
        self.in_a_row >= IN_A_ROW
    }
}

fn words(sentence: &str) -> Vec<String> {
    let words = sentence.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_said_once() {
        let mut repeats = Repeats::default();
        let mut pass = |piece: &str| (repeats.pass(piece), repeats.is_loop());
        assert_eq!(pass("The road was closed. "), ("The road was closed. ".into(), false));
        assert_eq!(pass("It rained for days. The road was closed! "), ("It rained for days. ".into(), false));
        assert_eq!(pass("- None.\n- None.\n- None.\n"), ("- None.\n- None.\n- None.\n".into(), false));
        for is_loop in [false, false, true] {
            assert_eq!(pass("It rained for days. ").1, is_loop);
        }
    }

    #[test]
    fn what_is_no_sentence_stays() {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.pass("\n\n"), "\n\n");
        assert_eq!(repeats.pass(""), "");
    }
}
