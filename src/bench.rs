//! Speed and memory of reading, one run at a time.

pub mod error;
pub mod estimate;
pub mod kernel;
pub mod lengths;
pub mod rows;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::input::TokenStream;
use crate::llama::{CacheType, Compaction, Context, ContextParams, LlamaError, Model, Token};
use crate::memory::layout::{Layout, MAX_UBATCH, WindowSizes};
use crate::reader::Reader;
use crate::report::memory::peak_rss_bytes;
use crate::summary::error::SummaryError;
use crate::summary::plan::windowed_layout;
use crate::summary::prompt::{Instructions, PromptTokens};
use crate::summary::request::Length;

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
    /// How often [`BenchSettings::growth_tokens`] tokens at the end of the document are compared with those after its first
    /// as many.
    pub growth_rounds: u32,
    /// How many tokens are compared.
    pub growth_tokens: u64,
}

/// What a run measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BenchResult {
    /// Tokens read, prompt included.
    pub tokens: u64,
    /// Tokens folded into the memory, in the layer that folded most.
    pub tokens_folded: u64,
    /// Time to read them, in seconds.
    pub seconds: f64,
    /// Seconds for each 8,192 tokens.
    pub seconds_per_8k: Vec<f64>,
    /// What reading at the end of the document is compared with.
    pub growth: GrowthResult,
    /// Milliseconds for a token of the answer, the median of 32.
    pub ms_per_answer_token: f64,
    /// Largest resident set of the process, in bytes.
    pub peak_rss_bytes: u64,
    /// Bytes of the weights, mapped from the file.
    pub weights_bytes: u64,
}

/// Tokens of the answer that are timed.
pub(crate) const ANSWER_TOKENS: usize = 32;

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
    let prompt = PromptTokens::new(model, &Instructions::summary(Length::default())?)?;
    let layout = windowed_layout(model, settings.sizes, &prompt)?;
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
    let mut growth = (settings.growth_rounds > 0).then(|| Growth::of(settings.growth_tokens));
    while left > 0 && document.next_chunk(&mut chunk)? {
        chunk.truncate(left);
        left -= chunk.len();
        for part in chunk.chunks(settings.sizes.segment.max(1) as usize) {
            reader.push(part)?;
            if let Some(growth) = &mut growth {
                growth.pass(&mut reader, part)?;
            }
        }
        chunk.clear();
    }
    if let Some(growth) = &mut growth {
        growth.end = reader.context().save_state()?;
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
    let tokens_folded = reader.context().n_folded();
    // before two more states of the cache are held
    let peak_rss_bytes = peak_rss_bytes().unwrap_or(0);
    let growth = match growth {
        Some(growth) => growth.compare(&mut reader, settings.sizes.segment, settings.growth_rounds)?,
        None => GrowthResult::default(),
    };
    Ok(BenchResult {
        tokens: progress.tokens_read,
        tokens_folded,
        seconds,
        seconds_per_8k: progress.seconds_between_marks(),
        growth,
        ms_per_answer_token: answer[ANSWER_TOKENS / 2],
        peak_rss_bytes,
        weights_bytes: model.weight_bytes(),
    })
}

/// Speeds of segments that were read in turn, as ratios of neighbours.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GrowthResult {
    /// The end of the document, of the beginning.
    pub end_over_beginning: Vec<f64>,
    /// The beginning, of itself: how far such a ratio goes astray by chance.
    pub beginning_over_itself: Vec<f64>,
}

/// States of one reading, from which the same tokens are read in turn, segment by segment: other users of a machine change its
/// speed by more within a minute than a cache that grows would.
#[derive(Debug)]
struct Growth {
    /// How many tokens are compared.
    n: u64,
    /// After the first `n` tokens.
    beginning: Option<Vec<u8>>,
    /// After all.
    end: Vec<u8>,
    /// Those that followed the first.
    tokens: Vec<Token>,
}

impl Growth {
    fn of(n: u64) -> Self {
        Self { n, beginning: None, end: Vec::new(), tokens: Vec::new() }
    }

    /// Takes note of what was read.
    fn pass(&mut self, reader: &mut Reader<'_>, part: &[Token]) -> Result<(), LlamaError> {
        if self.beginning.is_none() && reader.progress().tokens_read >= self.n {
            self.beginning = Some(reader.context().save_state()?);
        } else if self.beginning.is_some() && (self.tokens.len() as u64) < self.n {
            self.tokens.extend_from_slice(part);
        }
        Ok(())
    }

    /// The ratios of each segment of each round; none if the text was too short.
    fn compare(&self, reader: &mut Reader<'_>, segment: u32, rounds: u32) -> Result<GrowthResult, LlamaError> {
        let mut result = GrowthResult::default();
        let Some(beginning) = self.beginning.as_deref().filter(|_| self.tokens.len() as u64 >= self.n) else {
            return Ok(result);
        };
        // the beginning, the beginning again, the end
        let mut read_from = |state: &mut Vec<u8>, part: &[Token]| -> Result<f64, LlamaError> {
            reader.context().restore_state(state)?;
            let start = Instant::now();
            reader.push(part)?;
            let seconds = start.elapsed().as_secs_f64();
            *state = reader.context().save_state()?;
            Ok(seconds)
        };
        for round in 0..rounds {
            let mut states = [beginning.to_vec(), beginning.to_vec(), self.end.clone()];
            for (i, part) in self.tokens.chunks(segment.max(1) as usize).enumerate() {
                let mut seconds = [0.0; 3];
                // each is first, second and last equally often
                for turn in 0..3 {
                    let which = (turn + i + round as usize) % 3;
                    seconds[which] = read_from(&mut states[which], part)?;
                }
                result.end_over_beginning.push(seconds[0] / seconds[2]);
                result.beginning_over_itself.push(seconds[0] / seconds[1]);
            }
        }
        Ok(result)
    }
}
