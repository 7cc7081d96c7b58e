//! Which policy reads a document, in which cache.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::input::TokenStream;
use crate::llama::{CacheType, Compaction, Context, ContextParams, Model, NativeGate, SamplerParams, Token};
use crate::memory::budget::{held_bytes, memory_bytes};
use crate::memory::gate::{Gate, LayerScore};
use crate::memory::layout::{Layout, MAX_UBATCH, WindowSizes};
use crate::memory::policy::Policy;
use crate::memory::predict::{RunSizes, peak_bytes};
use crate::memory::request::SizeRequest;
use crate::reader::Reader;

use super::error::SummaryError;
use super::prompt::PromptTokens;

/// How to read and write.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The policy; `None` chooses by length and memory.
    pub policy: Option<Policy>,
    /// Sizes of a cache that is compacted, as they were asked for.
    pub sizes: SizeRequest,
    /// Element type of the KV cache.
    pub cache_type: CacheType,
    /// Whether to use the fused attention kernel.
    pub flash_attention: bool,
    /// Threads.
    pub threads: u32,
    /// Longest answer in tokens.
    pub max_tokens: u32,
    /// Largest predicted peak memory in bytes.
    pub max_memory: Option<u64>,
    /// The gate of the memory.
    pub gate: Option<Gate>,
    /// Whether nobody asked for the gate, so that a run may do without it.
    pub is_gate_offered: bool,
    /// Identifies the model in saved states.
    pub model_id: u64,
    /// How tokens are chosen.
    pub sampler: SamplerParams,
}

impl Settings {
    /// The sizes of the cache under a policy.
    ///
    /// # Errors
    /// [`SummaryError::Budget`].
    pub fn sizes_of(&self, policy: Policy, model: &Model) -> Result<WindowSizes, SummaryError> {
        Ok(self.sizes.resolve(policy, model, self.cache_type, self.memory_bytes(policy, model))?)
    }

    /// The policies that a gate is for where nobody says, the best one first, streaming alone without a gate: its memory with the tokens
    /// that its scores keep beside it, these tokens alone, and streaming if nobody asked for the gate. A memory that would take more than a
    /// quarter of a budget leaves too little of the text itself.
    pub fn by_gate(&self, model: &Model) -> Vec<Policy> {
        let Some(gate) = &self.gate else { return vec![Policy::Streaming] };
        let has_memory = !gate.layers.is_empty();
        let by_scores = self.sizes.by_scores();
        let is_small = || {
            let budget = self.sizes.budget.map(|budget| budget.bytes(model, self.cache_type));
            budget.is_none_or(|budget| self.memory_bytes(Policy::EdgeInfinite, model) <= budget / 4)
        };
        let policies = [
            (Policy::EdgeInfinite, has_memory && (!by_scores || is_small())),
            (Policy::Learned, by_scores || !has_memory),
            (Policy::Streaming, self.is_gate_offered),
        ];
        policies.into_iter().filter_map(|(policy, serves)| serves.then_some(policy)).collect()
    }

    /// The first of them.
    pub fn best_by_gate(&self, model: &Model) -> Policy {
        self.by_gate(model).first().copied().unwrap_or(Policy::Streaming)
    }

    /// Bytes of M and z under a policy; 0 if it has no memory.
    pub fn memory_bytes(&self, policy: Policy, model: &Model) -> u64 {
        self.gate.as_ref().filter(|_| policy.rule().folds()).map_or(0, |gate| memory_bytes(&model.shape(), gate))
    }

    /// Hidden units of the gate's scores, in the layer with most of them; 0 if it has none.
    fn n_hidden(&self) -> u32 {
        let scores = self.gate.iter().flat_map(|gate| gate.scores.values());
        scores.map(LayerScore::n_hidden).max().unwrap_or(0)
    }

    /// Bytes that M and z, twice, and the maps of the gate take under a policy; 0 if it has no memory.
    fn held_bytes(&self, policy: Policy, model: &Model) -> u64 {
        self.gate.as_ref().filter(|_| policy.rule().folds()).map_or(0, |gate| held_bytes(&model.shape(), gate))
    }
}

