//! Where a Markdown document may be split.

use pulldown_cmark::{Event, Parser, Tag};

use super::render::OPTIONS;

/// Where the last block of `text` begins, or the last item if all of it is one list; `None` if there is only that.
pub(super) fn last_block(text: &str) -> Option<usize> {
    let (mut depth, mut block, mut item) = (0_usize, 0, 0);
    for (event, range) in Parser::new_ext(text, OPTIONS).into_offset_iter() {
        let begins = match event {
            Event::Start(Tag::Item) if depth == 1 => {
                item = range.start;
                depth += 1;
                continue;
            }
            Event::Start(_) => {
                depth += 1;
                depth == 1
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        };
        if begins {
            (block, item) = (range.start, 0);
        }
    }
    let line = |at: usize| text.get(..at).and_then(|before| before.rfind('\n')).map(|newline| newline + 1);
    [block, item].into_iter().filter_map(line).find(|&cut| !text[..cut].trim().is_empty())
}
