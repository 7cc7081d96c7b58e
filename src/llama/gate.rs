//! A gate in the form that llama.cpp takes.

use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

use super::{LlamaError, Model, last_error};
use crate::memory::gate::{FeatureMap, Gate, ReadOut};

/// A gate that was handed to llama.cpp. Contexts copy it.
#[derive(Debug)]
pub struct NativeGate {
    raw: NonNull<sys::llama_edgeinf_gate>,
    n_features: u32,
    read_out: ReadOut,
}

impl NativeGate {
    /// Hands a gate over.
    ///
    /// # Errors
    /// [`LlamaError::Gate`] if a layer does not fit the model.
    pub fn new(model: &Model, gate: &Gate) -> Result<Self, LlamaError> {
        let map = match gate.feature_map {
            FeatureMap::Elu => sys::LLAMA_EDGEINF_MAP_ELU,
            FeatureMap::Hedgehog => sys::LLAMA_EDGEINF_MAP_HEDGEHOG,
        };
        // SAFETY: the model is valid.
        // without a memory there are no features, and no layer to have them
        let raw = unsafe { sys::llama_edgeinf_gate_new(model.as_ptr(), map, gate.n_features.max(2)) };
        let raw = NonNull::new(raw).ok_or_else(|| LlamaError::Gate(last_error()))?;
        let native =
            Self { raw, n_features: if gate.layers.is_empty() { 0 } else { gate.n_features }, read_out: gate.read_out };
        let shape = model.shape();
        for (&il, layer) in &gate.layers {
            let fail = |what: &str| LlamaError::Gate(format!("layer {il}: {what}"));
            let dims = shape.layers.get(il as usize).ok_or_else(|| fail("the model has no such layer"))?;
            let (n_head, n_head_kv) = (dims.n_head as usize, dims.n_head_kv as usize);
            let (d_k, half) = (dims.d_k as usize, gate.n_features as usize / 2);
            // what the C side will read
            let fits = layer.w.len() == d_k * n_head
                && [&layer.a, &layer.b, &layer.c].iter().all(|v| v.len() == n_head)
                && layer.map_q.as_ref().is_none_or(|m| m.len() == d_k * half * n_head)
                && layer.map_k.as_ref().is_none_or(|m| m.len() == d_k * half * n_head_kv);
            if !fits {
                return Err(fail("wrong size"));
            }
            let pointer = |v: &Option<Vec<f32>>| v.as_ref().map_or(std::ptr::null(), |v| v.as_ptr());
            // SAFETY: the lengths were checked above; the data is copied during the call.
            let status = unsafe {
                sys::llama_edgeinf_gate_set_layer(
                    native.raw.as_ptr(),
                    il as i32,
                    layer.w.as_ptr(),
                    layer.a.as_ptr(),
                    layer.b.as_ptr(),
                    layer.c.as_ptr(),
                    pointer(&layer.map_q),
                    pointer(&layer.map_k),
                )
            };
            if status != sys::LLAMA_EDGEINF_OK {
                return Err(LlamaError::Gate(last_error()));
            }
        }
        for (&il, score) in &gate.scores {
            let fail = |what: &str| LlamaError::Gate(format!("layer {il}: {what}"));
            let dims = shape.layers.get(il as usize).ok_or_else(|| fail("the model has no such layer"))?;
            let n_hidden = score.n_hidden();
            let rows = n_hidden as usize * dims.n_head_kv as usize;
            // what the C side will read
            let fits = score.map.len() == rows * (dims.d_k + dims.d_v + 1) as usize
                && [&score.bias, &score.weight].iter().all(|v| v.len() == rows);
            if !fits {
                return Err(fail("a score of wrong size"));
            }
            // SAFETY: the lengths were checked above; the data is copied during the call.
            let status = unsafe {
                sys::llama_edgeinf_gate_set_score(
                    native.raw.as_ptr(),
                    il as i32,
                    n_hidden,
                    score.age_max,
                    score.map.as_ptr(),
                    score.bias.as_ptr(),
                    score.weight.as_ptr(),
                )
            };
            if status != sys::LLAMA_EDGEINF_OK {
                return Err(LlamaError::Gate(last_error()));
            }
        }
        Ok(native)
    }

    pub(super) fn n_features(&self) -> u32 {
        self.n_features
    }

    pub(super) fn read_out(&self) -> ReadOut {
        self.read_out
    }

    pub(super) fn as_ptr(&self) -> *const sys::llama_edgeinf_gate {
        self.raw.as_ptr()
    }
}

impl Drop for NativeGate {
    fn drop(&mut self) {
        // SAFETY: made by gate_new, freed once.
        unsafe { sys::llama_edgeinf_gate_free(self.raw.as_ptr()) }
    }
}
