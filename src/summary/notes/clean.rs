//! What of a model's text is not passed on.
//!
//! Left out are sentences that speak of the task instead of the document, sentences that were there before, and sentences that neither the
//! document's stretch nor the notes can be the ground of; and that the document says what it says. So a text can only become shorter.

use std::collections::HashSet;
use std::ops::Range;

use crate::summary::wording::{SAME, Words, clauses};
use crate::text::one_line;
use crate::text::sentences::{is_whole, sentences};

use super::grounds::{is_cut_off, is_of_sources, is_supported, short_words};
use super::scaffold::{LINE, is_contents, is_scaffold, without_preamble, without_reference};

/// A sentence counts as copied if it has so many of a hundred of the original's words, and hardly any others.
const COPIED: usize = 60;

/// Repeated sentences in a row after which nothing new is to be expected.
const LOOP: usize = 2;

/// Of a longer sentence fewer than one word in two is a different one only where the model has lost its way.
const BABBLE: usize = 12;

/// Passes on the sentences of a text that say something.
#[derive(Debug, Default)]
pub struct Cleaner {
    /// Words of the sentences that were passed on, sorted.
    said: Vec<Vec<String>>,
    repeated: usize,
    /// What was asked.
    heard: String,
    /// Short words of the document.
    language: HashSet<String>,
    /// Whether names and numbers are compared; not where the model writes in another language.
    compare: bool,
    /// Whether a few words without an end pass: `1842` is an answer.
    brief: bool,
    /// Whether the first sentence may say what the document is about, and none was passed on yet.
    overview: bool,
}

impl Cleaner {
    /// One that has passed nothing on yet. With `compare` sentences with foreign names and numbers are left out.
    pub fn new(compare: bool) -> Self {
        Self { compare, ..Self::default() }
    }

    /// The same for answers, which may be a few words that are no sentence.
    pub fn brief(self) -> Self {
        Self { brief: true, overview: false, ..self }
    }

    /// The same for a summary, whose first sentence may say what the document is about.
    pub fn with_overview(self) -> Self {
        Self { overview: true, ..self }
    }

    /// Takes the sentences of a text as said: one who repeats what was asked says nothing. An answer may use its words.
    pub fn heard(&mut self, text: &str) {
        self.heard = text.to_owned();
        self.said.extend(sentences(text).into_iter().map(|range| Words::of(&text[range]).all));
    }

    /// Takes the short words of a text of the document, which tell its language.
    pub fn learn(&mut self, text: &str) {
        short_words(text, &mut |word| {
            self.language.insert(word);
        });
    }

    /// Takes the clauses of what a model was asked as said; a question by somebody else is for [`Cleaner::heard`].
    pub fn asked(&mut self, instruction: &str) {
        self.said.extend(clauses(instruction).map(|clause| Words::of(clause).all));
    }

    /// The sentences of `text` that say something, on one line; `sources` are what the model had before it.
    pub fn clean(&mut self, text: &str, sources: &[&str]) -> String {
        let mut kept: Vec<String> = Vec::new();
        for range in self.unbroken(text, true) {
            let line = one_line(&text[range]);
            let sentence = without_preamble(&line);
            if self.passes(sentence, sources) {
                kept.push(without_reference(sentence, sources).into_owned());
            }
        }
        kept.join(" ")
    }

    /// The sentences of a text but for one that the model breaks off: it has no end, and follows another one on the same line. `is_line` is whether the
    /// text begins a line. An answer may be a few words anywhere.
    pub fn unbroken(&self, text: &str, mut is_line: bool) -> Vec<Range<usize>> {
        let mut end = 0;
        let mut ranges = sentences(text);
        ranges.retain(|range| {
            let begins = is_line || text[end..range.start].contains('\n');
            (is_line, end) = (false, range.end);
            self.brief || begins || is_whole(&text[range.clone()])
        });
        ranges
    }

