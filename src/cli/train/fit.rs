//! `edgeinf train` in a build that can.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Result;

use crate::cli::engine::threads;
use crate::cli::exit::ExitStatus;
use crate::cli::printer::Printer;
use crate::llama::{
    Backend, CacheType, Depth, LlamaError, Model, ModelParams, Retain, keep_freed_memory, set_fatal_exit_code,
};
use crate::memory::budget::{memory_bytes, token_bytes};
use crate::memory::gate::{FitSettings, Gate, ModelShape, ReadOut};
use crate::memory::layout::WindowSizes;
use crate::memory::policy::Policy;
use crate::models::{Cache, Catalogue, cached_sha256};
use crate::train::TrainError;
use crate::train::adam::Rates;
use crate::train::beside::Beside;
use crate::train::examples::{Desk, Examples};
use crate::train::fit::{Fit, Settings, check_output};
use crate::train::log::Line;
use crate::train::objective::Objective;
use crate::train::pass::Machine;
use crate::train::schedule::BLOCK;
use crate::train::score_fit::{self, ScoreLine, ScoreSettings};
use crate::train::share_fit::{self, ShareSettings, ShareStep};
use crate::train::start::{Map, Start};
use crate::train::weights::Frozen;

use super::{Goal, Layers, MapArg, Part, TrainArgs};

/// Logit of a gate before it is fitted: it listens to the memory for 2 %.
const SHUT: f32 = -4.0;

/// Tokens that are kept where nobody says, when scores and shares are fitted.
const RETAIN: u32 = 256;

/// Rate at which scores are learned, times --rate.
const SCORE_RATE: f64 = 3e-3;

/// Fits a gate.
pub fn run(args: &TrainArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    check_output(&args.output)?;
    let threads = threads(args.threads)? as usize;
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(TrainError::from)?;
    let cache = Cache::from_env()?;
    let resolved = cache.resolve(&Catalogue::builtin()?, &args.model)?;
    if !resolved.path.is_file() {
        let reason = "it is not a file".to_owned();
        return Err(LlamaError::ModelLoad { path: resolved.path, reason }.into());
    }
    let sha256 = cached_sha256(&resolved.path, cache.dir())?;
    let (examples, gate, beside) = prepare(args, &resolved.path, sha256)?;
    keep_freed_memory();
    let frozen = Frozen::load(&resolved.path)?;
    describe(args, &examples, &gate, printer);
    // a teacher's sequence is as long as the student's
    let machine = Machine::new(frozen, args.tokens as usize, Arc::clone(interrupt)).beside(beside);
    if args.fit == Part::Shares {
        let settings = ShareSettings {
            output: args.output.clone(),
            steps: args.steps.unwrap_or(0),
            seed: args.seed,
            window: args.window as usize,
            n_retain: args.retain.unwrap_or(RETAIN) as usize,
        };
        share_fit::fit(&machine, &examples, gate, &settings, &mut |line| printer.note(&of_share_line(line)))?;
        printer.note(&format!("wrote {}", args.output.display()));
        return Ok(ExitStatus::Success);
    }
    if args.fit == Part::Scores {
        score_fit::fit(&machine, &examples, gate, &score_settings(args), &mut |line| {
            printer.note(&of_score_line(line))
        })?;
        printer.note(&format!("wrote {}", args.output.display()));
        return Ok(ExitStatus::Success);
    }
    let settings = settings(args);
    let fit = Fit::new(&machine, &examples, gate, &settings)?;
    if fit.step() > 0 {
        printer.note(&format!("going on after step {}", fit.step()));
    }
    fit.run(&mut |line| printer.note(&of_line(line)))?;
    printer.note(&format!("wrote {}", args.output.display()));
    Ok(ExitStatus::Success)
}

/// The material as tokens, the gate before it is fitted, and what is retained beside its memory. The engine's model is needed only for that.
fn prepare(args: &TrainArgs, path: &Path, sha256: String) -> Result<(Examples, Gate, Option<Beside>)> {
    set_fatal_exit_code(ExitStatus::Model as i32);
    let model = Model::load(Backend::init()?, path, ModelParams::default())?;
    set_fatal_exit_code(ExitStatus::Failure as i32);
    model.check_compaction()?;
    let (tokens, n_ctx_train) = (args.tokens as usize, model.n_ctx_train() as usize);
    if tokens > n_ctx_train {
        return Err(TrainError::TooLong { tokens, n_ctx_train }.into());
    }
    let sizes = WindowSizes { sinks: args.sinks, retain: 0, window: args.window, segment: args.segment };
    let gate = gate(args, &model.shape(), sha256)?;
    if gate.read_out == ReadOut::Asked && !args.text.is_empty() {
        return Err(TrainError::TextUnread.into());
    }
    let retain = args.retain.filter(|_| args.fit == Part::Memory);
    let beside = retain.map(|n| beside(n, &gate, &model.shape())).transpose()?;
    let n_worth = memory_bytes(&model.shape(), &gate) / token_bytes(&model, CacheType::F16).max(1);
    let n_worth = u32::try_from(n_worth).unwrap_or(u32::MAX).saturating_add(retain.unwrap_or(0));
    let desk = Desk { model: &model, sizes, n_tokens: tokens, n_held_out: args.held_out as usize, n_worth };
    Ok((Examples::load(desk, &args.pairs, &args.text)?, gate, beside))
}

