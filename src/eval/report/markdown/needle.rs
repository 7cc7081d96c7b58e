//! The section of `eval needle`.

use super::column::Column;
use super::section::Section;
use crate::eval::report::error::ReportError;
use crate::eval::report::format::Shape;
use crate::eval::report::kinds::{Needle, share};
use crate::eval::report::plots::{self, Plot};
use crate::eval::report::rows::Rows;

impl Section for Needle {
    const TITLE: &'static str = "Planted facts";
    const CASES: &'static str = "questions";
    const GROUP: Option<&'static str> = Some("length");
    const FIGURES: &'static str = "Shares of right answers in per cent, by the length of the document in tokens; `forgotten` are the \
        facts that streaming has dropped when the question comes, `closed book` is right without the document. `nll` is that of a value that \
        was forgotten, behind the question and the beginning of the fact's sentence, in nats per token; `completed` are those of which each token is \
        the likeliest there. The halves are those of the document.";

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::mean("correct, %", Shape::PERCENT, |r| r.correct.map(share)),
            Column::over_streaming("correct - streaming's", Shape::PERCENT, |r| r.correct.map(share)),
            Column::mean("forgotten: correct, %", Shape::PERCENT, |r| {
                r.correct.filter(|_| r.forgotten == Some(true)).map(share)
            }),
            Column::mean("forgotten: completed, %", Shape::PERCENT, Needle::forgotten_completed),
            Column::mean("forgotten: completed - closed book's", Shape::PERCENT.signed(), |r| {
                Some(r.forgotten_completed()? - share(r.completed_closed_book))
            }),
            Column::over_streaming("forgotten: completed - streaming's", Shape::PERCENT, Needle::forgotten_completed),
            Column::mean("closed book, %", Shape::PERCENT, |r| Some(share(r.closed_book))),
            Column::mean("forgotten: nll", Shape::PLAIN, Needle::forgotten_nll),
            Column::mean("forgotten: nll - closed book's", Shape::PLAIN.signed(), Needle::forgotten_gain),
            Column::mean("forgotten, first half: nll - closed book's", Shape::PLAIN.signed(), |r| {
                r.forgotten_gain().filter(|_| r.decile < 5)
            }),
            Column::mean("forgotten, second half: nll - closed book's", Shape::PLAIN.signed(), |r| {
                r.forgotten_gain().filter(|_| r.decile >= 5)
            }),
            Column::over_streaming("forgotten: nll - streaming's", Shape::PLAIN, Needle::forgotten_nll),
        ]
    }

    fn plots(model: &str, rows: &Rows<'_, Self>) -> Result<Vec<Plot>, ReportError> {
        plots::needle::plots(model, rows)
    }
}
