//! What it costs to come from notes to a summary.

use crate::summary::request::Request;

use super::listing::NEIGHBOURS;
use super::sizes::QUOTED;

/// Notes that become one at most.
pub(super) const MERGED: usize = 8;

/// Longest merged note in tokens.
pub(crate) const MERGED_TOKENS: u32 = 128;

/// Times that notes are merged at most: eight become one each time, so this is more than any document needs.
pub(super) const LEVELS: u32 = 12;

/// Words of a part of the summary, about.
const PART_WORDS: u32 = 60;

/// Tokens from which on a part can be expected to have a sentence.
pub(super) const SHORTEST: u32 = 24;

/// Tokens of what is asked beside the notes, about.
const AROUND: u64 = 60;

/// Tokens of a sentence, about.
const SENTENCE: u64 = 32;

/// Tokens from which on the model can be expected to write a sentence of the whole.
const OVERVIEW_TOKENS: u32 = 64;

/// Words that it can be asked for.
const OVERVIEW_WORDS: u32 = 15;

/// It writes about one word in so many.
const OVERVIEW: u32 = 4;

/// Tokens of ten words, about.
pub(super) const TEN_WORDS: u32 = 17;

/// Words of a summary of at most so many tokens.
pub(super) fn longest(request: &Request, max_tokens: u32) -> u32 {
    request.length.words().min((max_tokens * 10).div_ceil(TEN_WORDS))
}

/// Words of what the model writes of the whole before the document's sentences follow, about, and tokens at most.
pub(crate) fn overview(request: &Request, max_tokens: u32) -> (u32, u32) {
    let words = longest(request, max_tokens) / n_parts(request, max_tokens).max(OVERVIEW);
    let words = words.max(OVERVIEW_WORDS);
    (words, (words * TEN_WORDS).div_ceil(10).max(OVERVIEW_TOKENS).min(max_tokens))
}

/// Parts of a summary of at most so many tokens, if there are as many notes.
pub(crate) fn n_parts(request: &Request, max_tokens: u32) -> u32 {
    // a part that may not have a sentence is worse than a longer stretch for the others
    let most = (max_tokens / SHORTEST).max(1);
    if request.question.is_some() { 1 } else { ((request.length.words() + PART_WORDS / 2) / PART_WORDS).clamp(1, most) }
}

/// Tokens read, and those written beside the summary, about, for one in `parts` parts from `notes` notes of at most `longest` tokens, where a
/// part can be written from `room` tokens of notes.
pub(crate) fn composing(mut notes: u64, longest: u64, (parts, room): (u64, u64)) -> (u64, u64) {
    let (mut read, mut written) = (0, 0);
    let mut longest = longest + u64::from(QUOTED);
    for _ in 0..LEVELS {
        if notes.div_ceil(parts).div_ceil(NEIGHBOURS as u64) * SENTENCE <= room {
            break;
        }
        let merged = notes.div_ceil(MERGED as u64);
        read += notes * longest + merged * AROUND;
        written += merged * u64::from(MERGED_TOKENS);
        longest = u64::from(MERGED_TOKENS + QUOTED);
        notes = merged;
    }
    (read + notes.min(parts) * (AROUND + room.min(notes.div_ceil(parts) * longest)), written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::request::{Length, Style};

    #[test]
    fn a_summary_has_as_many_parts_as_its_length_allows() {
        let parts = |words: &str, question: Option<&str>, max_tokens| {
            let (length, question) = (words.parse::<Length>().unwrap(), question.map(Into::into));
            n_parts(&Request { length, style: Style::default(), language: None, question }, max_tokens)
        };
        assert_eq!([parts("50", None, 500), parts("150", None, 500), parts("400", None, 680)], [1, 3, 7]);
        assert_eq!([parts("400", Some("Who?"), 680), parts("400", None, 60), parts("400", None, 1)], [1, 2, 1]);
    }

    #[test]
    fn the_cost_is_that_of_room_and_notes() {
        // all of it fits, parts are cut to their room, and notes are merged where not even a sentence of four fits
        assert_eq!(composing(3, 96, (7, 1000)), (3 * (60 + 256), 0));
        assert_eq!(composing(80, 96, (7, 1000)), (7 * (60 + 1000), 0));
        assert_eq!(composing(80, 96, (1, 1000)), (60 + 1000, 0));
        let (read, written) = composing(1000, 96, (7, 1000));
        assert_eq!((read, written), (1000 * 256 + 125 * 60 + 7 * (60 + 1000), 125 * 128));
        assert!(composing(u64::MAX >> 12, 96, (1, 1)).0 > 0, "it ends");
    }
}
