//! The section of `eval fidelity`.

use super::column::Column;
use super::section::Section;
use crate::eval::report::error::ReportError;
use crate::eval::report::format::Shape;
use crate::eval::report::kinds::Fidelity;
use crate::eval::report::plots::{self, Plot};
use crate::eval::report::rows::Rows;

impl Section for Fidelity {
    const TITLE: &'static str = "Fidelity to full attention";
    const CASES: &'static str = "texts";
    const GROUP: Option<&'static str> = Some("from token");
    const FIGURES: &'static str = "`KL` is the mean of KL(full || policy) in nats per token over the predictions from a token on; \
        perplexities are geometric means.";

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::mean("KL", Shape::PLAIN, |r| Some(r.kl)),
            Column::over_streaming("KL - streaming's", Shape::PLAIN, |r| Some(r.kl)),
            Column::of_streaming("KL / streaming's", Shape::PLAIN, |r| Some(r.kl)),
            Column::geometric("perplexity", |r| Some(r.perplexity)),
            Column::geometric("of full attention", |r| r.perplexity_full),
            Column::mean("same likeliest token, %", Shape::PERCENT, |r| r.same_top),
        ]
    }

    fn plots(model: &str, rows: &Rows<'_, Self>) -> Result<Vec<Plot>, ReportError> {
        plots::fidelity::plots(model, rows)
    }
}
