//! A context: the KV cache of one sequence, with what compacts it.

mod inspect;

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use llama_cpp_sys_2 as sys;

use super::backend::take_log_error;
use super::batch::Batch;
use super::eval::{Watcher, on_eval};
use super::{CacheType, Compaction, ContextParams, LlamaError, Logits, Model, NativeGate, Retain, Token, last_error};
use crate::memory::gate::ReadOut;

/// Whether the hooks are compiled in. Without them contexts can neither compact nor remember.
pub fn built_in() -> bool {
    // SAFETY: a call without arguments.
    unsafe { sys::llama_edgeinf_built_in() }
}

/// State that the abort callback reads.
#[derive(Debug)]
struct AbortState {
    interrupt: Arc<AtomicBool>,
    // a compaction is finished before an interrupt is honoured
    hold: AtomicBool,
    // for tests: the next compaction by llama.cpp's own means is broken off
    fail: AtomicBool,
}

/// The KV cache of one sequence on a model.
pub struct Context<'m> {
    raw: NonNull<sys::llama_context>,
    model: &'m Model,
    n_cells: u32,
    plain: bool,
    attached: bool,
    // of a plain context, or when keys could not be turned; an attached one knows it itself else
    poisoned: bool,
    n_vocab: usize,
    n_features: u32,
    // whether all that is decoded reads the memory, and whether what is decoded next does
    reads_always: bool,
    reads: bool,
    batch: Batch,
    // llama.cpp holds pointers to what these two point to
    abort: Arc<AbortState>,
    eval: Option<NonNull<Watcher>>,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("n_cells", &self.n_cells).finish_non_exhaustive()
    }
}

impl<'m> Context<'m> {
    /// Makes a context.
    ///
    /// # Errors
    /// [`LlamaError::ContextInit`] if there is not enough memory or a setting is refused, [`LlamaError::Unsupported`] if
    /// the model does not allow the compaction asked for, [`LlamaError::NotCausal`] if it cannot continue a text.
    pub fn new(model: &'m Model, params: ContextParams) -> Result<Self, LlamaError> {
        model.check_causal()?;
        if !matches!(params.compaction, Compaction::None) {
            model.check_compaction()?;
        }
        if matches!(params.compaction, Compaction::Plain) {
            check_plain(model, params.cache_type)?;
        }
        let abort = Arc::new(AbortState {
            interrupt: params.interrupt,
            hold: AtomicBool::new(false),
            fail: AtomicBool::new(false),
        });
        let eval = params.eval_callback.map(|watch| NonNull::from(Box::leak(Box::new(Watcher::new(watch)))));

        // SAFETY: a call without arguments.
        let mut raw_params = unsafe { sys::llama_context_default_params() };
        raw_params.n_ctx = params.n_cells;
        raw_params.n_batch = params.n_cells;
        raw_params.n_ubatch = params.n_ubatch.min(params.n_cells);
        raw_params.n_outputs_max = params.n_outputs_max;
        raw_params.n_threads = params.n_threads as i32;
        raw_params.n_threads_batch = params.n_threads as i32;
        raw_params.type_k = params.cache_type.native();
        raw_params.type_v = params.cache_type.native();
        raw_params.flash_attn_type = if params.flash_attention {
            sys::LLAMA_FLASH_ATTN_TYPE_ENABLED
        } else {
            sys::LLAMA_FLASH_ATTN_TYPE_DISABLED
        };
        raw_params.swa_full = true;
        raw_params.abort_callback = Some(on_abort_check);
        raw_params.abort_callback_data = Arc::as_ptr(&abort).cast_mut().cast();
        if let Some(watcher) = eval {
            raw_params.cb_eval = Some(on_eval);
            raw_params.cb_eval_user_data = watcher.as_ptr().cast();
        }

        let _ = take_log_error();
        // SAFETY: model and parameters are valid; what the callbacks point to lives as long as the context.
        let raw = unsafe { sys::llama_edgeinf_init_context(model.as_ptr(), raw_params) };
        let raw = NonNull::new(raw)
            .ok_or_else(|| LlamaError::ContextInit { n_ctx: params.n_cells, reason: take_log_error() })?;
        let mut context = Self {
            raw,
            model,
            n_cells: params.n_cells,
            plain: matches!(params.compaction, Compaction::Plain),
            attached: false,
            poisoned: false,
            n_vocab: model.vocab().n_tokens(),
            n_features: 0,
            reads_always: true,
            reads: true,
            batch: Batch::default(),
            abort,
            eval,
        };
        // SAFETY: the context is valid.
        if unsafe { sys::llama_get_memory(raw.as_ptr()) }.is_null() {
            return Err(model.not_causal("it has no KV cache"));
        }
        if let Compaction::Edgeinf { gate, n_front_max, retain, model_id } = params.compaction {
            context.attach(gate.as_ref(), n_front_max, retain, model_id)?;
        }
        // loading left megabytes of free heap behind that would count in the peak
        release_free_memory();
        Ok(context)
    }

