//! Which part of a document streaming has forgotten when the answer begins, and what can stand in its place.

use std::ops::Range;

use crate::llama::Token;
use crate::memory::layout::{ANSWER_RESERVE, Layout};

/// The tokens of a document that have left the cache once document and suffix were read as [`crate::reader::Reader`] reads
/// them; empty if all are still there.
pub fn forgotten(layout: &Layout, n_prefix: u32, n_document: u32, n_suffix: u32) -> Range<usize> {
    let (mut n_cached, mut dropped) = (0, 0);
    let mut make_room = |n_cached: &mut u32, n: u32| {
        if *n_cached + n > layout.n_cells {
            let surplus = layout.surplus(*n_cached, 0);
            dropped += surplus.end - surplus.start;
            *n_cached -= surplus.end - surplus.start;
        }
    };
    let mut left = n_prefix + n_document;
    while left > 0 {
        let n = left.min(layout.segment);
        make_room(&mut n_cached, n);
        n_cached += n;
        left -= n;
    }
    make_room(&mut n_cached, n_suffix + ANSWER_RESERVE);
    // counted from the first token of the prompt
    let gone = layout.n_front..layout.n_front + dropped;
    gone.start.saturating_sub(n_prefix) as usize..gone.end.saturating_sub(n_prefix) as usize
}

/// `document` with `range` replaced by the same stretch of another one: of the first in `others` that is long enough, else
/// of all of them one after the other. Gives the names of what was used; nothing if even that is too short.
pub fn replaced<'a>(
    document: &[Token],
    range: &Range<usize>,
    others: impl Iterator<Item = (&'a str, &'a [Token])> + Clone,
) -> Option<(Vec<Token>, Vec<&'a str>)> {
    let (stretch, names) = match others.clone().find(|(_, tokens)| tokens.len() >= range.end) {
        Some((name, tokens)) => (tokens[range.clone()].to_vec(), vec![name]),
        None => {
            let (mut stretch, mut names) = (Vec::new(), Vec::new());
            for (name, tokens) in others {
                if stretch.len() < range.len() {
                    stretch.extend_from_slice(tokens);
                    names.push(name);
                }
            }
            if stretch.len() < range.len() {
                return None;
            }
            stretch.truncate(range.len());
            (stretch, names)
        }
    };
    let mut tokens = document[..range.start].to_vec();
    tokens.extend(stretch);
    tokens.extend_from_slice(&document[range.end..]);
    Some((tokens, names))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::layout::WindowSizes;

    #[test]
    fn a_document_that_fits_is_remembered_whole() {
        let layout = Layout::new(WindowSizes { sinks: 4, retain: 0, window: 512, segment: 256 }, 30, 40);
        assert!(forgotten(&layout, 30, 400, 40).is_empty());
        let range = forgotten(&layout, 30, 4000, 40);
        assert_eq!(range.start, 4);
        // what is left: the window, and less than a segment more
        assert!((4000 - 512 - 256 - ANSWER_RESERVE as usize..=4000 - 512).contains(&range.end), "{range:?}");
    }

    #[test]
    fn the_same_stretch_of_another_document_takes_its_place() {
        let document: Vec<Token> = (0..10).collect();
        let (short, long): (Vec<Token>, Vec<Token>) = ((100..105).collect(), (200..220).collect());
        let others = [("short", short.as_slice()), ("long", long.as_slice())];
        let (tokens, names) = replaced(&document, &(2..7), others.into_iter()).unwrap();
        assert_eq!((tokens, names), (vec![0, 1, 202, 203, 204, 205, 206, 7, 8, 9], vec!["long"]));
        let (tokens, names) = replaced(&document, &(1..9), [others[0], others[0]].into_iter()).unwrap();
        assert_eq!((tokens, names), (vec![0, 100, 101, 102, 103, 104, 100, 101, 102, 9], vec!["short", "short"]));
        assert!(replaced(&document, &(1..9), [others[0]].into_iter()).is_none());
    }
}
