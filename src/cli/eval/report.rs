//! `edgeinf eval report`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::cli::exit::ExitStatus;
use crate::cli::output::OutputFile;
use crate::cli::printer::Printer;
use crate::eval::report::render;

/// Arguments of `eval report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Results of the other evaluations and of 'bench lengths -o', in any mixture.
    #[arg(value_name = "RESULTS.jsonl", required = true)]
    pub results: Vec<PathBuf>,
    /// Folder for report.md and its plots; without it the tables go to stdout and no plot is drawn.
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// Makes tables and plots.
pub(super) fn run(args: &ReportArgs, printer: &mut Printer) -> Result<ExitStatus> {
    let report = render(&args.results)?;
    let Some(folder) = &args.output else {
        printer.stdout(&report.markdown)?;
        return Ok(ExitStatus::Success);
    };
    fs::create_dir_all(folder).with_context(|| format!("the folder '{}' cannot be made", folder.display()))?;
    // the plots first: whoever sees the tables finds what they show
    for (name, svg) in &report.plots {
        write(&folder.join(name), svg)?;
    }
    write(&folder.join("report.md"), &report.markdown)?;
    Ok(ExitStatus::Success)
}

fn write(path: &Path, text: &str) -> Result<()> {
    let mut file = OutputFile::create(path)?;
    file.write(text)?;
    file.finish()?;
    Ok(())
}