/// What a gate retains beside its memory, as policy edgeinfinite does it, with a mean of `n` tokens.
fn beside(n: u32, gate: &Gate, shape: &ModelShape) -> Result<Beside, TrainError> {
    let learned = Policy::Learned.rule().retain(n);
    let (Some(shares), Some(retain)) = (gate.shares(), learned) else { return Err(TrainError::NoScoresBeside) };
    if gate.read_out == ReadOut::Always {
        return Err(TrainError::AlwaysBeside);
    }
    let numbers = Retain { depth: Depth::Fitted(shares), ..retain }.by_layer(shape);
    let numbers = numbers.into_iter().map(|n| n as usize).collect();
    Ok(Beside::new(gate.scores.clone(), numbers, retain.kernel as usize))
}

/// The gate before it is fitted.
fn gate(args: &TrainArgs, shape: &ModelShape, base_sha256: String) -> Result<Gate, TrainError> {
    let from = args.from.as_ref().map(|path| Ok::<_, TrainError>((path, Gate::load(path, shape)?))).transpose()?;
    match (args.fit, from) {
        (Part::Scores, None) => {
            let fit = Some(FitSettings { n_segment: BLOCK as u32, ..fit_settings(args) });
            Ok(Gate { fit, ..new_gate(args, shape, base_sha256)?.without_memory() })
        }
        (Part::Shares, None) => Err(TrainError::NoScores),
        (Part::Shares, Some((_, gate))) if gate.scores.is_empty() => Err(TrainError::NoScores),
        // the memory, if there is one, stays as it is
        (Part::Scores | Part::Shares, Some((_, gate))) if gate.matches_base(&base_sha256) => {
            Ok(Gate { base_sha256, ..gate })
        }
        (Part::Scores | Part::Shares, Some((path, _))) => Err(TrainError::OtherBase { path: path.clone() }),
        (Part::Memory, None) => new_gate(args, shape, base_sha256),
        (Part::Memory, Some((_, Gate { layers, scores, .. }))) if layers.is_empty() => {
            Ok(Gate { scores, ..new_gate(args, shape, base_sha256)? })
        }
        (Part::Memory, Some((path, mut gate))) => {
            if let Some(Layers(layers)) = &args.layers {
                if let Some(&layer) = layers.iter().find(|layer| !gate.layers.contains_key(layer)) {
                    return Err(TrainError::NotInGate { layer, path: path.clone() });
                }
                gate.layers.retain(|layer, _| layers.contains(layer));
            }
            let read_out = args.read_out.unwrap_or(gate.read_out);
            Ok(Gate { base_sha256, fit: Some(fit_settings(args)), read_out, ..gate })
        }
    }
}

/// A gate of its own with a memory that was never fitted.
fn new_gate(args: &TrainArgs, shape: &ModelShape, base_sha256: String) -> Result<Gate, TrainError> {
    let layers = args.layers.as_ref().map_or_else(|| (0..shape.n_layer).collect(), |layers| layers.0.clone());
    if let Some(&layer) = layers.iter().find(|&&layer| layer >= shape.n_layer) {
        return Err(TrainError::NoSuchLayer { layer, last: shape.n_layer - 1 });
    }
    let map = match args.map.unwrap_or_default() {
        MapArg(None) => Map::Elu,
        MapArg(Some(width)) => Map::Hedgehog(width),
    };
    let gate = Start { map, shut: SHUT, seed: args.seed }.gate(shape, &layers)?;
    let read_out = args.read_out.unwrap_or(ReadOut::Asked);
    Ok(Gate { base_sha256, fit: Some(fit_settings(args)), read_out, ..gate })
}

fn fit_settings(args: &TrainArgs) -> FitSettings {
    FitSettings { n_sink: args.sinks, n_window: args.window, n_segment: args.segment }
}

