//! The section of `bench lengths`.

use std::collections::{BTreeMap, BTreeSet};

use super::page::Page;
use crate::bench::rows::MemoryParts;
use crate::eval::report::error::ReportError;
use crate::eval::report::format::{bytes, three_figures, tokens};
use crate::eval::report::kinds::Length;
use crate::eval::report::plots;

/// Writes a section for each model that there are results of.
///
/// # Errors
/// [`ReportError::Plot`].
pub fn write(page: &mut Page, lengths: &[Length]) -> Result<(), ReportError> {
    let models: BTreeSet<&str> = lengths.iter().map(|length| length.model.as_str()).collect();
    for model in models {
        let mut of: Vec<&Length> = lengths.iter().filter(|length| length.model == model).collect();
        // several results of one length stay in the order in which they came
        of.sort_by_key(|length| (&length.policy, length.length, length.extrapolated));
        write_model(page, model, &of)?;
    }
    Ok(())
}

/// Writes the section of a model.
fn write_model(page: &mut Page, model: &str, lengths: &[&Length]) -> Result<(), ReportError> {
    page.heading(2, &format!("Time and memory by length: {model}"));
    page.paragraph(
        "The time from the start of the program to the first token of the answer (the median, and how far several runs lie apart), the speeds of \
         reading and of the answer, and the largest resident set with its parts (weights, KV cache, memory and gate, original keys, compute buffers, rest; earlier builds count original keys as rest), as \
         measured or, where that would have taken too long, extrapolated from shorter texts.",
    );
    let builds: BTreeSet<&str> = lengths.iter().map(|length| length.build.as_str()).filter(|b| !b.is_empty()).collect();
    let mut titles = vec![
        "policy",
        "from",
        "length",
        "first token, s",
        "read, tokens/s",
        "written, tokens/s",
        "peak memory",
        "its parts, MiB",
    ];
    let mut n_left = 2;
    if builds.len() > 1 {
        titles.insert(2, "build");
        n_left += 1;
    } else if let Some(build) = builds.first() {
        page.paragraph(&format!("All: build {build}."));
    }
    let rows = lengths.iter().map(|length| {
        let peak = if length.peak_rss_bytes > 0 { bytes(length.peak_rss_bytes) } else { "-".into() };
        let mut row = vec![
            length.policy.to_string(),
            if length.extrapolated { "extrapolated" } else { "measured" }.to_owned(),
            tokens(length.length as f64),
            first_token(length),
            three_figures(length.prefill_tokens_per_second),
            length.generation_tokens_per_second.map_or_else(|| "-".into(), three_figures),
            peak,
            length.memory.map_or_else(|| "-".into(), parts),
        ];
        if builds.len() > 1 {
            row.insert(2, length.build.clone());
        }
        row
    });
    let titles: Vec<String> = titles.into_iter().map(String::from).collect();
    page.table(&titles, n_left, &rows.collect::<Vec<_>>());
    page.list(&repeated(lengths));
    plots::lengths::plots(model, lengths)?.into_iter().for_each(|plot| page.plot(plot));
    Ok(())
}

/// The time to the first token, with the fastest and the slowest run where they differ.
fn first_token(length: &Length) -> String {
    let median = three_figures(length.ttft_seconds);
    match (length.ttft_min, length.ttft_max) {
        (Some(min), Some(max)) if min < max => format!("{median} [{}, {}]", three_figures(min), three_figures(max)),
        _ => median,
    }
}

/// The parts of a peak.
fn parts(memory: MemoryParts) -> String {
    let MemoryParts { weights_bytes, kv_cache_bytes, compressed_bytes, originals_bytes, compute_bytes, rest_bytes } =
        memory;
    let parts = [weights_bytes, kv_cache_bytes, compressed_bytes, originals_bytes, compute_bytes, rest_bytes];
    parts.map(|part| format!("{:.1}", part as f64 / (1 << 20) as f64)).join(" + ")
}

/// Lengths that were measured more than once: their rows are not means.
fn repeated(lengths: &[&Length]) -> Vec<String> {
    let mut seen: BTreeMap<_, usize> = BTreeMap::new();
    for length in lengths {
        *seen.entry((&length.policy, length.length)).or_insert(0) += 1;
    }
    let several = seen.into_iter().filter(|(_, n)| *n > 1);
    several
        .map(|((policy, n), times)| format!("`{policy}`, length {}: {times} results, each a row", tokens(n as f64)))
        .collect()
}
