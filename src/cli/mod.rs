//! The command line.

mod args;
mod bench;
mod check;
mod doctor;
mod embeddings;
mod engine;
mod eval;
mod exit;
mod generate;
mod input;
mod interrupt;
mod keep_notes;
mod model;
mod output;
mod place;
mod printer;
mod progress;
mod quotes;
mod sample;
mod stamp;
mod summarize;
mod train;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Instant;

use clap::{CommandFactory, Parser};

use crate::llama::Backend;

use args::{Cli, Command};
use exit::ExitStatus;
use printer::{Printer, Verbosity};

/// Runs the program with the arguments of the process.
pub fn run() -> ExitCode {
    let start = Instant::now();
    let cli = Cli::parse();
    let checked = match &cli.command {
        Command::Summarize(args) => args.check(),
        Command::Bench(args) => args.check(),
        Command::BenchRun(args) => args.engine.check(),
        Command::Eval(args) => args.check(),
        Command::Train(args) => args.check(),
        _ => Ok(()),
    };
    if let Err(error) = checked {
        error.exit();
    }
    let verbosity = match (cli.quiet, cli.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    let mut printer = Printer::new(verbosity);
    if cli.verbose {
        Backend::set_log_sink(printer::llama_log);
    }
    Backend::set_abort_handler(printer::llama_abort);
    let interrupt = match interrupt::install() {
        Ok(interrupt) => interrupt,
        Err(error) => return printer.fail(&error.into()).into(),
    };
    let result = match cli.command {
        Command::Summarize(args) if args.reads_stdin() && io::stdin().is_terminal() => {
            printer.usage(&help("summarize"));
            Ok(ExitStatus::Usage)
        }
        Command::Summarize(args) => summarize::run(&args, &mut printer, &interrupt, start),
        Command::Model(args) => model::run(&args.command, &mut printer, &interrupt),
        Command::Sample(args) => sample::run(&args, &mut printer, &interrupt),
        Command::Bench(args) => bench::run(&args, &mut printer, &interrupt, start),
        Command::Eval(args) => eval::run(&args, &mut printer, &interrupt),
        Command::Train(args) => train::run(&args, &mut printer, &interrupt),
        Command::Check(args) => check::run(&args, &mut printer, &interrupt),
        Command::Doctor(args) => doctor::run(&args, &mut printer),
        Command::BenchRun(args) => bench::run_one(&args, &mut printer, &interrupt),
        Command::Completions { shell } => generate::completions(shell, &mut printer),
        Command::Generate { dir } => generate::share(&dir, &mut printer),
    };
    let status = match result {
        Ok(status) => status,
        // a reader that has seen enough is no failure
        Err(_) if printer.is_closed() => ExitStatus::Success,
        Err(error) => printer.fail(&error),
    };
    status.into()
}

/// The help of a command, as `edgeinf COMMAND --help` prints it.
fn help(command: &str) -> String {
    let mut cli = Cli::command();
    cli.build();
    cli.find_subcommand_mut(command).map_or_else(String::new, |c| c.render_help().to_string())
}
