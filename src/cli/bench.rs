//! `edgeinf bench`: each run in a process of its own, the policies in turn, compared by medians.
//!
//! Every other round goes backwards: a processor that slows down under load would favour what always runs first.
//!
//! `bench lengths` and `bench kernel` are in files of their own.

pub mod args;
mod child;
pub mod kernel;
pub mod lengths;
mod lengths_table;

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use crate::bench::error::BenchError;
use crate::bench::estimate::median;
use crate::bench::{self, BenchResult, BenchSettings};
use crate::input::{Reading, Source, TokenStream};
use crate::llama::{Build, Compaction, NativeGate, SamplerParams};
use crate::memory::budget::memory_bytes;
use crate::memory::gate::GateSpec;
use crate::memory::policy::Policy;
use crate::summary::error::SummaryError;
use crate::summary::plan::Settings;

use super::args::EngineArgs;
use super::engine::Engine;
use super::exit::ExitStatus;
use super::printer::Printer;
use args::{BenchArgs, BenchCommand, BenchPolicy, BenchRunArgs};
use child::Child;

/// Medians of one policy, and what they are of the first one's.
#[derive(Debug, Serialize)]
struct Row {
    policy: String,
    tokens: u64,
    prefill_tokens_per_second: f64,
    /// Median of the ratios of runs that followed each other.
    prefill_ratio: f64,
    ms_per_answer_token: f64,
    answer_ratio: f64,
    peak_rss_bytes: u64,
    peak_rss_above_weights_bytes: u64,
    /// Speed over the last 8,192 tokens, of that over the second 8,192; with `--growth` compared in turn.
    last_over_second_8k: Option<f64>,
    /// With `--growth`: what the same comparison gives for the beginning and itself.
    beginning_over_itself: Option<f64>,
}

/// Measures.
pub fn run(
    args: &BenchArgs,
    printer: &mut Printer,
    interrupt: &Arc<AtomicBool>,
    started: Instant,
) -> Result<ExitStatus> {
    match (&args.command, &args.file) {
        (Some(BenchCommand::Lengths(args)), _) => lengths::run(args, printer, interrupt),
        (Some(BenchCommand::LengthsRun(args)), _) => lengths::run_one(args, printer, interrupt, started),
        (Some(BenchCommand::Kernel(args)), _) => kernel::run(args, printer, interrupt),
        (None, Some(file)) => compare(args, file, printer),
        (None, None) => bail!("bench reads a text; name its file"),
    }
}

fn compare(args: &BenchArgs, file: &Path, printer: &mut Printer) -> Result<ExitStatus> {
    if file.as_os_str() == "-" {
        return Err(BenchError::Stdin.into());
    }
    let mut results: Vec<Vec<BenchResult>> = args.policies.iter().map(|_| Vec::new()).collect();
    for round in 0..args.runs {
        let mut order: Vec<_> = args.policies.iter().zip(&mut results).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for (policy, results) in order {
            printer.detail(&format!("run {} of {}: {}", round + 1, args.runs, name(*policy)));
            results.push(spawn(args, file, *policy)?);
        }
    }
    let rows: Vec<Row> =
        args.policies.iter().zip(&results).map(|(policy, runs)| row(*policy, runs, &results[0])).collect();
    let text = if args.json { serde_json::to_string(&rows)? + "\n" } else { table(&rows, args) };
    printer.stdout(&text)?;
    Ok(ExitStatus::Success)
}

fn name(policy: BenchPolicy) -> String {
    policy.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned())
}

fn spawn(args: &BenchArgs, file: &Path, policy: BenchPolicy) -> Result<BenchResult> {
    let mut child = Child::new(&["bench-run"], file, &args.engine)?;
    child.args(["--tokens", &args.tokens.to_string(), "--policy", &name(policy)]);
    child.args(["--growth", &args.growth.to_string()]);
    child.result(&name(policy))
}

/// Reads the names of policies.
fn any_policy() -> impl TypedValueParser<Value = Policy> {
    PossibleValuesParser::new(Policy::ALL.map(|policy| policy.rule().name())).try_map(|name| policy_named(&name))
}

fn policy_named(name: &str) -> Result<Policy, &'static str> {
    Policy::ALL.into_iter().find(|policy| policy.rule().name() == name).ok_or("no such policy")
}

/// Refuses what cannot go together.
fn check_policies(engine: &EngineArgs, policies: &[Policy]) -> Result<(), clap::Error> {
    engine.check()?;
    engine.check_choice(policies.iter().any(|policy| !policy.rule().folds() && policy.rule().retain(1).is_some()))
}

/// Gives a policy that folds a gate: that of the catalogue, or a random one, where nobody named one.
fn need_gate(engine: &mut Engine, policy: Policy, printer: &mut Printer) -> Result<()> {
    if policy.needs_gate() {
        engine.open_built_in(printer)?;
        if engine.gate.is_none() && policy.rule().folds() {
            engine.gate = Some("random:1".parse::<GateSpec>()?.open(&engine.model.shape())?);
        }
    }
    policy.check_gate(engine.gate.as_ref())?;
    Ok(())
}

/// How documents are read under a policy.
fn settings(args: &EngineArgs, engine: &mut Engine, policy: Policy, printer: &mut Printer) -> Result<Settings> {
    need_gate(engine, policy, printer)?;
    let gate = policy.gate_of(engine.gate.take());
    Ok(Settings {
        policy: Some(policy),
        sizes: engine.sizes,
        cache_type: args.cache_type.into(),
        flash_attention: !args.no_flash_attention,
        threads: engine.threads,
        max_tokens: 0,
        max_memory: None,
        gate,
        is_gate_offered: false,
        model_id: engine.model_id,
        sampler: SamplerParams::default(),
    })
}

