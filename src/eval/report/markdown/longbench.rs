//! The section of `eval longbench`.

use super::column::Column;
use super::section::Section;
use crate::eval::report::error::ReportError;
use crate::eval::report::format::Shape;
use crate::eval::report::kinds::LongBench;
use crate::eval::report::plots::Plot;
use crate::eval::report::rows::Rows;

impl Section for LongBench {
    const TITLE: &'static str = "LongBench";
    const CASES: &'static str = "cases";
    const GROUP: Option<&'static str> = Some("dataset");
    const FIGURES: &'static str = "Scores in per cent, by the metric of each dataset.";

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::mean("score, %", Shape::PERCENT, |r| r.score),
            Column::over_streaming("score - streaming's", Shape::PERCENT, |r| r.score),
        ]
    }

    fn plots(_model: &str, _rows: &Rows<'_, Self>) -> Result<Vec<Plot>, ReportError> {
        Ok(Vec::new())
    }
}
