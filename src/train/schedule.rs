//! Which tokens are read together, and what has left the cache by then: [`crate::reader::Reader`] without a model.

use std::ops::Range;

use crate::eval::ANSWER_BATCH;
use crate::memory::layout::{ANSWER_RESERVE, Layout};

/// Queries whose attention is computed at once at most.
const BLOCK: usize = 512;

/// Tokens that see the same cache and memory, besides those among them that stand before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The tokens, counted from the first of the prompt.
    pub tokens: Range<usize>,
    /// Tokens that left the cache before: those behind the front. They are in the memory, if there is one.
    pub dropped: usize,
}

/// How a sequence of tokens is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Tokens at the beginning that never leave.
    pub n_front: usize,
    /// All tokens, in order.
    pub blocks: Vec<Block>,
}

impl Schedule {
    /// Full attention: nothing leaves.
    pub fn full(n_tokens: usize) -> Self {
        let mut cache = Cache { layout: None, n_cached: 0, dropped: 0, blocks: Vec::new() };
        cache.append(n_tokens);
        Self { n_front: 0, blocks: cache.blocks }
    }

    /// A text by itself, without anything around it.
    pub fn of_text(layout: &Layout, n_text: usize) -> Self {
        Self::new(layout, n_text, None)
    }

    /// `n_text` tokens of prompt and document, `n_suffix` that ask for the answer, and `n_answer` of it.
    pub fn of_answer(layout: &Layout, n_text: usize, n_suffix: usize, n_answer: usize) -> Self {
        Self::new(layout, n_text, Some((n_suffix, n_answer)))
    }

    fn new(layout: &Layout, n_text: usize, asked: Option<(usize, usize)>) -> Self {
        let mut cache = Cache { layout: Some(layout), n_cached: 0, dropped: 0, blocks: Vec::new() };
        let segment = layout.segment.max(1) as usize;
        cache.read(n_text, segment);
        if let Some((n_suffix, n_answer)) = asked {
            cache.make_room(n_suffix + ANSWER_RESERVE as usize);
            cache.read(n_suffix, segment);
            cache.read(n_answer, ANSWER_BATCH);
        }
        Self { n_front: layout.n_front as usize, blocks: cache.blocks }
    }

    /// All tokens.
    pub fn n_tokens(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.tokens.end)
    }

    /// The block in which the last `n` tokens begin.
    pub fn first_block_of_last(&self, n: usize) -> usize {
        let first = self.n_tokens().saturating_sub(n);
        self.blocks.iter().position(|block| block.tokens.end > first).unwrap_or(0)
    }

    /// The first token that sees something in the memory; none if nothing leaves.
    pub fn first_with_memory(&self) -> Option<usize> {
        self.blocks.iter().find(|block| block.dropped > 0).map(|block| block.tokens.start)
    }

    /// The tokens that have left when the last one is read.
    pub fn forgotten(&self) -> Range<usize> {
        self.n_front..self.n_front + self.blocks.last().map_or(0, |block| block.dropped)
    }

    /// The tokens that leave the cache right before a block: nothing for most.
    pub fn leaving(&self, block: usize) -> Range<usize> {
        let before = block.checked_sub(1).and_then(|i| self.blocks.get(i)).map_or(0, |block| block.dropped);
        let after = self.blocks.get(block).map_or(before, |block| block.dropped);
        self.n_front + before..self.n_front + after
    }
}

/// How full the cache is.
struct Cache<'a> {
    layout: Option<&'a Layout>,
    n_cached: usize,
    dropped: usize,
    blocks: Vec<Block>,
}

impl Cache<'_> {
    /// Reads `n` tokens, `at_once` at a time.
    fn read(&mut self, n: usize, at_once: usize) {
        let mut left = n;
        while left > 0 {
            let part = left.min(at_once);
            self.make_room(part);
            self.append(part);
            left -= part;
        }
    }

    /// [`crate::reader::Reader::make_room`].
    fn make_room(&mut self, n: usize) {
        let Some(layout) = self.layout else { return };
        if self.n_cached + n + layout.n_aside as usize > layout.n_cells as usize {
            let surplus = layout.surplus(self.n_cached as u32, 0).len();
            self.n_cached -= surplus;
            self.dropped += surplus;
        }
    }

    /// Adds tokens to the last block, if that sees the same, and else to new ones.
    fn append(&mut self, n: usize) {
        self.n_cached += n;
        let begin = self.blocks.last().map_or(0, |block| block.tokens.end);
        let end = begin + n;
        let mut at = begin;
        if let Some(last) = self.blocks.last_mut().filter(|last| last.dropped == self.dropped) {
            at = end.min(last.tokens.start + BLOCK);
            last.tokens.end = at;
        }
        while at < end {
            let to = end.min(at + BLOCK);
            self.blocks.push(Block { tokens: at..to, dropped: self.dropped });
            at = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::forgotten;
    use crate::memory::layout::WindowSizes;

    fn layout(window: u32, segment: u32) -> Layout {
        Layout::new(WindowSizes { sinks: 4, retain: 0, window, segment }, 30, 40)
    }

    #[test]
    fn what_is_forgotten_is_what_an_evaluation_replaces() {
        for (window, segment) in [(512, 512), (512, 256), (64, 32), (100, 700)] {
            let layout = layout(window, segment);
            for n_document in [10, 500, 1_000, 1_111, 4_000, 7_321] {
                let schedule = Schedule::of_answer(&layout, 30 + n_document, 40, 1);
                let expected = forgotten(&layout, 30, n_document as u32, 40);
                let found = schedule.forgotten();
                assert_eq!(found.len(), expected.len(), "{window} {segment} {n_document}");
                assert!(found.is_empty() || found == (expected.start + 30..expected.end + 30));
            }
        }
    }

    #[test]
    fn every_token_is_in_one_block_and_leaves_once() {
        let layout = layout(64, 32);
        let schedule = Schedule::of_answer(&layout, 2_000, 40, 300);
        let (mut next, mut left) = (0, 34);
        for (i, block) in schedule.blocks.iter().enumerate() {
            assert_eq!(block.tokens.start, next);
            assert!(!block.tokens.is_empty() && block.tokens.len() <= BLOCK);
            next = block.tokens.end;
            let leaving = schedule.leaving(i);
            assert_eq!(leaving.start, left);
            left = leaving.end;
            // what is in the cache was read before, and fits
            assert!(left <= block.tokens.start.max(34));
            assert!(34 + block.tokens.end - left <= layout.n_cells as usize);
        }
        assert_eq!((next, schedule.n_tokens()), (2_340, 2_340));
        assert_eq!(schedule.first_with_memory(), Some(schedule.blocks[1].tokens.start));
    }

    #[test]
    fn full_attention_forgets_nothing() {
        let schedule = Schedule::full(1_200);
        assert_eq!(schedule.blocks.len(), 3);
        assert_eq!((schedule.first_with_memory(), schedule.forgotten()), (None, 0..0));
        assert_eq!(schedule.blocks[2].tokens, 1_024..1_200);
        assert_eq!([0, 1, 176, 177, 1_200, usize::MAX].map(|n| schedule.first_block_of_last(n)), [0, 2, 2, 1, 0, 0]);
    }
}
