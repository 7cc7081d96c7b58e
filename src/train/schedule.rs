//! Which tokens are read together, and what has left the cache by then: [`crate::reader::Reader`] without a model.

use std::ops::Range;

use crate::eval::ANSWER_BATCH;
use crate::memory::layout::{ANSWER_RESERVE, Layout};

/// Queries whose attention is computed at once at most, and the segment to which scores are fitted.
pub const BLOCK: usize = 512;

/// Tokens that see the same cache and memory, besides those among them that stand before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The tokens, counted from the first of the prompt.
    pub tokens: Range<usize>,
    /// Tokens that left the cache before: those behind the front. They are in the memory, if there is one.
    pub dropped: usize,
    /// Tokens before that have nothing to do with these: what was asked and answered earlier. Empty for most.
    pub unseen: Range<usize>,
}

impl Block {
    /// The tokens behind the front that the last one of the block sees, in order.
    pub fn seen(&self, n_front: usize) -> impl Iterator<Item = Range<usize>> {
        let first = if self.dropped == 0 { 0 } else { n_front + self.dropped };
        [first..self.unseen.start, self.unseen.end..self.tokens.end].into_iter().filter(|range| !range.is_empty())
    }
}

/// What asks for an answer, and the answer, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Of what asks; never 0.
    pub n_suffix: usize,
    /// Of the answer.
    pub n_answer: usize,
}

impl Asked {
    /// Both.
    pub fn n_tokens(self) -> usize {
        self.n_suffix + self.n_answer
    }
}

/// How a sequence of tokens is read: a text, and behind it the questions with their answers, each as if it alone followed the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Tokens at the beginning that never leave.
    pub n_front: usize,
    /// Tokens before the first question.
    pub n_text: usize,
    /// Tokens of the longest question with its answer.
    n_asked: usize,
    /// All tokens, in order.
    pub blocks: Vec<Block>,
}

impl Schedule {
    /// Full attention: nothing leaves.
    pub fn full(n_text: usize, asked: &[Asked]) -> Self {
        Self::new(None, n_text, asked)
    }

    /// `n_text` tokens of a text, or of prompt and document, and what is asked of it. Where that is more than one question no answer is
    /// longer than [`ANSWER_RESERVE`].
    pub fn windowed(layout: &Layout, n_text: usize, asked: &[Asked]) -> Self {
        Self::new(Some(layout), n_text, asked)
    }

    fn new(layout: Option<&Layout>, n_text: usize, asked: &[Asked]) -> Self {
        let mut cache = Cache { layout, n_cached: 0, dropped: 0, unseen: None, blocks: Vec::new() };
        let segment = layout.map_or(usize::MAX, |layout| layout.segment.max(1) as usize);
        cache.read(n_text, segment);
        if let Some(n_suffix) = asked.iter().map(|asked| asked.n_suffix).max() {
            // room for the longest question is room for all
            cache.make_room(n_suffix + ANSWER_RESERVE as usize);
        }
        let n_cached = cache.n_cached;
        let mut begin = n_text;
        for asked in asked {
            (cache.n_cached, cache.unseen) = (n_cached, Some(n_text..begin));
            cache.read(asked.n_suffix, segment);
            cache.read(asked.n_answer, ANSWER_BATCH);
            begin += asked.n_tokens();
        }
        let n_front = layout.map_or(0, |layout| layout.n_front as usize);
        let n_asked = asked.iter().map(|asked| asked.n_tokens()).max().unwrap_or(0);
        Self { n_front, n_text, n_asked, blocks: cache.blocks }
    }

    /// All tokens.
    pub fn n_tokens(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.tokens.end)
    }

    /// The same without what is asked.
    pub fn text_alone(&self) -> Self {
        let blocks = self.blocks[..self.first_asked()].to_vec();
        Self { n_asked: 0, blocks, ..self.clone() }
    }

    /// The block in which the first question begins; their number if nothing is asked.
    pub fn first_asked(&self) -> usize {
        self.blocks.iter().position(|block| block.tokens.start >= self.n_text).unwrap_or(self.blocks.len())
    }

    /// The place of each token in the text: questions stand at the same places.
    pub fn positions(&self) -> Vec<usize> {
        self.blocks.iter().flat_map(|block| block.tokens.clone().map(|i| i - block.unseen.len())).collect()
    }

    /// The block in which the last `n` tokens begin, counted from the end of the longest question's answer. Questions and answers are
    /// always among them.
    pub fn first_block_of_last(&self, n: usize) -> usize {
        let first = self.n_text.saturating_sub(n.saturating_sub(self.n_asked));
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
    /// Once something is asked: what was asked before.
    unseen: Option<Range<usize>>,
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
        let asked = self.unseen.clone();
        let same = |last: &&mut Block| {
            last.dropped == self.dropped && asked.as_ref().is_none_or(|unseen| last.unseen == *unseen)
        };
        if let Some(last) = self.blocks.last_mut().filter(same) {
            at = end.min(last.tokens.start + BLOCK);
            last.tokens.end = at;
        }
        while at < end {
            let to = end.min(at + BLOCK);
            let unseen = self.unseen.clone().unwrap_or(at..at);
            self.blocks.push(Block { tokens: at..to, dropped: self.dropped, unseen });
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

    fn ask(n_suffix: usize, n_answer: usize) -> Asked {
        Asked { n_suffix, n_answer }
    }

    #[test]
    fn what_is_forgotten_is_what_an_evaluation_replaces() {
        for (window, segment) in [(512, 512), (512, 256), (64, 32), (100, 700)] {
            let layout = layout(window, segment);
            for n_document in [10, 500, 1_000, 1_111, 4_000, 7_321] {
                let schedule = Schedule::windowed(&layout, 30 + n_document, &[ask(40, 1)]);
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
        let schedule = Schedule::windowed(&layout, 2_000, &[ask(40, 300)]);
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
        let schedule = Schedule::full(1_200, &[]);
        assert_eq!(schedule.blocks.len(), 3);
        assert_eq!((schedule.first_with_memory(), schedule.forgotten()), (None, 0..0));
        assert_eq!(schedule.blocks[2].tokens, 1_024..1_200);
        assert_eq!([0, 1, 176, 177, 1_200, usize::MAX].map(|n| schedule.first_block_of_last(n)), [0, 2, 2, 1, 0, 0]);
    }

    #[test]
    fn each_question_follows_the_text_alone() {
        let layout = layout(64, 32);
        let asked = [ask(40, 100), ask(12, 20), ask(30, 200)];
        let all = Schedule::windowed(&layout, 2_000, &asked);
        assert_eq!((all.n_text, all.n_tokens()), (2_000, 2_402));
        let positions = all.positions();
        let mut begin = 2_000;
        for asked in asked {
            let alone = Schedule::windowed(&layout, 2_000, &[ask(40, asked.n_answer)]);
            assert_eq!(all.forgotten(), alone.forgotten());
            assert_eq!(positions[begin..begin + asked.n_tokens()], Vec::from_iter(2_000..2_000 + asked.n_tokens()));
            let end = begin + asked.n_tokens();
            for block in all.blocks.iter().filter(|block| begin <= block.tokens.start && block.tokens.end <= end) {
                let seen: Vec<_> = block.seen(all.n_front).flatten().collect();
                let expected = (all.forgotten().end..2_000).chain(begin..block.tokens.end);
                assert_eq!(seen, Vec::from_iter(expected));
            }
            begin = end;
        }
        // the longest answer ends at 2,230
        assert_eq!(all.first_block_of_last(100), all.first_block_of_last(230));
        assert!(all.first_block_of_last(231) < all.first_block_of_last(230));
    }
}
