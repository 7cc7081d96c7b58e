//! A loaded model.

use std::path::Path;
use std::ptr::NonNull;

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_sys_2 as sys;

use super::backend::take_log_error;
use super::{Backend, LlamaError, Vocab};
use crate::memory::gate::{LayerShape, ModelShape};

/// How to load a model.
#[derive(Debug, Clone, Copy)]
pub struct ModelParams {
    /// Layers whose weights and cache go to a GPU, if the build has one.
    pub n_gpu_layers: u32,
    /// Map the weights from the file instead of reading them into memory.
    pub use_mmap: bool,
}

impl Default for ModelParams {
    fn default() -> Self {
        Self { n_gpu_layers: 0, use_mmap: true }
    }
}

/// A model whose weights are loaded. It outlives its contexts.
#[derive(Debug)]
pub struct Model {
    inner: LlamaModel,
    architecture: String,
}

impl Model {
    /// Loads a GGUF file.
    ///
    /// # Errors
    /// [`LlamaError::ModelLoad`] with the reason that llama.cpp logged.
    pub fn load(backend: Backend, path: &Path, params: ModelParams) -> Result<Self, LlamaError> {
        let fail = |reason| LlamaError::ModelLoad { path: path.to_owned(), reason };
        let settings =
            LlamaModelParams::default().with_n_gpu_layers(params.n_gpu_layers).with_use_mmap(params.use_mmap);
        let _ = take_log_error();
        let inner = LlamaModel::load_from_file(backend.0, path, &settings).map_err(|e| match e {
            llama_cpp_2::LlamaModelLoadError::NullResult => fail(take_log_error()),
            other => fail(other.to_string()),
        })?;
        let architecture = inner.meta_val_str("general.architecture").unwrap_or_else(|_| "unknown".into());
        Ok(Self { inner, architecture })
    }

    /// The pointer that llama-cpp-2 keeps private.
    pub(super) fn as_ptr(&self) -> *mut sys::llama_model {
        const { assert!(size_of::<LlamaModel>() == size_of::<NonNull<sys::llama_model>>()) };
        // SAFETY: LlamaModel is repr(transparent) over a non-null pointer in the pinned version 0.1.160.
        unsafe { std::mem::transmute_copy::<LlamaModel, NonNull<sys::llama_model>>(&self.inner) }.as_ptr()
    }

