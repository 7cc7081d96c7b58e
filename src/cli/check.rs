//! `edgeinf check`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, ValueEnum};

use crate::check::{Case, Cases, CheckError, Document, Report, Runner, TableStyle};

use super::args::{Cli, Command, SummarizeArgs};
use super::exit::ExitStatus;
use super::output::OutputFile;
use super::place::same_file;
use super::printer::Printer;

const EXIT_CODES: &str = "\
Exit codes:
  0  every case passed
  1  a case failed, or something else did
  2  usage: the cases file is not understood
  3  the cases file is unreadable
130  interrupted; a second Ctrl-C ends the process at once

docs/check.md describes the file.";

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct CheckArgs {
    /// File with documents and what is expected of their summaries.
    #[arg(value_name = "CASES.toml")]
    pub cases: PathBuf,
    /// Form of the report.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ReportFormat,
    /// Write the report to FILE; the table goes to stdout all the same.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A row for each case, for people.
    Table,
    /// One object with everything.
    Json,
    /// XML that CI services show.
    Junit,
}

/// Runs the cases, one after the other, and reports.
pub fn run(args: &CheckArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    let cases = Cases::load(&args.cases)?;
    // a report takes the place of nothing that is read
    let taken = |is_read: bool| match &args.output {
        Some(output) if is_read => Err(CheckError::Output { path: output.clone() }),
        _ => Ok(()),
    };
    let output = args.output.as_deref();
    taken(output.is_some_and(|output| same_file(&args.cases, output)))?;
    for case in &cases.cases {
        let run = understand(case).map_err(|problem| cases.invalid(case, &problem))?;
        taken(output.zip(run).is_some_and(|(output, run)| run.reads(output, &cases.dir)))?;
    }
    // now: a wrong path should not cost a run
    let output = args.output.as_deref().map(OutputFile::create).transpose()?;
    let show_table = args.format == ReportFormat::Table || args.output.is_some();

    let program = std::env::current_exe().context("this program cannot find itself")?;
    let runner = Runner { program, dir: &cases.dir, interrupt };
    let style = TableStyle::new(&cases.cases);
    let mut table = String::new();
    let mut show = |text: String, printer: &mut Printer| {
        table += &text;
        match printer.summary(if show_table { &text } else { "" }) {
            // the exit code counts even if nobody reads on
            Err(_) if printer.is_closed() => Ok(()),
            shown => shown,
        }
    };
    show(style.head(), printer)?;
    let mut results = Vec::new();
    for (i, case) in cases.cases.iter().enumerate() {
        printer.detail(&format!("case {} of {}: {}", i + 1, cases.cases.len(), case.name));
        if interrupt.load(Ordering::Relaxed) {
            return Err(CheckError::Interrupted.into());
        }
        let result = runner.run(case)?;
        show(style.row(&result), printer)?;
        results.push(result);
    }
    let report = Report::new(args.cases.display().to_string(), results);
    show(style.foot(&report), printer)?;

    let text = match args.format {
        ReportFormat::Table => table,
        ReportFormat::Json => report.to_json()?,
        ReportFormat::Junit => report.to_junit()?,
    };
    match output {
        Some(mut file) => {
            file.write(&text)?;
            file.finish()?;
        }
        None if show_table => {}
        None => printer.stdout(&text)?,
    }
    Ok(if report.failed == 0 { ExitStatus::Success } else { ExitStatus::Failure })
}

/// Finds mistakes in the options before the first run: they are what `summarize` would be called with.
fn understand(case: &Case) -> Result<Option<SummarizeArgs>, String> {
    let document = match &case.document {
        Document::File(path) => path.as_path(),
        Document::Sample { .. } => Path::new("sample.txt"),
    };
    let words = ["edgeinf", "summarize", "--json"].map(Into::into);
    let arguments = case.arguments.iter().map(Into::into);
    let line = words.into_iter().chain([document.as_os_str().to_owned()]).chain(arguments);
    let checked = Cli::try_parse_from(line).and_then(|cli| match cli.command {
        Command::Summarize(args) => args.check().map(|()| Some(args)),
        _ => Ok(None),
    });
    checked.map_err(|error| {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        first.strip_prefix("error: ").unwrap_or(first).to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Expect;

    #[test]
    fn options_are_those_of_summarize() {
        let case = |arguments: &[&str]| Case {
            name: "a".into(),
            line: 1,
            document: Document::Sample { tokens: 9, seed: 1 },
            arguments: arguments.iter().map(|&a| a.to_owned()).collect(),
            timeout_s: 1,
            expect: Expect::default(),
        };
        let checked = |arguments: &[&str]| understand(&case(arguments)).map(drop);
        assert_eq!(
            checked(&["--policy=streaming", "--window=512", "--max-tokens=100", "--no-flash-attention"]),
            Ok(())
        );
        assert_eq!(checked(&["--windw=1"]), Err("unexpected argument '--windw' found".into()));
        assert!(checked(&["--window=0"]).unwrap_err().contains("0 is not in 1..=1000000"));
        assert!(checked(&["--no-flash-attention", "--cache-type=q8_0"]).unwrap_err().contains("--cache-type q8_0"));
    }
}
