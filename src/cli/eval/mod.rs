//! `edgeinf eval`.

mod answer;
mod fidelity;
mod gates;
mod longbench;
mod needle;
mod report;
mod results;
mod score;
mod summary;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand, ValueEnum};

use crate::eval::{Condition, EvalError, Form, Setting};
use crate::llama::{Build, SamplerParams};
use crate::memory::gate::GateSpec;
use crate::memory::policy::Policy;
use crate::models::{Cache, cached_sha256, sha256_bytes, sha256_file};
use crate::summary::plan::Settings;

use super::args::EngineArgs;
use super::engine::Engine;
use super::exit::ExitStatus;
use super::printer::Printer;

pub use answer::AnswerArgs;
pub use fidelity::FidelityArgs;
pub use gates::GatesArgs;
pub use longbench::LongBenchArgs;
pub use needle::NeedleArgs;
pub use report::ReportArgs;
pub use score::ScoreArgs;
pub use summary::SummaryArgs;

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// What to measure.
    #[command(subcommand)]
    pub command: EvalCommand,
}

impl EvalArgs {
    /// Refuses what cannot go together.
    pub fn check(&self) -> Result<(), clap::Error> {
        // snapkv is one of the policies that are measured where none is named, except by 'answer'
        let (engine, policies, by_default) = match &self.command {
            EvalCommand::Answer(args) => (&args.engine, &args.policies, false),
            EvalCommand::Fidelity(args) => (&args.engine, &args.policies, true),
            EvalCommand::Needle(args) => (&args.engine, &args.policies, true),
            EvalCommand::Gates(args) => return args.engine.check(),
            EvalCommand::LongBench(args) => (&args.engine, &args.policies, true),
            EvalCommand::Summary(args) => (&args.engine, &args.policies, true),
            EvalCommand::Report(_) | EvalCommand::Score(_) => return Ok(()),
        };
        engine.check()?;
        engine.check_choice(retain(policies) || by_default && policies.is_empty())
    }
}

/// Whether one of them chooses tokens that stay.
fn retain(policies: &[EvalPolicy]) -> bool {
    policies.iter().any(|policy| {
        matches!(policy, EvalPolicy::Snapkv | EvalPolicy::SnapkvQuestion | EvalPolicy::Pyramidkv | EvalPolicy::Learned)
    })
}

/// The commands of `eval`.
#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// How likely known answers are after their documents were read; nothing is generated.
    Answer(AnswerArgs),
    /// How far the predictions on a text are from those of full attention.
    Fidelity(FidelityArgs),
    /// How many facts of an invented document the model can tell or complete after reading it, by length and depth.
    Needle(NeedleArgs),
    /// How far the gates of the memory are open when a summary is asked for, by layer and by how much of a text was read.
    Gates(GatesArgs),
    /// The benchmark LongBench, from a folder of its files.
    #[command(name = "longbench")]
    LongBench(LongBenchArgs),
    /// How good the summaries are that the model writes, against those that somebody wrote.
    Summary(SummaryArgs),
    /// Tables and plots of results, as Markdown and SVG.
    Report(ReportArgs),
    /// Score a summary that is there already against its document, its facts and what somebody wrote.
    Score(ScoreArgs),
}

/// `--policies`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EvalPolicy {
    /// No document at all.
    None,
    /// Ordinary attention over everything.
    Full,
    /// Keep prompt, sinks and window; forget the rest.
    Streaming,
    /// Keep prompt, sinks, window and what the newest tokens attend to; forget the rest.
    Snapkv,
    /// The same, with a last choice after the question.
    SnapkvQuestion,
    /// As snapkv, more of it in lower layers than in higher ones.
    Pyramidkv,
    /// Keep prompt, sinks, window and what the gate's scores find worth keeping; forget the rest.
    Learned,
    /// Keep prompt, sinks, window and, if the gate has scores, what these find worth keeping; fold the rest into a memory.
    Edgeinfinite,
}

impl From<EvalPolicy> for Condition {
    fn from(policy: EvalPolicy) -> Self {
        match policy {
            EvalPolicy::None => Self::None,
            EvalPolicy::Full => Self::Full,
            EvalPolicy::Streaming => Self::Streaming,
            EvalPolicy::Snapkv => Self::SnapKv,
            EvalPolicy::SnapkvQuestion => Self::SnapKvQuestion,
            EvalPolicy::Pyramidkv => Self::PyramidKv,
            EvalPolicy::Learned => Self::Learned,
            EvalPolicy::Edgeinfinite => Self::EdgeInfinite,
        }
    }
}