/// What a run will do with its document.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The policy.
    pub policy: Policy,
    /// `None` for full attention.
    pub layout: Option<Layout>,
    /// Size of the cache in tokens.
    pub n_cells: u32,
    /// Predicted peak memory in bytes.
    pub peak_bytes: u64,
}

/// Chooses the policy. As much of the document as that takes is put into `head`.
///
/// # Errors
/// [`SummaryError`] if the policy asked for does not serve this document or model, or takes too much memory.
pub fn plan(
    model: &Model,
    document: &mut TokenStream<'_>,
    settings: &Settings,
    prompt: &PromptTokens,
    head: &mut Vec<Token>,
) -> Result<Plan, SummaryError> {
    let n_ctx_train = model.n_ctx_train();
    let (n_prefix, n_suffix) = (prompt.prefix.len() as u32, prompt.suffix.len() as u32);
    if matches!(settings.policy, None | Some(Policy::Full)) {
        let around = n_prefix + n_suffix + settings.max_tokens;
        let limit = n_ctx_train.saturating_sub(around) as usize;
        let mut more = true;
        while more && head.len() <= limit {
            more = document.next_chunk(head)?;
        }
        let fits = !more && head.len() <= limit;
        let n_cells = head.len() as u32 + around;
        let plan = Plan::new(model, settings, Policy::Full, None, n_cells);
        let memory = plan.check_memory(settings);
        match settings.policy {
            Some(_) if !fits => return Err(SummaryError::TooLong { limit: limit as u64, n_ctx_train }),
            Some(_) => return memory.map(|()| plan),
            None if fits && memory.is_ok() => return Ok(plan),
            None => {}
        }
    }
    let mut policies = settings.policy.map_or_else(|| settings.by_gate(model), |policy| vec![policy]).into_iter();
    let mut found = windowed_plan(model, settings, policies.next().unwrap_or(Policy::Streaming), prompt);
    // what nobody asked for must not be what fails
    for policy in policies {
        found = found.or_else(|_| windowed_plan(model, settings, policy, prompt));
    }
    found
}

/// The plan of a policy whose cache does not grow with the document.
///
/// # Errors
/// [`SummaryError`] as [`plan`] says.
pub fn windowed_plan(
    model: &Model,
    settings: &Settings,
    policy: Policy,
    prompt: &PromptTokens,
) -> Result<Plan, SummaryError> {
    // before what could be mended by other arguments
    model.check_compaction()?;
    policy.check_gate(settings.gate.as_ref())?;
    let layout = windowed_layout(model, settings.sizes_of(policy, model)?, prompt)?;
    let plan = Plan::new(model, settings, policy, Some(layout), layout.n_cells);
    plan.check_memory(settings).map(|()| plan)
}

/// The layout of a cache that is compacted, for a model and a prompt.
///
/// # Errors
/// [`SummaryError`] if the model allows no compaction, needs a wider window or was not trained for so many tokens.
pub fn windowed_layout(model: &Model, sizes: WindowSizes, prompt: &PromptTokens) -> Result<Layout, SummaryError> {
    windowed_layout_around(model, sizes, prompt.prefix.len() as u32, prompt.suffix.len() as u32)
}

/// The same with so many tokens before the text and after it.
///
/// # Errors
/// As [`windowed_layout`].
pub fn windowed_layout_around(
    model: &Model,
    sizes: WindowSizes,
    n_prefix: u32,
    n_suffix: u32,
) -> Result<Layout, SummaryError> {
    model.check_compaction()?;
    let (n_swa, n_ctx_train) = (model.n_swa(), model.n_ctx_train());
    if n_swa > sizes.window {
        return Err(SummaryError::WindowTooSmall { n_swa, window: sizes.window });
    }
    let mut layout = Layout::new(sizes, n_prefix, n_suffix);
    if n_swa > 0 {
        layout = layout.turned_seldom();
    }
    if layout.n_cells > n_ctx_train {
        return Err(SummaryError::LayoutTooLarge { n_cells: layout.n_cells, n_ctx_train });
    }
    Ok(layout)
}

