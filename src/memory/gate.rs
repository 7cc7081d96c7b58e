//! The gate of the memory: how much each head listens to what was folded.
//!
//! `docs/gate-file.md` gives the file format and the formulas. [`Gate::load`] trusts nothing in a file.

mod built_in;
mod error;
mod file;
mod random;
mod score;
mod spec;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

pub use built_in::BuiltIn;
pub use error::GateError;
pub use random::random_scores;
pub use score::LayerScore;
pub use spec::{GateSpec, GateSpecError};

use super::policy::Shares;

/// Widest feature map that the engine takes.
const MAX_FEATURES: u32 = 65536;

/// Attention of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerShape {
    /// Query heads.
    pub n_head: u32,
    /// KV heads; 0 in a layer without attention.
    pub n_head_kv: u32,
    /// Elements of a query or key.
    pub d_k: u32,
    /// Elements of a value.
    pub d_v: u32,
}

/// What a gate is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelShape {
    /// `general.architecture` of the model.
    pub architecture: String,
    /// Layers of the model.
    pub n_layer: u32,
    /// One entry for each layer.
    pub layers: Vec<LayerShape>,
}

impl ModelShape {
    /// The layers that can have a memory.
    fn attention(&self) -> impl Iterator<Item = (u32, &LayerShape)> {
        (0..self.n_layer).zip(&self.layers).filter(|(_, l)| l.n_head > 0 && l.n_head_kv > 0 && l.d_k > 0)
    }

    /// One of [`attention`](Self::attention).
    fn layer(&self, il: u32) -> Option<&LayerShape> {
        self.attention().find(|&(i, _)| i == il).map(|(_, layer)| layer)
    }
}

/// What queries and keys pass through before they meet the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureMap {
    /// `elu(x) + 1`, as in Infini-attention (arXiv 2404.07143).
    Elu,
    /// `[softmax(W x), softmax(-W x)]` with a learned W, as in Hedgehog (arXiv 2402.04347).
    Hedgehog,
}

impl FeatureMap {
    /// Name in gate files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Elu => "elu",
            Self::Hedgehog => "hedgehog",
        }
    }

    /// The map of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Elu, Self::Hedgehog].into_iter().find(|map| map.name() == name)
    }
}

impl fmt::Display for FeatureMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What reads from the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadOut {
    /// Everything, once something was folded, as in EdgeInfinite (arXiv 2503.22196).
    #[default]
    Always,
    /// What stands behind the document: the question and the answer. A text is then read as without a memory, to the bit, and yet folded.
    Asked,
}

impl ReadOut {
    /// Name in gate files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Asked => "asked",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Always, Self::Asked].into_iter().find(|read_out| read_out.name() == name)
    }
}

/// Sizes in tokens that a gate was fitted with, for information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FitSettings {
    /// First tokens that were kept.
    pub n_sink: u32,
    /// Most recent tokens that were kept.
    pub n_window: u32,
    /// Tokens read at a time.
    pub n_segment: u32,
}

/// Gate and feature map of one layer: in each query head
/// `g = sigmoid(a ln(phi(q) z / n + 1e-6) + b ln n + w . q + c)`, where n tokens were folded.
///
/// Shapes are in the order of ggml: the first dimension is that of elements side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerGate {
    /// `[d_k, n_head]`: weight of the query before RoPE, whose elements are in the order of the model's GGUF.
    pub w: Vec<f32>,
    /// `[n_head]`: weight of how well the query matches what was folded.
    pub a: Vec<f32>,
    /// `[n_head]`: weight of how much was folded.
    pub b: Vec<f32>,
    /// `[n_head]`: bias.
    pub c: Vec<f32>,
    /// `[d_k, n_features / 2, n_head]`: W of the learned map for queries; `None` with ELU.
    pub map_q: Option<Vec<f32>>,
    /// `[d_k, n_features / 2, n_head_kv]`: W of the learned map for keys; `None` with ELU.
    pub map_k: Option<Vec<f32>>,
}

/// The gate of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// `general.architecture` of the model.
    pub architecture: String,
    /// The feature map of all layers.
    pub feature_map: FeatureMap,
    /// Width of the feature map: d_k with ELU, twice the rows of W with a learned map.
    pub n_features: u32,
    /// What reads from the memory.
    pub read_out: ReadOut,
    /// sha256 of the model file that it was fitted to, in hexadecimal; empty if unknown.
    pub base_sha256: String,
    /// Sizes that it was fitted with; `None` if unknown.
    pub fit: Option<FitSettings>,
    /// Layers by number. Those that are not here have no memory.
    pub layers: BTreeMap<u32, LayerGate>,
    /// What a token is worth keeping, by layer: for all layers with attention, or none.
    pub scores: BTreeMap<u32, LayerScore>,
}

impl Gate {
    /// The same without a memory: what chooses tokens is left.
    #[must_use]
    pub fn without_memory(self) -> Self {
        Self { layers: BTreeMap::new(), ..self }
    }

    /// How its scores share out among layers what stays; none without scores.
    pub fn shares(&self) -> Option<Shares> {
        Shares::new(&self.scores.values().map(|score| score.share).collect::<Vec<_>>())
    }

    /// Whether it was fitted to the model file with this hash, or may have been.
    ///
    /// A gate can serve other quantizations of the same model: a mismatch is worth a warning, not a refusal.
    pub fn matches_base(&self, sha256: &str) -> bool {
        self.base_sha256.is_empty() || self.base_sha256.eq_ignore_ascii_case(sha256)
    }
}

/// ELU has as many features as a key has elements; a learned map has two for each of its rows.
fn check_features(gate: &str, map: FeatureMap, n_features: u64, il: u32, layer: &LayerShape) -> Result<(), GateError> {
    let gate = || gate.to_owned();
    match map {
        FeatureMap::Elu if n_features != u64::from(layer.d_k) => {
            Err(GateError::EluWidth { gate: gate(), layer: il, d_k: layer.d_k, n_features })
        }
        FeatureMap::Hedgehog if !is_map_width(n_features) => Err(GateError::MapWidth { gate: gate(), n_features }),
        _ => Ok(()),
    }
}

fn is_map_width(n_features: u64) -> bool {
    (2..=MAX_FEATURES.into()).contains(&n_features) && n_features.is_multiple_of(2)
}