    fn attach(
        &mut self,
        gate: Option<&NativeGate>,
        n_front_max: u32,
        retain: Option<Retain>,
        model_id: u64,
    ) -> Result<(), LlamaError> {
        let by_layer =
            retain.map(|retain| retain.by_layer_within(&self.model.shape(), self.n_cells, self.model.n_ctx_train()));
        let retain = sys::llama_edgeinf_retain {
            score: retain.map_or(sys::LLAMA_EDGEINF_SCORE_SNAPKV, |retain| retain.score.native()),
            n_retain: retain.map_or(0, |retain| retain.tokens),
            n_retain_layer: by_layer.as_ref().map_or(std::ptr::null(), |n| n.as_ptr()),
            n_query: retain.map_or(0, |retain| retain.queries),
            n_stride: retain.map_or(1, |retain| retain.stride),
            n_kernel: retain.map_or(0, |retain| retain.kernel),
        };
        let params = sys::llama_edgeinf_params { n_cells: self.n_cells, n_front_max, model_id, retain };
        self.n_features = gate.map_or(0, NativeGate::n_features);
        self.reads_always = gate.is_none_or(|gate| gate.read_out() == ReadOut::Always);
        let gate = gate.map_or(std::ptr::null(), NativeGate::as_ptr);
        // SAFETY: the context is valid, the gate is NULL or valid; there is a number for each layer, which is copied.
        let status = unsafe { sys::llama_edgeinf_attach(self.raw.as_ptr(), gate, params) };
        match status {
            sys::LLAMA_EDGEINF_OK => {
                self.attached = true;
                Ok(())
            }
            // what the graphs of this architecture do is only seen when they are built
            sys::LLAMA_EDGEINF_UNSUPPORTED | sys::LLAMA_EDGEINF_EXCEPTION | sys::LLAMA_EDGEINF_NOT_BUILT_IN => {
                Err(self.model.unsupported(last_error()))
            }
            _ => Err(LlamaError::ContextInit { n_ctx: self.n_cells, reason: last_error() }),
        }
    }

    /// Size of the cache in tokens.
    pub fn n_cells(&self) -> u32 {
        self.n_cells
    }

    /// Tokens in the cache.
    pub fn n_cached(&self) -> u32 {
        // SAFETY: the context is valid.
        let n = unsafe {
            if self.attached { sys::llama_edgeinf_n_cached(self.raw.as_ptr()) } else { self.next_position() }
        };
        u32::try_from(n).unwrap_or(0)
    }

    /// How many of them are retained ones, in the layer that holds most of them.
    pub fn n_retained(&self) -> u32 {
        // SAFETY: the context is valid.
        let n = if self.attached { unsafe { sys::llama_edgeinf_n_retained(self.raw.as_ptr()) } } else { 0 };
        u32::try_from(n).unwrap_or(0)
    }

