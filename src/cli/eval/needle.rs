//! `edgeinf eval needle`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use clap::Args;

use crate::cli::args::EngineArgs;
use crate::cli::exit::ExitStatus;
use crate::cli::printer::Printer;
use crate::eval::{Condition, Desk, EvalError, Haystack, NeedleRecord, needle, needle_table};
use crate::sample::{MAX_TOKENS, MIN_TOKENS};

use super::results::Results;
use super::{EvalPolicy, FormArgs, conditions, setting, settings};

/// Arguments of `eval needle`.
#[derive(Debug, Args)]
pub struct NeedleArgs {
    /// Lengths of the documents in tokens of the default model; 8K is 8192.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "4K,8K,16K,32K,64K,128K", value_parser = parse_length)]
    pub lengths: Vec<u64>,
    /// Seeds of the documents: one of each length for each seed.
    #[arg(long, value_name = "S", value_delimiter = ',', default_value = "1")]
    pub seeds: Vec<u64>,
    /// How documents are read. The default is full, streaming and snapkv, and with --gate what it is for.
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

pub(super) fn parse_length(text: &str) -> Result<u64, String> {
    let (digits, unit) = text.strip_suffix(['K', 'k']).map_or((text, 1), |digits| (digits, 1024));
    let n = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
    n.filter(|n| (MIN_TOKENS..=MAX_TOKENS).contains(n))
        .ok_or_else(|| format!("must be a number of tokens from {MIN_TOKENS} to {MAX_TOKENS}, such as 8192 or 8K"))
}

/// Measures.
pub(super) fn run(args: &NeedleArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    let (mut results, done) = Results::open(args.output.as_deref())?;
    let mut engine = super::load(&args.engine, &args.policies, printer)?;
    let setting = setting(&args.engine, &engine, args.form.into())?;
    let conditions = conditions(&args.policies, &engine)?;
    if conditions.contains(&Condition::None) {
        return Err(EvalError::ClosedBook.into());
    }
    let settings = settings(&args.engine, &mut engine, Some(args.form));
    let desk = Desk { model: &engine.model, settings, form: args.form.into(), interrupt: Arc::clone(interrupt) };
    let mut records: Vec<NeedleRecord> = Vec::new();
    // what is asked twice counts once
    let once = |all: &[u64]| all.iter().copied().collect::<BTreeSet<u64>>();
    for length in once(&args.lengths) {
        for seed in once(&args.seeds) {
            let haystack = Haystack::new(length, seed)?;
            printer.detail(&format!("{}: {} facts", haystack.name(), haystack.n_questions()));
            needle::run(&desk, &haystack, &conditions, &setting, &done, &mut |record, known| {
                results.put(record, known, printer)?;
                records.push(record.clone());
                Ok(())
            })?;
        }
    }
    results.finish(&needle_table(&records), printer)?;
    Ok(ExitStatus::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read() {
        assert_eq!((parse_length("8K"), parse_length("4000"), parse_length("1k")), (Ok(8192), Ok(4000), Ok(1024)));
        for text in ["", "K", "-1K", "100", "9999999999999999999K", "1M"] {
            assert!(parse_length(text).is_err(), "{text}");
        }
    }
}
