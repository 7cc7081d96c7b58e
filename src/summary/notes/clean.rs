//! What of a model's text is not passed on.
//!
//! Left out are sentences that speak of the task instead of the document, sentences that were there before, and sentences with a
//! name or a number that neither the document's stretch nor the notes have. So a text can only become shorter, and what remains
//! is the model's own.

use crate::text::one_line;
use crate::text::sentences::{is_whole, sentences};
use crate::text::support::Support;
use crate::text::words::{each_word, folded};

/// How texts begin that speak of the task, folded.
const SCAFFOLD: &[&str] = &[
    "here is",
    "here's",
    "here are",
    "sure",
    "certainly",
    "of course",
    "okay",
    "summary",
    "note",
    "notes",
    "in summary",
    "in conclusion",
    "to summarize",
    "to sum up",
    "overall",
    "as an ai",
    "i hope",
    "let me know",
    "based on the",
    "this chunk",
    "this note",
    "these notes",
    "the notes",
    "the note",
    "the summary",
    "this summary",
    "the following",
    "the last part above",
    "the last part of the document",
    "the last part of the text",
    "the last part describes",
    "the above",
    "the reader",
    "this part",
    "the part above",
];

/// What may stand before it.
const ORNAMENT: &[char] = &['*', '#', '-', '_', ' ', '"', '“', '>', '\t', '•', '`', '\n'];

/// A sentence counts as said before if so many of a hundred of its words are those of an earlier one,
const SAME: usize = 80;

/// if these are so many of a hundred of the other's, and if the other has its names and numbers.
const BACK: usize = 50;

/// A sentence counts as copied if it has so many of a hundred of the original's words, and hardly any others.
const COPIED: usize = 60;

/// Repeated sentences in a row after which nothing new is to be expected.
const LOOP: usize = 2;

/// Phrases that speak of the task wherever they stand.
const TALK: &[&str] = &[
    "summary of the document",
    "summary of the text",
    "summary of the last part",
    "summary of the part",
    "summary of the notes",
    "summary of the above",
    "summary of a part",
    "summary of this",
    "information is missing",
    "as follows:",
    "notes on a",
    "part of a document",
];

/// Whose contents a sentence lists instead of telling them: `This document discusses the causes of quarrels.`
const SUBJECT: &[&str] =
    &["this document", "the document", "this text", "the text", "this passage", "the passage", "it also"];

/// What it is said to do.
const LISTS: &[&str] = &[
    "discusses",
    "describes",
    "mentions",
    "highlights",
    "outlines",
    "covers",
    "explores",
    "provides",
    "presents",
    "contains",
    "details",
    "includes",
    "focuses on",
    "deals with",
    "talks about",
    "is about",
    "refers to",
];

/// Words of a sentence from which on a piece without an end is no sentence but a line.
const LINE: usize = 5;

/// Of a longer sentence fewer than one word in two is a different one only where the model has lost its way.
const BABBLE: usize = 12;

/// Whether a sentence speaks of the task instead of the document.
pub fn is_scaffold(sentence: &str) -> bool {
    let text = sentence.trim_start_matches(ORNAMENT).to_lowercase().replace('’', "'");
    if TALK.iter().any(|phrase| text.contains(phrase)) {
        return true;
    }
    let begins =
        |start: &&&str| text.strip_prefix(**start).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    match SCAFFOLD.iter().find(|start| begins(start)) {
        // such words also begin sentences with something to say
        Some(
            &("sure" | "certainly" | "of course" | "okay" | "overall" | "in conclusion" | "in summary"
            | "based on the"),
        ) => text.trim_end().ends_with(':') || text.split_whitespace().count() <= 3,
        Some(&("summary" | "note" | "notes" | "here is" | "here's" | "here are" | "the following")) => {
            text.split_whitespace().count() == 1
                || text.trim_end().ends_with([':', '*'])
                || text.contains("summar")
                || text.contains(" notes ")
                || text.contains(" note:")
        }
        Some(_) => true,
        None => text.split_whitespace().count() == 0,
    }
}

/// Whether a sentence says of the document what it is about, as a table of contents does.
fn is_contents(sentence: &str) -> bool {
    let text = sentence.trim_start_matches(ORNAMENT).to_lowercase();
    let mut rests = SUBJECT.iter().filter_map(|subject| text.strip_prefix(subject)?.strip_prefix(' '));
    rests.any(|rest| {
        let rest = rest.strip_prefix("also ").unwrap_or(rest);
        LISTS.iter().any(|verb| rest.strip_prefix(verb).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric)))
    })
}

/// Passes on the sentences of a text that say something.
#[derive(Debug, Default)]
pub struct Cleaner {
    /// Words of the sentences that were passed on, sorted.
    said: Vec<Vec<String>>,
    repeated: usize,
    /// Whether names and numbers are compared; not where the model writes in another language.
    compare: bool,
    /// Whether a few words without an end pass: `1842` is an answer.
    brief: bool,
    /// Whether the first sentence may say what the document is about.
    overview: bool,
}

impl Cleaner {
    /// One that has passed nothing on yet. With `compare` sentences with foreign names and numbers are left out.
    pub fn new(compare: bool) -> Self {
        Self { compare, ..Self::default() }
    }

    /// The same for answers, which may be a few words that are no sentence.
    pub fn brief(self) -> Self {
        Self { brief: true, ..self }
    }