fn settings(args: &TrainArgs) -> Settings {
    let rates = Rates::default();
    Settings {
        output: args.output.clone(),
        steps: args.steps,
        time: args.minutes.map(|minutes| Duration::from_secs_f64(60.0 * minutes)),
        seed: args.seed,
        objective: Objective {
            nll: args.nll,
            contrast: args.contrast,
            contrast_every: args.contrast_every,
            through: args.through as usize,
        },
        kept_bytes: (args.keep * f64::from(1 << 30)) as usize,
        rounds: args.rounds,
        rates: Rates { c: args.rate * rates.c, gate: args.rate * rates.gate, map: args.rate * rates.map },
        checkpoint_every: args.checkpoint_every,
        measure_every: args.measure_every,
        resume: args.resume,
    }
}

fn score_settings(args: &TrainArgs) -> ScoreSettings {
    ScoreSettings {
        output: args.output.clone(),
        steps: args.steps,
        time: args.minutes.map(|minutes| Duration::from_secs_f64(60.0 * minutes)),
        seed: args.seed,
        window: args.window as usize,
        n_hidden: args.hidden as usize,
        asked: args.asked,
        choice: args.goal == Goal::Choice,
        n_retain: args.retain.unwrap_or(RETAIN) as usize,
        kept_bytes: (args.keep * f64::from(1 << 30)) as usize,
        rounds: args.rounds,
        rate: SCORE_RATE * args.rate,
        checkpoint_every: args.checkpoint_every,
        measure_every: args.measure_every,
    }
}

/// A line of the log of scores for a person.
fn of_score_line(line: &ScoreLine) -> String {
    match line {
        ScoreLine::Step(line) => {
            format!("document {}: loss {:.3}, {:.1} s, {}", line.step, line.loss, line.seconds, line.id)
        }
        ScoreLine::HeldOut(line) => {
            let all = |shares: Option<[f64; 4]>| {
                let Some([scores, snap, newest, best]) = shares else { return "nothing".to_owned() };
                let percent = |x: f64| format!("{:.1} %", 100.0 * x);
                format!(
                    "{} by the scores, {} by SnapKV's, {} the newest, {} at best",
                    percent(scores),
                    percent(snap),
                    percent(newest),
                    percent(best)
                )
            };
            format!(
                "held out, after {} documents, {} tokens keep of what is needed when asked {}; while reading {}; {:.0} s",
                line.step,
                line.kept,
                all(line.asked),
                all(line.text),
                line.seconds
            )
        }
    }
}

/// A line of the log of shares for a person.
fn of_share_line(line: &ShareStep) -> String {
    let list =
        |values: &mut dyn Iterator<Item = f64>| values.map(|value| format!("{value:.2}")).collect::<Vec<_>>().join(" ");
    format!(
        "document {}: a layer without it costs {}; shares {}; {:.0} s, {}",
        line.step,
        list(&mut line.lost.iter().copied()),
        list(&mut line.shares.iter().map(|&share| f64::from(share))),
        line.seconds,
        line.id
    )
}

fn describe(args: &TrainArgs, examples: &Examples, gate: &Gate, printer: &mut Printer) {
    let Examples { train, held_out, n_short, n_cut } = examples;
    let tokens: usize = train.iter().map(|example| example.tokens.len()).sum();
    printer.note(&format!(
        "{} sequences of {} tokens together, {} held out; {n_cut} documents cut to {} tokens, {n_short} left out as too short",
        train.len(),
        tokens,
        held_out.len(),
        args.tokens,
    ));
    let parameters: usize =
        gate.layers.values().flat_map(crate::train::adam::parts).map(|(_, _, values)| values.len()).sum();
    if args.fit == Part::Memory {
        printer.note(&format!("{parameters} parameters in {} layers", gate.layers.len()));
    }
}

/// A line of the log for a person.
fn of_line(line: &Line) -> String {
    let or_none = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.3}"));
    match line {
        Line::Step(line) => format!(
            "step {}: loss {:.4}, KL {:.4}, nll {:.3}, other {}, gradient {:.3}, {:.1} s, {}",
            line.step,
            line.loss,
            line.kl,
            line.nll,
            or_none(line.nll_other),
            line.gradient,
            line.seconds,
            line.id
        ),
        Line::HeldOut(line) => format!(
            "held out, after {} steps: KL {:.4} (streaming {:.4}), nll {:.3} (streaming {:.3}, full {:.3}), specific {}, {:.0} s",
            line.step,
            line.kl,
            line.kl_streaming,
            line.nll,
            line.nll_streaming,
            line.nll_full,
            or_none(line.specific),
            line.seconds
        ),
    }
}