    /// The model's tokens.
    pub fn vocab(&self) -> Vocab<'_> {
        Vocab::new(self)
    }

    /// `general.architecture`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// A metadata value as text; arrays are not given.
    pub fn metadata(&self, key: &str) -> Option<String> {
        self.inner.meta_val_str(key).ok()
    }

    /// Context length of the training, in tokens.
    pub fn n_ctx_train(&self) -> u32 {
        // llama-cpp-2 panics where a broken file makes this negative
        // SAFETY: the model is valid as long as self.
        u32::try_from(unsafe { sys::llama_model_n_ctx_train(self.as_ptr()) }).unwrap_or(0)
    }

    /// Bytes of all weights.
    pub fn weight_bytes(&self) -> u64 {
        self.inner.size()
    }

    /// Number of parameters.
    pub fn n_parameters(&self) -> u64 {
        // SAFETY: the model is valid.
        unsafe { sys::llama_model_n_params(self.as_ptr()) }
    }

    /// Size of the sliding window in tokens; 0 if no layer has one.
    pub fn n_swa(&self) -> u32 {
        // SAFETY: the model is valid as long as self.
        u32::try_from(unsafe { sys::llama_model_n_swa(self.as_ptr()) }).unwrap_or(0)
    }

    /// Checks that the model continues a text from left to right.
    ///
    /// # Errors
    /// [`LlamaError::NotCausal`] for models with an encoder, for diffusion models and for those whose file says so.
    pub fn check_causal(&self) -> Result<(), LlamaError> {
        // SAFETY: the model is valid as long as self.
        let (encoder, diffusion) =
            unsafe { (sys::llama_model_has_encoder(self.as_ptr()), sys::llama_model_is_diffusion(self.as_ptr())) };
        match (encoder, diffusion) {
            (true, _) => Err(self.not_causal("it has an encoder")),
            (_, true) => Err(self.not_causal("it is a diffusion model")),
            _ => match self.metadata(&format!("{}.attention.causal", self.architecture)).as_deref() {
                Some("false") => Err(self.not_causal("it sees a text as a whole")),
                _ => Ok(()),
            },
        }
    }

    /// Checks that tokens can be taken out of this model's KV cache.
    ///
    /// # Errors
    /// [`LlamaError::Unsupported`] with the reason, or as [`Model::check_causal`].
    pub fn check_compaction(&self) -> Result<(), LlamaError> {
        self.check_causal()?;
        // SAFETY: the model is valid as long as self; the answer is NULL or a static string.
        let why = unsafe { sys::llama_edgeinf_refusal(self.as_ptr()) };
        if why.is_null() {
            return Ok(());
        }
        // SAFETY: as above.
        let reason = unsafe { std::ffi::CStr::from_ptr(why) }.to_string_lossy().into_owned();
        Err(self.unsupported(reason))
    }

    /// Checks that the model turns sentences into vectors.
    ///
    /// # Errors
    /// [`LlamaError::NoEmbeddings`] for other architectures than BERT's, and where the file asks for something else than a vector.
    pub fn check_embeds(&self) -> Result<(), LlamaError> {
        self.pooling().map(|_| ())
    }

    /// How the vectors of a sequence's tokens become one: as the file says, by their mean where it does not.
    pub(super) fn pooling(&self) -> Result<sys::llama_pooling_type, LlamaError> {
        let refuse = |reason| LlamaError::NoEmbeddings { architecture: self.architecture.clone(), reason };
        if self.architecture != "bert" {
            return Err(refuse("it is no encoder of sentences".into()));
        }
        match self.metadata("bert.pooling_type").as_deref() {
            None | Some("0" | "1") => Ok(sys::LLAMA_POOLING_TYPE_MEAN),
            Some("2") => Ok(sys::LLAMA_POOLING_TYPE_CLS),
            Some(other) => Err(refuse(format!("its pooling type {} gives no vector", other.escape_debug()))),
        }
    }

    /// Length of the vectors that the model gives.
    pub fn n_embd_out(&self) -> usize {
        // SAFETY: the model is valid as long as self.
        usize::try_from(unsafe { sys::llama_model_n_embd_out(self.as_ptr()) }).unwrap_or(0)
    }

    pub(super) fn not_causal(&self, reason: &'static str) -> LlamaError {
        LlamaError::NotCausal { architecture: self.architecture.clone(), reason }
    }

    pub(super) fn unsupported(&self, reason: String) -> LlamaError {
        LlamaError::Unsupported { architecture: self.architecture.clone(), reason }
    }

    /// Shapes of the attention layers, which a gate is checked against. Without hooks only their number is known.
    pub fn shape(&self) -> ModelShape {
        // SAFETY: the model is valid as long as self.
        let n_layer = u32::try_from(unsafe { sys::llama_model_n_layer(self.as_ptr()) }).unwrap_or(0);
        let layers = (0..n_layer).map(|il| self.layer_shape(il)).collect();
        ModelShape { architecture: self.architecture.clone(), n_layer, layers }
    }

    fn layer_shape(&self, il: u32) -> LayerShape {
        // SAFETY: plain integers, for which zero is a value.
        let mut shape: sys::llama_edgeinf_layer_shape = unsafe { std::mem::zeroed() };
        // SAFETY: the model is valid as long as self; a layer that is not there leaves zeros.
        unsafe { sys::llama_edgeinf_get_layer_shape(self.as_ptr(), il as i32, &raw mut shape) };
        LayerShape {
            n_head: shape.n_head,
            n_head_kv: shape.n_head_kv,
            d_k: shape.n_embd_head_k,
            d_v: shape.n_embd_head_v,
        }
    }
}