/// Measures.
pub fn run(args: &EvalArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    match &args.command {
        EvalCommand::Answer(args) => answer::run(args, printer, interrupt),
        EvalCommand::Fidelity(args) => fidelity::run(args, printer, interrupt),
        EvalCommand::Needle(args) => needle::run(args, printer, interrupt),
        EvalCommand::Gates(args) => gates::run(args, printer, interrupt),
        EvalCommand::LongBench(args) => longbench::run(args, printer, interrupt),
        EvalCommand::Summary(args) => summary::run(args, printer, interrupt),
        EvalCommand::Report(args) => report::run(args, printer),
        EvalCommand::Score(args) => score::run(args, printer, interrupt),
    }
}

/// What the arguments name, with the catalogue's gate where it was asked for.
fn load(args: &EngineArgs, policies: &[EvalPolicy], printer: &mut Printer) -> Result<Engine> {
    let mut engine = Engine::load(args, printer)?;
    if policies.iter().any(|&policy| Condition::from(policy).policy().is_some_and(Policy::needs_gate)) {
        engine.open_built_in(printer)?;
    }
    Ok(engine)
}

/// What the gate that was named is measured with: its memory, or its scores if it has no memory.
fn of_gate(engine: &Engine) -> Option<Condition> {
    let gate = engine.gate.as_ref().filter(|_| engine.is_gate_named)?;
    Some(if gate.layers.is_empty() { Condition::Learned } else { Condition::EdgeInfinite })
}

/// The policies asked for, in order; by default full, streaming and snapkv, and with --gate what it is for.
fn conditions(policies: &[EvalPolicy], engine: &Engine) -> Result<Vec<Condition>, EvalError> {
    let mut conditions: Vec<Condition> = policies.iter().map(|&policy| policy.into()).collect();
    if conditions.is_empty() {
        conditions = vec![Condition::Full, Condition::Streaming, Condition::SnapKv];
        conditions.extend(of_gate(engine));
    }
    for policy in conditions.iter().filter_map(|condition| condition.policy()) {
        policy.check_gate(engine.gate.as_ref())?;
    }
    conditions.sort_unstable();
    conditions.dedup();
    Ok(conditions)
}

/// How documents are read.
fn settings(args: &EngineArgs, engine: &mut Engine, form: Option<FormArgs>) -> Settings {
    if form.is_some_and(|form| form.no_window) {
        engine.sizes.window = 0;
    }
    Settings {
        policy: None,
        sizes: engine.sizes,
        cache_type: args.cache_type.into(),
        flash_attention: !args.no_flash_attention,
        threads: engine.threads,
        max_tokens: 0,
        max_memory: None,
        gate: engine.gate.take(),
        is_gate_offered: false,
        model_id: engine.model_id,
        sampler: SamplerParams::default(),
    }
}

/// Ways of reading that only an evaluation has.
#[derive(Debug, Clone, Copy, Args)]
pub struct FormArgs {
    /// Read each document as one segment and let everything leave at once behind it, as SnapKV was published; only within the
    /// trained context.
    #[arg(long)]
    pub prefill_once: bool,
    /// Ablation of EdgeInfinite: keep neither prompt nor sinks, and let the instruction stand only behind the document.
    #[arg(long)]
    pub no_sinks: bool,
    /// Ablation of EdgeInfinite: when tokens leave, keep no recent ones.
    #[arg(long, conflicts_with_all = ["window", "budget"])]
    pub no_window: bool,
}

impl From<FormArgs> for Form {
    fn from(args: FormArgs) -> Self {
        Self { prefill_once: args.prefill_once, no_sinks: args.no_sinks }
    }
}

fn setting(args: &EngineArgs, engine: &Engine, form: Form) -> Result<Setting> {
    let gate_sha256 = match &engine.gate_spec {
        Some(GateSpec::File(path)) => Some(sha256_file(path)?),
        Some(GateSpec::BuiltIn(gate)) => Some(sha256_bytes(gate.bytes)),
        // a random one has no file
        Some(GateSpec::Random { .. }) | None => None,
    };
    Ok(Setting {
        model: args.model.display().to_string(),
        model_sha256: cached_sha256(&engine.path, Cache::from_env()?.dir())
            .with_context(|| format!("'{}' cannot be hashed", engine.path.display()))?,
        gate: engine.gate_spec.as_ref().map(ToString::to_string),
        gate_sha256,
        // the examiner fills in what a policy makes of what was asked for
        sinks: engine.sizes.sinks,
        retain: 0,
        queries: args.queries.map(|queries| queries.to_string()),
        neighbours: None,
        window: engine.sizes.window,
        segment: engine.sizes.segment,
        cache_type: clap::ValueEnum::to_possible_value(&args.cache_type)
            .map_or_else(String::new, |value| value.get_name().to_owned()),
        flash_attention: !args.no_flash_attention,
        form,
        build: format!("{} {}", env!("CARGO_PKG_VERSION"), Build::this().target),
    })
}
