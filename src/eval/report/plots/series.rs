//! Which rows of a table are one series of a plot.

use std::collections::BTreeMap;

use super::chart::Series;
use super::marker::Marker;
use crate::eval::report::case::Measure;
use crate::eval::report::rows::{Row, Rows, same_budget};
use crate::eval::report::setting::Policy;

/// Rows of a policy that differ in budget only.
#[derive(Debug)]
pub struct Track<'r, 'a, T> {
    /// The policy, with what tells the series from others of it.
    pub label: String,
    /// The policy.
    pub policy: &'a Policy,
    /// In ascending order of the budget.
    pub rows: Vec<&'r Row<'a, T>>,
}

/// Sorts rows of one table into series. Where a policy has several rows with the same budget they differ by how it divides it, and by the
/// share of retained tokens they become series of their own.
pub fn tracks<'r, 'a, T: Measure>(
    all: &Rows<'a, T>,
    rows: impl Iterator<Item = &'r Row<'a, T>>,
) -> Vec<Track<'r, 'a, T>>
where
    'a: 'r,
{
    let differing = all.differing();
    let mut found: BTreeMap<(&'a Policy, String), Vec<&'r Row<'a, T>>> = BTreeMap::new();
    for row in rows {
        found.entry((row.policy, row.setting_of(&differing))).or_default().push(row);
    }
    let mut tracks = Vec::new();
    for ((policy, setting), mut rows) in found {
        rows.sort_by_key(|row| row.budget);
        let clash = rows.iter().enumerate().any(|(i, row)| {
            rows[..i].iter().any(|other| other.group == row.group && same_budget(other.budget, row.budget))
        });
        let mut parts: BTreeMap<u64, Vec<&'r Row<'a, T>>> = BTreeMap::new();
        for row in rows {
            parts.entry(if clash { retained_percent(row) } else { 0 }).or_default().push(row);
        }
        for (percent, rows) in parts {
            let mut label = policy.to_string();
            if !setting.is_empty() {
                label += &format!(", {setting}");
            }
            if clash {
                label += &format!(", {percent} % retained");
            }
            tracks.push(Track { label, policy, rows });
        }
    }
    tracks
}

/// A series for each row, named with its sizes.
pub fn single<'r, 'a, T: Measure>(all: &Rows<'a, T>, rows: &[&'r Row<'a, T>]) -> Vec<Track<'r, 'a, T>> {
    let differing = all.differing();
    let of = rows.iter().map(|&row| {
        let setting = row.setting_of(&differing);
        let setting = if setting.is_empty() { setting } else { format!(", {setting}") };
        let sizes = format!("window {}, retained {}", row.setting.window, row.setting.retain);
        Track { label: format!("{}{setting}, {sizes}", row.policy), policy: row.policy, rows: vec![row] }
    });
    of.collect()
}

/// How much of window and retained tokens is retained, to 5 per cent: sizes are rounded.
fn retained_percent<T>(row: &Row<'_, T>) -> u64 {
    let (retain, window) = (f64::from(row.setting.retain), f64::from(row.setting.window));
    let share = if retain > 0.0 { retain / (retain + window) } else { 0.0 };
    5 * (20.0 * share).round() as u64
}

/// A series for each of some tracks, of the points that a track has.
pub fn series<T: Measure>(
    tracks: &[Track<'_, '_, T>],
    points: impl Fn(&Track<'_, '_, T>) -> Vec<super::chart::Point>,
) -> Vec<Series> {
    let markers = Marker::of(tracks.iter().map(|track| track.policy));
    let all = tracks.iter().zip(markers);
    let all = all.map(|(track, marker)| Series { label: track.label.clone(), marker, points: points(track) });
    all.filter(|series| !series.points.is_empty()).collect()
}
