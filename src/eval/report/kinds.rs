//! The kinds of results, with the keys that a report needs. Others are ignored, so that it does not depend on who writes them.

use serde::Deserialize;

use crate::bench::rows::MemoryParts;

use super::case::{Group, Measure};
use super::setting::Policy;

/// How likely an answer is after its document.
#[derive(Debug, Clone, Deserialize)]
pub struct Answer {
    /// Negative log-likelihood, nats per token.
    pub nll: Option<f64>,
    /// `nll` after another document's early part, less that after its own.
    pub specific: Option<f64>,
    /// Tokens that were replaced for that.
    #[serde(default)]
    pub forgotten_tokens: u64,
}

impl Measure for Answer {
    fn scored(&self) -> bool {
        self.nll.is_some()
    }

    fn reach(&self) -> u64 {
        self.forgotten_tokens
    }
}

/// A stretch of a text.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Bin {
    /// Its first token.
    pub from: u64,
    /// How many predictions.
    pub tokens: u64,
    /// Mean of KL(full || policy), nats.
    pub kl: f64,
}

/// How far predictions are from those of full attention.
#[derive(Debug, Clone, Deserialize)]
pub struct Fidelity {
    /// Mean of KL(full || policy), nats per token.
    pub kl: f64,
    /// Of the text under the policy.
    pub perplexity: f64,
    /// Under full attention.
    pub perplexity_full: Option<f64>,
    /// Share of predictions with the same likeliest token.
    pub same_top: Option<f64>,
    /// The first token that counts.
    #[serde(default)]
    pub from: u64,
    /// Along the text.
    #[serde(default)]
    pub by_position: Vec<Bin>,
}

impl Measure for Fidelity {
    fn group(&self) -> Group {
        Group { order: self.from, name: self.from.to_string() }
    }

    fn scored(&self) -> bool {
        true
    }
}

/// A question about a planted fact.
#[derive(Debug, Clone, Deserialize)]
pub struct Needle {
    /// Tokens of the document.
    pub length: u64,
    /// The tenth of it in which the fact stands, from 0.
    pub decile: usize,
    /// Whether the answer was right.
    pub correct: Option<bool>,
    /// Whether it is right without the document.
    pub closed_book: bool,
    /// Whether streaming has forgotten the fact.
    pub forgotten: Option<bool>,
    /// Nats per token of the answer.
    pub nll: Option<f64>,
    /// The same without the document.
    pub nll_closed_book: Option<f64>,
    /// Whether its begun sentence would be completed rightly.
    pub completed: Option<bool>,
    /// The same without the document.
    #[serde(default)]
    pub completed_closed_book: bool,
}

/// 1 for yes and 0 for no.
pub fn share(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

impl Needle {
    /// Of facts that streaming has forgotten.
    pub fn forgotten_nll(&self) -> Option<f64> {
        self.nll.filter(|_| self.forgotten == Some(true))
    }

    /// By how much it is less than without the document, as a difference below zero, of facts that streaming has forgotten.
    pub fn forgotten_gain(&self) -> Option<f64> {
        Some(self.forgotten_nll()? - self.nll_closed_book?)
    }

    /// Of facts that streaming has forgotten, 1 for one whose sentence would be completed rightly, else 0.
    pub fn forgotten_completed(&self) -> Option<f64> {
        self.completed.filter(|_| self.forgotten == Some(true)).map(share)
    }
}

impl Measure for Needle {
    fn group(&self) -> Group {
        Group { order: self.length, name: self.length.to_string() }
    }

    // results of earlier builds know less
    fn reach(&self) -> u64 {
        u64::from(self.completed.is_some())
    }

    fn scored(&self) -> bool {
        self.correct.is_some()
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.decile > 9 { Err("'decile' is more than 9") } else { Ok(()) }
    }
}

/// How far the gates of a layer are open.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct OpenLayer {
    /// Which layer.
    pub layer: u32,
    /// Mean over what is asked and over query heads, from 0 to 1.
    pub gate: f64,
}

/// How far gates are open when something is asked.
#[derive(Debug, Clone, Deserialize)]
pub struct Gates {
    /// Tokens of the text that were read.
    pub length: u64,
    /// Layers that have a memory.
    pub layers: Vec<OpenLayer>,
}

impl Measure for Gates {
    fn scored(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), &'static str> {
        let outside = self.layers.iter().any(|layer| !(0.0..=1.0).contains(&layer.gate));
        if outside { Err("a 'gate' is not from 0 to 1") } else { Ok(()) }
    }
}

/// A summary that was written.
#[derive(Debug, Clone, Deserialize)]
pub struct Summary {
    /// F-measure of words shared with the reference.
    pub rouge1: Option<f64>,
    /// Of two words in a row.
    pub rouge2: Option<f64>,
    /// Of the longest common sequence.
    pub rouge_l: Option<f64>,
    /// Cosine of its embedding and the reference's; older results have none.
    pub similarity: Option<f64>,
    /// Share of the facts that it has.
    pub coverage: Option<f64>,
    /// Share of its runs of four words that it had before.
    pub repetition: Option<f64>,
    /// Its words by those of the document.
    pub compression: Option<f64>,
    /// Different names and numbers in it.
    pub names_and_numbers: Option<f64>,
    /// Those that the document does not have.
    pub unsupported: Option<f64>,
    /// The length that was asked for.
    #[serde(default)]
    pub asked: String,
}

impl Measure for Summary {
    fn group(&self) -> Group {
        Group { order: 0, name: self.asked.clone() }
    }

    fn scored(&self) -> bool {
        self.rouge_l.is_some()
    }
}

/// An answer to a benchmark's question.
#[derive(Debug, Clone, Deserialize)]
pub struct LongBench {
    /// Which part of it.
    pub dataset: String,
    /// From 0 to 1.
    pub score: Option<f64>,
}

impl Measure for LongBench {
    fn group(&self) -> Group {
        Group { order: 0, name: self.dataset.clone() }
    }

    fn scored(&self) -> bool {
        self.score.is_some()
    }

    fn check(&self) -> Result<(), &'static str> {
        let outside = self.score.is_some_and(|score| !(0.0..=1.0).contains(&score));
        if outside { Err("'score' is not from 0 to 1") } else { Ok(()) }
    }
}

/// Speed and memory at a length.
#[derive(Debug, Clone, Deserialize)]
pub struct Length {
    /// How it was read.
    pub policy: Policy,
    /// Tokens of the text.
    pub length: u64,
    /// From the start of the program to the first token of the answer.
    pub ttft_seconds: f64,
    /// Of reading.
    pub prefill_tokens_per_second: f64,
    /// Of the answer, where it was told.
    #[serde(default)]
    pub generation_tokens_per_second: Option<f64>,
    /// Largest resident set; 0 where the system does not tell it.
    pub peak_rss_bytes: u64,
    /// What it consists of, where it was told.
    #[serde(default)]
    pub memory: Option<MemoryParts>,
    /// The fastest and the slowest of several runs.
    #[serde(default)]
    pub ttft_min: Option<f64>,
    /// See [`Length::ttft_min`].
    #[serde(default)]
    pub ttft_max: Option<f64>,
    /// Whether this follows from shorter lengths.
    #[serde(default)]
    pub extrapolated: bool,
    /// As it was named.
    pub model: String,
    /// Version of the program and what it was built for.
    #[serde(default)]
    pub build: String,
}

impl Length {
    /// Whether the values make sense.
    ///
    /// # Errors
    /// A remark on what does not.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.length == 0 || self.ttft_seconds <= 0.0 {
            return Err("'length' and 'ttft_seconds' are above 0");
        }
        Ok(())
    }
}
