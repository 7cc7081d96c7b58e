//! Where the time of a segment goes, and that of a token of the answer.
//!
//! Two contexts read the same tokens in turn, one with a clock at each node of its graphs and one without: the clock computes a
//! graph node by node, and what that costs is told.

pub mod parts;
mod turns;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::Serialize;

use crate::input::TokenStream;
use crate::llama::{Context, LlamaError, Model, NativeGate, Sampler, TensorType, Token, Watch, product_speed};
use crate::memory::policy::Policy;
use crate::reader::Reader;
use crate::summary::plan::{Plan, Settings, context_params, windowed_layout};
use crate::summary::prompt::{Instructions, PromptTokens};
use crate::summary::request::Length;

use super::ANSWER_TOKENS;
use super::error::BenchError;
use parts::{Part, Tally};
use turns::Turns;

/// Rows of the square matrices whose products are timed.
const PRODUCT_SIZES: [u32; 3] = [512, 1024, 2048];
/// How often each.
const PRODUCT_REPEATS: u32 = 6;

/// The best product of two square matrices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Product {
    /// Type of one of them; the other is F32.
    #[serde(rename = "type")]
    pub kind: String,
    /// Rows and columns of both.
    pub size: u32,
    /// Its speed.
    pub gflops_per_second: f64,
}

/// A kind of work under a policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Phase {
    /// The policy.
    pub policy: String,
    /// `segment` or `token`: reading, or writing the answer.
    pub phase: &'static str,
    /// Tokens of each.
    pub tokens: u32,
    /// How many were measured.
    pub count: u32,
    /// Time of one without the clock, the mean.
    pub seconds: f64,
    /// With the clock: the sum of the parts.
    pub clocked_seconds: f64,
    /// The median of with, of without, less 1.
    pub clock_overhead: f64,
    /// The parts that took any time.
    pub parts: Vec<PartRow>,
}

/// A part of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartRow {
    /// Which.
    pub part: Part,
    /// Time of one, the mean.
    pub seconds: f64,
    /// Of `clocked_seconds`.
    pub share: f64,
    /// Speed of its products, over the whole time of the part.
    pub gflops_per_second: Option<f64>,
    /// Of the best product of the type of weights, or of F32.
    pub of_best_product: Option<f64>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelReport {
    /// The model, as it was named.
    pub model: String,
    /// Version of this program and what it was built for.
    pub build: String,
    /// Threads.
    pub threads: u32,
    /// F32, and the type of most weights.
    pub products: Vec<Product>,
    /// For each policy the reading of a segment and a token of the answer.
    pub phases: Vec<Phase>,
}

/// The best product for each type.
///
/// # Errors
/// Those of [`product_speed`].
pub fn best_products(kinds: &[TensorType], threads: u32) -> Result<Vec<Product>, LlamaError> {
    let mut best = Vec::new();
    for &kind in kinds {
        let mut fastest: Option<Product> = None;
        for size in PRODUCT_SIZES {
            let gflops_per_second = product_speed(kind, size, threads, PRODUCT_REPEATS)? / 1e9;
            if fastest.as_ref().is_none_or(|fastest| fastest.gflops_per_second < gflops_per_second) {
                fastest = Some(Product { kind: kind.name(), size, gflops_per_second });
            }
        }
        best.extend(fastest);
    }
    Ok(best)
}

/// What was measured under one policy.
#[derive(Debug)]
pub struct Measured {
    /// Reading a segment, and a token of the answer.
    pub phases: [Phase; 2],
    /// The type of most weights.
    pub main_weight_type: Option<TensorType>,
}

