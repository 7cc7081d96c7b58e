//! Who says a sentence of a transcript.

use crate::text::speaker::{Opening, opening};

/// Characters of a line that can have a name and what stands behind it.
const BEGIN: usize = 64;

/// Who speaks at the end of what was read so far, in a text whose paragraphs begin with a name or with none.
#[derive(Debug, Clone, Default)]
pub(super) struct Speaking {
    /// Empty if nobody knows.
    name: String,
    /// The begin of the last line.
    line: String,
}

impl Speaking {
    /// Reads on.
    pub fn read(&mut self, text: &str) {
        for line in text.split_inclusive('\n') {
            let room = BEGIN.saturating_sub(self.line.chars().count());
            self.line.extend(line.chars().take(room).filter(|&c| c != '\n'));
            if line.ends_with('\n') {
                self.name = self.speaker().to_owned();
                self.line.clear();
            }
        }
    }

    /// Who says what begins at byte `at` of the text that follows, where it does not say so itself.
    pub fn at(&self, text: &str, at: usize) -> Option<String> {
        let mut before = self.clone();
        before.read(&text[..at]);
        let is_named = before.line.trim().is_empty() && matches!(opening(&text[at..]), Opening::Name(..));
        let name = if before.line.is_empty() { &before.name } else { before.speaker() };
        (!is_named && !name.is_empty()).then(|| name.to_owned())
    }

    /// Who speaks in the last line; an empty one ends a turn.
    fn speaker(&self) -> &str {
        match opening(&self.line) {
            Opening::Name(name, _) => name,
            _ if self.line.trim().is_empty() => "",
            _ => &self.name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Anna: Hello. We meet on Friday at 10:30.\nBring the keys.\n\nBob Gray: Fine. And the map?\n\nSomebody laughs. Yes.";

    /// Who says the sentence that begins so, in a text that was read up to `cut` before.
    fn who(sentence: &str, cut: usize) -> Option<String> {
        let mut speaking = Speaking::default();
        speaking.read(&TEXT[..cut]);
        speaking.at(&TEXT[cut..], TEXT.find(sentence).unwrap() - cut)
    }

    #[test]
    fn a_turn_goes_on_to_its_end_wherever_the_text_is_cut() {
        let said = [
            ("Hello.", Some("Anna")),
            ("Bob Gray: Fine", None),
            ("Anna: Hello", None),
            ("We meet", Some("Anna")),
            ("Bring", Some("Anna")),
            ("And the map", Some("Bob Gray")),
            ("Somebody", None),
            ("Yes.", None),
        ];
        for (sentence, name) in said {
            for cut in 0..=TEXT.find(sentence).unwrap() {
                assert_eq!(who(sentence, cut).as_deref(), name, "{sentence} behind {cut}");
            }
        }
    }

    #[test]
    fn little_is_kept_of_a_long_line() {
        let mut speaking = Speaking::default();
        speaking.read("Anna: ");
        (0..1000).for_each(|_| speaking.read("and so on, she said: "));
        assert_eq!(speaking.at("Then we left.", 0).as_deref(), Some("Anna"));
        assert!(speaking.line.len() <= BEGIN);
    }
}