    /// Whether a sentence says something that was not said before.
    pub fn passes(&mut self, sentence: &str, sources: &[&str]) -> bool {
        let words = Words::of(sentence);
        let may_list = self.overview || !words.telling.is_empty();
        // what stands in the document itself speaks of something there
        let is_talk = is_scaffold(sentence) && !(self.brief && denies(sentence));
        let is_its_own = sources.iter().any(|source| source.contains(sentence));
        if (is_talk || !may_list && is_contents(sentence)) && !is_its_own {
            return false;
        }
        if words.all.is_empty() || !self.brief && !is_whole(sentence) && words.n < LINE {
            return false;
        }
        let was_said = |other: &Vec<String>| words.repeat(other) || *other == words.all;
        let is_babble = words.n >= BABBLE && 2 * words.all.len() < words.n || words.repeats_itself && !is_its_own;
        if is_babble || self.said.iter().any(was_said) {
            self.repeated += 1;
            return false;
        }
        if self.compare && !is_supported(sentence, sources) {
            return false;
        }
        if self.compare && !is_of_sources(sentence, &[sources, &[&self.heard]].concat(), &self.language) {
            return false;
        }
        if !self.brief && is_cut_off(sentence, sources) {
            return false;
        }
        self.repeated = 0;
        self.overview = false;
        self.said.push(words.all);
        true
    }

    /// Begins a part: that the one before ended in a loop says nothing of it.
    pub fn begin_part(&mut self) {
        self.repeated = 0;
    }

    /// Whether the model only repeats itself by now.
    pub fn is_looping(&self) -> bool {
        self.repeated >= LOOP
    }
}

/// Whether a sentence says that something is not so, or not there: `The notes do not mention a dentist` is an answer.
fn denies(sentence: &str) -> bool {
    sentence.split_whitespace().any(|word| matches!(word, "not" | "no" | "nothing") || word.ends_with("n't"))
}

