//! Time and memory by the length of a text.

use std::collections::BTreeSet;

use super::Plot;
use super::axis::{Axis, Scale};
use super::chart::{Chart, Point, Series};
use super::marker::Marker;
use crate::eval::report::error::ReportError;
use crate::eval::report::format::{bytes, slug, three_figures, tokens};
use crate::eval::report::kinds::Length;
use crate::eval::report::setting::Policy;

/// Names of results of several builds, which are series of their own.
fn label(policy: &Policy, build: &str, builds: usize) -> String {
    if builds > 1 { format!("{policy}, build {build}") } else { policy.to_string() }
}

/// The plots of a model's results.
///
/// # Errors
/// [`ReportError::Plot`].
pub fn plots(model: &str, lengths: &[&Length]) -> Result<Vec<Plot>, ReportError> {
    let builds: BTreeSet<&str> = lengths.iter().map(|length| length.build.as_str()).collect();
    let keys: BTreeSet<(&Policy, &str)> = lengths.iter().map(|l| (&l.policy, l.build.as_str())).collect();
    let markers = Marker::of(keys.iter().map(|(policy, _)| *policy));
    let series = |value: fn(&Length) -> f64| {
        let all = keys.iter().zip(&markers).map(|((policy, build), &marker)| {
            let of = lengths.iter().filter(|l| l.policy == **policy && l.build == *build);
            let mut points: Vec<Point> =
                of.map(|l| Point { x: l.length as f64, y: value(l), interval: None, hollow: l.extrapolated }).collect();
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            Series { label: label(policy, build, builds.len()), marker, points }
        });
        all.collect::<Vec<_>>()
    };
    let x = Axis { label: "length of the text (tokens)", scale: Scale::Log2, show: tokens };
    let mut notes = Vec::new();
    if lengths.iter().any(|length| length.extrapolated) {
        notes.push("hollow, broken line: extrapolated from shorter texts".to_owned());
    }
    let time = Chart {
        title: format!("Time to the first token: {model}"),
        x: x.clone(),
        y: Axis { label: "time to the first token (s)", scale: Scale::Log10, show: three_figures },
        series: series(|length| length.ttft_seconds),
        notes: notes.clone(),
    };
    let memory = Chart {
        title: format!("Peak memory: {model}"),
        x,
        y: Axis { label: "largest resident set", scale: Scale::Log2, show: |value| bytes(value.round() as u64) },
        series: series(|length| length.peak_rss_bytes as f64),
        notes,
    };
    let mut plots = Vec::new();
    for (kind, chart) in [("ttft", time), ("peak-memory", memory)] {
        let name = format!("{kind}-by-length-{}", slug(model));
        plots.extend(chart.svg()?.map(|svg| Plot { name, title: chart.title.clone(), svg }));
    }
    Ok(plots)
}
