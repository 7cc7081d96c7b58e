//! `edgeinf eval answer`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use clap::Args;

use crate::cli::args::EngineArgs;
use crate::cli::exit::ExitStatus;
use crate::cli::printer::Printer;
use crate::eval::{Condition, Desk, EvalError, Examiner, read_pairs, table};

use super::results::Results;
use super::{EvalPolicy, FormArgs, setting, settings};

/// Arguments of `eval answer`.
#[derive(Debug, Args)]
pub struct AnswerArgs {
    /// File with a JSON object on each line: id, document, reference and, where it is no summary, the question.
    #[arg(value_name = "PAIRS.jsonl")]
    pub pairs: PathBuf,
    /// How documents are read; 'none' scores the answers without them. The default is none, full and streaming, and with
    /// --gate what it is for.
    #[arg(long, value_name = "POLICY", value_delimiter = ',')]
    pub policies: Vec<EvalPolicy>,
    #[command(flatten)]
    pub form: FormArgs,
    /// Append results to FILE, where those that are there already are not made again; the table goes to stdout then.
    /// Without it results go to stdout.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Model, sizes of the cache and so on.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Measures.
pub(super) fn run(args: &AnswerArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    let pairs = read_pairs(&args.pairs)?;
    let (mut results, done) = Results::open(args.output.as_deref())?;
    let mut engine = super::load(&args.engine, &args.policies, printer)?;
    let setting = setting(&args.engine, &engine, args.form.into())?;
    let mut conditions: Vec<Condition> = args.policies.iter().map(|&policy| policy.into()).collect();
    if conditions.is_empty() {
        conditions = vec![Condition::None, Condition::Full, Condition::Streaming];
        conditions.extend(super::of_gate(&engine));
    }
    for policy in conditions.iter().filter_map(|condition| condition.policy()) {
        policy.check_gate(engine.gate.as_ref()).map_err(EvalError::from)?;
    }
    // what a policy recovers is known when the others were measured
    conditions.sort_unstable();
    conditions.dedup();
    let settings = settings(&args.engine, &mut engine, Some(args.form));
    let n_all = pairs.len() * conditions.len();
    let examiner = Examiner::new(Desk {
        model: &engine.model,
        settings,
        form: args.form.into(),
        interrupt: Arc::clone(interrupt),
    });
    let mut records = Vec::new();
    examiner.run(&pairs, &conditions, &setting, &done, &mut |record, known| {
        results.put(record, known, printer)?;
        records.push(record.clone());
        printer.detail(&format!("{} of {n_all}: {}", records.len(), record.case));
        Ok(())
    })?;
    results.finish(&table(&records), printer)?;
    Ok(ExitStatus::Success)
}
