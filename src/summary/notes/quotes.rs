//! What of notes can stand in a summary as it is: the document's own sentences, and those of an answer.

use std::collections::BTreeMap;

use crate::text::quotable::without_bullet;
use crate::text::relevance::Relevance;
use crate::text::sentences::sentences;

use super::note::Note;

/// A sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quote<'a> {
    /// Of which note it is, counted from 0.
    pub note: usize,
    /// How much it tells, or has to do with a question.
    pub score: f32,
    pub text: &'a str,
}

/// The document's sentences, note by note; where a stretch has none that can stand alone, those of the note itself.
pub(super) fn details(notes: &[Note]) -> Vec<Quote<'_>> {
    let mut quotes = Vec::new();
    for (note, of) in notes.iter().enumerate() {
        quotes.extend(of.details.iter().map(|detail| Quote { note, score: detail.score, text: &detail.text }));
        if of.details.is_empty() {
            let said = sentences(&of.text).into_iter().map(|range| &of.text[range]);
            quotes.extend(said.map(|text| Quote { note, score: 0.0, text: without_bullet(text) }));
        }
    }
    quotes
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
