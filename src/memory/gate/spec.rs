//! Gates as they are named on the command line.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{BuiltIn, FeatureMap, Gate, GateError, MAX_FEATURES, ModelShape, is_map_width};

/// What stands before the name of a gate that is part of the program.
pub(super) const BUILT_IN: &str = "built-in:";

/// Where a gate comes from: a file, or `random:SEED` or `random:SEED:hedgehog:F` for tests of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateSpec {
    /// Made by [`Gate::random`].
    Random {
        /// The same seed gives the same gate.
        seed: u64,
        /// Width of the learned map; `None` for ELU.
        hedgehog: Option<u32>,
    },
    /// A gate file.
    File(PathBuf),
    /// What the catalogue names for a model.
    BuiltIn(BuiltIn),
}

impl GateSpec {
    /// The file; `None` for one that is made.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Random { .. } | Self::BuiltIn(_) => None,
        }
    }

    /// Loads or makes the gate.
    ///
    /// # Errors
    /// As [`Gate::load`] and [`Gate::random`].
    pub fn open(&self, shape: &ModelShape) -> Result<Gate, GateError> {
        match *self {
            Self::File(ref path) => Gate::load(path, shape),
            Self::BuiltIn(gate) => gate.open(shape),
            Self::Random { seed, hedgehog: Some(n_features) } => {
                Gate::random(shape, FeatureMap::Hedgehog, n_features, seed)
            }
            Self::Random { seed, hedgehog: None } => {
                let d_k = shape.attention().next().map_or(0, |(_, layer)| layer.d_k);
                Gate::random(shape, FeatureMap::Elu, d_k, seed)
            }
        }
    }
}

/// A gate that begins like a random one, but is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "gate '{0}' is not understood; write random:SEED, random:SEED:hedgehog:F with F even and from 2 to {MAX_FEATURES}, {names}, or the path of a gate file",
    names = BuiltIn::names()
)]
pub struct GateSpecError(String);

impl FromStr for GateSpec {
    type Err = GateSpecError;

    fn from_str(text: &str) -> Result<Self, GateSpecError> {
        if let Some(gate) = text.strip_prefix(BUILT_IN) {
            return BuiltIn::find(gate)
                .map(Self::BuiltIn)
                .ok_or_else(|| GateSpecError(text.escape_debug().to_string()));
        }
        let random = text.strip_prefix("random:");
        let spec = match random.map(|rest| rest.split(':').collect::<Vec<_>>()).as_deref() {
            None => (!text.is_empty()).then(|| Self::File(text.into())),
            Some([seed]) => seed.parse().ok().map(|seed| Self::Random { seed, hedgehog: None }),
            Some([seed, "hedgehog", width]) => {
                let width = width.parse().ok().filter(|&f: &u32| is_map_width(f.into()));
                seed.parse().ok().zip(width).map(|(seed, f)| Self::Random { seed, hedgehog: Some(f) })
            }
            Some(_) => None,
        };
        spec.ok_or_else(|| GateSpecError(text.escape_debug().to_string()))
    }
}

impl fmt::Display for GateSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random { seed, hedgehog: None } => write!(f, "random:{seed}"),
            Self::Random { seed, hedgehog: Some(width) } => write!(f, "random:{seed}:hedgehog:{width}"),
            Self::File(path) => path.display().fmt(f),
            Self::BuiltIn(gate) => write!(f, "{BUILT_IN}{}", gate.file),
        }
    }
}
