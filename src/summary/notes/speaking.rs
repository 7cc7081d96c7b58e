//! Who says a sentence of a transcript. Notes see the text as tokens have it, so who speaks is read off its paragraphs again.

use std::collections::HashMap;

use crate::text::speaker::{Opening, opening};

/// Characters of a line that can have a name and what stands behind it.
const BEGIN: usize = 64;

/// Turns of somebody whose name is one: `Remember: the keys.` begins with none.
const TURNS: u32 = 2;

/// Names that are looked out for, at most.
const NAMES: usize = 1024;

/// Who speaks at the end of what was read so far, in a text whose paragraphs begin with a name or with none.
#[derive(Debug, Default)]
pub(super) struct Speaking {
    /// Empty if nobody knows.
    name: String,
    /// The begin of the last line.
    line: String,
    /// Whether the name that it begins with was counted.
    is_counted: bool,
    /// How many turns begin with a name.
    turns: HashMap<String, u32>,
}

/// Who speaks in a stretch of text.
#[derive(Debug)]
pub(super) struct Turns(Vec<(usize, String)>);

impl Speaking {
    /// Reads on. Who has one turn only, up to the end of the text, is no name.
    pub fn read(&mut self, text: &str) -> Turns {
        let (mut turns, mut at) = (Vec::new(), 0);
        for line in text.split_inclusive('\n') {
            let room = BEGIN.saturating_sub(self.line.chars().count());
            self.line.extend(line.chars().take(room).filter(|&c| c != '\n'));
            let name = match opening(&self.line) {
                Opening::Name(name, _) => name.to_owned(),
                // an empty line ends a turn
                _ if self.line.trim().is_empty() => String::new(),
                _ => self.name.clone(),
            };
            let begins = matches!(opening(&self.line), Opening::Name(..));
            if begins && !self.is_counted && (self.turns.len() < NAMES || self.turns.contains_key(&name)) {
                *self.turns.entry(name.clone()).or_default() += 1;
            }
            self.is_counted = begins;
            turns.push((at, name.clone()));
            at += line.len();
            if line.ends_with('\n') {
                self.name = name;
                self.line.clear();
                self.is_counted = false;
            }
        }
        turns.retain(|(_, name)| name.is_empty() || self.turns.get(name).is_some_and(|&n| n >= TURNS));
        Turns(turns)
    }
}

impl Turns {
    /// Who says what begins at byte `at` of the text, where it does not say so itself.
    pub fn at(&self, text: &str, at: usize) -> Option<&str> {
        let (_, name) = self.0.iter().rfind(|(begin, _)| *begin <= at)?;
        let is_named = matches!(opening(&text[at..]), Opening::Name(own, _) if own == name);
        Some(name.as_str()).filter(|name| !name.is_empty() && !is_named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Anna: Hello. We meet on Friday at 10:30.\nBring the keys.\n\nBob Gray: Fine. And the map?\n\n\
        Somebody laughs. Yes.\n\nRemember: the keys. They are old.\n\nAnna: I will. Thanks.\n\nBob Gray: Good. Bye.\n";

    /// Who says the sentence that begins so, in a text that was read up to `cut` before.
    fn who(sentence: &str, cut: usize) -> Option<String> {
        let mut speaking = Speaking::default();
        speaking.read(&TEXT[..cut]);
        let turns = speaking.read(&TEXT[cut..]);
        turns.at(&TEXT[cut..], TEXT.find(sentence).unwrap() - cut).map(str::to_owned)
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
            // nobody is called so
            ("They are old", None),
            ("Thanks", Some("Anna")),
            ("Bye", Some("Bob Gray")),
        ];
        for (sentence, name) in said {
            for cut in 0..=TEXT.find(sentence).unwrap() {
                assert_eq!(who(sentence, cut).as_deref(), name, "{sentence} behind {cut}");
            }
        }
    }

    #[test]
    fn who_speaks_once_has_no_name_yet() {
        let mut speaking = Speaking::default();
        let text = "Anna: Hello. We meet on Friday.\n\n";
        let at = text.find("We").unwrap();
        assert_eq!(speaking.read(text).at(text, at), None);
        assert_eq!(speaking.read(text).at(text, at), Some("Anna"));
    }

    #[test]
    fn little_is_kept_of_a_long_line() {
        let mut speaking = Speaking::default();
        speaking.read("Anna: Yes.\n\nAnna: ");
        (0..1000).for_each(|_| {
            speaking.read("and so on, she said: ");
        });
        assert_eq!(speaking.read("Then we left.").at("Then we left.", 0), Some("Anna"));
        assert!(speaking.line.len() <= BEGIN && speaking.turns.len() == 1);
    }
}
