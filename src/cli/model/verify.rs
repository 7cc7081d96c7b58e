//! `edgeinf model verify`.

use std::sync::atomic::AtomicBool;

use anyhow::Result;

use crate::models::{Cache, ModelEntry, ModelError, Verified, stop, verify};

use super::super::printer::{Printer, Unit};

/// Checks the models and prints a line for each.
///
/// # Errors
/// [`ModelError::NotVerified`] at the end if one did not pass.
pub fn run(entries: &[&ModelEntry], cache: &Cache, printer: &mut Printer, interrupt: &AtomicBool) -> Result<()> {
    if entries.is_empty() {
        printer.note("no model of the catalogue is in the cache");
    }
    let mut bad = Vec::new();
    for entry in entries {
        let message = format!("reading {}", entry.file);
        let verified = verify(cache, entry, &mut |bytes| {
            printer.progress(bytes, entry.bytes, Unit::Bytes, &message);
            stop(interrupt)
        });
        printer.end_progress();
        let verdict = match verified {
            Ok(Verified::Checked) => "good".to_owned(),
            Ok(Verified::Unchanged(_)) => "as it was pulled; hash not checked".to_owned(),
            Ok(Verified::Unknown(found)) => format!("not pulled; hash not checked: {}", found.sha256),
            Err(ModelError::Interrupted) => return Err(ModelError::Interrupted.into()),
            Err(error) => {
                bad.push(entry.name.as_str());
                format!("BAD: {error}")
            }
        };
        printer.stdout(&format!("{}: {verdict}\n", entry.name))?;
    }
    if bad.is_empty() {
        return Ok(());
    }
    Err(ModelError::NotVerified { bad: bad.len(), all: entries.len(), names: bad.join(", ") }.into())
}
