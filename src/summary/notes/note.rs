//! A note.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// What the model wrote of a stretch of the document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// What it wrote, of whole sentences.
    pub text: String,
    /// Sentences of the stretch itself, as they stand there and in their order: those that tell most, or that have most to do with a question.
    pub details: Vec<Detail>,
    /// Tokens of the document that it covers.
    pub tokens: Range<u64>,
    /// The same in bytes of the text.
    pub bytes: Range<u64>,
}

/// A sentence of the document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// How much it tells; see [`crate::text::salience`]. Where a question was asked, how much it has to do with it.
    pub score: f32,
    /// The sentence, on one line.
    pub text: String,
}

impl Note {
    /// What it says, and then each sentence of the document.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        [self.text.as_str()].into_iter().chain(self.details.iter().map(|detail| detail.text.as_str()))
    }

    /// A note in place of several that follow each other.
    pub fn merged(notes: &[Self], text: String, n_details: usize) -> Option<Self> {
        let (first, last) = (notes.first()?, notes.last()?);
        Some(Self {
            text,
            details: best(notes.iter().flat_map(|note| &note.details), n_details).into_iter().cloned().collect(),
            tokens: first.tokens.start..last.tokens.end,
            bytes: first.bytes.start..last.bytes.end,
        })
    }
}

/// The best sentences, at most `n`, in their order.
pub(super) fn best<'a>(details: impl IntoIterator<Item = &'a Detail>, n: usize) -> Vec<&'a Detail> {
    let mut best: Vec<(usize, &Detail)> = details.into_iter().enumerate().collect();
    best.sort_by(|(_, a), (_, b)| b.score.total_cmp(&a.score));
    best.truncate(n);
    best.sort_by_key(|&(at, _)| at);
    best.into_iter().map(|(_, detail)| detail).collect()
}

/// Sentences one behind the other.
pub(super) fn joined<'a>(details: impl IntoIterator<Item = &'a Detail>) -> String {
    details.into_iter().map(|detail| detail.text.as_str()).collect::<Vec<_>>().join(" ")
}
