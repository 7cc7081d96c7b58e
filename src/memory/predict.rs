//! How much memory a run will take, before it starts.

use crate::llama::{CacheType, Model};

/// Everything that does not depend on the sizes: the program and the allocator.
const BASE_BYTES: u64 = 24 << 20;

/// What a token of the vocabulary takes: its text twice, its place in two tables, its candidate when one is chosen. Measured
/// on models with 49,152 and 262,144 tokens.
const BYTES_PER_VOCAB_TOKEN: u64 = 180;

/// Sizes that decide how much memory a run takes.
#[derive(Debug, Clone, Copy)]
pub struct RunSizes {
    /// Cells of the KV cache.
    pub n_cells: u32,
    /// Tokens computed at a time.
    pub n_ubatch: u32,
    /// Tokens whose un-rotated keys are kept beside the cache.
    pub n_front: u32,
    /// Element type of the KV cache.
    pub cache_type: CacheType,
    /// Width of the feature map; 0 without a memory.
    pub n_features: u32,
    /// Queries by which retained tokens are chosen; 0 if there are none.
    pub n_query: u32,
}

/// Predicted peak memory of a run in bytes: weights, KV cache, memory, scratch buffers and the program itself.
pub fn peak_bytes(model: &Model, sizes: RunSizes) -> u64 {
    let (mut kv, mut front, mut memory, mut queries, mut scores) = (0, 0, 0, 0, 0);
    for layer in model.shape().layers {
        let n_kv = u64::from(layer.n_head_kv);
        kv += sizes.cache_type.bytes(n_kv * u64::from(layer.d_k + layer.d_v));
        front += 4 * n_kv * u64::from(layer.d_k);
        // M and z twice, in F32
        memory += 2 * 4 * n_kv * u64::from(sizes.n_features) * u64::from(layer.d_v + 1);
        queries += 4 * u64::from(layer.n_head * layer.d_k) * u64::from(sizes.n_query);
        if sizes.n_query > 0 {
            // which tokens of a compaction leave, and which stay
            queries += 4 * n_kv * u64::from(sizes.n_cells + sizes.n_front);
        }
        // attention of the queries, three times on its way, and the keys
        let row = u64::from(3 * layer.n_head * sizes.n_query) + n_kv * u64::from(2 * layer.d_k);
        scores = row.max(scores);
        // the maps of the gate
        memory += 4 * u64::from(layer.n_head + layer.n_head_kv) * u64::from(sizes.n_features / 2 * layer.d_k);
    }
    let number = |key: &str| model.metadata(&format!("{}.{key}", model.architecture())).and_then(|v| v.parse().ok());
    let n_embd: u64 = number("embedding_length").unwrap_or(0);
    let n_ff: u64 = number("feed_forward_length").unwrap_or(4 * n_embd);
    // the widest moment of a layer, in F32, and the attention mask
    let row = 4 * (2 * n_ff + 6 * n_embd) + 4 * u64::from(sizes.n_cells);
    let n_vocab = model.vocab().n_tokens() as u64;
    let mut scratch = u64::from(sizes.n_ubatch) * row + 4 * n_vocab;
    if sizes.n_query > 0 {
        scratch = scratch.max(4 * scores * u64::from(sizes.n_cells));
    }
    model.weight_bytes()
        + u64::from(sizes.n_cells) * kv
        + u64::from(sizes.n_front) * front
        + memory
        + queries
        + scratch
        + BYTES_PER_VOCAB_TOKEN * n_vocab
        + BASE_BYTES
}
