//! What the tests share: tiny random models, captured tensors, and the formulas once more.
#![allow(dead_code, clippy::too_many_arguments)]

pub mod bert;
pub mod capture;
pub mod models;
pub mod network;
pub mod program;
pub mod reference;
pub mod retaining;
pub mod sandbox;
pub mod scripted;
pub mod state;
pub mod text;
pub mod tiny;
pub mod zoo;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use edgeinf::llama::{Backend, CacheType, Compaction, Context, ContextParams, EvalCallback, Model, ModelParams, Watch};

/// A loaded model.
pub fn load(path: &std::path::Path) -> Model {
    Model::load(Backend::init().unwrap(), path, ModelParams::default()).unwrap()
}

/// A context with everything that tests do not care about filled in.
pub struct ContextBuilder {
    pub n_cells: u32,
    pub n_ubatch: u32,
    pub n_threads: u32,
    pub n_outputs: u32,
    pub cache_type: CacheType,
    pub flash_attention: bool,
    pub interrupt: Arc<AtomicBool>,
}

impl Default for ContextBuilder {
    fn default() -> Self {
        Self {
            n_cells: 512,
            n_ubatch: 128,
            n_threads: 1,
            n_outputs: 512,
            cache_type: CacheType::F16,
            flash_attention: true,
            interrupt: Arc::default(),
        }
    }
}

impl ContextBuilder {
    pub fn build<'m>(&self, model: &'m Model, compaction: Compaction, eval: Option<EvalCallback>) -> Context<'m> {
        self.try_build(model, compaction, eval).unwrap()
    }

    pub fn try_build<'m>(
        &self,
        model: &'m Model,
        compaction: Compaction,
        eval_callback: Option<EvalCallback>,
    ) -> Result<Context<'m>, edgeinf::llama::LlamaError> {
        let params = ContextParams {
            n_cells: self.n_cells,
            n_ubatch: self.n_ubatch,
            n_threads: self.n_threads,
            cache_type: self.cache_type,
            flash_attention: self.flash_attention,
            n_outputs_max: self.n_outputs,
            compaction,
            interrupt: Arc::clone(&self.interrupt),
            eval_callback: eval_callback.map(Watch::Data),
        };
        Context::new(model, params)
    }
}

/// Pseudo-random tokens below 256, the same each time.
pub fn tokens(n: usize, seed: u64) -> Vec<i32> {
    let mut rng = tiny::Rng(seed);
    (0..n).map(|_| (rng.next() % 256) as i32).collect()
}

pub fn max_diff(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}

/// |a - b| / |b| in the Euclidean norm.
pub fn relative_error(a: &[f32], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let difference: f64 = a.iter().zip(b).map(|(&x, &y)| (f64::from(x) - y).powi(2)).sum();
    let norm: f64 = b.iter().map(|y| y * y).sum();
    (difference / norm).sqrt()
}
