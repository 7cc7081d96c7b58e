//! Series of points with intervals, joined by lines, with a legend beside them.

use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{DashedPathElement, PathElement, Text};
use plotters::prelude::{Color, DrawingBackend, IntoFont, SVGBackend};

use super::axis::Axis;
use super::marker::Marker;
use super::{FONT, GRID, INK, PAPER, failed};
use crate::eval::report::error::ReportError;

/// Width and height in pixels.
const SIZE: (u32, u32) = (920, 480);
/// Of that, the width of the legend.
const LEGEND: u32 = 270;
/// How far series with bars are drawn beside each other, in pixels.
const BESIDE: i32 = 4;
/// Letters that fit a line of the legend.
const LEGEND_LETTERS: usize = 34;

/// A value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Along.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
    /// Whether it was not measured.
    pub hollow: bool,
}

/// Points of one policy and setting.
#[derive(Debug, Clone)]
pub struct Series {
    /// What the legend says.
    pub label: String,
    /// How it looks.
    pub marker: Marker,
    /// From left to right.
    pub points: Vec<Point>,
}

/// A chart that can be drawn.
#[derive(Debug, Clone)]
pub struct Chart {
    /// What stands above it.
    pub title: String,
    /// Along.
    pub x: Axis,
    /// Up.
    pub y: Axis,
    /// What is drawn.
    pub series: Vec<Series>,
    /// What the legend says below.
    pub notes: Vec<String>,
}

impl Chart {
    /// The drawing; `None` where there is no point that has a place.
    ///
    /// # Errors
    /// [`ReportError::Plot`].
    pub fn svg(&self) -> Result<Option<String>, ReportError> {
        let points = || self.series.iter().flat_map(|series| &series.points).filter(|point| self.holds(point));
        let ends = points().flat_map(|p| [p.y, p.interval.map_or(p.y, |i| i.0), p.interval.map_or(p.y, |i| i.1)]);
        let (Some(x), Some(y)) = (self.x.range(points().map(|p| p.x)), self.y.range(ends)) else { return Ok(None) };
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            self.draw(&root, x, y).map_err(failed(&self.title))?;
            root.present().map_err(failed(&self.title))?;
        }
        Ok(Some(svg))
    }

    /// Whether a point has a place.
    fn holds(&self, point: &Point) -> bool {
        self.x.holds(point.x) && self.y.holds(point.y)
    }

    /// Draws on an empty area.
    fn draw<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        x: std::ops::Range<f64>,
        y: std::ops::Range<f64>,
    ) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
        root.fill(&PAPER)?;
        let (left, _) = root.split_horizontally(SIZE.0 - LEGEND);
        let mut chart = ChartBuilder::on(&left)
            .caption(&self.title, (FONT, 19).into_font().color(&INK))
            .margin(12)
            .x_label_area_size(48)
            .y_label_area_size(72)
            .build_cartesian_2d(self.x.places(x), self.y.places(y))?;
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style((FONT, 15).into_font().color(&INK))
            .axis_desc_style((FONT, 16).into_font().color(&INK))
            .x_desc(self.x.label)
            .y_desc(self.y.label)
            .x_label_formatter(&|place| (self.x.show)(self.x.value(*place)))
            .y_label_formatter(&|place| (self.y.show)(self.y.value(*place)))
            .set_all_tick_mark_size(4)
            .draw()?;
        let with_bars = self.series.iter().flat_map(|series| &series.points).any(|point| point.interval.is_some());
        for (i, series) in self.series.iter().enumerate() {
            // bars at the same place would hide each other
            let aside = if with_bars { BESIDE * (2 * i as i32 + 1 - self.series.len() as i32) / 2 } else { 0 };
            // points are drawn in pixels, so that their shapes are the same everywhere
            let pixel = |x: f64, y: f64| {
                let (x, y) = chart.backend_coord(&(self.x.place(x), self.y.place(y)));
                (x + aside, y)
            };
            draw_series(root, series, &|point| self.holds(point), &pixel, &|y| self.y.holds(y))?;
        }
        self.draw_legend(root)
    }

    /// What the shapes and colours mean.
    fn draw_legend<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
        let style = (FONT, 15).into_font().color(&INK);
        let left = (SIZE.0 - LEGEND) as i32 + 8;
        let mut top = 48;
        for series in &self.series {
            series.marker.draw(root, (left + 6, top + 6), false)?;
            for line in lines(&series.label) {
                root.draw(&Text::new(line, (left + 20, top), &style))?;
                top += 17;
            }
            top += 6;
        }
        for note in self.notes.iter().flat_map(|note| lines(note)) {
            top += 17;
            root.draw(&Text::new(note, (left, top), &style))?;
        }
        Ok(())
    }
}

/// Lines, intervals and points. Between points of which one was not measured the line is broken.
fn draw_series<DB: DrawingBackend>(
    root: &DrawingArea<DB, Shift>,
    series: &Series,
    holds: &dyn Fn(&Point) -> bool,
    pixel: &dyn Fn(f64, f64) -> (i32, i32),
    has_place: &dyn Fn(f64) -> bool,
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    let line = series.marker.colour().stroke_width(2);
    let points: Vec<&Point> = series.points.iter().filter(|point| holds(point)).collect();
    for ends in points.windows(2) {
        let path = [pixel(ends[0].x, ends[0].y), pixel(ends[1].x, ends[1].y)];
        if ends[0].hollow || ends[1].hollow {
            root.draw(&DashedPathElement::new(path, 6, 5, line))?;
        } else {
            root.draw(&PathElement::new(path, line))?;
        }
    }
    for point in points {
        let at = pixel(point.x, point.y);
        if let Some((low, high)) = point.interval.filter(|(low, high)| has_place(*low) && has_place(*high)) {
            let (low, high) = (pixel(point.x, low), pixel(point.x, high));
            root.draw(&PathElement::new([low, high], line))?;
            for (x, y) in [low, high] {
                root.draw(&PathElement::new([(x - 5, y), (x + 5, y)], line))?;
            }
        }
        series.marker.draw(root, at, point.hollow)?;
    }
    Ok(())
}

/// A text in lines that the legend holds; words that are longer stay whole.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= LEGEND_LETTERS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
