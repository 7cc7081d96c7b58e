//! What survives a compaction, in bytes: the currency in which policies are compared.

use crate::llama::{CacheType, Model};

use super::policy::WindowSizes;

/// Bytes of the keys and values of one token in all layers.
pub fn token_bytes(model: &Model, cache_type: CacheType) -> u64 {
    let layers = model.shape().layers;
    layers.iter().map(|layer| cache_type.bytes(u64::from(layer.n_head_kv) * u64::from(layer.d_k + layer.d_v))).sum()
}

/// Bytes of K and V of sinks and window, and of M and z in F32 with `n_features` features (0 without a memory).
///
/// The prompt, which always stays, and the segment that is being read come on top and are the same for all policies.
pub fn surviving_bytes(model: &Model, sizes: WindowSizes, cache_type: CacheType, n_features: u32) -> u64 {
    let memory = |n_head_kv: u32, d_v: u32| 4 * u64::from(n_head_kv) * u64::from(n_features) * u64::from(d_v + 1);
    let layers = model.shape().layers;
    u64::from(sizes.sinks + sizes.window) * token_bytes(model, cache_type)
        + layers.iter().map(|layer| memory(layer.n_head_kv, layer.d_v)).sum::<u64>()
}
