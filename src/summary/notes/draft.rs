//! A part of a summary while it is written.

use std::mem;

use crate::text::one_line;
use crate::text::sentences::is_whole;
use crate::text::words::n_words;

use super::clean::{Cleaner, original};

use super::page::Page;
use super::quotes::{Quote, in_turn};
use super::scaffold::{without_preamble, without_reference};
use super::whole::Whole;

/// A part while it is written.
pub(super) struct Draft<'a> {
    page: &'a mut Page,
    cleaner: &'a mut Cleaner,
    /// Counted from 0.
    part: usize,
    sources: Sources<'a>,
    /// The begin of a sentence.
    tail: String,
    /// Whether it begins a line.
    is_line: bool,
    n_words: usize,
}

/// What a part is written from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sources<'a> {
    /// What the model has before it.
    pub source: &'a str,
    /// Those sentences of the document that a template can quote.
    pub quoted: &'a str,
    /// Sentences that may stand in the text as they are.
    pub quotes: &'a [Quote<'a>],
    /// What the model's sentences have to be of, where the document's own follow.
    pub whole: Option<&'a Whole<'a>>,
}

impl<'a> Draft<'a> {
    /// An empty part of a page, counted from 0.
    pub(super) fn new(page: &'a mut Page, cleaner: &'a mut Cleaner, part: usize, sources: Sources<'a>) -> Self {
        cleaner.begin_part();
        Self { page, cleaner, part, sources, tail: String::new(), is_line: true, n_words: 0 }
    }

    /// The same of a part that goes on: it has so many words already.
    pub(super) fn with_words(self, n_words: usize) -> Self {
        Self { n_words, ..self }
    }

    /// Words that it has.
    pub(super) fn n_words(&self) -> usize {
        self.n_words
    }

    /// Takes what the model wrote, and puts whole sentences that say something on the page. False if it only repeats itself.
    pub(super) fn take(&mut self, text: &str, sink: &mut dyn FnMut(&str)) -> bool {
        self.tail.push_str(text);
        // a line is a sentence too, and what is neither may be cut
        if !self.tail.ends_with('\n') && !is_whole(&self.tail) {
            return true;
        }
        let text = mem::take(&mut self.tail);
        let is_line = mem::replace(&mut self.is_line, text.ends_with('\n'));
        for range in self.cleaner.unbroken(&text, is_line) {
            let sentence = without_mark(&text[range]);
            let own = without_preamble(&sentence);
            let original = original(own, self.sources.quotes.iter().map(|quote| quote.text));
            // one that may stand there as it is need not have been shown
            let sources = [self.sources.source, self.sources.quoted, original.unwrap_or_default()];
            let sentence = original.unwrap_or(own);
            let is_of_the_whole = |whole: &Whole<'_>| whole.has(sentence, self.page.is_empty());
            if self.sources.whole.is_none_or(is_of_the_whole) && self.cleaner.passes(sentence, &sources) {
                let sentence = without_reference(sentence, &sources);
                self.n_words += n_words(&sentence);
                self.page.put(self.part, &sentence, sink);
            }
        }
        !self.cleaner.is_looping()
    }

    /// Adds the best sentences of the sources that were not said, in their order: at most so many, up to so many words of the part. One of each
    /// note comes before any has two, so that no stretch is passed over.
    pub(super) fn fill(&mut self, most: usize, n_sentences: usize, sink: &mut dyn FnMut(&str)) {
        self.cleaner.begin_part();
        let quotes = self.sources.quotes;
        let mut chosen = Vec::new();
        for at in in_turn(quotes) {
            if chosen.len() == n_sentences {
                break;
            }
            let (text, length) = (quotes[at].text, n_words(quotes[at].text));
            if self.n_words + length <= most && self.cleaner.passes(text, &[self.sources.source, text]) {
                self.n_words += length;
                chosen.push(at);
            }
        }
        chosen.sort_unstable();
        for at in chosen {
            self.page.put(self.part, quotes[at].text, sink);
        }
    }

    /// Adds the shortest sentence of the sources where the part has nothing, which is better than nothing.
    pub(super) fn fill_empty(&mut self, sink: &mut dyn FnMut(&str)) {
        let quotes = self.sources.quotes;
        if self.n_words == 0 {
            let mut by_length: Vec<usize> = (0..quotes.len()).collect();
            by_length.sort_by_key(|&at| n_words(quotes[at].text));
            let says = |at: &usize| self.cleaner.passes(quotes[*at].text, &[quotes[*at].text]);
            if let Some(at) = by_length.into_iter().find(says) {
                self.n_words = n_words(quotes[at].text);
                self.page.put(self.part, quotes[at].text, sink);
            }
        }
    }
}

