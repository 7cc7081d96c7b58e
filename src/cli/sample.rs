//! `edgeinf sample`.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use clap::{Args, CommandFactory};

use crate::sample::{MAX_TOKENS, MIN_TOKENS, Sample};

use super::args::Cli;
use super::exit::ExitStatus;
use super::output::OutputFile;
use super::place::same_file;
use super::printer::Printer;

/// Bytes of text that are written at once.
const CHUNK: usize = 1 << 16;

/// Arguments of `sample`.
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// Length in tokens of the default model; within 3 % from 2000 on.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(MIN_TOKENS..=MAX_TOKENS))]
    pub tokens: u64,
    /// The same length and seed give the same document.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// File for the facts that are planted in the document, one for every 4096 tokens and at least five from 1000 tokens
    /// on: a JSON object a line, with the sentence, its offset in bytes and its depth, a question and the answer.
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// File for the document; the default is stdout.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Writes a document, and the facts in it.
pub fn run(args: &SampleArgs, printer: &mut Printer, interrupt: &AtomicBool) -> Result<ExitStatus> {
    if let (Some(facts), Some(output)) = (&args.facts, &args.output)
        && same_file(facts, output)
    {
        let message = "--facts and --output name the same file; give each a file of its own";
        Cli::command().error(clap::error::ErrorKind::ArgumentConflict, message).exit();
    }
    let sample = Sample::new(args.tokens, args.seed)?;
    // the files first: what is wrong with them is cheap to find
    if let Some(path) = &args.output {
        printer.redirect(path)?;
    }
    let facts_file = args.facts.as_deref().map(OutputFile::create).transpose()?;
    let facts = match sample.write(BufWriter::with_capacity(CHUNK, Text { printer, interrupt })) {
        Err(_) if interrupt.load(Ordering::Relaxed) => {
            printer.note("error: interrupted; the document is not whole");
            return Ok(ExitStatus::Interrupted);
        }
        facts => facts?,
    };
    // both are written before either gets its name
    if let Some(mut file) = facts_file {
        for fact in &facts {
            file.write(&(serde_json::to_string(fact)? + "\n"))?;
        }
        printer.finish_output()?;
        file.finish()?;
    }
    printer.finish_output()?;
    Ok(ExitStatus::Success)
}

/// The document on its way to the printer, until an interrupt.
struct Text<'p> {
    printer: &'p mut Printer,
    interrupt: &'p AtomicBool,
}

impl Write for Text<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.interrupt.load(Ordering::Relaxed) {
            // not ErrorKind::Interrupted, after which a write is tried again
            return Err(io::Error::other("interrupted"));
        }
        // a sample is ASCII, so any piece of it is text
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.printer.stdout(text)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
