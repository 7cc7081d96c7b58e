//! Policies: what happens to tokens that leave the window. One file for each; `docs/policies.md` shows how another is added.

mod edgeinfinite;
mod full;
mod pyramidkv;
mod snapkv;
mod streaming;

use std::fmt;

use crate::llama::Retain;

pub use pyramidkv::layer_budgets;

/// What happens to tokens that leave the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Nothing leaves: ordinary attention over the whole text.
    Full,
    /// They are forgotten.
    Streaming,
    /// Those that the newest tokens attend to stay.
    SnapKv,
    /// The same, more of them in lower layers than in higher ones.
    PyramidKv,
    /// They are folded into a memory.
    EdgeInfinite,
}

/// What a policy decides.
pub trait Rule {
    /// As it is typed.
    fn name(&self) -> &'static str;

    /// Whether what leaves is folded into a memory, which needs a gate.
    fn folds(&self) -> bool {
        false
    }

    /// How many of `n` tokens that may stay are chosen, where nobody said; the others are the window.
    fn share(&self, n: u32) -> u32 {
        let _ = n;
        0
    }

    /// How `n` tokens that stay are chosen; `None` if this policy chooses none.
    fn retain(&self, n: u32) -> Option<Retain> {
        let _ = n;
        None
    }
}

impl Policy {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Full, Self::Streaming, Self::SnapKv, Self::PyramidKv, Self::EdgeInfinite];

    /// What it decides.
    pub fn rule(self) -> &'static dyn Rule {
        match self {
            Self::Full => &full::Full,
            Self::Streaming => &streaming::Streaming,
            Self::SnapKv => &snapkv::SnapKv,
            Self::PyramidKv => &pyramidkv::PyramidKv,
            Self::EdgeInfinite => &edgeinfinite::EdgeInfinite,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule().name())
    }
}
