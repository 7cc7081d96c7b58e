//! The section of `eval gates`.

use std::collections::{BTreeMap, BTreeSet};

use super::page::Page;
use crate::eval::report::case::Case;
use crate::eval::report::format::{bytes, tokens};
use crate::eval::report::kinds::Gates;

/// Writes a section for each model, budget and setting that there are results of.
pub fn write(page: &mut Page, gates: &[Case<Gates>]) {
    let mut sorted: BTreeMap<_, Vec<&Case<Gates>>> = BTreeMap::new();
    for case in gates {
        let common = &case.common;
        sorted.entry((common.setting.model_name(), common.budget_bytes, &common.setting)).or_default().push(case);
    }
    for ((model, budget, setting), cases) in sorted {
        page.heading(2, &format!("Open gates: {model}"));
        page.paragraph(
            "The mean gate of what asks for a summary, over its tokens, query heads and texts, by how many tokens of a text were read: 0 is \
             deaf to the memory, 1 to everything else. A layer that has folded nothing yet has none, and `all` is over those that have one.",
        );
        let parts = setting.parts(true).into_iter().map(|(_, part)| part).collect::<Vec<_>>().join(", ");
        let (retain, window) = (setting.retain, setting.window);
        page.paragraph(&format!("{}, window {window}, {retain} retained, {parts}.", bytes(budget)));
        write_table(page, &one_of_each(&cases));
    }
}

/// The last result of each text and length.
fn one_of_each<'a>(cases: &[&'a Case<Gates>]) -> Vec<&'a Case<Gates>> {
    let of: BTreeMap<_, &'a Case<Gates>> =
        cases.iter().map(|case| ((case.own.length, &case.common.text_sha256, &case.common.case), *case)).collect();
    of.into_values().collect()
}

/// A row for each layer and a column for each length.
fn write_table(page: &mut Page, cases: &[&Case<Gates>]) {
    let lengths: BTreeSet<u64> = cases.iter().map(|case| case.own.length).collect();
    let layers: BTreeSet<u32> = cases.iter().flat_map(|case| case.own.layers.iter().map(|l| l.layer)).collect();
    let mean = |length: u64, layer: Option<u32>| {
        let of = cases.iter().filter(|case| case.own.length == length).flat_map(|case| &case.own.layers);
        let gates: Vec<f64> = of.filter(|l| layer.is_none_or(|layer| l.layer == layer)).map(|l| l.gate).collect();
        if gates.is_empty() { "-".to_owned() } else { format!("{:.3}", gates.iter().sum::<f64>() / gates.len() as f64) }
    };
    let row = |name: String, layer: Option<u32>| {
        std::iter::once(name).chain(lengths.iter().map(|&length| mean(length, layer))).collect::<Vec<_>>()
    };
    let titles: Vec<String> =
        std::iter::once("layer".to_owned()).chain(lengths.iter().map(|&n| tokens(n as f64))).collect();
    let mut rows: Vec<Vec<String>> = layers.iter().map(|&layer| row(layer.to_string(), Some(layer))).collect();
    rows.push(row("all".into(), None));
    let n_texts = |length: u64| cases.iter().filter(|case| case.own.length == length).count().to_string();
    rows.push(std::iter::once("texts".into()).chain(lengths.iter().map(|&length| n_texts(length))).collect());
    page.table(&titles, 1, &rows);
}
