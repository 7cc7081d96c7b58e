//! What a model writes, without its announcements and without what it says again.

use super::error::SummaryError;
use super::opening::Opening;
use super::repeats::Repeats;
use super::writer::Written;

/// Lets `write` write, and gives `sink` what of it is worth reading; `write` is told to stop when nothing new is expected. A text of
/// nothing but announcements is incomplete.
///
/// # Errors
/// Those of `write`.
pub fn filtered(
    sink: &mut dyn FnMut(&str),
    write: impl FnOnce(&mut dyn FnMut(&str) -> bool) -> Result<Written, SummaryError>,
) -> Result<Written, SummaryError> {
    let (mut opening, mut repeats, mut text) = (Opening::default(), Repeats::default(), String::new());
    let mut written = write(&mut |piece| {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pieces: &[&str]) -> (Written, usize) {
        let mut n = 0;
        let written = filtered(&mut |_| {}, |sink| {
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
}
