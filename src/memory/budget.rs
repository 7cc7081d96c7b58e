//! What survives a compaction, in bytes: the currency in which policies are compared.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use crate::llama::{CacheType, Model, Retain};
use crate::size::parse_size;

use super::gate::{Gate, LayerShape, ModelShape};
use super::layout::WindowSizes;
use super::policy::Policy;

/// A budget as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// The bytes that K and V of so many tokens take.
    Tokens(u32),
    /// So many bytes.
    Bytes(u64),
}

impl Budget {
    /// In bytes.
    pub fn bytes(self, model: &Model, cache_type: CacheType) -> u64 {
        match self {
            Self::Tokens(n) => u64::from(n) * token_bytes(model, cache_type),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().strip_suffix("tok") {
            Some(number) => match number.trim().parse() {
                Ok(n) if n > 0 => Ok(Self::Tokens(n)),
                _ => Err("not a number of tokens; write it like 516tok".into()),
            },
            None => parse_size(text).map(Self::Bytes).map_err(|_| "write it like 516tok or 24MiB".into()),
        }
    }
}

impl Display for Budget {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tokens(n) => write!(f, "{n}tok"),
            Self::Bytes(bytes) => write!(f, "{bytes}"),
        }
    }
}

/// Bytes of the keys and values of one token in all layers.
pub fn token_bytes(model: &Model, cache_type: CacheType) -> u64 {
    model.shape().layers.iter().map(|layer| layer_bytes(layer, cache_type)).sum()
}

/// Bytes of the key and the value of one token in a layer.
pub(super) fn layer_bytes(layer: &LayerShape, cache_type: CacheType) -> u64 {
    cache_type.bytes(u64::from(layer.n_head_kv) * u64::from(layer.d_k + layer.d_v))
}

/// Bytes of the keys and values of retained tokens.
fn retained_bytes(model: &Model, retain: Retain, cache_type: CacheType) -> u64 {
    let shape = model.shape();
    let of_layer = |(layer, n): (&LayerShape, u32)| u64::from(n) * layer_bytes(layer, cache_type);
    shape.layers.iter().zip(retain.by_layer(&shape)).map(of_layer).sum()
}

/// Bytes of M and z in F32, in the layers that have a gate.
pub fn memory_bytes(shape: &ModelShape, gate: &Gate) -> u64 {
    let of_layer =
        |layer: &LayerShape| 4 * u64::from(layer.n_head_kv) * u64::from(gate.n_features) * u64::from(layer.d_v + 1);
    gate.layers.keys().filter_map(|&il| shape.layers.get(il as usize)).map(of_layer).sum()
}

/// Bytes of M, z and maps in a process: M and z are there twice, as a compaction makes new ones of those that there are.
pub fn held_bytes(shape: &ModelShape, gate: &Gate) -> u64 {
    let maps = gate.layers.values().flat_map(|layer| [&layer.map_q, &layer.map_k]).flatten();
    2 * memory_bytes(shape, gate) + maps.map(|map| 4 * map.len() as u64).sum::<u64>()
}

/// Bytes of K and V of sinks, retained tokens and window, and the `memory` bytes of M and z.
///
/// Where layers retain different numbers these are the bytes of the mean, which are never exceeded.
///
/// The prompt, which always stays, and the segment that is being read come on top and are the same for all policies.
pub fn surviving_bytes(model: &Model, policy: Policy, sizes: WindowSizes, cache_type: CacheType, memory: u64) -> u64 {
    let tokens = u64::from(sizes.sinks) + u64::from(sizes.window);
    let retained = policy.rule().retain(sizes.retain).map_or(0, |retain| retained_bytes(model, retain, cache_type));
    tokens * token_bytes(model, cache_type) + retained + memory
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::gate::FeatureMap;

    #[test]
    fn a_memory_takes_bytes_where_it_is() {
        let layer = LayerShape { n_head: 4, n_head_kv: 2, d_k: 8, d_v: 16 };
        let shape = ModelShape { architecture: "llama".into(), n_layer: 4, layers: vec![layer; 4] };
        let mut gate = Gate::random(&shape, FeatureMap::Hedgehog, 32, 1).unwrap();
        // 2 heads of 32 features for 16 elements and z; 6 maps of 16 rows
        let (memory, maps) = (4 * 2 * 32 * 17, 4 * 6 * 16 * 8);
        let bytes = |gate: &Gate| (memory_bytes(&shape, gate), held_bytes(&shape, gate));
        assert_eq!(bytes(&gate), (4 * memory, 4 * (2 * memory + maps)));
        gate.layers.retain(|&il, _| il == 2);
        assert_eq!(bytes(&gate), (memory, 2 * memory + maps));
        let elu = Gate::random(&shape, FeatureMap::Elu, 8, 1).unwrap();
        assert_eq!(bytes(&elu), (memory, 2 * memory));
    }

    #[test]
    fn budgets_are_read_and_written() {
        assert_eq!("516tok".parse(), Ok(Budget::Tokens(516)));
        assert_eq!("24MiB".parse(), Ok(Budget::Bytes(24 << 20)));
        for text in ["516tok", "1000"] {
            assert_eq!(text.parse::<Budget>().map(|budget| budget.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "tok", "0tok", "-3tok", "much"] {
            assert!(text.parse::<Budget>().is_err(), "{text}");
        }
    }
}
