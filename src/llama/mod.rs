//! Safe wrapper around the patched llama.cpp. The only module with `unsafe` code.
//!
//! llama-cpp-2 serves where it can (loading, samplers, tokens); contexts are our own, because it offers neither the calls
//! of our patches nor an evaluation or abort callback.

mod backend;
mod batch;
mod build;
mod chat;
mod context;
mod encoder;
mod error;
mod eval;
mod gate;
mod gemm;
mod model;
mod params;
mod sampler;
mod vocab;

pub use backend::{AbortHandler, Backend, LogSink, keep_freed_memory, set_fatal_exit_code};
pub use build::{Build, CpuFeature};
pub use chat::apply_known_template;
pub use context::{Context, built_in};
pub use encoder::{Encoder, EncoderParams};
pub use error::LlamaError;
pub use eval::{EvalCallback, EvalTensor, Node, NodeInput, NodeObserver, TensorId, Watch};
pub use gate::NativeGate;
pub use gemm::{TensorType, product_speed};
pub use model::{Model, ModelParams};
pub use params::{CacheType, Compaction, ContextParams, Depth, Logits, MemoryUsage, Retain, Score};
pub use sampler::{Sampler, SamplerParams};
pub use vocab::{Token, TokenKind, Vocab};

use std::ffi::CStr;

/// Why the last call into our C API failed, in this thread.
fn last_error() -> String {
    // SAFETY: returns a NUL-terminated string that lives until the next call of this thread.
    let text = unsafe { CStr::from_ptr(llama_cpp_sys_2::llama_edgeinf_last_error()) };
    text.to_string_lossy().into_owned()
}
