//! `edgeinf eval summary`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use clap::Args;

use crate::cli::args::EngineArgs;
use crate::cli::embeddings::{EmbeddingArgs, embedder};
use crate::cli::engine::threads;
use crate::cli::exit::ExitStatus;
use crate::cli::printer::Printer;
use crate::eval::summary::{self, Plan};
use crate::eval::{Desk, SummaryRecord, read_pairs, summary_table};
use crate::models::{Cache, cached_sha256};
use crate::summary::request::Length;

use super::results::Results;
use super::{EvalPolicy, FormArgs, conditions, setting, settings};

/// Arguments of `eval summary`.
#[derive(Debug, Args)]
pub struct SummaryArgs {
    /// File with a JSON object on each line: id, document, reference and, where they are known, facts.
    #[arg(value_name = "PAIRS.jsonl")]
    pub pairs: PathBuf,
    /// How documents are read; 'none' lets the model write without them. The default is full, streaming and snapkv, and
    /// with --gate what it is for.
    #[arg(long, value_name = "POLICY", value_delimiter = ',')]
    pub policies: Vec<EvalPolicy>,
    /// How long summaries are to be: short, medium, long or a number of words.
    #[arg(long, value_name = "LENGTH", default_value_t = Length::Medium)]
    pub length: Length,
    #[command(flatten)]
    pub form: FormArgs,
    /// What compares summaries with references.
    #[command(flatten)]
    pub embeddings: EmbeddingArgs,
    /// Append results to FILE, where those that are there already are not made again; the table goes to stdout then.
    /// Without it results go to stdout.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Model, sizes of the cache and so on.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Measures.
pub(super) fn run(args: &SummaryArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    let pairs = read_pairs(&args.pairs)?;
    let (mut results, done) = Results::open(args.output.as_deref())?;
    let sentences = args.embeddings.load()?;
    let mut embedder = embedder(sentences.as_ref(), threads(args.engine.threads)?, interrupt)?;
    let sentences_sha256 = match &sentences {
        Some(model) => cached_sha256(model.path(), Cache::from_env()?.dir())?,
        None => String::new(),
    };
    let mut engine = super::load(&args.engine, &args.policies, printer)?;
    let setting = setting(&args.engine, &engine, args.form.into())?;
    let conditions = conditions(&args.policies, &engine)?;
    let settings = settings(&args.engine, &mut engine, Some(args.form));
    let desk = Desk { model: &engine.model, settings, form: args.form.into(), interrupt: Arc::clone(interrupt) };
    let n_all = pairs.len() * conditions.len();
    let mut records: Vec<SummaryRecord> = Vec::new();
    let plan = Plan { conditions: &conditions, length: args.length, setting: &setting };
    let comparer = embedder.as_mut().map(|embedder| (embedder, sentences_sha256.as_str()));
    summary::run(&desk, &pairs, plan, comparer, &done, &mut |record, known| {
        results.put(record, known, printer)?;
        records.push(record.clone());
        printer.detail(&format!("{} of {n_all}: {}", records.len(), record.case));
        Ok(())
    })?;
    results.finish(&summary_table(&records), printer)?;
    Ok(ExitStatus::Success)
}