/// Measures `count` segments under a policy that forgets, from where its cache is full.
///
/// # Errors
/// [`BenchError`].
pub fn run(
    model: &Model,
    (path, document): (&Path, TokenStream<'_>),
    mut settings: Settings,
    policy: Policy,
    count: u32,
    interrupt: &Arc<AtomicBool>,
) -> Result<Measured, BenchError> {
    let prompt = PromptTokens::new(model, &Instructions::summary(Length::default())?)?;
    let layout = windowed_layout(model, settings.sizes_of(policy, model)?, &prompt)?;
    let plan = Plan::new(model, &settings, policy, Some(layout), layout.n_cells);
    let gate = policy.gate_of(settings.gate.take());
    let tally = Rc::new(RefCell::new(Tally::default()));
    let reader = |clocked: bool| -> Result<Reader<'_>, LlamaError> {
        let gate = gate.as_ref().map(|gate| NativeGate::new(model, gate)).transpose()?;
        let mut params = context_params(model, &settings, gate, &plan, 1, interrupt);
        if clocked {
            let tally = Rc::clone(&tally);
            params.eval_callback = Some(Watch::Times(Box::new(move |node, elapsed| {
                tally.borrow_mut().see(node, elapsed);
            })));
        }
        Ok(Reader::new(Context::new(model, params)?, Some(layout), layout.segment))
    };
    let mut turns = Turns::new(reader(false)?, reader(true)?, Rc::clone(&tally));
    let segment = layout.segment.max(1);
    // until the cache is full, and once more with the graphs that come then
    let n_first = layout.n_cells / segment + 2;
    let wanted = (n_first as usize + count as usize) * segment as usize;
    let (tokens, seconds_per_token) = first_tokens(path, document, wanted)?;
    let (first, measured) = tokens.split_at((n_first * segment) as usize);

    turns.push(&prompt.prefix)?;
    for tokens in first.chunks(segment as usize) {
        turns.segment(tokens)?;
    }
    turns.reset();
    for tokens in measured.chunks(segment as usize) {
        turns.segment(tokens)?;
    }
    let pair = operations_of_a_pair(model);
    let reading = turns.phase(policy, ("segment", segment), seconds_per_token * f64::from(segment), pair);

    turns.finish(&prompt.suffix)?;
    turns.reset();
    let mut samplers = [Sampler::new(model.vocab(), settings.sampler)?, Sampler::new(model.vocab(), settings.sampler)?];
    for _ in 0..ANSWER_TOKENS {
        turns.token(&mut samplers)?;
    }
    let writing = turns.phase(policy, ("token", 1), 0.0, pair);
    let main_weight_type = tally.borrow().main_weight_type();
    Ok(Measured { phases: [reading, writing], main_weight_type })
}

/// Floating-point operations of attention for a query and a key that it may see, in all heads of all layers: two for each element
/// of the key and two for each of the value. `None` where layers see different keys.
fn operations_of_a_pair(model: &Model) -> Option<f64> {
    let layers = model.shape().layers;
    let operations = layers.iter().map(|l| 2.0 * f64::from(l.n_head) * f64::from(l.d_k + l.d_v)).sum();
    (model.n_swa() == 0).then_some(operations)
}

/// The first tokens of a text, and the seconds that the tokenizer takes for each.
fn first_tokens(path: &Path, mut document: TokenStream<'_>, wanted: usize) -> Result<(Vec<Token>, f64), BenchError> {
    let (start, mut tokens) = (Instant::now(), Vec::new());
    while tokens.len() < wanted && document.next_chunk(&mut tokens)? {}
    let seconds = start.elapsed().as_secs_f64() / tokens.len().max(1) as f64;
    if tokens.len() < wanted {
        let (tokens, wanted) = (tokens.len() as u64, wanted as u64);
        return Err(BenchError::TooShort { path: path.to_owned(), tokens, wanted });
    }
    tokens.truncate(wanted);
    Ok((tokens, seconds))
}

impl Phase {
    /// Sets each part beside the best product of its kind.
    pub fn compare(&mut self, products: &[Product], main_weight_type: Option<TensorType>) {
        let speed = |kind: TensorType| products.iter().find(|p| p.kind == kind.name()).map(|p| p.gflops_per_second);
        for row in &mut self.parts {
            let best = match row.part {
                Part::Weights => main_weight_type.and_then(speed),
                _ => speed(TensorType::F32),
            };
            row.of_best_product = row.gflops_per_second.zip(best).map(|(own, best)| own / best);
        }
    }
}
