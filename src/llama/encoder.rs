//! A context without a cache: embeddings of whole sequences.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use llama_cpp_sys_2 as sys;

use super::backend::take_log_error;
use super::batch::Batch;
use super::{LlamaError, Model, Token, last_error};

/// How to make an [`Encoder`].
#[derive(Debug, Clone)]
pub struct EncoderParams {
    /// Most tokens at once, of all sequences together. Attention is computed between all of them, so time and memory grow with its
    /// square.
    pub n_tokens: u32,
    /// Most sequences at once, at most 256.
    pub n_sequences: u32,
    /// Threads.
    pub n_threads: u32,
    /// Set to end a running computation with [`LlamaError::Interrupted`].
    pub interrupt: Arc<AtomicBool>,
}

/// Turns sequences of tokens into vectors, by a model that sees a sequence as a whole (BERT).
#[derive(Debug)]
pub struct Encoder<'m> {
    raw: NonNull<sys::llama_context>,
    model: &'m Model,
    params: EncoderParams,
    batch: Batch,
}

impl<'m> Encoder<'m> {
    /// Makes a context.
    ///
    /// # Errors
    /// [`LlamaError::NoEmbeddings`] if the model is of another kind, [`LlamaError::ContextInit`] if there is not enough memory.
    pub fn new(model: &'m Model, params: EncoderParams) -> Result<Self, LlamaError> {
        let pooling = model.pooling()?;
        // SAFETY: a call without arguments.
        let mut raw_params = unsafe { sys::llama_context_default_params() };
        raw_params.n_ctx = params.n_tokens;
        // a sequence of an encoder is never computed in parts
        raw_params.n_batch = params.n_tokens;
        raw_params.n_ubatch = params.n_tokens;
        raw_params.n_seq_max = params.n_sequences;
        raw_params.kv_unified = true;
        raw_params.n_threads = params.n_threads as i32;
        raw_params.n_threads_batch = params.n_threads as i32;
        raw_params.embeddings = true;
        raw_params.pooling_type = pooling;
        raw_params.abort_callback = Some(on_abort_check);
        raw_params.abort_callback_data = Arc::as_ptr(&params.interrupt).cast_mut().cast();
        let _ = take_log_error();
        // SAFETY: model and parameters are valid; the flag that the callback reads lives as long as the context.
        let raw = unsafe { sys::llama_edgeinf_init_context(model.as_ptr(), raw_params) };
        let raw = NonNull::new(raw)
            .ok_or_else(|| LlamaError::ContextInit { n_ctx: params.n_tokens, reason: take_log_error() })?;
        Ok(Self { raw, model, params, batch: Batch::default() })
    }

    /// The vector of each sequence, `n_embd` floats. A sequence has what begins and ends it already.
    ///
    /// # Errors
    /// [`LlamaError::Decode`] for an empty sequence, for more sequences or tokens than the context was made for, and for a sequence
    /// that is longer than the model's context; [`LlamaError::Interrupted`].
    pub fn encode(&mut self, sequences: &[Vec<Token>]) -> Result<Vec<Vec<f32>>, LlamaError> {
        if sequences.is_empty() {
            return Ok(Vec::new());
        }
        let n_tokens = sequences.iter().map(Vec::len).sum();
        let failed = |reason: String| LlamaError::Decode { n_tokens, reason };
        let longest = sequences.iter().map(Vec::len).max().unwrap_or(0);
        let fits = n_tokens <= self.params.n_tokens as usize
            && sequences.len() <= self.params.n_sequences as usize
            && longest <= self.model.n_ctx_train() as usize
            && sequences.iter().all(|sequence| !sequence.is_empty());
        if !fits {
            return Err(failed("the sequences do not fit the context of the encoder".into()));
        }
        let batch = self.batch.fill_sequences(sequences);
        let _ = take_log_error();
        // SAFETY: the context is valid; the arrays of the batch live in self.batch.
        match unsafe { sys::llama_edgeinf_decode(self.raw.as_ptr(), batch) } {
            0 => {}
            2 => return Err(LlamaError::Interrupted),
            c if c == sys::LLAMA_EDGEINF_EXCEPTION - 100 => return Err(failed(last_error())),
            // an abort that the backend reports as a failure
            _ if self.params.interrupt.load(Ordering::Relaxed) => return Err(LlamaError::Interrupted),
            _ => return Err(failed(take_log_error())),
        }
        let n_embd = self.model.n_embd_out();
        let vector = |id: i32| {
            // SAFETY: the context is valid; a sequence without a vector gives NULL.
            let data = unsafe { sys::llama_get_embeddings_seq(self.raw.as_ptr(), id) };
            if data.is_null() {
                return Err(failed(format!("sequence {id} has no embedding")));
            }
            // SAFETY: llama.cpp holds n_embd floats there until the next call.
            Ok(unsafe { std::slice::from_raw_parts(data, n_embd) }.to_vec())
        };
        (0..).take(sequences.len()).map(vector).collect()
    }
}

impl Drop for Encoder<'_> {
    fn drop(&mut self) {
        // SAFETY: made by init_context, freed once.
        unsafe { sys::llama_free(self.raw.as_ptr()) }
    }
}

unsafe extern "C" fn on_abort_check(data: *mut std::ffi::c_void) -> bool {
    // SAFETY: points to the flag that the encoder owns.
    unsafe { &*data.cast::<AtomicBool>() }.load(Ordering::Relaxed)
}
