//! One pass over the document, then the summary.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::input::{InputError, TokenStream};
use crate::llama::{
    CacheType, Compaction, Context, ContextParams, LlamaError, MemoryUsage, Model, NativeGate, Sampler, SamplerParams,
    Token,
};
use crate::memory::gate::Gate;
use crate::memory::policy::{Layout, MAX_UBATCH, Policy, WindowSizes};
use crate::memory::predict::{RunSizes, peak_bytes};
use crate::reader::{Progress, Reader};

use super::prompt::{Instructions, PromptError, PromptTokens};
use super::writer::{Written, write};

/// How to read and write.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The policy; `None` chooses by length and memory.
    pub policy: Option<Policy>,
    /// Sizes of a cache that is compacted.
    pub sizes: WindowSizes,
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
    /// Identifies the model in saved states.
    pub model_id: u64,
    /// What the model is asked.
    pub instructions: Instructions,
    /// How tokens are chosen.
    pub sampler: SamplerParams,
}

/// What happens meanwhile.
#[derive(Debug)]
pub enum Event<'a> {
    /// The policy was chosen and reading begins.
    Started(Policy),
    /// So much of the document was read: tokens and bytes.
    Read {
        /// Tokens decoded.
        tokens: u64,
        /// Bytes taken from the file.
        bytes: u64,
    },
    /// The whole document was read.
    ReadAll,
    /// A piece of the summary.
    Text(&'a str),
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The policy that ran.
    pub policy: Policy,
    /// The summary.
    pub written: Written,
    /// What was read.
    pub progress: Progress,
    /// Tokens of the document, as the tokenizer gave them.
    pub document_tokens: u64,
    /// Tokens of the document that were decoded.
    pub document_tokens_read: u64,
    /// Segments that they were decoded in.
    pub document_segments: u64,
    /// Tokens folded into the memory.
    pub tokens_folded: u64,
    /// From the start of the call until the model could write.
    pub prefill: Duration,
    /// Bytes by part.
    pub memory: MemoryUsage,
}

/// Why there is no summary.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// The document cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The engine.
    #[error(transparent)]
    Llama(#[from] LlamaError),
    /// The prompt.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// Too long for ordinary attention.
    #[error(
        "the document has more than the {limit} tokens that fit the trained context of {n_ctx_train} tokens; \
         use --policy auto or streaming"
    )]
    TooLong {
        /// Tokens that fit beside prompt and answer.
        limit: u64,
        /// Context of the training.
        n_ctx_train: u32,
    },
    /// A memory needs a gate.
    #[error(
        "--policy edgeinfinite needs a gate for this model and none is known; name one with --gate FILE, or use --policy streaming"
    )]
    NoGate,
    /// The window of a sliding-window model is wider.
    #[error("this model attends to a sliding window of {n_swa} tokens; --window {window} is smaller than that")]
    WindowTooSmall {
        /// The model's window.
        n_swa: u32,
        /// The window asked for.
        window: u32,
    },
    /// Sizes that do not fit the model.
    #[error(
        "prompt, sinks, window and segment need {n_cells} tokens of context, but the model was trained with \
         {n_ctx_train}; choose a smaller --window, --segment or --sinks"
    )]
    LayoutTooLarge {
        /// Cells needed.
        n_cells: u32,
        /// Context of the training.
        n_ctx_train: u32,
    },
    /// More memory than allowed.
    #[error(
        "this run would take about {} MiB of memory, more than --max-memory {} MiB; choose a smaller --window or --segment",
        predicted >> 20, limit >> 20
    )]
    Memory {
        /// Predicted peak, bytes.
        predicted: u64,
        /// Allowed, bytes.
        limit: u64,
    },
}