    /// Tokens that can still be decoded. Cells for tokens that may be retained do not take others.
    pub fn n_free(&self) -> u32 {
        if !self.attached {
            return self.n_cells.saturating_sub(self.n_cached());
        }
        // SAFETY: the context is valid.
        u32::try_from(unsafe { sys::llama_edgeinf_n_free(self.raw.as_ptr()) }).unwrap_or(0)
    }

    fn next_position(&self) -> i32 {
        // SAFETY: the context is valid and has a memory; -1 means that it is empty.
        unsafe { sys::llama_memory_seq_pos_max(sys::llama_get_memory(self.raw.as_ptr()), 0) + 1 }
    }

    /// Tokens folded into the memory so far, in each head of the layer that folded most: one that retains more folds less.
    pub fn n_folded(&self) -> u64 {
        // SAFETY: the context is valid.
        u64::try_from(unsafe { sys::llama_edgeinf_n_folded(self.raw.as_ptr()) }).unwrap_or(0)
    }

    /// Says whether what is decoded next is what is asked of a text, and answered, or the text. With a gate whose memory is only read when
    /// something is asked ([`ReadOut::Asked`]), text does not read it. To text retained tokens stand where they stood, to what is asked right
    /// before the window.
    ///
    /// # Errors
    /// [`LlamaError::Poisoned`] if their keys could not be turned.
    pub fn set_asked(&mut self, asked: bool) -> Result<(), LlamaError> {
        let reads = asked || self.reads_always;
        if reads != self.reads {
            self.reads = reads;
            // SAFETY: the context is valid.
            unsafe { sys::llama_edgeinf_set_readout(self.raw.as_ptr(), reads) }
        }
        // half of the keys must not be turned: an interrupt waits
        self.abort.hold.store(true, Ordering::Relaxed);
        // SAFETY: the context is valid.
        let status = unsafe { sys::llama_edgeinf_set_near(self.raw.as_ptr(), asked) };
        self.abort.hold.store(false, Ordering::Relaxed);
        if status != sys::LLAMA_EDGEINF_OK {
            self.poisoned = true;
            return Err(LlamaError::Poisoned);
        }
        Ok(())
    }

    /// Appends tokens to the sequence.
    ///
    /// # Errors
    /// [`LlamaError::CacheFull`] if they do not fit, [`LlamaError::Interrupted`] (the tokens of the batch that were not
    /// finished are not in the cache), [`LlamaError::Poisoned`], [`LlamaError::Decode`].
    pub fn decode(&mut self, tokens: &[Token], logits: Logits) -> Result<(), LlamaError> {
        if tokens.is_empty() {
            return Ok(());
        }
        if self.poisoned {
            return Err(LlamaError::Poisoned);
        }
        let full = LlamaError::CacheFull { n_cells: self.n_cells, n_tokens: tokens.len() };
        if tokens.len() > self.n_free() as usize {
            return Err(full);
        }
        let last = tokens.len() - 1;
        let position = self.next_position();
        let batch = self.batch.fill(tokens, position, |i| match logits {
            Logits::None => false,
            Logits::Last => i == last,
            Logits::All => true,
        });
        let _ = take_log_error();
        // SAFETY: the context is valid; the arrays of the batch live in self.batch.
        let code = unsafe { sys::llama_edgeinf_decode(self.raw.as_ptr(), batch) };
        let failed = |reason| LlamaError::Decode { n_tokens: tokens.len(), reason };
        match code {
            0 => Ok(()),
            1 => Err(full),
            2 => Err(LlamaError::Interrupted),
            // one of our own status codes, moved out of the range of llama_decode
            c if c == sys::LLAMA_EDGEINF_POISONED - 100 => Err(LlamaError::Poisoned),
            c if c == sys::LLAMA_EDGEINF_EXCEPTION - 100 => Err(failed(last_error())),
            // an abort that the backend reports as a failure
            _ if self.abort.interrupt.load(Ordering::Relaxed) => Err(LlamaError::Interrupted),
            _ => Err(failed(take_log_error())),
        }
    }

