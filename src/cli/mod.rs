//! The command line.

mod args;
mod bench;
mod exit;
mod interrupt;
mod model;
mod printer;
mod summarize;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use crate::llama::Backend;

use args::{Cli, Command};
use exit::ExitStatus;
use printer::Printer;

/// Runs the program with the arguments of the process.
pub fn run() -> ExitCode {
    let start = Instant::now();
    let cli = Cli::parse();
    let engine = match &cli.command {
        Command::Summarize(args) => Some(&args.engine),
        Command::Bench(args) => Some(&args.engine),
        Command::BenchRun(args) => Some(&args.engine),
        Command::Model(_) => None,
    };
    if let Some(Err(error)) = engine.map(args::EngineArgs::check) {
        error.exit();
    }
    let mut printer = Printer::new(cli.verbose);
    if cli.verbose {
        Backend::set_log_sink(printer::llama_log);
    }
    Backend::set_abort_handler(printer::llama_abort);
    let interrupt = match interrupt::install() {
        Ok(interrupt) => interrupt,
        Err(error) => return printer.fail(&error.into()).into(),
    };
    let result = match cli.command {
        Command::Summarize(args) => summarize::run(&args, &mut printer, &interrupt, start),
        Command::Model(args) => model::run(&args.command, &mut printer, &interrupt),
        Command::Bench(args) => bench::run(&args, &mut printer),
        Command::BenchRun(args) => bench::run_one(&args, &mut printer, &interrupt),
    };
    let status = match result {
        Ok(status) => status,
        // a reader that has seen enough is no failure
        Err(_) if printer.is_closed() => ExitStatus::Success,
        Err(error) => printer.fail(&error),
    };
    status.into()
}
