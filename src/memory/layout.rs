//! Where everything lies in a cache that is compacted.

/// Tokens computed at once at most; a longer segment is read in several batches.
pub const MAX_UBATCH: u32 = 512;

/// Tokens that can always be generated without dropping any of the window.
pub const ANSWER_RESERVE: u32 = 256;

/// Sizes in tokens of the parts of a cache that is compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSizes {
    /// First tokens of the document that stay, beyond the prompt, which always stays.
    pub sinks: u32,
    /// Tokens that stay between them and the window, chosen in each KV head.
    pub retain: u32,
    /// Most recent tokens that stay.
    pub window: u32,
    /// Tokens read at a time.
    pub segment: u32,
}

/// Where everything lies in a cache that is compacted: front (prompt and sinks), retained tokens, window, free cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Tokens that are never dropped: prompt and sinks.
    pub n_front: u32,
    /// Tokens behind them, others in each KV head, that are chosen anew at each compaction.
    pub n_retain: u32,
    /// Most recent tokens that stay.
    pub window: u32,
    /// Tokens read at a time.
    pub segment: u32,
    /// Size of the cache.
    pub n_cells: u32,
    /// Cells that reading leaves free, for questions in between.
    pub n_aside: u32,
}

impl Layout {
    /// The cache for a prompt of `n_prefix` tokens before the text and `n_suffix` after it.
    ///
    /// There is room for a segment and, once the text was read, for the suffix and [`ANSWER_RESERVE`] tokens of answer.
    pub fn new(sizes: WindowSizes, n_prefix: u32, n_suffix: u32) -> Self {
        let n_front = n_prefix + sizes.sinks;
        let free = sizes.segment.max(n_suffix + ANSWER_RESERVE);
        // flash attention works in tiles of 64 keys and skips those that are masked whole; where segments do not begin at
        // the border of a tile, 6 % more of them are computed
        let n_cells = (n_front + sizes.retain + sizes.window + free).next_multiple_of(64);
        Self { n_front, n_retain: sizes.retain, window: sizes.window, segment: sizes.segment, n_cells, n_aside: 0 }
    }

    /// The same for a cache whose window is turned back at each compaction: where keys would be turned more than 32 times
    /// on their way through the window, there is more room, so that more of them leave at once. 32 turns wear a key of 16
    /// bits down by 0.5 %, 128 by more than 1 %.
    pub fn turned_seldom(mut self) -> Self {
        // whole segments leave: at least half of what is free
        let n_cells = self.n_front + self.window + self.window / 16;
        self.n_cells = self.n_cells.max(n_cells.next_multiple_of(64));
        self
    }

    /// The same with room for so many more tokens that are taken out again before reading goes on, and for at least `n_apart` tokens in
    /// all. Reading does not use it, so it compacts when it would without.
    pub fn with_aside(mut self, n_aside: u32, n_apart: u32) -> Self {
        let n_cells = (self.n_cells + n_aside).max(n_apart + self.n_retain).next_multiple_of(64);
        self.n_aside = n_cells - self.n_cells;
        self.n_cells = n_cells;
        self
    }

    /// The range that is compacted so that front, retained tokens and window remain of `n_cached` tokens, of which `n_retained`
    /// are retained already; those are in it. Empty if it would make no room.
    pub fn surplus(&self, n_cached: u32, n_retained: u32) -> std::ops::Range<u32> {
        let end = n_cached.saturating_sub(self.window).max(self.n_front);
        if end - self.n_front > n_retained { self.n_front..end } else { self.n_front..self.n_front }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_leaves_room_for_suffix_and_answer() {
        let sizes = WindowSizes { sinks: 4, retain: 0, window: 1024, segment: 32 };
        let layout = Layout::new(sizes, 40, 60);
        assert_eq!(layout.n_front, 44);
        assert!(layout.n_cells >= 44 + 1024 + 60 + ANSWER_RESERVE);
        assert_eq!(layout.n_cells % 64, 0);
    }

    #[test]
    fn a_wide_window_is_turned_seldom() {
        let layout = |window, segment| Layout::new(WindowSizes { sinks: 4, retain: 0, window, segment }, 40, 60);
        assert_eq!(layout(1024, 512).turned_seldom(), layout(1024, 512));
        for segment in [1, 100, 256, 700] {
            let layout = layout(20_000, segment).turned_seldom();
            let free = layout.n_cells - layout.n_front - layout.window;
            assert!(free / segment * segment >= 20_000 / 32, "{segment}");
        }
    }

    #[test]
    fn surplus_keeps_front_and_window() {
        let layout = Layout { n_front: 10, n_retain: 0, window: 100, segment: 50, n_cells: 160, n_aside: 0 };
        assert_eq!(layout.surplus(160, 0), 10..60);
        assert_eq!(layout.surplus(110, 0), 10..10);
        assert_eq!(layout.surplus(5, 0), 10..10);
    }

    #[test]
    fn retained_tokens_come_from_what_is_compacted() {
        let layout = Layout { n_front: 10, n_retain: 20, window: 100, segment: 50, n_cells: 192, n_aside: 0 };
        assert_eq!(layout.surplus(172, 0), 10..72);
        // those that are retained already need no room
        assert_eq!(layout.surplus(180, 20), 10..80);
        assert_eq!(layout.surplus(130, 20), 10..10);
    }
}
