//! SnapKV (arXiv 2404.14469), at each compaction: what the newest tokens attend to stays, in each KV head something else.
//!
//! The score of a token is the attention that the last 32 queries pay to it, averaged over them and over the heads of a group,
//! and the largest of its neighbourhood of 7: single tokens without their surroundings say little. These are the numbers that
//! the paper used for LongBench.

use crate::llama::{Depth, Retain, Score};

use super::Rule;

/// Queries that are asked.
pub const QUERIES: u32 = 32;
/// Width of the neighbourhood.
pub const KERNEL: u32 = 7;

pub(super) struct SnapKv;

impl Rule for SnapKv {
    fn name(&self) -> &'static str {
        "snapkv"
    }

    /// A quarter: a document that is read in segments needs its immediate surroundings more than anything.
    fn share(&self, n: u32) -> u32 {
        n / 4
    }

    fn retain(&self, n: u32) -> Option<Retain> {
        Some(Retain {
            score: Score::SnapKv,
            tokens: n,
            depth: Depth::Even,
            queries: QUERIES,
            stride: 1,
            kernel: KERNEL,
        })
    }
}
