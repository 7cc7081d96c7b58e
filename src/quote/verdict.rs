//! What is found for a sentence of a summary.

use serde::{Deserialize, Serialize};

use super::best::Passage;

/// A sentence is weakly supported from this share of the score that it needs.
const WEAK: f64 = 0.75;

/// Whether a sentence of a summary is supported by the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A passage has most of what it says.
    Supported,
    /// A passage has some of it, or the document lacks one of its names or numbers.
    Weak,
    /// No passage has more of its words than chance would bring.
    Unsupported,
}

impl Verdict {
    /// From the score of the best passage, the score that is needed, and whether the document lacks a name or a number.
    pub(super) fn new(score: f64, needed: f64, is_missing: bool) -> Self {
        if score >= needed && !is_missing {
            Self::Supported
        } else if score >= WEAK * needed {
            Self::Weak
        } else {
            Self::Unsupported
        }
    }
}

/// What found a passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FoundBy {
    /// Words in common.
    Words,
    /// Embeddings that are alike.
    Embeddings,
}

/// A sentence of a summary and the passage that supports it best.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// The sentence, without the mark of an item.
    pub sentence: String,
    /// Whether it is supported.
    pub verdict: Verdict,
    /// The score by words of the passage that has most of them, from 0 to 1, in steps of a thousandth; 0 without one.
    pub score: f64,
    /// The score from which the sentence is supported. Few words share much by chance, and so do long documents.
    pub needed: f64,
    /// Names and numbers of the sentence that are nowhere in the document.
    pub missing: Vec<String>,
    /// Names and numbers of the sentence that are in the document, but not in the passage. Empty without a passage.
    pub elsewhere: Vec<String>,
    /// The best passage; none if the sentence is unsupported.
    pub passage: Option<Passage>,
    /// What found it; only where embeddings were looked at too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_by: Option<FoundBy>,
    /// The cosine of the embeddings of sentence and passage, in steps of a thousandth; only where that found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f64>,
}
