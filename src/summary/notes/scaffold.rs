//! Talk about the task instead of the document.

use std::borrow::Cow;

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

/// What an announcement speaks of: `The last part of the passage is:` is nothing more.
const ANNOUNCED: &[&str] = &["passage", "document", "text", "part", "story"];

/// Which one.
const WHICH: &[&str] = &["last", "final", "next", "first", "main"];

/// Words of the longest one.
const ANNOUNCEMENT: usize = 9;

/// What may stand before it.
pub const ORNAMENT: &[char] = &['*', '#', '-', '_', ' ', '"', '“', '>', '\t', '•', '`', '\n'];

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
    "passage is a continuation of",
    "document is a continuation of",
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

/// Who a sentence is said to be of,
const SPEAKERS: &[&str] = &["the document", "this document", "the text", "this text", "the passage", "this passage"];

/// and how.
const SAYS: &[&str] =
    &["states", "says", "also states", "also says", "explains", "mentions", "also mentions", "reports"];

/// Words of a sentence from which on a piece without an end is no sentence but a line.
pub(super) const LINE: usize = 5;

/// Whether a sentence speaks of the task instead of the document.
pub fn is_scaffold(sentence: &str) -> bool {
    let text = sentence.trim_start_matches(ORNAMENT).to_lowercase().replace('’', "'");
    if TALK.iter().any(|phrase| text.contains(phrase)) || announces(&text) {
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

/// Whether a folded text only says that another one follows.
fn announces(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.len() <= ANNOUNCEMENT
        && words.ends_with(&["is:"])
        && words[0] == "the"
        && words[1..].iter().find(|word| !WHICH.contains(word)).is_some_and(|word| ANNOUNCED.contains(word))
}

/// Whether a sentence says of the document what it is about, as a table of contents does.
pub(super) fn is_contents(sentence: &str) -> bool {
    let text = sentence.trim_start_matches(ORNAMENT).to_lowercase();
    let mut rests = SUBJECT.iter().filter_map(|subject| text.strip_prefix(subject)?.strip_prefix(' '));
    rests.any(|rest| {
        let rest = rest.strip_prefix("also ").unwrap_or(rest);
        LISTS.iter().any(|verb| rest.strip_prefix(verb).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric)))
    })
}

/// A sentence without a beginning that only says that the document says it (`The document states that the road is closed.`), unless it
/// stands so in a source.
pub(super) fn without_reference<'a>(sentence: &'a str, sources: &[&str]) -> Cow<'a, str> {
    if sources.iter().any(|source| source.contains(sentence)) {
        return Cow::Borrowed(sentence);
    }
    let lower = sentence.to_ascii_lowercase();
    let mut starts = SPEAKERS.iter().flat_map(|speaker| SAYS.iter().map(move |verb| format!("{speaker} {verb} that ")));
    let Some(start) = starts.find(|start| lower.starts_with(start)) else { return Cow::Borrowed(sentence) };
    let mut rest = sentence[start.len()..].chars();
    match rest.next() {
        Some(first) if rest.as_str().split_whitespace().count() >= LINE - 1 => {
            Cow::Owned(first.to_uppercase().chain(rest).collect())
        }
        _ => Cow::Borrowed(sentence),
    }
}

/// What follows the colon of a preamble (`Here is a summary: the road ...`), if it is a sentence by itself.
pub fn without_preamble(sentence: &str) -> &str {
    match sentence.split_once(": ") {
        Some((preamble, rest)) if is_scaffold(&format!("{preamble}:")) && rest.split_whitespace().count() >= LINE => {
            without_preamble(rest)
        }
        _ => sentence,
    }
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
            "The passage is a continuation of the first part.",
            "The story of the last part is:",
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
    fn that_the_document_says_it_need_not_be_said() {
        let closed = "The road to Norham is closed.";
        assert_eq!(without_reference("The document states that the road to Norham is closed.", &[]), closed);
        assert_eq!(without_reference("This text also says that the road to Norham is closed.", &[]), closed);
        for text in [
            closed,
            "The document states that so.",
            "The paper states that the road to Norham is closed.",
            "The document states",
        ] {
            assert_eq!(without_reference(text, &[]), text);
        }
        assert_eq!(without_reference("The text says that élan was all that he had.", &[]), "Élan was all that he had.");
    }

    #[test]
    fn what_follows_a_preamble_stays() {
        let said = "The road to Norham was closed in March.";
        for before in ["Here is a summary: ", "These are notes on a part of a document: ", "Note: "] {
            assert_eq!(without_preamble(&format!("{before}{said}")), said);
        }
        for before in [
            "The passage is: ",
            "The document is: The last part of the passage is: ",
            "The final part of the document is: ",
        ] {
            assert_eq!(without_preamble(&format!("{before}{said}")), said);
        }
        assert_eq!(
            without_preamble("The text is: \"No,\" said the smith to the mare."),
            "\"No,\" said the smith to the mare."
        );
        for text in [
            said,
            "The document is twelve pages long: nobody has read all of it.",
            "The question of the hour is: who has the keys to the mill?",
            "The moral of the story is: never lend your mare to a smith.",
            "Present: Mr Holt, Miss Arkle and the two brothers Stagg.",
            "Here is a note: nothing.",
        ] {
            assert_eq!(without_preamble(text), text);
        }
        assert!(is_scaffold("This document contains notes on a part of a document."));
    }
}