/// Reads the document and writes its summary.
///
/// # Errors
/// [`SummaryError`]; with [`LlamaError::Interrupted`] inside if `interrupt` was set.
pub fn summarize(
    model: &Model,
    document: &mut TokenStream<'_>,
    mut settings: Settings,
    interrupt: &Arc<AtomicBool>,
    observer: &mut dyn FnMut(Event<'_>),
) -> Result<Outcome, SummaryError> {
    let start = Instant::now();
    let prompt = PromptTokens::new(model, &settings.instructions)?;
    let mut head = Vec::new();
    let plan = plan(model, document, &settings, &prompt, &mut head)?;
    observer(Event::Started(plan.policy));

    // handed over and dropped, so that it is in memory only once
    let gate = settings.gate.take().filter(|_| plan.policy == Policy::EdgeInfinite);
    let gate = gate.map(|gate| NativeGate::new(model, &gate)).transpose()?;
    let context = new_context(model, &settings, gate, &plan, interrupt)?;
    let mut reader = Reader::new(context, plan.layout, settings.sizes.segment);
    let segment = settings.sizes.segment.max(1) as usize;
    let mut document_tokens = 0;
    reader.push(&prompt.prefix)?;
    // everything that comes goes through here, so what the reader decoded can be checked against it
    let mut chunk = head;
    loop {
        for part in chunk.chunks(segment) {
            if interrupt.load(Ordering::Relaxed) {
                return Err(LlamaError::Interrupted.into());
            }
            reader.push(part)?;
            document_tokens += part.len() as u64;
            observer(Event::Read { tokens: document_tokens, bytes: document.bytes_read() });
        }
        chunk.clear();
        if !document.next_chunk(&mut chunk)? && chunk.is_empty() {
            break;
        }
    }
    reader.flush()?;
    let document_tokens_read = reader.progress().tokens_read - prompt.prefix.len() as u64;
    let document_segments = reader.progress().segments;
    reader.finish(&prompt.suffix)?;
    let prefill = start.elapsed();
    observer(Event::ReadAll);

    let mut sampler = Sampler::new(model.vocab(), settings.sampler)?;
    let mut give = |text: &str| observer(Event::Text(text));
    let written = write(&mut reader, model.vocab(), &mut sampler, settings.max_tokens, interrupt, &mut give)?;
    Ok(Outcome {
        policy: plan.policy,
        written,
        document_tokens,
        document_tokens_read,
        document_segments,
        tokens_folded: reader.context().n_folded(),
        memory: reader.context().memory_usage(),
        progress: reader.progress().clone(),
        prefill,
    })
}

struct Plan {
    policy: Policy,
    /// `None` for full attention.
    layout: Option<Layout>,
    n_cells: u32,
}

/// Chooses the policy. As much of the document as that takes is put into `head`.
fn plan(
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
        let plan = Plan { policy: Policy::Full, layout: None, n_cells };
        let memory = check_memory(model, settings, &plan);
        match settings.policy {
            Some(_) if !fits => return Err(SummaryError::TooLong { limit: limit as u64, n_ctx_train }),
            Some(_) => return memory.map(|()| plan),
            None if fits && memory.is_ok() => return Ok(plan),
            None => {}
        }
    }
    let policy = match settings.policy {
        Some(policy) => policy,
        None if settings.gate.is_some() => Policy::EdgeInfinite,
        None => Policy::Streaming,
    };
    // before what could be mended by other arguments
    model.check_compaction()?;
    if policy == Policy::EdgeInfinite && settings.gate.is_none() {
        return Err(SummaryError::NoGate);
    }
    let n_swa = model.n_swa();
    if n_swa > settings.sizes.window {
        return Err(SummaryError::WindowTooSmall { n_swa, window: settings.sizes.window });
    }
    let mut layout = Layout::new(settings.sizes, n_prefix, n_suffix);
    if n_swa > 0 {
        layout = layout.turned_seldom();
    }
    if layout.n_cells > n_ctx_train {
        return Err(SummaryError::LayoutTooLarge { n_cells: layout.n_cells, n_ctx_train });
    }
    let plan = Plan { policy, layout: Some(layout), n_cells: layout.n_cells };
    check_memory(model, settings, &plan)?;
    Ok(plan)
}

fn check_memory(model: &Model, settings: &Settings, plan: &Plan) -> Result<(), SummaryError> {
    let Some(limit) = settings.max_memory else { return Ok(()) };
    let n_features = match (plan.policy, &settings.gate) {
        (Policy::EdgeInfinite, Some(gate)) => gate.n_features,
        _ => 0,
    };
    let sizes = RunSizes {
        n_cells: plan.n_cells,
        n_ubatch: settings.sizes.segment.min(MAX_UBATCH),
        n_front: plan.layout.map_or(0, |l| l.n_front),
        cache_type: settings.cache_type,
        n_features,
    };
    let predicted = peak_bytes(model, sizes);
    if predicted > limit { Err(SummaryError::Memory { predicted, limit }) } else { Ok(()) }
}

fn new_context<'m>(
    model: &'m Model,
    settings: &Settings,
    gate: Option<NativeGate>,
    plan: &Plan,
    interrupt: &Arc<AtomicBool>,
) -> Result<Context<'m>, SummaryError> {
    let compaction = match (plan.policy, plan.layout) {
        (Policy::Full, _) | (_, None) => Compaction::None,
        // two caches, one of them for the window; ours replaces only a single one
        (Policy::Streaming, Some(_)) if model.n_swa() > 0 => Compaction::Plain,
        (_, Some(layout)) => Compaction::Edgeinf { gate, n_front_max: layout.n_front, model_id: settings.model_id },
    };
    let params = ContextParams {
        n_cells: plan.n_cells,
        n_ubatch: settings.sizes.segment.min(MAX_UBATCH),
        n_threads: settings.threads,
        cache_type: settings.cache_type,
        flash_attention: settings.flash_attention,
        n_outputs_max: 1,
        compaction,
        interrupt: Arc::clone(interrupt),
        eval_callback: None,
    };
    Ok(Context::new(model, params)?)
}
