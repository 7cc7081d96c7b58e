//! A section: one table, what it is of, and what is not in it.

use std::collections::BTreeSet;

use super::column::Column;
use super::page::Page;
use crate::eval::report::case::{Case, Measure};
use crate::eval::report::error::ReportError;
use crate::eval::report::format::bytes;
use crate::eval::report::plots::Plot;
use crate::eval::report::rows::{Row, Rows};
use crate::eval::report::setting::Part;

/// A kind of result that has a section.
pub trait Section: Measure + Sized {
    /// What the section is called, before the model.
    const TITLE: &'static str;
    /// What a result is of, in the plural.
    const CASES: &'static str;
    /// What the table keeps apart, if it does.
    const GROUP: Option<&'static str>;
    /// What the figures are.
    const FIGURES: &'static str;

    /// The columns after those of the setting.
    fn columns() -> Vec<Column<Self>>;

    /// The plots of a table.
    ///
    /// # Errors
    /// [`ReportError::Plot`].
    fn plots(model: &str, rows: &Rows<'_, Self>) -> Result<Vec<Plot>, ReportError>;
}

/// Writes a section for each model that there are results of.
///
/// # Errors
/// [`ReportError::Plot`].
pub fn write<T: Section>(page: &mut Page, cases: &[Case<T>]) -> Result<(), ReportError> {
    let models: BTreeSet<String> = cases.iter().map(|case| case.common.setting.model_name()).collect();
    for model in models {
        let of: Vec<&Case<T>> = cases.iter().filter(|case| case.common.setting.model_name() == model).collect();
        write_model(page, &model, &Rows::new(&of))?;
    }
    Ok(())
}

/// Writes the section of a model.
fn write_model<T: Section>(page: &mut Page, model: &str, rows: &Rows<'_, T>) -> Result<(), ReportError> {
    page.heading(2, &format!("{}: {model}", T::TITLE));
    let differing = rows.differing();
    page.paragraph(&format!(
        "{} Intervals of 95 % in brackets, by the bootstrap over the {}; n is over how many a figure is where it is not over all.",
        T::FIGURES,
        T::CASES
    ));
    if let Some(common) = in_common(rows, &differing) {
        page.paragraph(&format!("All: {common}."));
    }
    let columns = T::columns();
    let has_setting = rows.rows.iter().any(|row| !row.setting_of(&differing).is_empty());
    let mut titles: Vec<String> = T::GROUP.into_iter().map(String::from).collect();
    titles.push("policy".into());
    if has_setting {
        titles.push("setting".into());
    }
    let n_left = titles.len();
    titles.extend(["budget", "window", "retained", T::CASES].map(String::from));
    titles.extend(columns.iter().map(|column| column.title.clone()));
    let lines = rows.rows.iter().map(|row| {
        let mut line: Vec<String> = T::GROUP.map(|_| row.group.name.clone()).into_iter().collect();
        line.push(row.policy.to_string());
        if has_setting {
            line.push(row.setting_of(&differing));
        }
        line.extend(sizes(row));
        line.push(row.scored.len().to_string());
        line.extend(columns.iter().map(|column| (column.cell)(rows, row)));
        line
    });
    page.table(&titles, n_left, &lines.collect::<Vec<_>>());
    page.list(&rows.rows.iter().flat_map(|row| left_out(row, &differing)).collect::<Vec<_>>());
    T::plots(model, rows)?.into_iter().for_each(|plot| page.plot(plot));
    Ok(())
}

/// Budget, window and retained tokens.
fn sizes<T>(row: &Row<'_, T>) -> [String; 3] {
    if row.policy.is_none() {
        return ["-", "-", "-"].map(String::from);
    }
    if !row.policy.has_budget() {
        return [format!("all, up to {}", bytes(row.budget)), "-".into(), "-".into()];
    }
    [bytes(row.budget), row.setting.window.to_string(), row.setting.retain.to_string()]
}

/// What all rows of a table were measured with.
fn in_common<T: Section>(rows: &Rows<'_, T>, differing: &BTreeSet<Part>) -> Option<String> {
    // one with a size of its own tells more
    let row = rows.rows.iter().find(|row| row.policy.has_budget()).or(rows.rows.first())?;
    let parts = row.setting.parts(row.policy.has_budget()).into_iter();
    let texts: Vec<String> = parts.filter(|(part, _)| !differing.contains(part)).map(|(_, text)| text).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// What is not in a row, and why.
fn left_out<T: Section>(row: &Row<'_, T>, differing: &BTreeSet<Part>) -> Vec<String> {
    let mut name = format!("`{}`", row.policy);
    if row.policy.has_budget() {
        name += &format!(", {}, window {}", bytes(row.budget), row.setting.window);
    }
    let setting = row.setting_of(differing);
    if !setting.is_empty() {
        name += &format!(", {setting}");
    }
    if let Some(group) = T::GROUP {
        name += &format!(", {group} {}", row.group.name);
    }
    let mut lines = Vec::new();
    let n: usize = row.left_out.values().sum();
    if n > 0 {
        let reasons: Vec<String> = row.left_out.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
        let all = n + row.scored.len();
        lines.push(format!("{name}: {n} of {all} {} left out ({})", T::CASES, reasons.join("; ")));
    }
    if row.repeated > 0 {
        lines.push(format!("{name}: {} more results are of {} that are counted already", row.repeated, T::CASES));
    }
    lines
}
