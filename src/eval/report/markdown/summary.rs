//! The section of `eval summary`.

use super::column::Column;
use super::section::Section;
use crate::eval::report::error::ReportError;
use crate::eval::report::format::Shape;
use crate::eval::report::kinds::Summary;
use crate::eval::report::plots::Plot;
use crate::eval::report::rows::Rows;

impl Section for Summary {
    const TITLE: &'static str = "Summaries";
    const CASES: &'static str = "cases";
    const GROUP: Option<&'static str> = Some("asked");
    const FIGURES: &'static str = "ROUGE is the F-measure against the reference, `similarity` the cosine of its \
        embedding and the reference's, `coverage` the share of the document's facts, \
        `unsupported` the share of all names and numbers that the document does not have, `repetition` that of runs of four words that \
        were there before, `compression` words by those of the document.";

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::mean("ROUGE-1", Shape::PLAIN, |r| r.rouge1),
            Column::over_streaming("ROUGE-1 - streaming's", Shape::PLAIN, |r| r.rouge1),
            Column::mean("ROUGE-2", Shape::PLAIN, |r| r.rouge2),
            Column::over_streaming("ROUGE-2 - streaming's", Shape::PLAIN, |r| r.rouge2),
            Column::mean("ROUGE-L", Shape::PLAIN, |r| r.rouge_l),
            Column::over_streaming("ROUGE-L - streaming's", Shape::PLAIN, |r| r.rouge_l),
            Column::mean("similarity", Shape::PLAIN, |r| r.similarity),
            Column::mean("coverage, %", Shape::PERCENT, |r| r.coverage),
            Column::over_streaming("coverage - streaming's", Shape::PERCENT, |r| r.coverage),
            Column::ratio("unsupported, %", Shape::PERCENT, |r| r.unsupported, |r| r.names_and_numbers),
            Column::mean("repetition, %", Shape::PERCENT, |r| r.repetition),
            Column::mean("compression, %", Shape::PERCENT, |r| r.compression),
        ]
    }

    fn plots(_model: &str, _rows: &Rows<'_, Self>) -> Result<Vec<Plot>, ReportError> {
        Ok(Vec::new())
    }
}