impl Plan {
    /// A plan whose parts are known.
    pub fn new(model: &Model, settings: &Settings, policy: Policy, layout: Option<Layout>, n_cells: u32) -> Self {
        let n_retain = layout.map_or(0, |l| l.n_retain);
        let sizes = RunSizes {
            n_cells,
            n_ubatch: settings.sizes.segment.min(MAX_UBATCH),
            n_front: layout.map_or(0, |l| l.n_front),
            cache_type: settings.cache_type,
            memory_bytes: settings.held_bytes(policy, model),
            n_hidden: settings.n_hidden(),
            retain: settings.sizes.retain_of(policy, n_retain),
        };
        Self { policy, layout, n_cells, peak_bytes: peak_bytes(model, sizes) }
    }

    /// A plan for a run without a cache, in which nothing is decoded.
    ///
    /// # Errors
    /// [`SummaryError::Memory`].
    pub fn without_cache(model: &Model, settings: &Settings, policy: Policy) -> Result<Self, SummaryError> {
        let sizes = SizeRequest { segment: 1, ..settings.sizes };
        let plan = Self::new(model, &Settings { sizes, ..settings.clone() }, policy, None, 0);
        plan.check_memory(settings)?;
        Ok(plan)
    }

    /// The plan with `n_aside` cells that reading does not use, and `n_apart` cells at least.
    ///
    /// # Errors
    /// [`SummaryError`] if that is more than the model was trained with or than memory allows.
    pub fn with_aside(
        self,
        model: &Model,
        settings: &Settings,
        n_aside: u32,
        n_apart: u32,
    ) -> Result<Self, SummaryError> {
        let layout = self.layout.map(|layout| layout.with_aside(n_aside, n_apart));
        let n_cells = layout.map_or((self.n_cells + n_aside).max(n_apart), |layout| layout.n_cells);
        let n_ctx_train = model.n_ctx_train();
        if n_cells > n_ctx_train {
            return Err(SummaryError::LayoutTooLarge { n_cells, n_ctx_train });
        }
        let plan = Self::new(model, settings, self.policy, layout, n_cells);
        plan.check_memory(settings)?;
        Ok(plan)
    }

    /// A reader that has read nothing, whose context gives logits of up to `n_outputs` tokens of a batch. `gate` is what the policy needs; it is
    /// handed over and dropped, so that it is in memory only once.
    ///
    /// # Errors
    /// Those of [`NativeGate::new`] and [`Context::new`].
    pub fn reader<'m>(
        &self,
        model: &'m Model,
        settings: &Settings,
        gate: Option<Gate>,
        n_outputs: u32,
        interrupt: &Arc<AtomicBool>,
    ) -> Result<Reader<'m>, SummaryError> {
        let gate = gate.map(|gate| NativeGate::new(model, &gate)).transpose()?;
        let context = Context::new(model, context_params(model, settings, gate, self, n_outputs, interrupt))?;
        Ok(Reader::new(context, self.layout, settings.sizes.segment.max(1)))
    }

    fn check_memory(&self, settings: &Settings) -> Result<(), SummaryError> {
        match settings.max_memory {
            Some(limit) if self.peak_bytes > limit => Err(SummaryError::Memory { predicted: self.peak_bytes, limit }),
            _ => Ok(()),
        }
    }
}

/// How a context for a plan is made.
pub fn context_params(
    model: &Model,
    settings: &Settings,
    gate: Option<NativeGate>,
    plan: &Plan,
    n_outputs: u32,
    interrupt: &Arc<AtomicBool>,
) -> ContextParams {
    let compaction = match (plan.policy, plan.layout) {
        (Policy::Full, _) | (_, None) => Compaction::None,
        // two caches, one of them for the window; ours replaces only a single one
        (Policy::Streaming, Some(_)) if model.n_swa() > 0 => Compaction::Plain,
        (policy, Some(layout)) => {
            let retain = settings.sizes.retain_of(policy, layout.n_retain);
            Compaction::Edgeinf { gate, n_front_max: layout.n_front, retain, model_id: settings.model_id }
        }
    };
    ContextParams {
        n_cells: plan.n_cells,
        n_ubatch: settings.sizes.segment.min(MAX_UBATCH),
        n_threads: settings.threads,
        cache_type: settings.cache_type,
        flash_attention: settings.flash_attention,
        n_outputs_max: n_outputs,
        compaction,
        interrupt: Arc::clone(interrupt),
        eval_callback: None,
    }
}
