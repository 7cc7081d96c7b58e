//! How a context is made, and what it tells.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use llama_cpp_sys_2 as sys;

use super::{NativeGate, Watch};
use crate::memory::gate::{LayerShape, ModelShape};
use crate::memory::policy::{Shares, layer_budgets};

/// Element type of the KV cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheType {
    /// 32-bit floats. Flash attention still computes with 16 bits.
    F32,
    /// 16-bit floats.
    F16,
    /// 8-bit integers in blocks of 32 with a scale.
    Q8_0,
}

impl CacheType {
    /// Bytes of `n` elements, a multiple of 32.
    pub fn bytes(self, n: u64) -> u64 {
        match self {
            Self::F32 => 4 * n,
            Self::F16 => 2 * n,
            // blocks of 32 bytes with a 16-bit scale
            Self::Q8_0 => n / 32 * 34,
        }
    }

    pub(super) fn native(self) -> sys::ggml_type {
        match self {
            Self::F32 => sys::GGML_TYPE_F32,
            Self::F16 => sys::GGML_TYPE_F16,
            Self::Q8_0 => sys::GGML_TYPE_Q8_0,
        }
    }
}

/// What decides which tokens are retained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Score {
    /// SnapKV (arXiv 2404.14469): what the newest tokens attend to.
    SnapKv,
    /// The gate's scores.
    Learned,
}

impl Score {
    pub(super) fn native(self) -> sys::llama_edgeinf_score {
        match self {
            Self::SnapKv => sys::LLAMA_EDGEINF_SCORE_SNAPKV,
            Self::Learned => sys::LLAMA_EDGEINF_SCORE_LEARNED,
        }
    }
}

/// How retained tokens are shared out among layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Each layer retains equally many.
    Even,
    /// Lower layers retain more than higher ones: PyramidKV (arXiv 2406.02069).
    Pyramid,
    /// As a fit shares them out.
    Fitted(Shares),
}

/// Tokens that stay when others leave, others in each KV head of each layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retain {
    /// How they are chosen.
    pub score: Score,
    /// How many in each layer, as a mean.
    pub tokens: u32,
    /// How they are shared out among layers.
    pub depth: Depth,
    /// By the attention of so many newest tokens, or by themselves with 0,
    pub queries: u32,
    /// of which one in so many asks; 1 for all.
    pub stride: u32,
    /// Width of max pooling along the text, odd.
    pub kernel: u32,
}

impl Retain {
    /// How many tokens each layer of a model retains; none in a layer without attention.
    pub fn by_layer(&self, shape: &ModelShape) -> Vec<u32> {
        let attends = |layer: &LayerShape| layer.n_head_kv > 0;
        let n_layers = shape.layers.iter().filter(|layer| attends(layer)).count();
        let mut budgets = match self.depth {
            Depth::Even => vec![self.tokens; n_layers],
            Depth::Pyramid => layer_budgets(self.tokens, n_layers),
            Depth::Fitted(shares) => shares.numbers(self.tokens),
        }
        .into_iter();
        let mut next = |layer| if attends(layer) { budgets.next().unwrap_or(0) } else { 0 };
        shape.layers.iter().map(&mut next).collect()
    }

    /// The same in a cache of `n_cells`, with those of the mean, for a model that was trained with `n_ctx_train` tokens: no layer has more tokens
    /// than that.
    pub fn by_layer_within(&self, shape: &ModelShape, n_cells: u32, n_ctx_train: u32) -> Vec<u32> {
        let room = n_ctx_train.saturating_sub(n_cells.saturating_sub(self.tokens)).max(self.tokens);
        self.by_layer(shape).into_iter().map(|n| n.min(room)).collect()
    }
}

/// How tokens leave the cache.
#[derive(Debug)]
pub enum Compaction {
    /// They do not.
    None,
    /// llama.cpp's own means: `seq_rm`, `seq_add` and a K-shift of the whole cache. For sliding-window models, and to
    /// compare with.
    Plain,
    /// Ours. What leaves is folded into a memory if there is a gate.
    Edgeinf {
        /// The gate of the memory; without one nothing is folded.
        gate: Option<NativeGate>,
        /// Most tokens that will be kept in front of the dropped ones.
        n_front_max: u32,
        /// Which tokens stay behind those; `None` keeps none.
        retain: Option<Retain>,
        /// Identifies the model in saved states.
        model_id: u64,
    },
}

/// How to make a context.
pub struct ContextParams {
    /// Size of the KV cache in tokens, with those for retained tokens.
    pub n_cells: u32,
    /// Largest batch that is computed at once, in tokens.
    pub n_ubatch: u32,
    /// Threads for batches and single tokens.
    pub n_threads: u32,
    /// Element type of the KV cache.
    pub cache_type: CacheType,
    /// Whether to use the fused attention kernel.
    pub flash_attention: bool,
    /// Positions of a batch that can have logits; 1 saves memory.
    pub n_outputs_max: u32,
    /// How tokens leave the cache.
    pub compaction: Compaction,
    /// Set to end a running decode with [`LlamaError::Interrupted`](super::LlamaError::Interrupted).
    pub interrupt: Arc<AtomicBool>,
    /// Called for each tensor of a decode.
    pub eval_callback: Option<Watch>,
}

impl std::fmt::Debug for ContextParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContextParams").field("n_cells", &self.n_cells).finish_non_exhaustive()
    }
}

/// Which tokens of a batch get logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logits {
    /// None.
    None,
    /// The last one.
    Last,
    /// All; the context needs as many outputs.
    All,
}

/// Bytes of a context by part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryUsage {
    /// K and V of all cells.
    pub kv_cache_bytes: u64,
    /// M and z (two buffers each) with the gate.
    pub memory_bytes: u64,
    /// Un-rotated keys of the front and of retained tokens.
    pub front_bytes: u64,
    /// Queries by which tokens are chosen, and the choice.
    pub retain_bytes: u64,
    /// Scratch buffers of the graphs.
    pub compute_bytes: u64,
}

impl MemoryUsage {
    /// What stands beside the cache for the sake of what stays in it: un-rotated keys, and what tokens are chosen with.
    pub fn originals_bytes(&self) -> u64 {
        self.front_bytes + self.retain_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_layer_has_more_tokens_than_the_model_was_trained_with() {
        let layer = LayerShape { n_head: 4, n_head_kv: 2, d_k: 8, d_v: 8 };
        let mut layers = vec![layer; 4];
        layers[1].n_head_kv = 0;
        let shape = ModelShape { architecture: "llama".into(), n_layer: 4, layers };
        let depth = Depth::Fitted(Shares::new(&[0.5, 0.5, 2.0]).unwrap());
        let retain = Retain { score: Score::Learned, tokens: 100, depth, queries: 0, stride: 1, kernel: 3 };
        assert_eq!(retain.by_layer(&shape), [50, 0, 50, 200]);
        assert_eq!(retain.by_layer_within(&shape, 400, 500), [50, 0, 50, 200]);
        assert_eq!(retain.by_layer_within(&shape, 450, 500), [50, 0, 50, 150]);
        // the mean always fits
        assert_eq!(retain.by_layer_within(&shape, 500, 500), [50, 0, 50, 100]);
        assert_eq!(Retain { depth: Depth::Even, ..retain }.by_layer_within(&shape, 500, 500), [100, 0, 100, 100]);
    }
}
