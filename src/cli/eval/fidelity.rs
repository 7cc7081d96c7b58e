//! `edgeinf eval fidelity`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use clap::Args;

use crate::cli::args::EngineArgs;
use crate::cli::exit::ExitStatus;
use crate::cli::printer::Printer;
use crate::eval::{
    Comparison, Condition, EvalError, FidelityRecord, Form, Student, fidelity_table, read_text_within_context,
};
use crate::memory::budget::Budget;
use crate::memory::request::SizeRequest;

use super::results::Results;
use super::{EvalPolicy, setting, settings};

/// Arguments of `eval fidelity`.
#[derive(Debug, Args)]
pub struct FidelityArgs {
    /// Text files; as much is read of each as --tokens and the context of the model allow.
    #[arg(value_name = "TEXT", required = true)]
    pub texts: Vec<PathBuf>,
    /// What is compared with full attention. The default is streaming and snapkv, and with --gate what it is for.
    #[arg(long, value_name = "POLICY", value_delimiter = ',')]
    pub policies: Vec<EvalPolicy>,
    /// Several budgets, such as 516tok,1028tok: every policy is measured with each, and full attention computed once.
    #[arg(long, value_name = "SIZE", value_delimiter = ',', conflicts_with_all = ["budget", "window"])]
    pub budgets: Vec<Budget>,
    /// Tokens of each text.
    #[arg(long, value_name = "N", default_value_t = 8192, value_parser = clap::value_parser!(u32).range(2..))]
    pub tokens: u32,
    /// The first token whose prediction counts.
    #[arg(long, value_name = "N", default_value_t = 2048)]
    pub from: u32,
    /// Append results to FILE, where those that are there already are not made again; the table goes to stdout then.
    /// Without it results go to stdout.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Model, sizes of the cache and so on.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Measures.
pub(super) fn run(args: &FidelityArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    let (mut results, mut done) = Results::open(args.output.as_deref())?;
    let mut engine = super::load(&args.engine, &args.policies, printer)?;
    let setting = setting(&args.engine, &engine, Form::default())?;
    let mut conditions: Vec<Condition> = args.policies.iter().map(|&policy| policy.into()).collect();
    if conditions.is_empty() {
        conditions = vec![Condition::Streaming, Condition::SnapKv];
        conditions.extend(super::of_gate(&engine));
    }
    let settings = settings(&args.engine, &mut engine, None);
    let requests: Vec<SizeRequest> = match args.budgets.as_slice() {
        [] => vec![settings.sizes],
        budgets => budgets.iter().map(|&budget| SizeRequest { budget: Some(budget), ..settings.sizes }).collect(),
    };
    let mut students = Vec::new();
    for request in requests {
        for &condition in &conditions {
            let student = Student::new(&engine.model, &settings, request, condition)?;
            if !students.contains(&student) {
                students.push(student);
            }
        }
    }
    let comparison = Comparison::new(&engine.model, &settings, args.from as usize, Arc::clone(interrupt));
    let mut records: Vec<FidelityRecord> = Vec::new();
    for path in &args.texts {
        let text = read_text_within_context(&engine.model, path, args.tokens as usize, interrupt)?;
        let case = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        printer.detail(&format!("{case}: {} tokens", text.len()));
        comparison.run(&case, &text, &students, &setting, &mut done, &mut |record, known| {
            results.put(record, known, printer)?;
            // the same text under another name would make intervals narrow that are not
            let same = |r: &FidelityRecord| {
                (&r.text_sha256, r.policy, &r.setting) == (&record.text_sha256, record.policy, &record.setting)
            };
            if !records.iter().any(same) {
                records.push(record.clone());
            }
            Ok::<(), EvalError>(())
        })?;
    }
    results.finish(&fidelity_table(&records), printer)?;
    Ok(ExitStatus::Success)
}
