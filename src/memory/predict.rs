//! How much memory a run will take, before it starts.

use crate::llama::{CacheType, Model, Retain};

use super::budget::layer_bytes;

/// Everything that does not depend on the sizes: the program and the allocator.
const BASE_BYTES: u64 = 24 << 20;

/// What a token of the vocabulary takes: its text twice, its place in two tables, its candidate when one is chosen. Measured
/// on models with 49,152 and 262,144 tokens.
const BYTES_PER_VOCAB_TOKEN: u64 = 180;

/// Sizes that decide how much memory a run takes.
#[derive(Debug, Clone, Copy)]
pub struct RunSizes {
    /// Cells of the KV cache, with those for retained tokens.
    pub n_cells: u32,
    /// Tokens computed at a time.
    pub n_ubatch: u32,
    /// Tokens whose un-rotated keys are kept beside the cache.
    pub n_front: u32,
    /// Element type of the KV cache.
    pub cache_type: CacheType,
    /// Bytes of the memory and of what feeds and reads it ([`held_bytes`](super::budget::held_bytes)); 0 without one.
    pub memory_bytes: u64,
    /// Hidden units of the scores by which tokens are retained; 0 where queries choose.
    pub n_hidden: u32,
    /// Which tokens are retained; their un-rotated keys are kept as well.
    pub retain: Option<Retain>,
}

/// Predicted peak memory of a run in bytes: weights, KV cache, memory, scratch buffers and the program itself.
pub fn peak_bytes(model: &Model, sizes: RunSizes) -> u64 {
    let (mut kv, mut front, mut memory, mut queries, mut scores) = (0, 0, sizes.memory_bytes, 0, 0);
    let shape = model.shape();
    let by_layer = sizes.retain.map_or_else(
        || vec![0; shape.layers.len()],
        |retain| retain.by_layer_within(&shape, sizes.n_cells, model.n_ctx_train()),
    );
    // cells that hold anything
    let n_main = u64::from(sizes.n_cells - sizes.retain.map_or(0, |retain| retain.tokens));
    let n_query = sizes.retain.map_or(0, |retain| retain.queries);
    // where not all ask, a row takes what is not kept
    let spare = u64::from(sizes.retain.is_some_and(|retain| retain.stride > 1));
    for (layer, &n_retain) in shape.layers.iter().zip(&by_layer) {
        let (n_kv, n_retain) = (u64::from(layer.n_head_kv), u64::from(n_retain));
        kv += (n_main + n_retain) * layer_bytes(layer, sizes.cache_type);
        front += (u64::from(sizes.n_front) + n_retain) * 4 * n_kv * u64::from(layer.d_k);
        if n_retain > 0 {
            queries += 4 * u64::from(layer.n_head * layer.d_k) * (u64::from(n_query) + spare);
            // which tokens of a compaction stay, and which leave
            queries += 4 * n_kv * (2 * n_retain + n_main);
            // attention of the queries, three times on its way, and the keys
            let mut row = u64::from(3 * layer.n_head * n_query) + n_kv * u64::from(2 * layer.d_k);
            if n_query == 0 {
                // keys and values one by one, together, as heads want them, and with their ages; hidden units twice
                row = n_kv * u64::from(4 * (layer.d_k + layer.d_v) + 2 * sizes.n_hidden);
                memory += 4 * n_kv * u64::from(sizes.n_hidden) * u64::from(layer.d_k + layer.d_v + 3);
            }
            scores = scores.max(4 * row * (n_main + n_retain));
        }
    }
    let number = |key: &str| model.metadata(&format!("{}.{key}", model.architecture())).and_then(|v| v.parse().ok());
    let n_embd: u64 = number("embedding_length").unwrap_or(0);
    let n_ff: u64 = number("feed_forward_length").unwrap_or(4 * n_embd);
    // each group of layers has an attention mask of its own, made of zeros and that of the cells
    let mut groups = by_layer;
    groups.retain(|&n| n > 0);
    groups.sort_unstable();
    groups.dedup();
    let masks = groups.iter().map(|&n| 4 * u64::from(n) + 2 * n_main).sum::<u64>().max(2 * n_main) + 2 * n_main;
    // the widest moment of a layer, in F32
    let row = 4 * (2 * n_ff + 6 * n_embd) + masks;
    let n_vocab = model.vocab().n_tokens() as u64;
    let mut scratch = u64::from(sizes.n_ubatch) * row + 4 * n_vocab;
    scratch = scratch.max(scores);
    model.weight_bytes() + kv + front + memory + queries + scratch + BYTES_PER_VOCAB_TOKEN * n_vocab + BASE_BYTES
}
