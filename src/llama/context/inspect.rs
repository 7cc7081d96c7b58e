//! What a context holds and what it costs, for reports and tests; and failures on demand.

use std::sync::atomic::Ordering;

use llama_cpp_sys_2 as sys;

use super::Context;
use crate::llama::MemoryUsage;

impl Context<'_> {
    /// How many decodes used the graph of the one before.
    pub fn graphs_reused(&self) -> u32 {
        // SAFETY: the context is valid.
        u32::try_from(unsafe { sys::llama_perf_context(self.raw.as_ptr()) }.n_reused).unwrap_or(0)
    }

    /// Bytes by part.
    pub fn memory_usage(&self) -> MemoryUsage {
        // SAFETY: plain integers, for which zero is a value.
        let mut usage: sys::llama_edgeinf_usage = unsafe { std::mem::zeroed() };
        // SAFETY: the context is valid.
        unsafe { sys::llama_edgeinf_memory_usage(self.raw.as_ptr(), &raw mut usage) };
        MemoryUsage {
            kv_cache_bytes: usage.kv_cache_bytes,
            memory_bytes: usage.memory_bytes,
            front_bytes: usage.front_bytes,
            retain_bytes: usage.retain_bytes,
            compute_bytes: usage.compute_bytes,
        }
    }

    /// M `[n_head_kv][d_v][n_features]` and z `[n_head_kv][n_features]` of a layer; `None` if it has no memory.
    pub fn memory_of_layer(&mut self, il: u32) -> Option<(Vec<f32>, Vec<f32>)> {
        let shape = *self.model.shape().layers.get(il as usize)?;
        let n_z = (shape.n_head_kv * self.n_features) as usize;
        let (mut m, mut z) = (vec![0.0; n_z * shape.d_v as usize], vec![0.0; n_z]);
        // SAFETY: the buffers have the size that the layer needs.
        let found =
            unsafe { sys::llama_edgeinf_get_memory(self.raw.as_ptr(), il as i32, m.as_mut_ptr(), z.as_mut_ptr()) };
        found.then_some((m, z))
    }

    /// The key `[n_head_kv * d_k]` of cached token `i` (from the oldest) in a layer, with or without RoPE.
    pub fn key_of_token(&mut self, il: u32, i: u32, rotated: bool) -> Option<Vec<f32>> {
        let shape = *self.model.shape().layers.get(il as usize)?;
        let mut k = vec![0.0; (shape.n_head_kv * shape.d_k) as usize];
        // SAFETY: the buffer has the size of a key.
        let found = unsafe { sys::llama_edgeinf_get_key(self.raw.as_ptr(), il as i32, i, rotated, k.as_mut_ptr()) };
        found.then_some(k)
    }

    /// Lets the next compaction fail half-way, while tokens are folded (`false`) or keys moved (`true`); for tests.
    pub fn inject_failure(&mut self, while_moving: bool) {
        if self.plain {
            self.abort.fail.store(while_moving, Ordering::Relaxed);
            return;
        }
        // SAFETY: the context is valid.
        unsafe { sys::llama_edgeinf_inject_failure(self.raw.as_ptr(), i32::from(while_moving)) }
    }
}
