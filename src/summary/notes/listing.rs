//! Notes as the model sees them.

use crate::text::one_line;
use crate::text::relevance::Relevance;
use crate::text::sentences::sentences;
use crate::text::speaker::said;

use super::note::{Detail, Note};

/// Notes of which one has to have a sentence, at most, or they are merged.
pub(super) const NEIGHBOURS: usize = 4;

/// What has this many times less to do with a question than the best line, or less still, has nothing to do with it.
const RELEVANT: f32 = 4.0;

/// A line with this share of a question's words may be the answer.
const ANSWER: f32 = 0.5;

/// Notes as lines: one for each, and one for each sentence of the document that the note does not have.
pub(super) fn listed(notes: &[Note]) -> String {
    let mut text = String::new();
    for note in notes {
        if !note.text.trim().is_empty() {
            text += &line(&note.text);
        }
        for detail in unsaid(note) {
            text += &line(&detail.text);
        }
    }
    text
}

/// The same in at most `room` tokens, as `count` counts them: where not all fits, sentences are left out, in turns. Each note has one
/// before any has two: its own first, then the best of the document, its own second, and so on. In a turn the shortest come
/// first, so that as many notes as possible have theirs. Where not even one sentence of each note fits, two neighbours have their turns
/// together, that with the best sentence first, or three, or four. `None` if that is not enough.
///
/// Where a question was asked, that comes first which has most to do with it, wherever it stands. Where one sentence has half of its words,
/// nothing else does: a small model takes what it sees for the answer. Otherwise it has half of the room, as the question may be
/// about the whole.
///
/// # Errors
/// Those of `count`.
pub(super) fn shortened<E>(
    notes: &[Note],
    room: usize,
    question: Option<&Relevance>,
    count: &mut dyn FnMut(&str) -> Result<usize, E>,
) -> Result<Option<String>, E> {
    let all = listed(notes);
    if count(&all)? <= room {
        return Ok(Some(all));
    }
    let mut lines: Vec<Line> = Vec::new();
    for (note, text) in notes.iter().enumerate() {
        for (turn, (place, text)) in in_turns(text).into_iter().enumerate() {
            lines.push(Line { note, place, turn, n_tokens: count(&text)?, text });
        }
    }
    let mut first = Vec::new();
    if let Some(question) = question {
        first = relevant(&lines, question, room);
        if first.iter().any(|line| question.share(&line.text) >= ANSWER) {
            return Ok(Some(joined(first)));
        }
        first = relevant(&lines, question, room / 2);
    }
    let best: Vec<f32> = notes
        .iter()
        .map(|note| note.details.iter().map(|detail| detail.score).fold(f32::NEG_INFINITY, f32::max))
        .collect();
    Ok((1..=NEIGHBOURS).find_map(|n| in_turn(&lines, &first, &ranks(&best, n), n, room)))
}

/// The lines that have most to do with a question and fit.
fn relevant<'a>(lines: &'a [Line], question: &Relevance, room: usize) -> Vec<&'a Line> {
    let scored: Vec<(f32, &Line)> = lines.iter().map(|line| (question.score(&line.text), line)).collect();
    let best = scored.iter().map(|&(score, _)| score).fold(0.0, f32::max);
    let mut relevant: Vec<(f32, &Line)> = scored.into_iter().filter(|&(score, _)| score > best / RELEVANT).collect();
    // where they say as much, the shortest come first, wherever they stand
    relevant.sort_by(|(a, x), (b, y)| b.total_cmp(a).then((x.turn, x.n_tokens).cmp(&(y.turn, y.n_tokens))));
    fitting(relevant.into_iter().map(|(_, line)| line), room)
}

/// Lines as they come, without those that there is no room for any more.
fn fitting<'a>(lines: impl Iterator<Item = &'a Line>, mut room: usize) -> Vec<&'a Line> {
    let mut fits = |line: &&Line| {
        let fits = line.n_tokens <= room;
        room -= if fits { line.n_tokens } else { 0 };
        fits
    };
    lines.filter(|line| fits(line)).collect()
}

/// The lines that fit behind the `first` ones, where each note has its turn in the order of its rank among `n` neighbours. `None` if somebody
/// has none.
fn in_turn(lines: &[Line], first: &[&Line], ranks: &[usize], n: usize, room: usize) -> Option<String> {
    let turn = |line: &Line| line.turn * n + ranks[line.note];
    let is_first = |line: &Line| first.iter().any(|other| std::ptr::eq(*other, line));
    let mut others: Vec<&Line> = lines.iter().filter(|line| !is_first(line)).collect();
    others.sort_by_key(|line| (turn(line), line.n_tokens));
    let n_heard = others.iter().take_while(|line| turn(line) == 0).count();
    let chosen = fitting(first.iter().copied().chain(others.iter().copied()), room);
    let has_turn = |line: &&&Line| chosen.iter().any(|other| std::ptr::eq(*other, **line));
    let is_fair = others[..n_heard].iter().all(|line| has_turn(&line));
    is_fair.then(|| joined(chosen))
}

/// Lines in the order of the document.
fn joined(mut lines: Vec<&Line>) -> String {
    lines.sort_by_key(|line| (line.note, line.place));
    lines.into_iter().map(|line| line.text.as_str()).collect()
}

