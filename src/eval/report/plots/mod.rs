//! Plots as SVG. Text stays text, so that no font is needed to draw it.

pub mod answer;
pub mod axis;
pub mod chart;
pub mod fidelity;
mod heat;
pub mod lengths;
pub mod marker;
pub mod needle;
mod series;

#[cfg(test)]
mod tests;

use std::fmt::Display;

use plotters::style::RGBColor;

use super::error::ReportError;

/// Text and axes.
const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
/// Lines behind the figures.
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);
/// Behind everything, so that a plot reads on a dark page too.
const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
/// Whatever the reader has.
const FONT: &str = "sans-serif";

/// A drawn plot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    /// Of its file, without ending.
    pub name: String,
    /// What stands above it.
    pub title: String,
    /// The drawing.
    pub svg: String,
}

/// An error of the library.
fn failed<E: Display>(name: &str) -> impl Fn(E) -> ReportError {
    move |error| ReportError::Plot { name: name.to_owned(), detail: error.to_string() }
}
