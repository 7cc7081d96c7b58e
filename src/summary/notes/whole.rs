//! Whether what a small model writes of all notes is of the whole.
//!
//! Of many notes a small model retells one or two. That is no overview, the document tells it better, and names and words of several notes in one
//! sentence make something that is true of none.

use std::collections::HashSet;

use crate::text::dangling::is_dangling;
use crate::text::stems::each_term;

use super::note::Note;

/// A word of a sentence counts as one of the whole if it stands in one of so many notes.
const ONE_OF: usize = 5;

/// A sentence is of the whole if so many of a hundred of its words are.
const SHARED: usize = 50;

/// Letters from which on a word says something, and letters of it that are compared.
const LONG: usize = 4;
const STEM: usize = 5;

/// Millions of parameters up to which a model was found to retell single notes.
const SMALL: u64 = 1000;

/// What the notes are of, as a whole.
#[derive(Debug)]
pub(super) struct Whole {
    /// Words of the notes, one set for each; none where the model is trusted.
    notes: Vec<HashSet<String>>,
}

impl Whole {
    /// That of notes which a model of so many million parameters writes of.
    pub(super) fn new(notes: &[Note], parameters: u64) -> Self {
        let notes = if parameters > SMALL { &[] } else { notes };
        Self { notes: notes.iter().map(|note| note.texts().flat_map(words).collect()).collect() }
    }

    /// Whether a sentence can stand in an overview: half of its longer words are those of many notes, and where it is the `first` it
    /// leans on no other one.
    pub(super) fn has(&self, sentence: &str, first: bool) -> bool {
        if first && is_dangling(sentence) {
            return false;
        }
        let words: HashSet<String> = words(sentence).collect();
        let enough = (self.notes.len() / ONE_OF).max(1);
        let is_of_many = |word: &&String| self.notes.iter().filter(|note| note.contains(*word)).count() >= enough;
        self.notes.is_empty() || words.iter().filter(is_of_many).count() * 100 >= words.len() * SHARED
    }
}

/// The longer words of a text, by how they begin.
fn words(text: &str) -> impl Iterator<Item = String> + use<> {
    let mut long = Vec::new();
    each_term(text, &mut |term| {
        if term.chars().count() >= LONG {
            long.push(term.chars().take(STEM).collect());
        }
    });
    long.into_iter()
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
        let whole = Whole::new(&notes(&["The smith sold a mare.", "The bridge was closed."]), 135);
        assert!(whole.has("A smith sold his mare.", true));
        assert!(!whole.has("Senators visited ministries.", true));
        // what has no longer words cannot be judged
        assert!(whole.has("\u{706f}\u{53f0}\u{3002}", true));
    }
}