/// The rank of each note among `n` neighbours by its best sentence, from 0.
fn ranks(best: &[f32], n: usize) -> Vec<usize> {
    let mut ranks = vec![0; best.len()];
    for begin in (0..best.len()).step_by(n) {
        let mut group: Vec<usize> = (begin..best.len().min(begin + n)).collect();
        group.sort_by(|&a, &b| best[b].total_cmp(&best[a]));
        group.into_iter().enumerate().for_each(|(rank, note)| ranks[note] = rank);
    }
    ranks
}

/// A line of what the model sees.
struct Line {
    /// Its note, counted from 0.
    note: usize,
    /// Where it stands among those of the note.
    place: usize,
    turn: usize,
    n_tokens: usize,
    text: String,
}

/// The lines of a note with their places, those that are worth most first.
fn in_turns(note: &Note) -> Vec<(usize, String)> {
    let own: Vec<_> = sentences(&note.text).into_iter().map(|range| line(&note.text[range])).enumerate().collect();
    let n_own = own.len();
    let mut details: Vec<_> = unsaid(note).enumerate().collect();
    details.sort_by(|(_, a), (_, b)| b.score.total_cmp(&a.score));
    let mut details = details.into_iter().map(|(k, detail)| (n_own + k, line(&detail.text)));
    let mut turns = Vec::new();
    for text in own {
        turns.push(text);
        turns.extend(details.next());
    }
    turns.extend(details);
    turns
}

/// Sentences of the document that a note does not have.
fn unsaid(note: &Note) -> impl Iterator<Item = &Detail> {
    note.details.iter().filter(|detail| !note.text.contains(said(&detail.text)))
}

fn line(text: &str) -> String {
    format!("- {}\n", one_line(text))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn note(text: &str, details: &[(f32, &str)]) -> Note {
        let details = details.iter().map(|&(score, text)| Detail { score, text: text.into() }).collect();
        Note { text: text.into(), details, tokens: 0..1, bytes: 0..1 }
    }

    fn shortened_to(notes: &[Note], room: usize) -> Option<String> {
        let mut words = |text: &str| Ok::<_, Infallible>(text.split_whitespace().filter(|word| *word != "-").count());
        shortened(notes, room, None, &mut words).unwrap()
    }

    #[test]
    fn what_answers_a_question_comes_first() {
        let notes = notes();
        let mut words = |text: &str| Ok::<_, Infallible>(text.split_whitespace().filter(|word| *word != "-").count());
        let mut told = |question: &str, room| {
            let relevance = Relevance::new(question, notes.iter().flat_map(Note::texts));
            shortened(&notes, room, Some(&relevance), &mut words).unwrap()
        };
        assert_eq!(told("How much was paid by Mr Gray?", 5).as_deref(), Some("- Mr Gray paid nine pounds.\n"));
        assert_eq!(told("When did Norham flood?", 6).as_deref(), Some("- Norham flooded on Monday.\n"));
        assert_eq!(told("When did Norham flood?", 1), None);
        // of the whole, not of its beginning
        assert_eq!(told("What is it about?", 6), shortened_to(&notes, 6));
        // what is about the whole has half of the room
        let about_both = "- Anne left.\n- Mr Gray paid nine pounds.\n- Norham flooded on Monday.\n";
        assert_eq!(told("What was decided at the council, and what was paid?", 11).as_deref(), Some(about_both));
    }

    fn notes() -> Vec<Note> {
        vec![
            note("Anne left. She sold a mare.", &[(1.0, "It rained."), (2.0, "Mr Gray paid nine pounds.")]),
            note("Norham flooded on Monday. Two died.", &[(1.0, "Two died.")]),
        ]
    }

    #[test]
    fn what_fits_is_listed_whole() {
        let all = "- Anne left. She sold a mare.\n- It rained.\n- Mr Gray paid nine pounds.\n- Norham flooded on Monday. Two died.\n";
        assert_eq!(shortened_to(&notes(), 19).as_deref(), Some(all));
        assert_eq!(listed(&notes()), all);
    }

    #[test]
    fn each_note_has_its_turn_and_the_order_stays() {
        assert_eq!(shortened_to(&notes(), 6).as_deref(), Some("- Anne left.\n- Norham flooded on Monday.\n"));
        // what does not fit makes place for what does, in the same turn and in later ones
        let eight = "- Anne left.\n- Norham flooded on Monday.\n- Two died.\n";
        assert_eq!(shortened_to(&notes(), 8).as_deref(), Some(eight));
        let thirteen = "- Anne left.\n- Mr Gray paid nine pounds.\n- Norham flooded on Monday.\n- Two died.\n";
        assert_eq!(shortened_to(&notes(), 13).as_deref(), Some(thirteen));
    }

    #[test]
    fn neighbours_share_a_turn_where_room_is_scarce() {
        // the best sentence is in the first
        assert_eq!(shortened_to(&notes(), 5).as_deref(), Some("- Anne left.\n- Two died.\n"));
        assert_eq!(shortened_to(&notes(), 2).as_deref(), Some("- Anne left.\n"));
        assert_eq!(shortened_to(&notes(), 1), None);
        let many: Vec<Note> =
            (0..8).map(|i| note(&format!("Note {i}."), &[((i % 4) as f32, "It rained all day.")])).collect();
        assert_eq!(shortened_to(&many, 4).as_deref(), Some("- Note 3.\n- Note 7.\n"));
        assert_eq!(shortened_to(&many, 3), None);
        let only = [note("", &[(1.0, "It rained all day.")])];
        assert_eq!(shortened_to(&only, 4).as_deref(), Some("- It rained all day.\n"));
        assert_eq!(shortened_to(&only, 3), None);
    }
}
