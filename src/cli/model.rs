//! `edgeinf model`.

mod list;
mod pull;
mod verify;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result};

use crate::models::{Cache, Catalogue, ModelEntry, ModelError, remove};

use super::args::ModelCommand;
use super::exit::ExitStatus;
use super::printer::Printer;

/// Runs a command on models.
pub fn run(command: &ModelCommand, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    let cache = Cache::from_env()?;
    let catalogue = Catalogue::builtin()?;
    match command {
        ModelCommand::Pull { name, offline } => {
            pull::run(catalogue.get(name)?, &cache, *offline, printer, interrupt)?;
        }
        ModelCommand::List { json } => list::run(&catalogue, &cache, *json, printer)?,
        ModelCommand::Path { name } => {
            let resolved = cache.resolve(&catalogue, name)?;
            let path = resolved.path.to_str();
            let path = path.with_context(|| {
                format!("the path {:?} is not UTF-8; move the cache (EDGEINF_CACHE)", resolved.path)
            })?;
            printer.stdout(&format!("{path}\n"))?;
        }
        ModelCommand::Verify { names } => {
            let named = entries(&catalogue, names)?;
            let all = || catalogue.iter().filter(|entry| cache.path_of(entry).exists()).collect();
            verify::run(&if names.is_empty() { all() } else { named }, &cache, printer, interrupt)?;
        }
        ModelCommand::Rm { names } => {
            for entry in entries(&catalogue, names)? {
                let bytes = remove(&cache, entry, interrupt, || printer.note(WAITING))?;
                printer.note(&format!("removed {} ({})", entry.name, mebibytes(bytes)));
            }
        }
    }
    Ok(ExitStatus::Success)
}

/// What is said while another process holds the lock.
const WAITING: &str = "waiting for another process that works on the same model";

/// The entries of all names, before anything is done to one of them.
fn entries<'a>(catalogue: &'a Catalogue, names: &[String]) -> Result<Vec<&'a ModelEntry>, ModelError> {
    names.iter().map(|name| catalogue.get(name)).collect()
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", (bytes + (1 << 19)) >> 20)
}
