//! What a model writes, without its announcements, talk about its task and what it says again.

use crate::text::marks::is_bullet;
use crate::text::sentences::is_whole;

use super::error::SummaryError;
use super::opening::Opening;
use super::repeats::Repeats;
use super::talk::Talk;
use super::writer::Written;

/// Words of a piece without an end that is no heading and no line.
const CUT: usize = 4;

/// What was asked.
#[derive(Debug, Default)]
pub struct Asked {
    /// In the words of the program, without what comes from the document or from who asks.
    pub words: String,
    /// Whether running text was asked for, in which the last sentence has an end too.
    pub prose: bool,
}

/// Lets `write` write, and gives `sink` what of it is worth reading; `write` is told to stop when nothing new is expected. A text of
/// nothing but announcements is incomplete.
///
/// # Errors
/// Those of `write`.
pub fn filtered(
    asked: &Asked,
    sink: &mut dyn FnMut(&str),
    write: impl FnOnce(&mut dyn FnMut(&str) -> bool) -> Result<Written, SummaryError>,
) -> Result<Written, SummaryError> {
    let (mut opening, mut repeats) = (Opening::default(), Repeats::new(Talk::new(&asked.words)));
    let mut text = String::new();
    let mut written = write(&mut |piece| {
        if asked.prose && is_cut(piece) && is_whole(&text) {
            // it ended in the middle of a sentence
            return true;
        }
        let piece = repeats.pass(opening.pass(piece));
        if !piece.is_empty() {
            text.push_str(&piece);
            sink(&piece);
        }
        !repeats.is_loop()
    })?;
    if text.trim().is_empty() {
        written.incomplete.get_or_insert_with(|| "the model wrote nothing but talk about its task".into());
    }
    written.text = text;
    Ok(written)
}

/// Whether a piece is the begin of a sentence, and no line or item.
fn is_cut(piece: &str) -> bool {
    let line = piece.trim_start_matches(['\r', '\n']);
    let first = line.split_whitespace().next().unwrap_or_default();
    !is_whole(line) && !line.contains('\n') && line.split_whitespace().count() >= CUT && !is_bullet(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pieces: &[&str]) -> (Written, usize) {
        let asked = Asked { words: "Write a short summary. State only what it says.".into(), prose: true };
        let mut n = 0;
        let written = filtered(&asked, &mut |_| {}, |sink| {
            let _ = pieces.iter().all(|piece| {
                n += 1;
                sink(piece)
            });
            Ok(Written { text: pieces.concat(), finished: true, ..Written::default() })
        });
        (written.unwrap(), n)
    }

    #[test]
    fn a_text_of_nothing_else_is_incomplete() {
        let (found, _) = written(&["Sure! Here is a summary:"]);
        assert!(found.text.is_empty() && found.incomplete.is_some());
        let (found, _) = written(&["Sure! It rained."]);
        assert_eq!((found.text.as_str(), found.incomplete), ("It rained.", None));
    }

    #[test]
    fn a_loop_ends() {
        let (found, n) = written(&["Sure! "].into_iter().chain(["It rained for days. "; 20]).collect::<Vec<_>>());
        assert_eq!((found.text.as_str(), n), ("It rained for days.", 5));
    }

    #[test]
    fn talk_and_cut_sentences_are_left_out_wherever_they_stand() {
        let (found, _) =
            written(&["It rained.", " State only what it says.", "\n\nIt stopped.", " The king went to the"]);
        assert_eq!((found.text.as_str(), found.incomplete), ("It rained.\n\nIt stopped.", None));
        for pieces in [
            &["It rained.\n", "- a king went to the sea"][..],
            &["A text without any full stop"],
            &["It rained.", "\nNo end"],
        ] {
            assert_eq!(written(pieces).0.text, pieces.concat());
        }
    }
}
