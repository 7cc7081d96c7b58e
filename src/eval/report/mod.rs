//! Tables and plots of results, as Markdown and SVG.
//!
//! The results are read back from the files of the evaluations, by the keys that a report needs. Nothing here depends on a clock, a
//! font or the order of a hash: the same files give the same bytes.

mod case;
mod error;
mod format;
mod kinds;
mod markdown;
pub(crate) mod plots;
mod records;
mod rows;
mod setting;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use records::Records;

pub use error::ReportError;

/// Tables, and the plots that they show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Text with tables; plots are named as files beside it.
    pub markdown: String,
    /// Names of files and their SVG.
    pub plots: Vec<(String, String)>,
}

/// Makes a report of the results in some files.
///
/// # Errors
/// [`ReportError`]: a file that cannot be read or has no result, a line that is none, a plot that cannot be drawn.
pub fn render(inputs: &[PathBuf]) -> Result<Report, ReportError> {
    markdown::report(&Records::read(inputs)?)
}
