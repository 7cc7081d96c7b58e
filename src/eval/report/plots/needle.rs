//! Which facts of a document can be told, by where they stand and how long it is.

use std::collections::BTreeSet;

use super::Plot;
use super::heat::{Field, Heat, Panel};
use super::series::tracks;
use crate::eval::report::error::ReportError;
use crate::eval::report::format::{bytes, slug, tokens};
use crate::eval::report::kinds::Needle;
use crate::eval::report::rows::{Row, Rows, same_budget};

/// The plots of a table: a panel for each policy and budget.
///
/// # Errors
/// [`ReportError::Plot`].
pub fn plots(model: &str, rows: &Rows<'_, Needle>) -> Result<Vec<Plot>, ReportError> {
    let lengths: BTreeSet<u64> = rows.rows.iter().map(|row| row.group.order).collect();
    let lengths: Vec<u64> = lengths.into_iter().collect();
    let told =
        heat(rows, &lengths, "Share of right answers", |case| case.correct, &format!("needle-{}", slug(model)), model)?;
    let name = format!("needle-completed-{}", slug(model));
    let completed =
        heat(rows, &lengths, "Share of begun sentences completed rightly", |case| case.completed, &name, model)?;
    let name = format!("needle-likelier-{}", slug(model));
    let what = "Share of forgotten values that are likelier than without the document";
    let likelier = heat(rows, &lengths, what, |case| Some(case.forgotten_gain()? < 0.0), &name, model)?;
    Ok([told, completed, likelier].into_iter().flatten().collect())
}

/// A figure of each question, yes or no; nothing if no question has it.
fn heat(
    rows: &Rows<'_, Needle>,
    lengths: &[u64],
    what: &str,
    figure: fn(&Needle) -> Option<bool>,
    name: &str,
    model: &str,
) -> Result<Option<Plot>, ReportError> {
    if !rows.rows.iter().flat_map(|row| &row.scored).any(|case| figure(&case.own).is_some()) {
        return Ok(None);
    }
    let mut panels = Vec::new();
    for track in tracks(rows, rows.rows.iter()) {
        for of in by_budget(&track.rows) {
            let mut title = track.label.clone();
            if let Some(row) = of.first().filter(|row| row.policy.has_budget()) {
                title += &format!(", {}", bytes(row.budget));
            }
            panels.push(Panel { title, fields: fields(&of, lengths, figure) });
        }
    }
    let title = format!("{what}: {model}");
    let columns = lengths.iter().map(|n| tokens(*n as f64)).collect();
    let svg = Heat { title: title.clone(), columns, panels }.svg()?;
    Ok(svg.map(|svg| Plot { name: name.to_owned(), title, svg }))
}

/// Rows of one budget each; those in ascending order stay so.
fn by_budget<'r, 'a>(rows: &[&'r Row<'a, Needle>]) -> Vec<Vec<&'r Row<'a, Needle>>> {
    let same = |one: &&Row<'_, Needle>, other: &&Row<'_, Needle>| {
        !one.policy.has_budget() || same_budget(one.budget, other.budget)
    };
    rows.chunk_by(same).map(<[_]>::to_vec).collect()
}

/// Right answers and questions, by tenth and length.
fn fields(rows: &[&Row<'_, Needle>], lengths: &[u64], figure: fn(&Needle) -> Option<bool>) -> Vec<Vec<Field>> {
    let mut fields = vec![vec![Field::default(); lengths.len()]; 10];
    for case in rows.iter().flat_map(|row| &row.scored) {
        let column = lengths.iter().position(|length| *length == case.own.length);
        let field = column.and_then(|column| fields.get_mut(case.own.decile)?.get_mut(column));
        if let (Some(field), Some(correct)) = (field, figure(&case.own)) {
            field.asked += 1;
            field.right += usize::from(correct);
        }
    }
    fields
}