/// The sentence of the document that a written one was copied from, if it was: nearly all of its words are there, and it has most of
/// them. A small model that copies loses a word now and then, and with it the sense.
pub fn original<'a>(sentence: &str, details: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let set = |text: &str| Words::of(text).all;
    let written = set(sentence);
    details.into_iter().find(|detail| {
        let own = set(detail);
        let shared = written.iter().filter(|word| own.binary_search(word).is_ok()).count();
        shared * 100 >= written.len().max(4) * SAME && shared * 100 >= own.len() * COPIED
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_contents_is_no_content() {
        let vague = [
            "This document discusses the history of a town and the causes of quarrels.",
            "It also mentions the committee's regret for the loss of a clerk.",
            "The text also describes the damage to the oak.",
        ];
        for text in vague {
            assert!(!Cleaner::new(true).passes(text, &[]), "{text}");
            // the document says so itself
            assert!(Cleaner::new(true).passes(text, &[text]), "{text}");
        }
        for text in [
            "The document was signed by all of them.",
            "It also rained on the second day of the fair.",
            "The text covering the wall was painted over.",
            "This document describes the trial of Quentin Hartley.",
        ] {
            assert!(Cleaner::new(true).passes(text, &["the trial of Quentin Hartley"]), "{text}");
        }
        // a summary may begin so, and not go on
        let mut summary = Cleaner::new(true).with_overview();
        assert_eq!(vague.map(|text| summary.passes(text, &[])), [true, false, false]);
    }

    #[test]
    fn a_bad_copy_is_known() {
        let details =
            ["Rain fell on Monday.", "The portrait of Quentin Hartley was stolen and ransomed for 8,410 pounds."];
        for copy in ["Quentin Hartley was stolen and ransomed for 8,410 pounds.", details[1]] {
            assert_eq!(original(copy, details), Some(details[1]));
        }
        for own in [
            "Quentin Hartley was a painter.",
            "He paid 8,410 pounds.",
            "Quentin Hartley, who was stolen, went to sea and came home with 8,410 pounds.",
        ] {
            assert_eq!(original(own, details), None, "{own}");
        }
    }

    #[test]
    fn another_fact_is_no_repetition() {
        let texts = [
            "The harbour of Brell was opened in 1842.",
            "The harbour of Kent was opened in 1842.",
            "The harbour of Kent was opened in 1843.",
            "After a long illness, of which nobody spoke, the king was found dead in his bed on the second floor.",
            "The king was found dead.",
        ];
        let source = texts.join(" ");
        let mut cleaner = Cleaner::new(true);
        assert_eq!(cleaner.clean(&source, &[&source]), source);
        assert_eq!(cleaner.clean(texts[1], &[&source]), "");
    }

    #[test]
    fn an_answer_may_use_the_words_of_the_question() {
        let source = "The minutes say nothing of it. It was held in the Town Hall of Norham on Monday, and the harbour was quiet.";
        let mut cleaner = Cleaner::new(true).brief();
        cleaner.heard("Was there environmental damage anywhere around the harbour?");
        for answer in [
            "in the Town Hall of Norham",
            "The notes do not mention a dentist.",
            "No environmental damage was reported anywhere around the harbour.",
        ] {
            assert_eq!(cleaner.clean(answer, &[source]), answer);
        }
    }

    #[test]
    fn what_the_document_says_is_told_without_it() {
        let source = "The king paid the old smith, and the road to Norham was closed in March. The document states that the house goes to Anne.";
        let clean = |text: &str| Cleaner::new(true).clean(text, &[source]);
        assert_eq!(clean("The text says that the old road was closed in March."), "The old road was closed in March.");
        assert_eq!(clean("The document states that Augustus paid the old smith."), "");
        let own = "The document states that the house goes to Anne.";
        assert_eq!(clean(own), own);
    }

    #[test]
    fn an_answer_may_be_short_and_a_question_is_none() {
        let source = "The bridge was opened in 1842 by Anne Gray.";
        for answer in ["1842", "Anne Gray", "In 1842"] {
            assert_eq!(Cleaner::new(true).brief().clean(answer, &[source]), answer);
            assert_eq!(Cleaner::new(true).clean(answer, &[source]), "");
        }
        let mut cleaner = Cleaner::new(true).brief();
        cleaner.heard("In which year was the bridge opened? Answer with the number only.");
        assert_eq!(cleaner.clean("Answer with the number only. In 1842", &[source]), "In 1842");
    }

    #[test]
    fn the_echo_of_what_was_asked_says_nothing() {
        let mut cleaner = Cleaner::new(true);
        cleaner
            .asked("Sum up the last part above in 56 words: who did what, and what happened. Give names and numbers.");
        let mut other = Cleaner::new(false);
        other.asked("Sum up these notes in about 50 words of running text. Write in German.");
        assert_eq!(other.clean("Sum up these notes in about 50 words of running text.", &[""]), "");
        let source = "The smith did what he could, and nothing happened to the mare.";
        assert_eq!(cleaner.clean("who did what, and what happened.", &[source]), "");
        assert_eq!(cleaner.clean(source, &[source]), source);
    }

    #[test]
    fn loops_and_inventions_are_left_out() {
        let source = "On 3 May the smith of Norham sold the mare to Anne Gray.";
        let mut cleaner = Cleaner::new(true);
        let text = "Here is a note: \nThe smith of Norham sold the mare. The king paid Emperor Augustus. It was 4 May. \
                    The smith of Norham sold the mare again. Anne Gray has it now.";
        assert_eq!(cleaner.clean(text, &[source]), "The smith of Norham sold the mare. Anne Gray has it now.");
        assert_eq!(
            cleaner.clean("The town clock The town clock The town clock The town clock The town clock", &["The town"]),
            ""
        );
        let twice = "The mare was sold to the smith of Norham and the bridge was sold to the smith of Norham.";
        assert_eq!(cleaner.clean(twice, &[source, "mare bridge sold"]), "");
        assert_eq!(cleaner.clean(twice, &[source, twice]), twice);
        let said = "The note was signed by Anne Gray.";
        assert_eq!(cleaner.clean(said, &[&format!("On Monday it came. {said}")]), said);
        assert_eq!(cleaner.clean("Monday, 15 December", &["Monday, 15 December"]), "");
        // a line is an item, and what follows a sentence is the begin of one
        let item = "Then the smith of Norham";
        assert_eq!(
            Cleaner::new(true).clean(&format!("It was sold.\n{item}"), &[source, "was"]),
            format!("It was sold. {item}")
        );
        assert_eq!(Cleaner::new(true).clean(&format!("It was sold. {item}"), &[source, "was"]), "It was sold.");
        assert_eq!(
            Cleaner::new(true).brief().clean(&format!("It was sold. {item}"), &[source]),
            format!("It was sold. {item}")
        );
        assert_eq!(cleaner.clean("It was in May that he left.", &["May"]), "It was in May that he left.");
        assert!(!cleaner.is_looping());
        assert_eq!(cleaner.clean("Anne Gray has it now. Anne Gray has it now.", &[source]), "");
        assert!(cleaner.is_looping());
        assert_eq!(
            Cleaner::new(false).clean("Das war im Mai bei Augustus.", &[source]),
            "Das war im Mai bei Augustus."
        );
    }
}