    /// The same for a summary, whose first sentence may say what the document is about.
    pub fn with_overview(self) -> Self {
        Self { overview: true, ..self }
    }

    /// Takes the sentences of a text as said: one who repeats what was asked says nothing.
    pub fn heard(&mut self, text: &str) {
        self.said.extend(sentences(text).into_iter().map(|range| Words::of(&text[range]).all));
    }

    /// The sentences of `text` that say something, on one line; `sources` are what the model had before it.
    pub fn clean(&mut self, text: &str, sources: &[&str]) -> String {
        let mut kept: Vec<String> = Vec::new();
        for range in sentences(text) {
            let sentence = without_preamble(&one_line(&text[range])).to_owned();
            if self.passes(&sentence, sources) {
                kept.push(sentence);
            }
        }
        kept.join(" ")
    }

    /// Whether a sentence says something that was not said before.
    pub fn passes(&mut self, sentence: &str, sources: &[&str]) -> bool {
        let words = Words::of(sentence);
        let may_list = self.overview && self.said.is_empty() || !words.telling.is_empty();
        // what stands in the document itself speaks of something there
        if (is_scaffold(sentence) || !may_list && is_contents(sentence))
            && !sources.iter().any(|source| source.contains(sentence))
        {
            return false;
        }
        if words.all.is_empty() || !self.brief && !is_whole(sentence) && words.n < LINE {
            return false;
        }
        let was_said = |other: &Vec<String>| words.repeat(other) || *other == words.all;
        if words.n >= BABBLE && 2 * words.all.len() < words.n || self.said.iter().any(was_said) {
            self.repeated += 1;
            return false;
        }
        if self.compare && !is_supported(sentence, sources) {
            return false;
        }
        self.repeated = 0;
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

/// The words of a sentence, folded.
struct Words {
    /// Different ones, sorted.
    all: Vec<String>,
    /// Those with a digit, and those that begin with a capital within the sentence.
    telling: Vec<String>,
    /// How many there are.
    n: usize,
}

impl Words {
    fn of(sentence: &str) -> Self {
        let (mut all, mut telling) = (Vec::new(), Vec::new());
        each_word(sentence, &mut |word| {
            let is_name = !all.is_empty() && word.text.starts_with(char::is_uppercase);
            all.push(folded(word.text));
            if is_name || word.text.contains(|c: char| c.is_ascii_digit()) {
                telling.push(folded(word.text));
            }
        });
        let n = all.len();
        all.sort_unstable();
        all.dedup();
        Self { all, telling, n }
    }

    /// Whether they say what a sentence with the words `other` says.
    fn repeat(&self, other: &[String]) -> bool {
        let is_there = |word: &String| other.binary_search(word).is_ok();
        let shared = self.all.iter().filter(|word| is_there(word)).count();
        // three words can be the same by chance
        shared * 100 >= self.all.len().max(4) * SAME
            && shared * 100 >= other.len() * BACK
            && self.telling.iter().all(is_there)
    }
}

/// What follows the colon of a preamble (`Here is a summary: the road ...`), if it is a sentence by itself.
pub fn without_preamble(sentence: &str) -> &str {
    match sentence.split_once(": ") {
        Some((preamble, rest)) if is_scaffold(&format!("{preamble}:")) && rest.split_whitespace().count() >= LINE => {
            rest
        }
        _ => sentence,
    }
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

/// Whether all names and numbers of a sentence are in one of the sources.
fn is_supported(sentence: &str, sources: &[&str]) -> bool {
    let mut support = Support::new(sentence);
    for source in sources {
        support.read(source);
        support.read("\n");
    }
    support.finish().unsupported.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn talk_about_the_task_is_left_out() {
        for text in [
            "Here is a summary of the document:",
            "**Summary:**",
            "Sure!",
            "Sure, here is a short note:",
            "## Note",
            "This chunk describes a fair.",
            "The notes above are about a fair.",
            "In summary:",
            "I hope this helps.",
            "---",
        ] {
            assert!(is_scaffold(text), "{text}");
        }
        for text in [
            "Here the road ends.",
            "Sure of himself, the smith went on.",
            "Notes of the bank were worth nothing in 1820.",
            "Overall prices rose by 3 % in that year.",
            "Noteworthy is the bridge.",
            "In conclusion the judge said that nobody was to blame.",
            "The last part of the voyage took six weeks.",
            "It has a summary of the laws of the realm.",
            "The following year he was noted for his cures.",
        ] {
            assert!(!is_scaffold(text), "{text}");
        }
    }

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
    fn what_follows_a_preamble_stays() {
        let said = "The road to Norham was closed in March.";
        for before in ["Here is a summary: ", "These are notes on a part of a document: ", "Note: "] {
            assert_eq!(without_preamble(&format!("{before}{said}")), said);
        }
        for text in [said, "Present: Mr Holt, Miss Arkle and the two brothers Stagg.", "Here is a note: nothing."] {
            assert_eq!(without_preamble(text), text);
        }
        assert!(is_scaffold("This document contains notes on a part of a document."));
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
        let said = "The note was signed by Anne Gray.";
        assert_eq!(cleaner.clean(said, &[&format!("On Monday it came. {said}")]), said);
        assert_eq!(cleaner.clean("Monday, 15 December", &["Monday, 15 December"]), "");
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
