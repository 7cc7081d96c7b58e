//! Which facts of a document can be told, by where they stand and how long it is.

use std::collections::BTreeSet;

use super::Plot;
use super::heat::{Field, Heat, Panel};
use super::series::tracks;
use crate::eval::report::error::ReportError;
use crate::eval::report::format::{bytes, slug, tokens};
use crate::eval::report::kinds::Needle;
use crate::eval::report::rows::{Row, Rows, same_budget};

/// The plot of a table: a panel for each policy and budget.
///
/// # Errors
/// [`ReportError::Plot`].
pub fn plots(model: &str, rows: &Rows<'_, Needle>) -> Result<Vec<Plot>, ReportError> {
    let lengths: BTreeSet<u64> = rows.rows.iter().map(|row| row.group.order).collect();
    let lengths: Vec<u64> = lengths.into_iter().collect();
    let mut panels = Vec::new();
    for track in tracks(rows, rows.rows.iter()) {
        for of in by_budget(&track.rows) {
            let mut title = track.label.clone();
            if let Some(row) = of.first().filter(|row| row.policy.has_budget()) {
                title += &format!(", {}", bytes(row.budget));
            }
            panels.push(Panel { title, fields: fields(&of, &lengths) });
        }
    }
    let title = format!("Share of right answers: {model}");
    let columns = lengths.iter().map(|n| tokens(*n as f64)).collect();
    let svg = Heat { title: title.clone(), columns, panels }.svg()?;
    let name = format!("needle-{}", slug(model));
    Ok(svg.map(|svg| Plot { name, title, svg }).into_iter().collect())
}

/// Rows of one budget each; those in ascending order stay so.
fn by_budget<'r, 'a>(rows: &[&'r Row<'a, Needle>]) -> Vec<Vec<&'r Row<'a, Needle>>> {
    let same = |one: &&Row<'_, Needle>, other: &&Row<'_, Needle>| {
        !one.policy.has_budget() || same_budget(one.budget, other.budget)
    };
    rows.chunk_by(same).map(<[_]>::to_vec).collect()
}

/// Right answers and questions, by tenth and length.
fn fields(rows: &[&Row<'_, Needle>], lengths: &[u64]) -> Vec<Vec<Field>> {
    let mut fields = vec![vec![Field::default(); lengths.len()]; 10];
    for case in rows.iter().flat_map(|row| &row.scored) {
        let column = lengths.iter().position(|length| *length == case.own.length);
        let field = column.and_then(|column| fields.get_mut(case.own.decile)?.get_mut(column));
        if let (Some(field), Some(correct)) = (field, case.own.correct) {
            field.asked += 1;
            field.right += usize::from(correct);
        }
    }
    fields
}
