//! Colours and shapes by which policies are told apart.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::element::{Circle, Polygon};
use plotters::prelude::{Color, DrawingBackend, RGBColor};

use super::PAPER;
use crate::eval::report::setting::Policy;

/// Those of Okabe and Ito, which colour-blind people can tell apart, without the yellow that white paper swallows.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x00, 0x00, 0x00),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
];

/// Corners of the shapes, in pixels around the point; the first is a circle.
const SHAPES: [&[(i32, i32)]; 8] = [
    &[],
    &[(0, -6), (6, 5), (-6, 5)],
    &[(0, -6), (2, -2), (6, 0), (2, 2), (0, 6), (-2, 2), (-6, 0), (-2, -2)],
    &[(-5, -5), (5, -5), (5, 5), (-5, 5)],
    &[(0, -7), (7, 0), (0, 7), (-7, 0)],
    &[(0, 6), (6, -5), (-6, -5)],
    &[(-2, -6), (2, -6), (2, -2), (6, -2), (6, 2), (2, 2), (2, 6), (-2, 6), (-2, 2), (-6, 2), (-6, -2), (-2, -2)],
    &[(0, -6), (6, -1), (4, 6), (-4, 6), (-6, -1)],
];

/// Radius of a circle in pixels.
const RADIUS: i32 = 5;

/// How the points of a series look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker(usize);

impl Marker {
    /// One for each policy in turn: its own, or one that is left where it is taken already.
    pub fn of<'a>(policies: impl Iterator<Item = &'a Policy>) -> Vec<Self> {
        let policies: Vec<&Policy> = policies.collect();
        let mut taken: Vec<Option<usize>> = Vec::with_capacity(policies.len());
        for policy in &policies {
            let own = Some(policy.rank()).filter(|own| *own < COLOURS.len() && !taken.contains(&Some(*own)));
            taken.push(own);
        }
        let mut free = (0_usize..).filter(|i| !taken.contains(&Some(*i)));
        taken.iter().map(|own| Self(own.or_else(|| free.next()).unwrap_or(0))).collect()
    }

    /// The `i`-th, where series are no policies.
    #[cfg(feature = "train")]
    pub fn nth(i: usize) -> Self {
        Self(i)
    }

    /// Its colour.
    pub fn colour(self) -> RGBColor {
        COLOURS[self.0 % COLOURS.len()]
    }

    /// Draws it, in pixels; a hollow one is filled with the paper.
    ///
    /// # Errors
    /// Those of the library.
    pub fn draw<DB: DrawingBackend>(
        self,
        area: &DrawingArea<DB, Shift>,
        (x, y): (i32, i32),
        hollow: bool,
    ) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
        let corners = SHAPES[self.0 % SHAPES.len()];
        let fill = |size: f64, colour: RGBColor| {
            if corners.is_empty() {
                return area.draw(&Circle::new((x, y), (size * f64::from(RADIUS)).round() as u32, colour.filled()));
            }
            let at = |(dx, dy): &(i32, i32)| {
                (x + (f64::from(*dx) * size).round() as i32, y + (f64::from(*dy) * size).round() as i32)
            };
            area.draw(&Polygon::new(corners.iter().map(at).collect::<Vec<_>>(), colour.filled()))
        };
        fill(1.0, self.colour())?;
        if hollow { fill(0.55, PAPER) } else { Ok(()) }
    }
}
