//! Axes: where a value stands, and which values are named.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// How values are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Evenly, from zero where all are above it.
    Linear,
    /// Evenly, from the smallest.
    Even,
    /// By their logarithm, with powers of two named.
    Log2,
    /// By their logarithm, with powers of ten named.
    Log10,
}

/// An axis.
#[derive(Debug, Clone)]
pub struct Axis {
    /// What it shows, with the unit.
    pub label: &'static str,
    /// How values are spread.
    pub scale: Scale,
    /// How a value is named.
    pub show: fn(f64) -> String,
}

/// Names on an axis, at most about so many.
const TICKS: f64 = 8.0;

impl Axis {
    /// Whether a value has a place.
    pub fn holds(&self, value: f64) -> bool {
        value.is_finite() && (matches!(self.scale, Scale::Linear | Scale::Even) || value > 0.0)
    }

    /// The place of a value.
    pub fn place(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear | Scale::Even => value,
            Scale::Log2 => value.log2(),
            Scale::Log10 => value.log10(),
        }
    }

    /// The value at a place.
    pub fn value(&self, place: f64) -> f64 {
        match self.scale {
            Scale::Linear | Scale::Even => place,
            Scale::Log2 => place.exp2(),
            Scale::Log10 => 10_f64.powf(place),
        }
    }

    /// What a library needs to know of a range.
    pub fn places(&self, range: Range<f64>) -> Places {
        Places { ticks: self.ticks(&range), range }
    }

    /// The places from the smallest to the largest value, with a little air; `None` without values.
    pub fn range(&self, values: impl Iterator<Item = f64>) -> Option<Range<f64>> {
        let places = values.filter(|&value| self.holds(value)).map(|value| self.place(value));
        let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| (l.min(p), h.max(p)));
        if low > high {
            return None;
        }
        let low = if self.scale == Scale::Linear { low.min(0.0) } else { low };
        let high = if self.scale == Scale::Linear { high.max(0.0) } else { high };
        let air = if high > low { 0.05 * (high - low) } else { 0.5 };
        // nothing is below zero where nothing is negative
        let below = if self.scale == Scale::Linear && low >= 0.0 { 0.0 } else { air };
        Some(low - below..high + air)
    }

    /// The places that are named.
    fn ticks(&self, range: &Range<f64>) -> Vec<f64> {
        let length = range.end - range.start;
        let step = match self.scale {
            Scale::Linear | Scale::Even => even_step(length / TICKS),
            Scale::Log10 if length < 2.0 => return between_decades(range),
            Scale::Log2 | Scale::Log10 => (length / TICKS).ceil().max(1.0),
        };
        let ticks = multiples(range, step);
        if ticks.len() < 2 && self.scale == Scale::Log2 { multiples(range, even_step(length / 4.0)) } else { ticks }
    }
}

/// Places in pixels, with lines where values are named and nowhere else.
#[derive(Debug, Clone)]
pub struct Places {
    /// From the first to the last.
    pub range: Range<f64>,
    /// Those that are named.
    pub ticks: Vec<f64>,
}

impl Ranged for Places {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, place: &f64, limit: (i32, i32)) -> i32 {
        let share = (place - self.range.start) / (self.range.end - self.range.start);
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, hint: H) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// The smallest of 1, 2, 5, 10, 20 ... that is not below; also 0.1, 0.2 and so on.
fn even_step(least: f64) -> f64 {
    let decade = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].iter().map(|step| step * decade).find(|step| *step >= least).unwrap_or(10.0 * decade)
}

/// All multiples of a step in a range.
fn multiples(range: &Range<f64>, step: f64) -> Vec<f64> {
    let (first, last) = ((range.start / step).ceil(), (range.end / step).floor());
    (0..=(last - first).max(-1.0) as i64)
        .map(|i| (first + i as f64) * step)
        .take_while(|place| *place <= range.end)
        .collect()
}

/// 1, 2 and 5 times each power of ten in a range.
fn between_decades(range: &Range<f64>) -> Vec<f64> {
    let decades = range.start.floor() as i32..=range.end.ceil() as i32;
    let places = decades.flat_map(|decade| [1.0_f64, 2.0, 5.0].map(|step| step.log10() + f64::from(decade)));
    places.filter(|place| range.contains(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(scale: Scale, values: &[f64]) -> Vec<f64> {
        let axis = Axis { label: "", scale, show: |value| value.to_string() };
        let range = axis.range(values.iter().copied()).unwrap();
        axis.ticks(&range).into_iter().map(|place| (axis.value(place) * 1e6).round() / 1e6).collect()
    }

    #[test]
    fn round_values_are_named() {
        assert_eq!(named(Scale::Linear, &[0.1, 0.32]), [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]);
        assert_eq!(named(Scale::Linear, &[-1.0, 2.0]), [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0]);
        assert_eq!(named(Scale::Even, &[2560.0, 7680.0]), [3000.0, 4000.0, 5000.0, 6000.0, 7000.0]);
        assert_eq!(named(Scale::Log2, &[1024.0, 8192.0]), [1024.0, 2048.0, 4096.0, 8192.0]);
        assert_eq!(named(Scale::Log10, &[1.5, 30.0]), [2.0, 5.0, 10.0, 20.0]);
        assert_eq!(named(Scale::Log10, &[0.5, 3000.0]), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(named(Scale::Linear, &[0.0]), [-0.0, 0.1, 0.2, 0.3, 0.4, 0.5].map(f64::abs));
    }

    #[test]
    fn what_has_no_logarithm_has_no_place() {
        let axis = Axis { label: "", scale: Scale::Log2, show: |value| value.to_string() };
        assert_eq!(axis.range([0.0, -1.0, f64::NAN].into_iter()), None);
        assert_eq!(axis.range([0.0, 8.0].into_iter()), Some(2.5..3.5));
        assert_eq!(axis.ticks(&(2.5..3.5)).len(), 3);
    }
}