/// Version of this program and what it was built for.
fn build_name() -> String {
    format!("{} {}", env!("CARGO_PKG_VERSION"), Build::this().target)
}

fn window_name(engine: &EngineArgs) -> String {
    match engine.budget {
        Some(budget) => format!("budget {budget}"),
        None => format!("window {}", engine.window),
    }
}

/// One run; prints its result as JSON.
pub fn run_one(args: &BenchRunArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    let source = Source::open(&args.file, Reading::default(), interrupt)?;
    let mut engine = Engine::load(&args.engine, printer)?;
    let policy = match args.policy {
        BenchPolicy::Plain | BenchPolicy::Streaming => Policy::Streaming,
        BenchPolicy::Snapkv => Policy::SnapKv,
        BenchPolicy::Pyramidkv => Policy::PyramidKv,
        BenchPolicy::Learned => Policy::Learned,
        BenchPolicy::Edgeinfinite => Policy::EdgeInfinite,
    };
    need_gate(&mut engine, policy, printer)?;
    let mut document = TokenStream::new(source, engine.model.vocab(), Arc::clone(interrupt))?;
    let folded = engine.gate.as_ref().filter(|_| policy.rule().folds());
    let memory = folded.map_or(0, |gate| memory_bytes(&engine.model.shape(), gate));
    let sizes = engine.sizes.resolve(policy, &engine.model, args.engine.cache_type.into(), memory);
    let settings = BenchSettings {
        sizes: sizes.map_err(SummaryError::from)?,
        cache_type: args.engine.cache_type.into(),
        flash_attention: !args.engine.no_flash_attention,
        threads: engine.threads,
        tokens: args.tokens,
        growth_rounds: args.growth,
        growth_tokens: args.growth_tokens,
    };
    let (gate, model_id) = (engine.gate.take(), engine.model_id);
    let result = bench::run(
        &engine.model,
        &mut document,
        &settings,
        |layout| {
            if args.policy == BenchPolicy::Plain {
                return Ok(Compaction::Plain);
            }
            let gate = policy.gate_of(gate);
            let gate = gate.map(|gate| NativeGate::new(&engine.model, &gate)).transpose()?;
            let retain = engine.sizes.retain_of(policy, layout.n_retain);
            Ok(Compaction::Edgeinf { gate, n_front_max: layout.n_front, retain, model_id })
        },
        interrupt,
    )?;
    printer.stdout(&(serde_json::to_string(&result)? + "\n"))?;
    Ok(ExitStatus::Success)
}

fn row(policy: BenchPolicy, runs: &[BenchResult], first: &[BenchResult]) -> Row {
    let speed = |r: &BenchResult| r.tokens as f64 / r.seconds;
    let pairs = || runs.iter().zip(first);
    let paired: Vec<f64> = runs.iter().flat_map(|r| r.growth.end_over_beginning.clone()).collect();
    let by_chance: Vec<f64> = runs.iter().flat_map(|r| r.growth.beginning_over_itself.clone()).collect();
    let apart: Vec<f64> = runs
        .iter()
        .filter(|r| r.seconds_per_8k.len() >= 3)
        .map(|r| r.seconds_per_8k[1] / r.seconds_per_8k[r.seconds_per_8k.len() - 1])
        .collect();
    let peak = runs.iter().map(|r| r.peak_rss_bytes).max().unwrap_or(0);
    // there is at least one run
    let of = |values: &mut dyn Iterator<Item = f64>| median(values).unwrap_or(0.0);
    Row {
        policy: name(policy),
        tokens: runs[0].tokens,
        prefill_tokens_per_second: of(&mut runs.iter().map(speed)),
        prefill_ratio: of(&mut pairs().map(|(r, f)| speed(r) / speed(f))),
        ms_per_answer_token: of(&mut runs.iter().map(|r| r.ms_per_answer_token)),
        answer_ratio: of(&mut pairs().map(|(r, f)| r.ms_per_answer_token / f.ms_per_answer_token)),
        peak_rss_bytes: peak,
        peak_rss_above_weights_bytes: peak.saturating_sub(runs[0].weights_bytes),
        last_over_second_8k: median(if paired.is_empty() { apart } else { paired }),
        beginning_over_itself: median(by_chance),
    }
}

fn table(rows: &[Row], args: &BenchArgs) -> String {
    let mut text = format!(
        "{} runs of {} tokens, {}, segment {}; medians; ratios to {} of runs next to each other\n",
        args.runs,
        rows[0].tokens,
        window_name(&args.engine),
        args.engine.segment,
        rows[0].policy
    );
    let _ = writeln!(
        text,
        "{:<14} {:>9} {:>7} {:>10} {:>7} {:>10} {:>14} {:>16} {:>9}",
        "policy",
        "prefill/s",
        "ratio",
        "ms/answer",
        "ratio",
        "peak MiB",
        "above weights",
        "last/second 8K",
        "by chance"
    );
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let shown = |ratio: Option<f64>| ratio.map_or("-".into(), |ratio| format!("{ratio:.3}"));
    for row in rows {
        let _ = writeln!(
            text,
            "{:<14} {:>9.1} {:>7.3} {:>10.2} {:>7.3} {:>10.1} {:>14.1} {:>16} {:>9}",
            row.policy,
            row.prefill_tokens_per_second,
            row.prefill_ratio,
            row.ms_per_answer_token,
            row.answer_ratio,
            mib(row.peak_rss_bytes),
            mib(row.peak_rss_above_weights_bytes),
            shown(row.last_over_second_8k),
            shown(row.beginning_over_itself),
        );
    }
    text
}
