//! `edgeinf model list`.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;

use crate::models::{Cache, Catalogue, ModelEntry};

use super::super::printer::Printer;
use super::mebibytes;

/// One model of the catalogue, and what the cache has of it.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    entry: &'a ModelEntry,
    /// Whether the catalogue knows what the file must be.
    checked: bool,
    /// Whether the file is in the cache and has the right length.
    cached: bool,
    /// Length of the file in the cache.
    cached_bytes: Option<u64>,
    /// Where the file lies, or will lie.
    path: PathBuf,
}

impl<'a> Listed<'a> {
    fn new(entry: &'a ModelEntry, cache: &Cache) -> Self {
        let path = cache.path_of(entry);
        let cached_bytes = fs::metadata(&path).ok().filter(fs::Metadata::is_file).map(|found| found.len());
        let cached = cached_bytes.is_some_and(|found| entry.bytes.is_none_or(|bytes| bytes == found));
        Self { entry, checked: entry.is_checked(), cached, cached_bytes, path }
    }

    /// Its cells in the table.
    fn cells(&self) -> [String; 6] {
        let size = self.entry.bytes.or(self.cached_bytes).map_or_else(|| "?".to_owned(), mebibytes);
        let state = match (self.cached, self.cached_bytes) {
            (true, _) => "pulled",
            (false, Some(_)) => "wrong size",
            (false, None) => "-",
        };
        let checked = if self.checked { "" } else { ", hash not checked" };
        [
            self.entry.name.clone(),
            size,
            self.entry.context.to_string(),
            self.entry.quantization.clone(),
            self.entry.licence.clone(),
            format!("{state}{checked}"),
        ]
    }
}

/// Prints the models of the catalogue.
pub fn run(catalogue: &Catalogue, cache: &Cache, json: bool, printer: &mut Printer) -> Result<()> {
    let models: Vec<_> = catalogue.iter().map(|entry| Listed::new(entry, cache)).collect();
    let text = if json { serde_json::to_string(&models)? + "\n" } else { table(&models) };
    printer.stdout(&text)?;
    Ok(())
}

/// Columns as wide as their widest cell; numbers stand to the right.
fn table(models: &[Listed<'_>]) -> String {
    let header = ["name", "size", "context", "quantization", "licence", "in the cache"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(header).chain(models.iter().map(Listed::cells)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut table = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let _ = match column {
                1 | 2 => write!(line, "{cell:>width$}  "),
                _ => write!(line, "{cell:<width$}  "),
            };
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}
