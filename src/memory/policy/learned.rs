//! What a fitted score finds worth keeping stays, in each KV head something else; the scores are part of a gate file.
//!
//! A token's score depends on its key, its value and its age alone: what is worth more than all that comes later stays to the end of the
//! text, however long that is. SnapKV asks the newest tokens each time anew, which know nothing of what
//! will be asked about the beginning. This is an extension of this project; fitting what to keep is the idea of Locret
//! (arXiv 2410.01805).

use crate::llama::{Depth, Retain, Score};

use super::Rule;

/// Width of the neighbourhood: a name of several tokens rather stays whole.
const KERNEL: u32 = 3;

pub(super) struct Learned;

impl Rule for Learned {
    fn name(&self) -> &'static str {
        "learned"
    }

    fn scores(&self) -> bool {
        true
    }

    /// A quarter, as SnapKV.
    fn share(&self, n: u32) -> u32 {
        n / 4
    }

    fn retain(&self, n: u32) -> Option<Retain> {
        Some(Retain { score: Score::Learned, tokens: n, depth: Depth::Even, queries: 0, stride: 1, kernel: KERNEL })
    }
}
