//! What the early part of a document was worth, by budget.

use super::Plot;
use super::axis::{Axis, Scale};
use super::chart::{Chart, Point};
use super::series::{Track, series, tracks};
use crate::eval::bootstrap::mean;
use crate::eval::report::error::ReportError;
use crate::eval::report::format::{bytes, slug, three_figures};
use crate::eval::report::kinds::Answer;
use crate::eval::report::rows::Rows;

/// Bytes along an axis.
pub fn budget_axis() -> Axis {
    Axis { label: "bytes that survive a compaction", scale: Scale::Log2, show: |value| bytes(value.round() as u64) }
}

/// The plot of a table; none if no result has a specific gain.
///
/// # Errors
/// [`ReportError::Plot`].
pub fn plots(model: &str, rows: &Rows<'_, Answer>) -> Result<Vec<Plot>, ReportError> {
    let tracks = tracks(rows, rows.rows.iter().filter(|row| !row.policy.is_none()));
    let mut notes = vec!["bars: 95 % of the bootstrap".to_owned()];
    if tracks.iter().any(|track| track.policy.0 == "full") {
        notes.push("full: at its largest document".into());
    }
    let title = format!("What the early part was worth: {model}");
    let chart = Chart {
        title: title.clone(),
        x: budget_axis(),
        y: Axis { label: "specific gain (nats per token)", scale: Scale::Linear, show: three_figures },
        series: series(&tracks, points),
        notes,
    };
    let name = format!("specific-by-budget-{}", slug(model));
    Ok(chart.svg()?.map(|svg| Plot { name, title, svg }).into_iter().collect())
}

/// The mean of each row that has one.
fn points(track: &Track<'_, '_, Answer>) -> Vec<Point> {
    let of = track.rows.iter().filter_map(|row| {
        let e = mean(&row.values(|r| r.specific))?;
        Some(Point { x: row.budget as f64, y: e.value, interval: Some((e.low, e.high)), hollow: false })
    });
    of.collect()
}