/// A sentence on one line, without the mark of an item.
fn without_mark(text: &str) -> String {
    one_line(text).trim_start_matches(['-', '*', '•', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::note::Note;
    use super::*;
    use crate::summary::request::{Length, Style};

    fn quote(note: usize, score: f32, text: &str) -> Quote<'_> {
        Quote { note, score, text }
    }

    /// What is put on a page when the model writes `texts` from `quotes`, and whether it may go on.
    fn drafted(texts: &[&str], quotes: &[Quote<'_>], (most, n_sentences): (usize, usize)) -> (String, bool) {
        let source = quotes.iter().map(|quote| quote.text).collect::<Vec<_>>().join(" ");
        let mut page = Page::new(Style::Paragraph, Length::default());
        let mut cleaner = Cleaner::new(true);
        let sources = Sources { source: &source, quoted: "", quotes, whole: None };
        let mut draft = Draft::new(&mut page, &mut cleaner, 0, sources);
        let goes_on = texts.iter().all(|text| draft.take(text, &mut |_| {}));
        draft.fill(most, n_sentences, &mut |_| {});
        draft.fill_empty(&mut |_| {});
        (page.into_text(), goes_on)
    }

    #[test]
    fn scaffold_loops_and_cut_sentences_do_not_get_on_the_page() {
        let details = [
            quote(0, 2.0, "The smith of Norham sold the mare to Anne Gray."),
            quote(1, 1.0, "On 3 May the bridge over the Arrow was closed for good."),
        ];
        let said = "Someone sold a mare.";
        let (text, goes_on) =
            drafted(&["Here is a summary of the notes:\n", "Someone sold a mare.\n"], &details, (0, 9));
        assert_eq!((text.as_str(), goes_on), (said, true));
        let (text, goes_on) = drafted(&[&format!("{said} {said} {said}\n")], &details, (0, 9));
        assert_eq!((text.as_str(), goes_on), (said, false));
        // cut off before its end, an invented name, and nothing at all
        for written in [&["The smith of Norham sold the"][..], &["The king paid Emperor Augustus.\n"], &[]] {
            assert_eq!(drafted(written, &details, (0, 9)).0, details[0].text, "{written:?}");
            assert_eq!(drafted(written, &details, (60, 9)).0, format!("{} {}", details[0].text, details[1].text));
        }
        assert_eq!(drafted(&[], &[], (60, 9)).0, "");
    }

    #[test]
    fn what_is_of_one_of_many_notes_is_no_overview() {
        let letter = |i: u64| char::from(b'a' + i as u8);
        let news = |i| format!("The council of Norham decided on its bridge, and {0}clerk bought {0}horse.", letter(i));
        let note = |i: u64| Note { text: news(i), details: Vec::new(), tokens: i..i + 1, bytes: i..i + 1 };
        let notes: Vec<Note> = (0..20).map(note).collect();
        let source = notes.iter().map(|note| note.text.as_str()).collect::<Vec<_>>().join(" ");
        let whole = Whole::new(&notes, 135);
        let (mut page, mut cleaner) = (Page::new(Style::Paragraph, Length::default()), Cleaner::new(true));
        let sources = Sources { source: &source, quoted: "", quotes: &[], whole: Some(&whole) };
        let mut draft = Draft::new(&mut page, &mut cleaner, 0, sources);
        for written in [
            "An old hclerk bought the hhorse.\n",
            "They decided on its bridge.\n",
            "The council of Norham decided on a bridge.\n",
        ] {
            assert!(draft.take(written, &mut |_| {}));
        }
        assert_eq!(page.into_text(), "The council of Norham decided on a bridge.");
    }

    #[test]
    fn what_says_most_stands_for_a_part_without_text() {
        // of an answer: what shares most with the question, and not what happens to be short
        let details =
            [quote(0, 0.5, "It rained all day."), quote(1, 3.0, "The bridge over the Arrow was opened in May 1842.")];
        assert_eq!(drafted(&[], &details, (60, 1)).0, details[1].text);
        assert_eq!(drafted(&[], &details, (4, 1)).0, details[0].text);
    }
}
