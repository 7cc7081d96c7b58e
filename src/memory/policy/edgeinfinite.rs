//! EdgeInfinite (arXiv 2503.22196): what leaves the window is folded into a memory. With retained tokens, which are chosen by the scores of
//! its gate, or as SnapKV chooses them, and not folded, it is an extension of this project.

use crate::llama::Retain;

use super::Rule;
use super::snapkv::SnapKv;

pub(super) struct EdgeInfinite;

impl Rule for EdgeInfinite {
    fn name(&self) -> &'static str {
        "edgeinfinite"
    }

    fn folds(&self) -> bool {
        true
    }

    fn retain(&self, n: u32) -> Option<Retain> {
        SnapKv.retain(n)
    }
}
