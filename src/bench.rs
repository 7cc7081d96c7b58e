//! Speed and memory of reading, one run at a time.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::input::TokenStream;
use crate::llama::{CacheType, Compaction, Context, ContextParams, LlamaError, Model};
use crate::memory::policy::{Layout, MAX_UBATCH, WindowSizes};
use crate::reader::Reader;
use crate::report::memory::peak_rss_bytes;
use crate::summary::error::SummaryError;
use crate::summary::prompt::{Instructions, PromptTokens};

/// How a run reads.
#[derive(Debug, Clone, Copy)]
pub struct BenchSettings {
    /// Sizes of the cache.
    pub sizes: WindowSizes,
    /// Element type of the KV cache.
    pub cache_type: CacheType,
    /// Whether to use the fused attention kernel.
    pub flash_attention: bool,
    /// Threads.
    pub threads: u32,
    /// Tokens of the document to read.
    pub tokens: u64,
}

/// What a run measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BenchResult {
    /// Tokens read, prompt included.
    pub tokens: u64,
    /// Tokens folded into the memory.
    pub tokens_folded: u64,
    /// Time to read them, in seconds.
    pub seconds: f64,
    /// Seconds for each 8,192 tokens.
    pub seconds_per_8k: Vec<f64>,
    /// Milliseconds for a token of the answer, the median of 32.
    pub ms_per_answer_token: f64,
    /// Largest resident set of the process, in bytes.
    pub peak_rss_bytes: u64,
    /// Bytes of the weights, mapped from the file.
    pub weights_bytes: u64,
}

/// Tokens of the answer that are timed.
const ANSWER_TOKENS: usize = 32;

/// Reads as `summarize` does, with tokens leaving by `compaction`, which is made for the layout.
///
/// # Errors
/// [`SummaryError`].
pub fn run(
    model: &Model,
    document: &mut TokenStream<'_>,
    settings: &BenchSettings,
    compaction: impl FnOnce(Layout) -> Result<Compaction, LlamaError>,
    interrupt: &Arc<AtomicBool>,
) -> Result<BenchResult, SummaryError> {
    let prompt = PromptTokens::new(model, &Instructions::default())?;
    let layout = Layout::new(settings.sizes, prompt.prefix.len() as u32, prompt.suffix.len() as u32);
    let params = ContextParams {
        n_cells: layout.n_cells,
        n_ubatch: settings.sizes.segment.min(MAX_UBATCH),
        n_threads: settings.threads,
        cache_type: settings.cache_type,
        flash_attention: settings.flash_attention,
        n_outputs_max: 1,
        compaction: compaction(layout)?,
        interrupt: Arc::clone(interrupt),
        eval_callback: None,
    };
    let mut reader = Reader::new(Context::new(model, params)?, Some(layout), settings.sizes.segment);
    let start = Instant::now();
    reader.push(&prompt.prefix)?;
    let mut left = settings.tokens as usize;
    let mut chunk = Vec::new();
    while left > 0 && document.next_chunk(&mut chunk)? {
        chunk.truncate(left);
        left -= chunk.len();
        reader.push(&chunk)?;
        chunk.clear();
    }
    reader.finish(&prompt.suffix)?;
    let seconds = start.elapsed().as_secs_f64();

    let token = prompt.suffix.last().copied().unwrap_or(0);
    let mut answer = Vec::with_capacity(ANSWER_TOKENS);
    for _ in 0..ANSWER_TOKENS {
        let begin = Instant::now();
        reader.step(token)?;
        answer.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    answer.sort_by(f64::total_cmp);

    let progress = reader.progress().clone();
    Ok(BenchResult {
        tokens: progress.tokens_read,
        tokens_folded: reader.context().n_folded(),
        seconds,
        seconds_per_8k: progress.seconds_between_marks(),
        ms_per_answer_token: answer[ANSWER_TOKENS / 2],
        peak_rss_bytes: peak_rss_bytes().unwrap_or(0),
        weights_bytes: model.weight_bytes(),
    })
}
