//! The text of a report: a section for each kind of result and model.

mod answer;
mod column;
mod fidelity;
mod gates;
mod lengths;
mod longbench;
mod needle;
mod page;
mod section;
mod summary;

use super::Report;
use super::error::ReportError;
use super::records::Records;
use page::Page;

/// The report of some results.
///
/// # Errors
/// [`ReportError::Plot`].
pub fn report(records: &Records) -> Result<Report, ReportError> {
    let mut page = Page::default();
    page.heading(1, "Results of evaluations");
    let files: Vec<String> = records.files.iter().map(|(name, n)| format!("`{name}` ({n})")).collect();
    page.paragraph(&format!("From {}; in brackets how many results each file has.", files.join(", ")));
    section::write(&mut page, &records.answers)?;
    section::write(&mut page, &records.fidelity)?;
    section::write(&mut page, &records.needles)?;
    gates::write(&mut page, &records.gates);
    section::write(&mut page, &records.summaries)?;
    section::write(&mut page, &records.longbench)?;
    lengths::write(&mut page, &records.lengths)?;
    Ok(page.finish())
}
