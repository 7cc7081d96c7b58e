//! How retained tokens are shared out among layers: how much what is asked suffers where a single layer has forgotten the document, and how
//! much of what that layer needs the tokens with the highest scores keep.
//!
//! A layer l that sees only the window costs what is asked D(l) = KL(full || that) in nats per token of an answer, all other layers with full
//! attention. Of what the layer needs, n tokens keep the share u(l, n) ([`kept`]), so it is taken to lose D(l) (1 - u(l, n)) with n retained
//! tokens. Shares are those by which all layers together lose least.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use candle_core::Tensor;
use serde::Serialize;

use super::allocate::{EIGHTHS, allocate};
use super::error::TrainError;
use super::examples::{Example, Examples, in_turns};
use super::kept::kept;
use super::log;
use super::loss::Predicted;
use super::notice::notice_text;
use super::pass::{Machine, Text};
use super::schedule::Schedule;
use super::score::FittedScore;
use crate::memory::gate::Gate;
use crate::rng::Rng;

/// How shares are found.
#[derive(Debug, Clone)]
pub struct ShareSettings {
    /// The gate's file; the log is beside it.
    pub output: PathBuf,
    /// Documents that are read.
    pub steps: u64,
    /// Start of the random numbers.
    pub seed: u64,
    /// Last tokens of a text that stay in any case.
    pub window: usize,
    /// Tokens that a layer retains, as a mean.
    pub n_retain: usize,
}

/// What a document showed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShareStep {
    /// Its number, from 1.
    pub step: u64,
    /// What was read.
    pub id: String,
    /// Tokens of it.
    pub tokens: usize,
    /// What is lost where a single layer sees only the window, by layer: KL in nats per token of an answer.
    pub lost: Vec<f64>,
    /// Of what each layer needs when something is asked, the share that the mean number of tokens keeps.
    pub kept: Vec<f64>,
    /// The shares of all layers after all documents so far.
    pub shares: Vec<f32>,
    /// Time that it took.
    pub seconds: f64,
}

/// Finds the shares of all layers of a gate with scores. Whatever ends it, the gate is on disk as it was after the last whole document, if there
/// was one.
///
/// # Errors
/// [`TrainError`].
pub fn fit(
    machine: &Machine,
    examples: &Examples,
    mut gate: Gate,
    settings: &ShareSettings,
    sink: &mut dyn FnMut(&ShareStep),
) -> Result<Gate, TrainError> {
    if settings.steps == 0 {
        return Err(TrainError::NoStep);
    }
    let mut order = in_turns(&examples.train, settings.seed);
    let limit = order.iter().map(|example| example.tokens.len()).max().unwrap_or(0);
    // as many tokens as a layer can retain
    let needed = settings.window + EIGHTHS[EIGHTHS.len() - 1] * settings.n_retain / 8;
    order.retain(|example| example.schedule.n_text > example.schedule.n_front + needed);
    if order.is_empty() {
        return Err(TrainError::TooShort { examples: examples.train.len(), needed, limit });
    }
    let path = log::path_of(&settings.output);
    let io = |cause| TrainError::Io { action: "written", path: path.clone(), cause };
    let mut file = File::create(&path).map_err(io)?;
    let mut losses = vec![[0.0; EIGHTHS.len()]; machine.model.layers.len()];
    for step in 1..=settings.steps {
        let begin = Instant::now();
        let example = order[(step - 1) as usize % order.len()];
        let (lost, rest) = of_document(machine, example, &gate, settings)?;
        for ((sums, lost), rest) in losses.iter_mut().zip(&lost).zip(&rest) {
            sums.iter_mut().zip(rest).for_each(|(sum, rest)| *sum += lost * rest);
        }
        let shares = allocate(&losses).ok_or(TrainError::NotFinite { step })?;
        for (score, &share) in gate.scores.values_mut().zip(&shares) {
            score.share = share;
        }
        gate.save(&settings.output)?;
        let mean = EIGHTHS.iter().position(|&eighths| eighths == 8).unwrap_or(0);
        let found = ShareStep {
            step,
            id: example.id.clone(),
            tokens: example.tokens.len(),
            lost,
            kept: rest.iter().map(|rest| 1.0 - rest[mean]).collect(),
            shares,
            seconds: begin.elapsed().as_secs_f64(),
        };
        sink(&found);
        let line = serde_json::to_string(&found).map_err(std::io::Error::from);
        line.and_then(|line| file.write_all((line + "\n").as_bytes())).map_err(io)?;
    }
    Ok(gate)
}

/// What is lost where a single layer sees only the window, and the share of what it needs that is not kept by so many tokens, by layer.
fn of_document(
    machine: &Machine,
    example: &Example,
    gate: &Gate,
    settings: &ShareSettings,
) -> Result<(Vec<f64>, Vec<[f64; EIGHTHS.len()]>), TrainError> {
    let (notice, text) = notice_text(machine, example, settings.window)?;
    let mut rest = Vec::with_capacity(notice.layers.len());
    for (layer, score) in notice.layers.iter().zip(gate.scores.values()) {
        let scores = FittedScore::from_gate(score, &layer.x, &mut Rng::new(0))?.scores(&notice, layer)?;
        let all = f64::from(layer.asked.sum_all()?.to_scalar::<f32>()?).max(1e-20);
        let mut of_layer = [1.0; EIGHTHS.len()];
        for (rest, eighths) in of_layer.iter_mut().zip(EIGHTHS) {
            *rest = 1.0 - kept(&notice, layer, &scores, eighths * settings.n_retain / 8)?[0] / all;
        }
        rest.push(of_layer);
    }
    Ok((lost(machine, example, &text)?, rest))
}

/// What is lost where a single layer sees only the window, by layer: KL in nats per token, a mean over answers.
fn lost(machine: &Machine, example: &Example, text: &Text) -> Result<Vec<f64>, TrainError> {
    let n_text = example.schedule.n_text;
    let full = Schedule::full(n_text, &example.asked);
    let mut inputs = vec![machine.embed(&example.tokens[n_text..])?];
    for il in 0..machine.model.layers.len() {
        inputs.push(machine.one_layer(il, &inputs[il], &full, text)?);
    }
    let predicted = example.predicted();
    let states = |hidden: &Tensor, (first, next): &(usize, &[i32])| {
        machine.model.last_states(hidden, first - n_text, next.len())
    };
    let teachers: Vec<Tensor> =
        predicted.iter().map(|at| states(&inputs[inputs.len() - 1], at)).collect::<Result<_, _>>()?;
    (0..machine.model.layers.len())
        .map(|short| {
            let mut hidden = machine.one_layer(short, &inputs[short], &example.schedule, text)?;
            for il in short + 1..machine.model.layers.len() {
                hidden = machine.one_layer(il, &hidden, &full, text)?;
            }
            let mut sum = 0.0;
            for (&(first, next), teacher) in predicted.iter().zip(&teachers) {
                let at = Predicted { first: first - n_text, next, teacher: Some(teacher) };
                sum += machine.model.losses(&hidden, at)?.kl;
            }
            Ok(sum / predicted.len() as f64)
        })
        .collect()
}