    /// Logits of output `i` of the last decode (negative: from the end), `n_vocab` values.
    pub fn logits(&mut self, i: i32) -> Result<&[f32], LlamaError> {
        // SAFETY: the context is valid; an index without logits gives NULL.
        let data = unsafe { sys::llama_get_logits_ith(self.raw.as_ptr(), i) };
        if data.is_null() {
            return Err(LlamaError::Decode { n_tokens: 0, reason: format!("output {i} has no logits") });
        }
        // SAFETY: llama.cpp holds n_vocab floats there until the next decode, which needs &mut self.
        Ok(unsafe { std::slice::from_raw_parts(data, self.n_vocab) })
    }

    /// Drops the cached tokens `i0..i1`, counted from the oldest in the cache, except for those that are retained, after
    /// folding them into the memory if there is one. The tokens around them move together. An interrupt is honoured
    /// afterwards.
    ///
    /// # Errors
    /// [`LlamaError::Compaction`] (nothing was changed) or [`LlamaError::Poisoned`].
    pub fn compact(&mut self, i0: u32, i1: u32) -> Result<(), LlamaError> {
        if self.poisoned {
            return Err(LlamaError::Poisoned);
        }
        if i0 == i1 {
            return Ok(());
        }
        self.abort.hold.store(true, Ordering::Relaxed);
        let result = if self.attached {
            self.compact_attached(i0, i1)
        } else if self.plain {
            self.compact_plain(i0, i1)
        } else {
            Err(LlamaError::Compaction("this context was made without compaction".into()))
        };
        self.abort.hold.store(false, Ordering::Relaxed);
        self.abort.fail.store(false, Ordering::Relaxed);
        result
    }

    fn compact_attached(&mut self, i0: u32, i1: u32) -> Result<(), LlamaError> {
        // SAFETY: the context is valid and attached.
        match unsafe { sys::llama_edgeinf_compact(self.raw.as_ptr(), i0, i1) } {
            sys::LLAMA_EDGEINF_OK => Ok(()),
            sys::LLAMA_EDGEINF_POISONED => Err(LlamaError::Poisoned),
            _ => Err(LlamaError::Compaction(last_error())),
        }
    }

    fn compact_plain(&mut self, i0: u32, i1: u32) -> Result<(), LlamaError> {
        // SAFETY: the context is valid.
        match unsafe { sys::llama_edgeinf_compact_plain(self.raw.as_ptr(), i0, i1) } {
            sys::LLAMA_EDGEINF_OK => Ok(()),
            sys::LLAMA_EDGEINF_POISONED => {
                self.poisoned = true;
                Err(LlamaError::Poisoned)
            }
            _ => Err(LlamaError::Compaction(last_error())),
        }
    }

    /// Begins something that is taken out again by [`Context::end_aside`] and leaves no trace, not even in which tokens are retained
    /// later. Not for a model with a sliding window: there llama.cpp gives cells to what is asked which reading needs again.
    ///
    /// # Errors
    /// [`LlamaError::State`].
    pub fn begin_aside(&mut self) -> Result<(), LlamaError> {
        // SAFETY: the context is valid.
        let status = unsafe { sys::llama_edgeinf_begin_aside(self.raw.as_ptr()) };
        if status == sys::LLAMA_EDGEINF_OK { Ok(()) } else { Err(LlamaError::State(last_error())) }
    }

    /// Ends it: the oldest `n` tokens remain, those that were there when it began.
    ///
    /// # Errors
    /// [`LlamaError::State`].
    pub fn end_aside(&mut self, n: u32) -> Result<(), LlamaError> {
        if !self.truncate(n) {
            return Err(LlamaError::State("what was asked in between stays in the cache".into()));
        }
        // SAFETY: the context is valid.
        let status = unsafe { sys::llama_edgeinf_end_aside(self.raw.as_ptr()) };
        if status == sys::LLAMA_EDGEINF_OK { Ok(()) } else { Err(LlamaError::State(last_error())) }
    }

