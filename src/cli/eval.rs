//! `edgeinf eval`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand, ValueEnum};

use crate::eval::{Condition, EvalError, Examiner, RecordFile, Setting, read_pairs, table};
use crate::llama::{Build, SamplerParams};
use crate::models::{Cache, cached_sha256, sha256_file};
use crate::summary::plan::Settings;
use crate::summary::prompt::Instructions;

use super::args::EngineArgs;
use super::engine::Engine;
use super::exit::ExitStatus;
use super::printer::Printer;

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
        match &self.command {
            EvalCommand::Answer(args) => args.engine.check(),
        }
    }
}

/// The commands of `eval`.
#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// How likely known answers are after their documents were read; nothing is generated.
    Answer(AnswerArgs),
}

/// Arguments of `eval answer`.
#[derive(Debug, Args)]
pub struct AnswerArgs {
    /// File with a JSON object on each line: id, document, reference and, where it is no summary, the question.
    #[arg(value_name = "PAIRS.jsonl")]
    pub pairs: PathBuf,
    /// How documents are read; 'none' scores the answers without them. The default is all, edgeinfinite only with a gate.
    #[arg(long, value_name = "POLICY", value_delimiter = ',')]
    pub policies: Vec<EvalPolicy>,
    /// Append results to FILE, where those that are there already are not made again; the table goes to stdout then.
    /// Without it results go to stdout.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Model, sizes of the cache and so on.
    #[command(flatten)]
    pub engine: EngineArgs,
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
    /// Keep prompt, sinks and window; fold the rest into a memory.
    Edgeinfinite,
}

impl From<EvalPolicy> for Condition {
    fn from(policy: EvalPolicy) -> Self {
        match policy {
            EvalPolicy::None => Self::None,
            EvalPolicy::Full => Self::Full,
            EvalPolicy::Streaming => Self::Streaming,
            EvalPolicy::Edgeinfinite => Self::EdgeInfinite,
        }
    }
}

/// Measures.
pub fn run(args: &EvalArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    match &args.command {
        EvalCommand::Answer(args) => answer(args, printer, interrupt),
    }
}

fn answer(args: &AnswerArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    let pairs = read_pairs(&args.pairs)?;
    let (mut file, done) = match args.output.as_deref().map(RecordFile::open).transpose()? {
        Some((file, done)) => (Some(file), done),
        None => (None, Vec::new()),
    };
    let mut engine = Engine::load(&args.engine, printer)?;
    let setting = setting(args, &engine)?;
    let mut conditions: Vec<Condition> = args.policies.iter().map(|&policy| policy.into()).collect();
    if conditions.is_empty() {
        conditions = vec![Condition::None, Condition::Full, Condition::Streaming];
        conditions.extend(engine.gate.is_some().then_some(Condition::EdgeInfinite));
    }
    if conditions.contains(&Condition::EdgeInfinite) && engine.gate.is_none() {
        return Err(EvalError::NoGate.into());
    }
    // what a policy recovers is known when the others were measured
    conditions.sort_unstable();
    conditions.dedup();
    let settings = Settings {
        policy: None,
        sizes: engine.sizes,
        cache_type: args.engine.cache_type.into(),
        flash_attention: !args.engine.no_flash_attention,
        threads: engine.threads,
        max_tokens: 0,
        max_memory: None,
        gate: engine.gate.take(),
        model_id: engine.model_id,
        instructions: Instructions::default(),
        sampler: SamplerParams::default(),
    };
    let n_all = pairs.len() * conditions.len();
    let examiner = Examiner::new(&engine.model, settings, Arc::clone(interrupt));
    let mut records = Vec::new();
    examiner.run(&pairs, &conditions, &setting, &done, &mut |record, known| {
        let line = serde_json::to_string(record).map_err(io::Error::from)? + "\n";
        match &mut file {
            Some(file) if !known => file.append(&line)?,
            Some(_) => {}
            None => printer.stdout(&line)?,
        }
        records.push(record.clone());
        printer.detail(&format!("{} of {n_all}: {}", records.len(), record.case));
        Ok(())
    })?;
    let text = table(&records);
    match file {
        Some(_) => printer.stdout(&text)?,
        None => printer.note(&text),
    }
    Ok(ExitStatus::Success)
}

fn setting(args: &AnswerArgs, engine: &Engine) -> Result<Setting> {
    // a random one has no file
    let gate_file = engine.gate_name.as_deref().map(Path::new).filter(|path| path.is_file());
    let gate_sha256 = gate_file.map(sha256_file).transpose()?;
    Ok(Setting {
        model: args.engine.model.display().to_string(),
        model_sha256: cached_sha256(&engine.path, Cache::from_env()?.dir())
            .with_context(|| format!("'{}' cannot be hashed", engine.path.display()))?,
        gate: engine.gate_name.clone(),
        gate_sha256,
        sinks: engine.sizes.sinks,
        window: engine.sizes.window,
        segment: engine.sizes.segment,
        cache_type: clap::ValueEnum::to_possible_value(&args.engine.cache_type)
            .map_or_else(String::new, |value| value.get_name().to_owned()),
        flash_attention: !args.engine.no_flash_attention,
        build: format!("{} {}", env!("CARGO_PKG_VERSION"), Build::this().target),
    })
}
