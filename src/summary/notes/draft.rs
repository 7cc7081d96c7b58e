//! A part of a summary while it is written.

use std::collections::BTreeMap;
use std::mem;

use crate::text::one_line;
use crate::text::sentences::{is_whole, sentences};
use crate::text::words::each_word;

use super::clean::{Cleaner, original};
use super::note::Detail;
use super::page::Page;
use super::scaffold::{without_preamble, without_reference};

/// A part while it is written.
pub(super) struct Draft<'a> {
    page: &'a mut Page,
    cleaner: &'a mut Cleaner,
    /// Counted from 0.
    part: usize,
    sources: Sources<'a>,
    /// The begin of a sentence.
    tail: String,
    n_words: usize,
}

/// What a part is written from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sources<'a> {
    /// What the model has before it.
    pub source: &'a str,
    /// Those sentences of the document that a template can quote.
    pub quoted: &'a str,
    /// Sentences that may stand in the text as they are, each with the number of its note.
    pub details: &'a [(usize, &'a Detail)],
}

impl<'a> Draft<'a> {
    /// An empty part of a page, counted from 0.
    pub(super) fn new(page: &'a mut Page, cleaner: &'a mut Cleaner, part: usize, sources: Sources<'a>) -> Self {
        cleaner.begin_part();
        Self { page, cleaner, part, sources, tail: String::new(), n_words: 0 }
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
        for sentence in sentences(&text).into_iter().map(|range| without_mark(&text[range])) {
            let own = without_preamble(&sentence);
            let original = original(own, self.sources.details.iter().map(|(_, detail)| detail.text.as_str()));
            // one that may stand there as it is need not have been shown
            let sources = [self.sources.source, self.sources.quoted, original.unwrap_or_default()];
            let sentence = original.unwrap_or(own);
            if self.cleaner.passes(sentence, &sources) {
                let sentence = without_reference(sentence, &sources);
                self.n_words += n_words(&sentence);
                self.page.put(self.part, &sentence, sink);
            }
        }
        !self.cleaner.is_looping()
    }

    /// Adds the newest sentences of the sources that were not said, or those that have most to do with the question, in their order:
    /// at most so many, up to so many words of the part. One of each note comes before any has two, as the news of a document's
    /// beginning is new in every word. If the page has nothing of this part and none fits, the shortest is better than nothing.
    pub(super) fn fill(&mut self, most: usize, n_sentences: usize, sink: &mut dyn FnMut(&str)) {
        self.cleaner.begin_part();
        let mut chosen = Vec::new();
        for at in in_turn(self.sources.details) {
            if chosen.len() == n_sentences {
                break;
            }
            let text = &self.sources.details[at].1.text;
            let length = n_words(text);
            if self.n_words + length <= most && self.cleaner.passes(text, &[self.sources.source, text]) {
                self.n_words += length;
                chosen.push(at);
            }
        }
        if self.n_words == 0 {
            let mut by_length: Vec<usize> = (0..self.sources.details.len()).collect();
            by_length.sort_by_key(|&at| n_words(&self.sources.details[at].1.text));
            let says = |at: &usize| {
                self.cleaner.passes(&self.sources.details[*at].1.text, &[&self.sources.details[*at].1.text])
            };
            chosen.extend(by_length.into_iter().find(says));
        }
        chosen.sort_unstable();
        for at in chosen {
            self.page.put(self.part, &self.sources.details[at].1.text, sink);
        }
    }
}

/// The places of sentences by their news: the best of each note, then the second of each, and so on.
fn in_turn(details: &[(usize, &Detail)]) -> Vec<usize> {
    let news = |&at: &usize| details[at].1.score;
    let mut places: Vec<usize> = (0..details.len()).collect();
    places.sort_by(|a, b| news(b).total_cmp(&news(a)));
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    let mut turns: Vec<(usize, usize)> = Vec::new();
    for at in places {
        let turn = taken.entry(details[at].0).or_default();
        turns.push((*turn, at));
        *turn += 1;
    }
    turns.sort_by_key(|&(turn, _)| turn);
    turns.into_iter().map(|(_, at)| at).collect()
}

/// The words of a text; an ideograph is one.
fn n_words(text: &str) -> usize {
    let mut n = 0;
    each_word(text, &mut |_| n += 1);
    n
}

/// A sentence on one line, without the mark of an item.
fn without_mark(text: &str) -> String {
    one_line(text).trim_start_matches(['-', '*', '•', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::request::{Length, Style};

    fn detail(score: f32, text: &str) -> Detail {
        Detail { score, text: text.into() }
    }

    #[test]
    fn each_note_has_its_turn() {
        let details = [detail(9.0, "a"), detail(8.0, "b"), detail(1.0, "c"), detail(2.0, "d"), detail(7.0, "e")];
        let of_notes: Vec<(usize, &Detail)> = [0, 0, 1, 2, 0].into_iter().zip(&details).collect();
        assert_eq!(in_turn(&of_notes), [0, 3, 2, 1, 4]);
        assert!(in_turn(&[]).is_empty());
    }

    /// What is put on a page when the model writes `texts` from `details` of one note each, and whether it may go on.
    fn drafted(texts: &[&str], details: &[Detail], (most, n_sentences): (usize, usize)) -> (String, bool) {
        let source = details.iter().map(|detail| detail.text.as_str()).collect::<Vec<_>>().join(" ");
        let details: Vec<(usize, &Detail)> = details.iter().enumerate().collect();
        let mut page = Page::new(Style::Paragraph, Length::default());
        let mut cleaner = Cleaner::new(true);
        let sources = Sources { source: &source, quoted: "", details: &details };
        let mut draft = Draft::new(&mut page, &mut cleaner, 0, sources);
        let goes_on = texts.iter().all(|text| draft.take(text, &mut |_| {}));
        draft.fill(most, n_sentences, &mut |_| {});
        (page.into_text(), goes_on)
    }

    #[test]
    fn scaffold_loops_and_cut_sentences_do_not_get_on_the_page() {
        let details = [
            detail(2.0, "The smith of Norham sold the mare to Anne Gray."),
            detail(1.0, "On 3 May the bridge over the Arrow was closed for good."),
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
    fn what_says_most_stands_for_a_part_without_text() {
        // of an answer: what shares most with the question, and not what happens to be short
        let details =
            [detail(0.5, "It rained all day."), detail(3.0, "The bridge over the Arrow was opened in May 1842.")];
        assert_eq!(drafted(&[], &details, (60, 1)).0, details[1].text);
        assert_eq!(drafted(&[], &details, (4, 1)).0, details[0].text);
    }

    #[test]
    fn words_are_counted_in_any_script() {
        assert_eq!((n_words("two words"), n_words("日本語"), n_words("")), (2, 3, 0));
    }
}