    /// Takes the newest tokens out again, so that `n` remain in the cache. What was folded stays folded, unless nothing
    /// remains: an empty cache has an empty memory. `false`, and nothing is changed, if tokens would have to go that were
    /// retained, but not all.
    pub fn truncate(&mut self, n: u32) -> bool {
        let surplus = self.n_cached().saturating_sub(n) as i32;
        let next = self.next_position();
        // SAFETY: the context is valid.
        unsafe { sys::llama_memory_seq_rm(sys::llama_get_memory(self.raw.as_ptr()), 0, next - surplus, -1) }
    }

    /// Empties the cache and the memory.
    pub fn clear(&mut self) {
        // SAFETY: the context is valid.
        unsafe { sys::llama_memory_clear(sys::llama_get_memory(self.raw.as_ptr()), true) }
        self.poisoned = false;
    }

    /// Saves the cache, the memory and what identifies them.
    ///
    /// # Errors
    /// [`LlamaError::State`].
    pub fn save_state(&mut self) -> Result<Vec<u8>, LlamaError> {
        if self.poisoned {
            return Err(LlamaError::State("the context is poisoned by a failed compaction".into()));
        }
        let _ = take_log_error();
        // SAFETY: the context is valid.
        let size = unsafe { sys::llama_edgeinf_state_size(self.raw.as_ptr()) };
        let mut state = vec![0; size];
        // SAFETY: the buffer is valid for its length.
        let written = unsafe { sys::llama_edgeinf_state_get(self.raw.as_ptr(), state.as_mut_ptr(), size) };
        if written == 0 || written > size {
            return Err(LlamaError::State(take_log_error()));
        }
        state.truncate(written);
        Ok(state)
    }

    /// Replaces cache and memory by what was saved.
    ///
    /// # Errors
    /// [`LlamaError::State`] if it is of another model, gate or size, or damaged; the context is unchanged or empty then.
    pub fn restore_state(&mut self, state: &[u8]) -> Result<(), LlamaError> {
        let _ = take_log_error();
        // SAFETY: the buffer is valid for its length.
        let read = unsafe { sys::llama_edgeinf_state_set(self.raw.as_ptr(), state.as_ptr(), state.len()) };
        if read == 0 {
            return Err(LlamaError::State(take_log_error()));
        }
        if read != state.len() {
            self.clear();
            return Err(LlamaError::State("it is longer than a state of this context".into()));
        }
        self.poisoned = false;
        Ok(())
    }
}

/// Gives free heap back to the system, where the allocator does not do so by itself.
fn release_free_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: may be called at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// What llama.cpp's K-shift cannot do.
fn check_plain(model: &Model, cache_type: CacheType) -> Result<(), LlamaError> {
    if cache_type != CacheType::Q8_0 {
        return Ok(());
    }
    if model.n_swa() > 0 {
        let reason = "keys of a sliding-window model would be rounded again at each compaction; use --cache-type f16";
        return Err(model.unsupported(reason.into()));
    }
    if model.shape().layers.iter().any(|l| l.d_k % 64 != 0) {
        let reason = "a quantized K cache needs a head size that is a multiple of 64; use --cache-type f16";
        return Err(model.unsupported(reason.into()));
    }
    Ok(())
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        // SAFETY: made by init_context, freed once.
        unsafe { sys::llama_free(self.raw.as_ptr()) }
        if let Some(watcher) = self.eval {
            // SAFETY: leaked in new, freed once, and nobody calls it any more.
            drop(unsafe { Box::from_raw(watcher.as_ptr()) });
        }
    }
}

unsafe extern "C" fn on_abort_check(data: *mut c_void) -> bool {
    // SAFETY: points to the AbortState that the context owns.
    let state = unsafe { &*data.cast::<AbortState>() };
    let held = state.hold.load(Ordering::Relaxed);
    if held { state.fail.load(Ordering::Relaxed) } else { state.interrupt.load(Ordering::Relaxed) }
}
