//! How far predictions are from those of full attention, along a text and by budget.

use std::collections::BTreeSet;

use super::Plot;
use super::answer::budget_axis;
use super::axis::{Axis, Scale};
use super::chart::{Chart, Point};
use super::series::{Track, series, single, tracks};
use crate::eval::bootstrap::mean;
use crate::eval::report::case::Group;
use crate::eval::report::error::ReportError;
use crate::eval::report::format::{bytes, slug, three_figures, tokens};
use crate::eval::report::kinds::Fidelity;
use crate::eval::report::rows::{Row, Rows};

/// Up.
const KL: Axis = Axis { label: "KL(full || policy) (nats per token)", scale: Scale::Linear, show: three_figures };
/// What the bars are.
const BARS: &str = "bars: 95 % of the bootstrap";

/// The plots of a table: one along the text for each budget, and one by budget where there are several.
///
/// # Errors
/// [`ReportError::Plot`].
pub fn plots(model: &str, rows: &Rows<'_, Fidelity>) -> Result<Vec<Plot>, ReportError> {
    let mut plots = Vec::new();
    let groups: BTreeSet<&Group> = rows.rows.iter().map(|row| &row.group).collect();
    for group in &groups {
        let from = if groups.len() > 1 { format!(", from token {}", group.name) } else { String::new() };
        let budgets: Vec<Vec<&Row<'_, Fidelity>>> = rows.by_budget();
        let in_group = |row: &&&Row<'_, Fidelity>| row.group == **group;
        if budgets.iter().filter(|budget| budget.iter().any(|row| in_group(&row))).count() > 1 {
            let title = format!("KL by budget: {model}{from}");
            let tracks = tracks(rows, budgets.iter().flatten().filter(in_group).copied());
            let series = series(&tracks, by_budget);
            let chart = Chart { title: title.clone(), x: budget_axis(), y: KL, series, notes: vec![BARS.into()] };
            let name = format!("kl-by-budget-{}", slug(&format!("{model}{from}")));
            plots.extend(chart.svg()?.map(|svg| Plot { name, title, svg }));
        }
        for budget in &budgets {
            let of: Vec<&Row<'_, Fidelity>> = budget.iter().filter(in_group).copied().collect();
            let Some(first) = of.first() else { continue };
            let at = bytes(first.budget);
            let title = format!("KL along the text at {at}: {model}{from}");
            let chart = Chart {
                title: title.clone(),
                x: Axis { label: "position in the text (tokens)", scale: Scale::Even, show: tokens },
                y: KL,
                series: series(&single(rows, &of), by_position),
                notes: vec![BARS.into(), "only stretches that all texts of a series have".into()],
            };
            let name = format!("kl-by-position-{}", slug(&format!("{model}{from} {at}")));
            plots.extend(chart.svg()?.map(|svg| Plot { name, title, svg }));
        }
    }
    Ok(plots)
}

/// The mean of each row.
fn by_budget(track: &Track<'_, '_, Fidelity>) -> Vec<Point> {
    let of = track.rows.iter().filter_map(|row| {
        let e = mean(&row.values(|r| Some(r.kl)))?;
        Some(Point { x: row.budget as f64, y: e.value, interval: Some((e.low, e.high)), hollow: false })
    });
    of.collect()
}

/// The mean of each stretch that all texts have, at its middle.
fn by_position(track: &Track<'_, '_, Fidelity>) -> Vec<Point> {
    let texts: Vec<&Fidelity> = track.rows.iter().flat_map(|row| row.scored.iter().map(|case| &case.own)).collect();
    let begins: BTreeSet<u64> = texts.iter().flat_map(|text| text.by_position.iter().map(|bin| bin.from)).collect();
    let of = begins.into_iter().filter_map(|from| {
        let bins = texts.iter().filter_map(|text| text.by_position.iter().find(|bin| bin.from == from));
        let bins: Vec<_> = bins.collect();
        let e = mean(&bins.iter().map(|bin| bin.kl).collect::<Vec<_>>()).filter(|_| bins.len() == texts.len())?;
        let width = bins.iter().map(|bin| bin.tokens).max().unwrap_or(0);
        let x = from as f64 + width as f64 / 2.0;
        Some(Point { x, y: e.value, interval: Some((e.low, e.high)), hollow: false })
    });
    of.collect()
}
