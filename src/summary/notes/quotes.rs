//! What of notes can stand in a summary as it is: sentences of the notes and of the document, and those of an answer.

use std::collections::BTreeMap;

use crate::text::centrality::centrality;
use crate::text::counts::Counts;
use crate::text::dangling::is_dangling;
use crate::text::quotable::is_quotable;
use crate::text::relevance::Relevance;
use crate::text::salience::{DANGLING, standardized};
use crate::text::sentences::sentences;
use crate::text::words::n_words;

use super::clean::original;
use super::note::Note;
use super::scaffold::{is_contents, is_scaffold};

/// A sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quote<'a> {
    /// Of which note it is, counted from 0.
    pub note: usize,
    /// How much it tells, or has to do with a question.
    pub score: f32,
    pub text: &'a str,
}

/// What is added to the score of a note's sentence, which is in standard deviations from the mean of all notes, before it is compared with those
/// of the document, which were the best of their stretches. With one more facts are pushed out.
const OWN: f32 = 0.5;

/// The document's sentences, note by note; where a stretch has none that can stand alone, those of the note itself.
pub(super) fn details(notes: &[Note]) -> Vec<Quote<'_>> {
    let mut quotes = Vec::new();
    for (note, of) in notes.iter().enumerate() {
        quotes.extend(of.details.iter().map(|detail| Quote { note, score: detail.score, text: &detail.text }));
        if of.details.is_empty() {
            let said = sentences(&of.text).into_iter().map(|range| &of.text[range]);
            quotes.extend(said.map(|text| Quote { note, score: 0.0, text }));
        }
    }
    quotes
}

/// The sentences that tell most, note by note: those of the note itself that can stand alone and are not among the document's, with a score by how
/// central they are to all notes, and the document's.
pub(super) fn telling(notes: &[Note]) -> Vec<Quote<'_>> {
    let mut counts = Counts::default();
    notes.iter().flat_map(Note::texts).for_each(|text| counts.add(text));
    let own: Vec<Vec<&str>> = notes.iter().map(own_sentences).collect();
    let central: Vec<f32> = own.iter().flatten().map(|sentence| centrality(&counts, sentence)).collect();
    let mut scores = standardized(&central).into_iter();
    let mut quotes = Vec::new();
    for (note, (of, own)) in notes.iter().zip(&own).enumerate() {
        for (text, score) in own.iter().zip(&mut scores) {
            let leaning = if is_dangling(text) { DANGLING } else { 0.0 };
            quotes.push(Quote { note, score: score + OWN - leaning, text });
        }
        quotes.extend(of.details.iter().map(|detail| Quote { note, score: detail.score, text: &detail.text }));
    }
    quotes
}

/// The sentences of a note that can stand in a summary; all of them where its stretch has none.
fn own_sentences(note: &Note) -> Vec<&str> {
    let details = || note.details.iter().map(|detail| detail.text.as_str());
    let tells = |sentence: &&str| {
        note.details.is_empty()
            || is_quotable(sentence, n_words(sentence))
                && !is_scaffold(sentence)
                && !is_contents(sentence)
                && original(sentence, details()).is_none()
    };
    sentences(&note.text).into_iter().map(|range| &note.text[range]).filter(tells).collect()
}

/// The sentences that have to do with a question, of the document and of the notes themselves.
pub(super) fn answers<'a>(notes: &'a [Note], question: &Relevance) -> Vec<Quote<'a>> {
    let of = |note: usize| {
        let said = sentences(&notes[note].text).into_iter().map(move |range| &notes[note].text[range]);
        let texts = notes[note].details.iter().map(|detail| detail.text.as_str()).chain(said);
        texts.map(move |text| Quote { note, score: question.score(text), text })
    };
    // what has nothing to do with it is no answer
    (0..notes.len()).flat_map(of).filter(|quote| quote.score > 0.0).collect()
}

/// The places of sentences by their worth: the best of each note, then the second of each, and so on.
pub(super) fn in_turn(quotes: &[Quote<'_>]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..quotes.len()).collect();
    places.sort_by(|&a, &b| quotes[b].score.total_cmp(&quotes[a].score));
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    let mut turns: Vec<(usize, usize)> = Vec::new();
    for at in places {
        let turn = taken.entry(quotes[at].note).or_default();
        turns.push((*turn, at));
        *turn += 1;
    }
    turns.sort_by_key(|&(turn, _)| turn);
    turns.into_iter().map(|(_, at)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::super::note::Detail;
    use super::*;

    #[test]
    fn each_note_has_its_turn() {
        let quote = |(note, score)| Quote { note, score, text: "" };
        let quotes = [(0, 9.0), (0, 8.0), (1, 1.0), (2, 2.0), (0, 7.0)].map(quote);
        assert_eq!(in_turn(&quotes), [0, 3, 2, 1, 4]);
        assert!(in_turn(&[]).is_empty());
    }

    #[test]
    fn a_note_speaks_for_its_stretch_where_it_says_something_of_its_own() {
        let note = |text: &str, details: &[&str]| {
            let details = details.iter().map(|&text| Detail { score: 1.0, text: text.into() }).collect();
            Note { text: text.into(), details, tokens: 0..1, bytes: 0..1 }
        };
        let detail = "The smith of Norham sold the old mare to Anne Gray in May.";
        let notes = [
            // a copy, talk about the task, a list of contents, a few words
            note(
                "The smith of Norham sold the mare to Anne Gray in May. Here is a summary of what it says of the smith. \
                 The text discusses the causes of the quarrel of the smiths. He left.",
                &[detail],
            ),
            note(
                "The smith sold the mare of the town of Norham. It was sold to the smith of the town of Norham.",
                &[detail],
            ),
            note("Norham.", &[]),
        ];
        let quotes = telling(&notes);
        let found: Vec<(usize, &str)> = quotes.iter().map(|quote| (quote.note, &quote.text[..6])).collect();
        assert_eq!(found, [(0, "The sm"), (1, "The sm"), (1, "It was"), (1, "The sm"), (2, "Norham")]);
        // what leans on another sentence comes last
        assert!(quotes[1].score > quotes[2].score + 1.0, "{quotes:?}");
        assert!(telling(&[]).is_empty());
    }

    #[test]
    fn an_answer_is_what_has_to_do_with_the_question() {
        let note = |text: &str, detail: &str| {
            let details = vec![Detail { score: 1.0, text: detail.into() }];
            Note { text: text.into(), details, tokens: 0..1, bytes: 0..1 }
        };
        let notes = [
            note("It rained. The mare was sold to Anne Gray.", "The road was closed."),
            note("The bridge was opened.", "The mare ran away."),
        ];
        assert_eq!(
            details(&notes).iter().map(|quote| quote.text).collect::<Vec<_>>(),
            ["The road was closed.", "The mare ran away."]
        );
        let question = Relevance::new("Who bought the mare?", notes.iter().flat_map(Note::texts));
        let found: Vec<(usize, &str)> =
            answers(&notes, &question).into_iter().map(|quote| (quote.note, quote.text)).collect();
        assert_eq!(found, [(0, "The mare was sold to Anne Gray."), (1, "The mare ran away.")]);
    }
}
