//! `edgeinf eval gates`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use clap::Args;

use crate::cli::args::EngineArgs;
use crate::cli::exit::ExitStatus;
use crate::cli::printer::Printer;
use crate::eval::gates::{Asker, LongText};
use crate::eval::{Form, GatesRecord, gates_table};

use super::needle::parse_length;
use super::results::Results;
use super::{EvalPolicy, setting, settings};

/// Arguments of `eval gates`.
#[derive(Debug, Args)]
pub struct GatesArgs {
    /// Text files, each of at least as many tokens as the largest length.
    #[arg(value_name = "TEXT", required = true)]
    pub texts: Vec<PathBuf>,
    /// Tokens of the text after which a summary is asked for; 8K is 8192.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "8K,32K,128K", value_parser = parse_length)]
    pub lengths: Vec<u64>,
    /// Append results to FILE, where those that are there already are not made again; the table goes to stdout then.
    /// Without it results go to stdout.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Model, sizes of the cache and so on.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Measures.
pub(super) fn run(args: &GatesArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    let (mut results, mut done) = Results::open(args.output.as_deref())?;
    let mut engine = super::load(&args.engine, &[EvalPolicy::Edgeinfinite], printer)?;
    let setting = setting(&args.engine, &engine, Form::default())?;
    let settings = settings(&args.engine, &mut engine, None);
    let lengths: Vec<u64> = args.lengths.iter().copied().collect::<BTreeSet<u64>>().into_iter().collect();
    let asker = Asker::new(&engine.model, &settings, &setting, interrupt)?;
    let longest = lengths.last().copied().unwrap_or(0);
    let read = |path: &PathBuf| LongText::read(&engine.model, path, longest, interrupt);
    // one that is too short is told before hours are spent on the others
    let texts = args.texts.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut records: Vec<GatesRecord> = Vec::new();
    for text in &texts {
        printer.detail(text.case());
        asker.run(text, &lengths, &mut done, &mut |record, known| {
            results.put(record, known, printer)?;
            // the same text under another name counts once
            let same = |r: &GatesRecord| (&r.text_sha256, &r.setting) == (&record.text_sha256, &record.setting);
            if !records.iter().any(same) {
                records.push(record.clone());
            }
            Ok(())
        })?;
    }
    results.finish(&gates_table(&records), printer)?;
    Ok(ExitStatus::Success)
}
