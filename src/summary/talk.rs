//! Talk about the task in the middle of what a model writes.
//!
//! The model reads a document that nobody here has any more, and which may speak of summaries itself. So only what no document says is taken
//! for talk: what was asked, said again, and what speaks of the document from outside.

use super::notes::ORNAMENT;
use super::wording::{Words, clauses};

/// Phrases that speak of the task wherever they stand.
const PHRASES: &[&str] =
    &["the document above", "the text above", "the notes above", "the above document", "the above text"];

/// How sentences begin that speak of the task, folded.
const BEGINS: &[&str] = &[
    "here is a summary",
    "here is the summary",
    "here's a summary",
    "i hope this helps",
    "i hope this summary",
    "i hope that helps",
    "let me know if",
    "as an ai",
];

/// What else begins so where it is followed by one of [`DOES`]; a court may speak of `this summary judgment`.
const SUMMARY: &[&str] = &["this summary ", "in this summary "];

/// What a summary is said to do.
const DOES: &[&str] = &[
    "provides",
    "covers",
    "outlines",
    "highlights",
    "includes",
    "captures",
    "gives",
    "is ",
    "aims",
    "should",
    "will",
    "i ",
];

/// Knows what was asked.
#[derive(Debug, Default)]
pub struct Talk {
    asked: Vec<Vec<String>>,
}

impl Talk {
    /// One who was asked so, in the words of the program.
    pub fn new(asked: &str) -> Self {
        Self { asked: clauses(asked).map(|clause| Words::of(clause).all).collect() }
    }

    /// Whether a sentence says nothing of the document.
    pub fn is(&self, sentence: &str) -> bool {
        let text = sentence.trim_start_matches(ORNAMENT).to_lowercase().replace('’', "'");
        let does = |rest: &str| DOES.iter().any(|verb| rest.starts_with(verb));
        if PHRASES.iter().any(|phrase| text.contains(phrase))
            || BEGINS.iter().any(|begin| text.starts_with(begin))
            || SUMMARY.iter().any(|begin| text.strip_prefix(begin).is_some_and(does))
        {
            return true;
        }
        let words = Words::of(sentence);
        !words.all.is_empty() && self.asked.iter().any(|asked| words.repeat(asked) || words.all == *asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_and_what_speaks_of_the_document_from_outside_is_talk() {
        let talk = Talk::new("\n\nWrite a summary of the document above in about 120 words. State only what it says.");
        for text in [
            "Write a summary in about 120 words.",
            "State only what it says.",
            "A summary states only what it says about the document above.",
            "This summary provides an overview of the main points.",
            "- I hope this helps!",
            "Here is a summary of the story:",
        ] {
            assert!(talk.is(text), "{text}");
        }
        for text in [
            "This summary judgment was reversed.",
            "The summary of each topic has five sentences.",
            "He wrote a summary and said only what he knew.",
            "It rained.",
            "",
        ] {
            assert!(!talk.is(text), "{text}");
        }
        assert!(!Talk::default().is("It rained."));
    }
}
