//! What can be wrong with a gate.

use super::{FeatureMap, MAX_FEATURES};
use crate::gguf::GgufError;
use crate::memory::policy::{GROUPS, MAX_LAYERS};

/// Why a gate cannot be used. Each message is one line: the gate, the cause, the remedy.
///
/// `gate` is the file in quotes, or `a random gate`. Names from the file are quoted, escaped and cut.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum GateError {
    // The file
    /// It cannot be read or written, is damaged, or lacks a key or has it with another type.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// A GGUF file of another kind.
    #[error("{gate} is not a gate file: its {key} is {found}, expected '{expected}'; give a gate file, not a model")]
    NotAGate { gate: String, key: &'static str, expected: &'static str, found: String },
    /// A version that this program does not know.
    #[error(
        "{gate} has gate version {found}, expected {expected}; use an edgeinf that knows it, or fit the gate again"
    )]
    Version { gate: String, expected: u32, found: u32 },
    /// A feature map that this program does not know.
    #[error("{gate} has the feature map {found}, expected 'elu' or 'hedgehog'; use an edgeinf that knows it")]
    FeatureMap { gate: String, found: String },
    /// A way to read the memory that this program does not know.
    #[error("{gate} is read {found}, expected 'always' or 'asked'; use an edgeinf that knows it")]
    ReadOut { gate: String, found: String },
    /// The base hash is neither empty nor a hash.
    #[error("{gate} has the base hash {found}, expected 64 hexadecimal digits or none; correct edgeinf.base_sha256")]
    BaseHash { gate: String, found: String },

    // The model
    /// A gate for other models.
    #[error(
        "{gate} is for the architecture {found}, the model has {expected}; use a gate that was fitted to this model"
    )]
    Architecture { gate: String, expected: String, found: String },
    /// Tensors for a layer that cannot have a memory.
    #[error(
        "{gate} has tensors for layer {layer}, where the model, with {n_layer} layers, has no attention; use a gate that was fitted to this model"
    )]
    NoSuchLayer { gate: String, layer: u32, n_layer: u32 },
    /// A tensor of another shape.
    #[error(
        "{gate} has the tensor '{tensor}' with the dimensions {found:?}, expected {expected:?}; use a gate that was fitted to this model"
    )]
    Shape { gate: String, tensor: String, expected: Vec<u64>, found: Vec<u64> },
    /// ELU has as many features as a key has elements, in all layers.
    #[error("{gate} has {n_features} features, but ELU gives {d_k} in layer {layer}; use a learned map for this model")]
    EluWidth { gate: String, layer: u32, d_k: u32, n_features: u64 },
    /// A learned map of an impossible width.
    #[error(
        "{gate} has {n_features} features, expected an even number from 2 to {MAX_FEATURES}; use a map of such a width"
    )]
    MapWidth { gate: String, n_features: u64 },

    /// A score of an impossible size.
    #[error("{gate} has scores of {n_hidden} hidden units in layer {layer}, expected 1 to 4096; fit others")]
    Hidden { gate: String, layer: u32, n_hidden: u64 },
    /// Scores without an age up to which they count ages, or with more than one.
    #[error(
        "{gate} has scores that count ages up to {age_max} in layer {layer}, expected one number above 0; fit others"
    )]
    AgeMax { gate: String, layer: u32, age_max: u32 },

    /// Shares of retained tokens that cannot be.
    #[error(
        "{gate} shares retained tokens out among layers as {found}, expected numbers from 0 to 60 of at most {GROUPS} kinds with a mean of 1, in {MAX_LAYERS} layers at most; fit others"
    )]
    Shares { gate: String, found: String },

    // The tensors
    /// A tensor that does not belong there.
    #[error("{gate} has the tensor {tensor}, which does not belong to a gate with the map '{map}'; write it without")]
    UnknownTensor { gate: String, tensor: String, map: FeatureMap },
    /// Some tensors of a layer are there, others not.
    #[error("{gate} has no tensor '{tensor}', but others of layer {layer}; write all of them, or none")]
    Incomplete { gate: String, layer: u32, tensor: String },
    /// NaN or infinity.
    #[error("{gate} has the value {value} at element {index} of the tensor '{tensor}'; fit the gate again")]
    NotFinite { gate: String, tensor: String, index: usize, value: f32 },
    /// No layer has a memory or a score.
    #[error("{gate} has no layer at all; choose another gate, or read without one (--policy streaming)")]
    Empty { gate: String },
}
