//! `edgeinf doctor`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::doctor::{Facts, Finding, Level, gather};
use crate::models::DEFAULT_MODEL;

use super::exit::ExitStatus;
use super::printer::Printer;

const EXIT_CODES: &str = "\
Exit codes:
  0  summarize has what it needs; there may be warnings
  1  something keeps summarize from working, or this command failed";

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct DoctorArgs {
    /// Name or path of the model that is to work.
    #[arg(short, long, default_value = DEFAULT_MODEL)]
    pub model: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    /// Whether nothing keeps `summarize` from working.
    ok: bool,
    findings: &'a [Finding],
    #[serde(flatten)]
    facts: &'a Facts,
}

/// Prints the facts and what they mean.
pub fn run(args: &DoctorArgs, printer: &mut Printer) -> Result<ExitStatus> {
    let facts = gather(&args.model)?;
    let findings = facts.findings();
    let ok = findings.iter().all(|finding| finding.level != Level::Problem);
    if args.json {
        let json = Json { ok, findings: &findings, facts: &facts };
        printer.stdout(&(serde_json::to_string(&json)? + "\n"))?;
    } else {
        // it names files and programs of this machine
        printer.summary(&facts.to_text())?;
    }
    Ok(if ok { ExitStatus::Success } else { ExitStatus::Failure })
}
