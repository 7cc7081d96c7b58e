//! `edgeinf eval longbench`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use clap::Args;

use crate::cli::args::EngineArgs;
use crate::cli::exit::ExitStatus;
use crate::cli::printer::Printer;
use crate::eval::longbench::{self, BenchmarkSet, LongBenchRecord};
use crate::eval::{Desk, EvalError, longbench_table};

use super::results::Results;
use super::{EvalPolicy, conditions, setting, settings};

/// Arguments of `eval longbench`.
#[derive(Debug, Args)]
pub struct LongBenchArgs {
    /// Folder with LongBench's files (DATASET.jsonl) and its dataset2prompt.json and dataset2maxlen.json.
    pub dir: PathBuf,
    /// Only these datasets.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub datasets: Vec<String>,
    /// Only the first N cases of each dataset.
    #[arg(long, value_name = "N")]
    pub cases: Option<usize>,
    /// How texts are read; 'none' asks without them. The default is full, streaming and snapkv, and with --gate what it is for.
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

/// Measures.
pub(super) fn run(args: &LongBenchArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    let mut set = BenchmarkSet::open(&args.dir).map_err(EvalError::from)?;
    if !set.left_out.is_empty() {
        printer.note(&format!("left out, no English or code dataset: {}", set.left_out.join(", ")));
    }
    if let Some(name) = args.datasets.iter().find(|name| set.datasets.iter().all(|dataset| dataset.name != **name)) {
        return Err(EvalError::NoDataset { dir: args.dir.clone(), name: name.clone() }.into());
    }
    set.datasets.retain(|dataset| args.datasets.is_empty() || args.datasets.contains(&dataset.name));
    let (mut results, done) = Results::open(args.output.as_deref())?;
    let mut engine = super::load(&args.engine, &args.policies, printer)?;
    let setting = setting(&args.engine, &engine, Default::default())?;
    let conditions = conditions(&args.policies, &engine)?;
    let settings = settings(&args.engine, &mut engine, None);
    let desk = Desk { model: &engine.model, settings, form: Default::default(), interrupt: Arc::clone(interrupt) };
    let mut records: Vec<LongBenchRecord> = Vec::new();
    for dataset in &set.datasets {
        let cases = dataset.cases().map_err(EvalError::from)?;
        for case in cases.take(args.cases.unwrap_or(usize::MAX)) {
            let case = case.map_err(EvalError::from)?;
            longbench::run(&desk, dataset, &case, &conditions, &setting, &done, &mut |record, known| {
                results.put(record, known, printer)?;
                records.push(record.clone());
                printer.detail(&format!("{}: {}", record.case, record.policy));
                Ok(())
            })?;
        }
    }
    results.finish(&longbench_table(&records), printer)?;
    Ok(ExitStatus::Success)
}
