//! Text that is given out sentence by sentence.

use crate::text::marks::{is_end, is_wide_end, stays};
use crate::text::sentences::is_whole;

/// Holds back an unfinished sentence, so that what was given out always ends at the end of one.
#[derive(Debug, Default)]
pub struct SentenceBuffer {
    bytes: Vec<u8>,
    text: String,
}

impl SentenceBuffer {
    /// Adds bytes of the answer; returns what can be given out now: whole sentences.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.bytes.extend_from_slice(bytes);
        self.take_utf8();
        match last_end(&self.text) {
            Some(end) => {
                let rest = self.text.split_off(end);
                std::mem::replace(&mut self.text, rest)
            }
            None => String::new(),
        }
    }

    /// Ends the text. If the model finished by itself, everything left is given out. Otherwise only what ends a sentence
    /// is; the second value is what had to be dropped.
    pub fn finish(mut self, finished: bool) -> (String, String) {
        if !self.bytes.is_empty() {
            self.text.push_str(&String::from_utf8_lossy(&self.bytes));
        }
        if finished || is_whole(&self.text) { (self.text, String::new()) } else { (String::new(), self.text) }
    }

    /// Moves complete characters from the bytes to the text; bytes that can never become UTF-8 are replaced.
    fn take_utf8(&mut self) {
        loop {
            match std::str::from_utf8(&self.bytes) {
                Ok(text) => {
                    self.text.push_str(text);
                    self.bytes.clear();
                    return;
                }
                Err(e) => {
                    let valid = e.valid_up_to();
                    self.text.push_str(&String::from_utf8_lossy(&self.bytes[..valid]));
                    let Some(bad) = e.error_len() else {
                        self.bytes.drain(..valid);
                        return;
                    };
                    self.text.push(char::REPLACEMENT_CHARACTER);
                    self.bytes.drain(..valid + bad);
                }
            }
        }
    }
}

/// Byte index after the last sentence that is known to be over: white space follows its mark.
fn last_end(text: &str) -> Option<usize> {
    let mut end = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        // an item of a list needs no full stop
        if c == '\n' && end_of_item(&text[..at]) {
            end = Some(at + 1);
            continue;
        }
        if !is_end(c) {
            continue;
        }
        while chars.next_if(|(_, c)| stays(*c)).is_some() {}
        let Some(&(next, space)) = chars.peek() else { break };
        // full-width marks need no space after them
        if (space.is_whitespace() || is_wide_end(c)) && is_whole(&text[..next]) {
            end = Some(next);
        }
    }
    end
}

/// Whether a line that ends here says something: several words that announce nothing.
fn end_of_item(text: &str) -> bool {
    let line = text.trim_end().rsplit('\n').next().unwrap_or_default();
    line.split_whitespace().count() > 2 && !line.ends_with([':', ',', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(pieces: &[&str]) -> (Vec<String>, SentenceBuffer) {
        let mut buffer = SentenceBuffer::default();
        let out = pieces.iter().map(|p| buffer.push(p.as_bytes())).collect();
        (out, buffer)
    }

    #[test]
    fn gives_out_whole_sentences() {
        let (out, buffer) = feed(&["One", " two.", " Three", " four", "! Fi"]);
        assert_eq!(out, ["", "", "One two.", "", " Three four!"]);
        assert_eq!(buffer.finish(false), (String::new(), " Fi".into()));
    }

    #[test]
    fn a_finished_answer_is_given_out_whole() {
        let (_, buffer) = feed(&["no mark at all"]);
        assert_eq!(buffer.finish(true).0, "no mark at all");
    }

    #[test]
    fn a_last_sentence_needs_no_space_after_it() {
        let (out, buffer) = feed(&["It ends here.\""]);
        assert_eq!(out, [""]);
        assert_eq!(buffer.finish(false).0, "It ends here.\"");
    }

    #[test]
    fn an_unfinished_ending_is_left_out() {
        for ending in [" Dr.", "\n2.", " (e.g.", " of the U.S.", " Here is a summary:\n\n", " and then"] {
            let (_, buffer) = feed(&["One two.", ending]);
            let (rest, dropped) = buffer.finish(false);
            assert_eq!((rest.as_str(), dropped.trim().is_empty()), ("", false), "{ending:?}");
        }
    }

    #[test]
    fn items_of_a_list_are_given_out() {
        let (out, _) = feed(&["- the first item\n- the second"]);
        assert_eq!(out, ["- the first item\n"]);
    }

    #[test]
    fn abbreviations_numbers_and_decimals_end_nothing() {
        let (out, _) = feed(&["Mr. Gulliver paid 3.50 to J. Swift, e.g. in No. 4. Then he left. X"]);
        assert_eq!(out, ["Mr. Gulliver paid 3.50 to J. Swift, e.g. in No. 4. Then he left."]);
    }

    #[test]
    fn characters_split_between_tokens_are_joined() {
        let mut buffer = SentenceBuffer::default();
        let bytes = "é。次".as_bytes();
        let out: String = bytes.iter().map(|b| buffer.push(&[*b])).collect();
        assert_eq!(out, "é。");
        assert_eq!(buffer.finish(true).0, "次");
    }

    #[test]
    fn broken_bytes_are_replaced() {
        let mut buffer = SentenceBuffer::default();
        assert_eq!(buffer.push(b"a\xff. b"), "a\u{fffd}.");
    }
}
