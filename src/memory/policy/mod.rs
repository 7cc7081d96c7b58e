//! Policies: what happens to tokens that leave the window. One file for each; `docs/policies.md` shows how another is added.

mod edgeinfinite;
mod full;
mod learned;
mod pyramidkv;
mod shares;
mod snapkv;
mod streaming;

use std::fmt;

use crate::llama::Retain;
use crate::memory::gate::Gate;

pub use pyramidkv::layer_budgets;
pub use shares::{GROUPS, MAX_LAYERS, Shares};
pub use snapkv::{KERNEL as SNAPKV_KERNEL, QUERIES as SNAPKV_QUERIES};

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
    /// Those that a fitted score finds worth keeping stay.
    Learned,
    /// They are folded into a memory.
    EdgeInfinite,
}

/// A policy that has not the gate that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "policy {policy} needs {part} for this model and there is none; name one with --gate FILE, or choose another policy, such as streaming"
)]
pub struct NoGate {
    /// As it is typed.
    pub policy: &'static str,
    /// What is missing.
    pub part: &'static str,
}

/// What a policy decides.
pub trait Rule {
    /// As it is typed.
    fn name(&self) -> &'static str;

    /// Whether what leaves is folded into a memory, which needs a gate.
    fn folds(&self) -> bool {
        false
    }

    /// Whether it chooses by the scores of a gate alone.
    fn scores(&self) -> bool {
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
    pub const ALL: [Self; 6] =
        [Self::Full, Self::Streaming, Self::SnapKv, Self::PyramidKv, Self::Learned, Self::EdgeInfinite];

    /// What it decides.
    pub fn rule(self) -> &'static dyn Rule {
        match self {
            Self::Full => &full::Full,
            Self::Streaming => &streaming::Streaming,
            Self::SnapKv => &snapkv::SnapKv,
            Self::PyramidKv => &pyramidkv::PyramidKv,
            Self::Learned => &learned::Learned,
            Self::EdgeInfinite => &edgeinfinite::EdgeInfinite,
        }
    }

    /// Whether it works with a gate.
    pub fn needs_gate(self) -> bool {
        self.rule().folds() || self.rule().scores()
    }

    /// A copy of what it needs of a gate, if anything.
    pub fn gate_from(self, gate: Option<&Gate>) -> Option<Gate> {
        self.gate_of(gate.filter(|_| self.needs_gate()).cloned())
    }

    /// What it needs of a gate, if anything.
    pub fn gate_of(self, gate: Option<Gate>) -> Option<Gate> {
        let gate = gate.filter(|_| self.needs_gate())?;
        Some(if self.rule().folds() { gate } else { gate.without_memory() })
    }

    /// Whether the gate, if it needs one, is there and has what it needs.
    ///
    /// # Errors
    /// [`NoGate`] if not.
    pub fn check_gate(self, gate: Option<&Gate>) -> Result<(), NoGate> {
        let rule = self.rule();
        let lacks = |part| Err(NoGate { policy: rule.name(), part });
        match gate {
            _ if !self.needs_gate() => Ok(()),
            Some(gate) if rule.folds() && gate.layers.is_empty() => lacks("a gate with a memory"),
            Some(gate) if rule.scores() && gate.scores.is_empty() => lacks("a gate with scores"),
            Some(_) => Ok(()),
            None => lacks(if rule.folds() { "a gate" } else { "a gate with scores" }),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule().name())
    }
}
