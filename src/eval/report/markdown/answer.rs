//! The section of `eval answer`.

use super::column::Column;
use super::section::Section;
use crate::eval::bootstrap::ratio;
use crate::eval::report::error::ReportError;
use crate::eval::report::format::Shape;
use crate::eval::report::kinds::Answer;
use crate::eval::report::plots::{self, Plot};
use crate::eval::report::rows::{Row, Rows};

impl Section for Answer {
    const TITLE: &'static str = "Answers";
    const CASES: &'static str = "cases";
    const GROUP: Option<&'static str> = None;
    const FIGURES: &'static str = "Nats per token of the known answer: `nll` is its negative log-likelihood, `specific` what the early \
        part of this document was worth against another's, `recovered` the share of the way from streaming to full attention.";

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::mean("nll", Shape::PLAIN, |r| r.nll),
            Column::over_streaming("nll - streaming's", Shape::PLAIN, |r| r.nll),
            Column::mean("specific", Shape::PLAIN, |r| r.specific),
            Column::over_streaming("specific - streaming's", Shape::PLAIN, |r| r.specific),
            // choices that need no fit
            Column::over("snapkv", "specific - snapkv's", Shape::PLAIN, |r| r.specific),
            Column::over("pyramidkv", "specific - pyramidkv's", Shape::PLAIN, |r| r.specific),
            // what scores choose in the same bytes without a memory
            Column::over("learned", "specific - learned's", Shape::PLAIN, |r| r.specific),
            Column::new("specific of full's", of_full),
            Column::new("recovered", recovered),
        ]
    }

    fn plots(model: &str, rows: &Rows<'_, Self>) -> Result<Vec<Plot>, ReportError> {
        plots::answer::plots(model, rows)
    }
}

/// The part of what full attention has that is specific, a ratio of sums over the texts of which the same part was replaced for both.
fn of_full(rows: &Rows<'_, Answer>, row: &Row<'_, Answer>) -> String {
    let Some(full) = rows.full(row).filter(|_| row.policy.0 != "full") else { return "-".into() };
    let pairs = row.pairs_alike(full, |r| r.specific);
    Shape::PLAIN.estimate(ratio(&pairs), pairs.len(), row.scored.len())
}

/// The ratio of sums over the texts that all three have: single ratios have no mean where full attention gains next to nothing.
fn recovered(rows: &Rows<'_, Answer>, row: &Row<'_, Answer>) -> String {
    let ends = rows.streaming(row).filter(|_| row.policy.0 != "full").zip(rows.full(row));
    let Some((streaming, full)) = ends else { return "-".into() };
    let sums = row.triples(streaming, full, |r| r.nll);
    let sums: Vec<(f64, f64)> = sums.iter().map(|(own, low, high)| (low - own, low - high)).collect();
    Shape::PLAIN.estimate(ratio(&sums), sums.len(), row.scored.len())
}
