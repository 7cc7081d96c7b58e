//! Sentences that a model says again and again.

use std::collections::HashSet;

use crate::text::marks::{is_bullet, is_own_line};
use crate::text::sentences::sentences;

use super::talk::Talk;
use super::wording::Words;

/// Words from which a sentence that comes a second time is left out; shorter ones, such as `None.`, may come often.
const WORDS: usize = 4;

/// Sentences left out, with nothing new between them, after which nothing new is expected.
const LEFT_OUT: usize = 3;

/// Sentences that were there before, one after the other, after which nothing new is expected although they may stay.
const STALE: usize = 20;

/// Leaves out sentences of a text that were there before, word for word, and talk about the task. Items of lists and rows of tables stay, unless one
/// follows itself.
#[derive(Debug, Default)]
pub struct Repeats {
    talk: Talk,
    said: HashSet<String>,
    last: String,
    /// Since the last new sentence: those that were there before, and those of them that were left out.
    stale: usize,
    left_out: usize,
    /// White space that waits for what comes behind it, and whether something was left out in it.
    space: String,
    gap: bool,
}

impl Repeats {
    /// One that has passed nothing on yet.
    pub fn new(talk: Talk) -> Self {
        Self { talk, ..Self::default() }
    }

    /// What of the next piece, which consists of whole sentences, is to be given out.
    pub fn pass(&mut self, piece: &str) -> String {
        let mut out = String::new();
        let mut from = 0;
        for range in sentences(piece) {
            self.wait(&piece[from..range.start]);
            from = range.end;
            if self.stays(&piece[range.clone()]) {
                out.push_str(&std::mem::take(&mut self.space));
                out.push_str(&piece[range]);
                self.gap = false;
            } else {
                self.gap = true;
            }
        }
        self.wait(&piece[from..]);
        out
    }

    /// Whether nothing new is expected.
    pub fn is_loop(&self) -> bool {
        self.left_out >= LEFT_OUT || self.stale >= STALE
    }

    fn wait(&mut self, space: &str) {
        let breaks = |space: &str| space.matches('\n').count();
        if !self.gap {
            self.space.push_str(space);
        } else if self.space.is_empty() || breaks(space) > breaks(&self.space) {
            // around what is left out the larger break stays
            self.space = space.to_owned();
        }
    }

    fn stays(&mut self, sentence: &str) -> bool {
        let text = sentence.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let follows_itself = text == self.last;
        self.last.clone_from(&text);
        let Words { n: words, repeats_itself, .. } = Words::of(sentence);
        let first = sentence.split_whitespace().next().unwrap_or_default();
        let is_item = is_bullet(first) || is_own_line(first);
        let circles = repeats_itself && !is_item;
        let is_new = self.said.insert(text);
        if self.talk.is(sentence) {
            // once it says nothing, and again and again nothing else is to be expected
            self.left_out += usize::from(!is_new);
            return false;
        }
        if is_new && !circles {
            (self.stale, self.left_out) = (0, 0);
            return true;
        }
        self.stale += 1;
        let stays =
            if is_item { !follows_itself || words < WORDS } else { words < WORDS && self.left_out == 0 && !circles };
        self.left_out += usize::from(!stays);
        stays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(pieces: &[&str]) -> (String, bool) {
        let mut repeats = Repeats::default();
        (pieces.iter().map(|piece| repeats.pass(piece)).collect(), repeats.is_loop())
    }

    #[test]
    fn a_sentence_is_said_once() {
        let text = ["The road was closed. ", "It rained for days. The road was closed. ", "It stopped.\n"];
        assert_eq!(passed(&text), ("The road was closed. It rained for days. It stopped.".into(), false));
        assert_eq!(
            passed(&["It rained for days.", " It rained for days.", "\n\nIt stopped."]).0,
            "It rained for days.\n\nIt stopped."
        );
        assert_eq!(passed(&["一日中雨が降った。", "一日中雨が降った。"]).0, "一日中雨が降った。");
    }

    #[test]
    fn what_goes_in_circles_is_a_loop() {
        assert!(!passed(&["It rained for days. "; 3]).1);
        assert!(passed(&["It rained for days. "; 4]).1);
        let (text, is_loop) = passed(&["It rained. The road to Norham was closed. "; 4]);
        assert_eq!((text.as_str(), is_loop), ("It rained. The road to Norham was closed. It rained.", true));
        assert!(passed(&["- None.\n"; 21]).1);
    }

    #[test]
    fn talk_again_and_again_is_a_loop() {
        let said = |n| {
            let mut repeats = Repeats::new(Talk::default());
            let text = repeats.pass(&("It rained for days. ".to_owned() + &"I hope this helps. ".repeat(n)));
            (text, repeats.is_loop())
        };
        assert_eq!(said(1), ("It rained for days.".into(), false));
        assert_eq!(said(4), ("It rained for days.".into(), true));
    }

    #[test]
    fn what_may_come_again_stays() {
        for text in [
            "Alice:\n- Responsible for the budget report.\n\nBob:\n- Responsible for the budget report.",
            "C is a language. C++ is a language. C# is a language.",
            "It was -5 degrees on Monday. It was 5 degrees on Monday.",
            "- None.\n- None.\n- None.\n- None.\n- None.\n- None.",
            "- first item is here\n  - nested item is here",
            "It rained for days.\n\nNext sentence ends.",
        ] {
            assert_eq!(passed(&[text]), (text.into(), false));
        }
        // in pieces as a model writes them
        assert_eq!(passed(&["It rained for days.\n", "\nNext one ends."]).0, "It rained for days.\n\nNext one ends.");
        assert_eq!(
            passed(&["- first item is here\n", "  - nested is here"]).0,
            "- first item is here\n  - nested is here"
        );
    }
}
