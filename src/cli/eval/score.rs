//! `edgeinf eval score`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::cli::embeddings::{EmbeddingArgs, embedder};
use crate::cli::engine::threads;
use crate::cli::exit::ExitStatus;
use crate::cli::printer::Printer;
use crate::eval::{EvalError, Fact, Scorer, Scores, similarity};

/// Bytes of the document at a time.
const BLOCK: usize = 64 * 1024;

/// Arguments of `eval score`.
#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// The summary, a text file.
    #[arg(value_name = "SUMMARY")]
    pub summary: PathBuf,
    /// The text that it is of.
    #[arg(long, value_name = "FILE")]
    pub document: PathBuf,
    /// A summary that somebody wrote, to compare with.
    #[arg(long, value_name = "FILE")]
    pub reference: Option<PathBuf>,
    /// Facts that stand in the document, as 'edgeinf sample --facts' writes them.
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// What compares the summary with the reference.
    #[command(flatten)]
    pub embeddings: EmbeddingArgs,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Scored {
    #[serde(flatten)]
    scores: Scores,
    not_in_document: Vec<String>,
}

/// Scores a summary that is there already, without a model that writes.
pub(super) fn run(args: &ScoreArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    let summary = read(&args.summary)?;
    let reference = args.reference.as_deref().map_or(Ok(String::new()), read)?;
    let mut facts: Vec<Fact> = Vec::new();
    if let Some(path) = &args.facts {
        for (i, line) in read(path)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let invalid = |error| EvalError::Invalid {
                path: path.clone(),
                line: i + 1,
                detail: format!("it is no fact ({error})"),
            };
            facts.push(serde_json::from_str(line).map_err(invalid)?);
        }
    }
    let mut scorer = Scorer::new(&summary);
    let fail = |cause| EvalError::Read { path: args.document.clone(), cause };
    let no_text = |error| fail(io::Error::new(io::ErrorKind::InvalidData, error));
    let mut file = File::open(&args.document).map_err(fail)?;
    let mut bytes = Vec::new();
    loop {
        let n = file.by_ref().take(BLOCK as u64).read_to_end(&mut bytes).map_err(fail)?;
        let end = match std::str::from_utf8(&bytes) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() && n > 0 => error.valid_up_to(),
            Err(error) => return Err(no_text(error).into()),
        };
        scorer.read(std::str::from_utf8(&bytes[..end]).map_err(no_text)?);
        bytes.drain(..end);
        if n == 0 {
            break;
        }
    }
    let (mut scores, not_in_document) = scorer.finish(&reference, &facts)?;
    if args.reference.is_some() {
        let model = args.embeddings.load()?;
        if let Some(mut embedder) = embedder(model.as_ref(), threads(None)?, interrupt)? {
            scores.similarity = similarity(&mut embedder, &reference, &summary)?;
        }
    }
    printer.stdout(&(serde_json::to_string(&Scored { scores, not_in_document })? + "\n"))?;
    Ok(ExitStatus::Success)
}

fn read(path: &Path) -> Result<String, EvalError> {
    std::fs::read_to_string(path).map_err(|cause| EvalError::Read { path: path.to_owned(), cause })
}
