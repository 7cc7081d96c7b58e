//! Whether what a small model writes of all notes is of the whole.
//!
//! Of many notes a small model retells one or two. That is no overview, the document tells it better, and names and words of several notes in one
//! sentence make something that is true of none.

use std::collections::HashMap;

use crate::text::dangling::is_dangling;
use crate::text::speaker::said;

use super::grounds::long_words;
use super::note::Note;

/// A word of a sentence counts as one of the whole if it stands in one of so many notes.
const ONE_OF: usize = 5;

/// A sentence is of the whole if so many of a hundred of its words are.
const SHARED: usize = 50;

/// Millions of parameters up to which a model was found to retell single notes.
const SMALL: u64 = 1000;

/// What the notes are of, as a whole.
#[derive(Debug)]
pub(super) struct Whole<'a> {
    /// None where the model is trusted. Their words are looked at for each sentence anew, so that no more is held than the notes.
    notes: &'a [Note],
}

impl<'a> Whole<'a> {
    /// That of notes which a model of so many million parameters writes of.
    pub(super) fn new(notes: &'a [Note], parameters: u64) -> Self {
        Self { notes: if parameters > SMALL { &[] } else { notes } }
    }

    /// Whether a sentence can stand in an overview: half of its longer words are those of many notes, and where it is the `first` it
    /// leans on no other one.
    pub(super) fn has(&self, sentence: &str, first: bool) -> bool {
        if first && is_dangling(said(sentence)) {
            return false;
        }
        // in how many notes each of its words stands
        let mut words: HashMap<String, usize> = long_words(sentence).into_iter().map(|word| (word, 0)).collect();
        for note in self.notes {
            let text = note.texts().collect::<Vec<_>>().join(" ");
            for word in long_words(&text) {
                words.entry(word).and_modify(|n| *n += 1);
            }
        }
        let enough = (self.notes.len() / ONE_OF).max(1);
        let n_of_many = words.values().filter(|&&n| n >= enough).count();
        self.notes.is_empty() || n_of_many * 100 >= words.len() * SHARED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(texts: &[&str]) -> Vec<Note> {
        texts.iter().map(|&text| Note { text: text.into(), details: Vec::new(), tokens: 0..1, bytes: 0..1 }).collect()
    }

    #[test]
    fn an_overview_is_of_many_notes() {
        let letter = |i: u8| char::from(b'a' + i);
        let news = |i| {
            format!("The council of Norham decided on its bridge. {0}clerk bought {0}horse in {0}place.", letter(i))
        };
        let texts: Vec<String> = (0..20).map(news).collect();
        let notes = notes(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let whole = Whole::new(&notes, 135);
        assert!(whole.has("The council of Norham decides on a bridge.", true));
        assert!(!whole.has("Hclerk bought hhorse in hplace, in winter.", true));
        assert!(!whole.has("They decided on the bridge of the council of Norham.", true));
        assert!(whole.has("They decided on the bridge of the council of Norham.", false));
        // a larger model may have found words of its own for it
        let trusting = Whole::new(&notes, 3000);
        assert!(trusting.has("Local politicians quarrel over infrastructure.", true));
        assert!(!trusting.has("They quarrel.", true));
    }

    #[test]
    fn a_few_notes_are_the_whole_each() {
        let notes = notes(&["The smith sold a mare.", "The bridge was closed."]);
        let whole = Whole::new(&notes, 135);
        assert!(whole.has("A smith sold his mare.", true));
        assert!(!whole.has("Senators visited ministries.", true));
        // what has no longer words cannot be judged
        assert!(whole.has("\u{706f}\u{53f0}\u{3002}", true));
    }
}
