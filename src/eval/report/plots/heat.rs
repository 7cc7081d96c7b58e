//! Panels of coloured fields with figures.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Rectangle, Text};
use plotters::prelude::{Color, DrawingBackend, FontTransform, IntoFont, RGBColor, SVGBackend};
use plotters::style::TextStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{FONT, GRID, INK, PAPER, failed};
use crate::eval::report::error::ReportError;

/// Width and height of a field in pixels.
const FIELD: (i32, i32) = (58, 30);
/// Room left of the fields of a panel, for the names of the tenths.
const LEFT: i32 = 92;
/// Room above them, for the name of the panel.
const ABOVE: i32 = 34;
/// Room below them, for the lengths.
const BELOW: i32 = 48;
/// Room above all panels.
const TOP: i32 = 44;
/// Least width of a panel's fields, so that its name has room.
const LEAST: i32 = 230;
/// About how wide everything gets.
const WIDEST: i32 = 1040;
/// Steps of the legend.
const STEPS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

/// Answers of one tenth and length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Field {
    /// How many were right.
    pub right: usize,
    /// Of how many.
    pub asked: usize,
}

/// Fields of a policy.
#[derive(Debug, Clone)]
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// By tenth, then by column.
    pub fields: Vec<Vec<Field>>,
}

/// A heat map.
#[derive(Debug, Clone)]
pub struct Heat {
    /// What stands above it.
    pub title: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Beside each other.
    pub panels: Vec<Panel>,
}

/// From light to dark blue, one hue, so that only lightness has to be seen.
fn colour(share: f64) -> RGBColor {
    let mix = |from: u8, to: u8| (f64::from(from) + share * (f64::from(to) - f64::from(from))).round() as u8;
    RGBColor(mix(0xf0, 0x08), mix(0xf4, 0x30), mix(0xfa, 0x6b))
}

/// Text of a size.
fn style(size: i32, colour: RGBColor, h: HPos) -> TextStyle<'static> {
    let mut style = TextStyle::from((FONT, size).into_font()).pos(Pos::new(h, VPos::Center));
    style.color = colour.to_backend_color();
    style
}

impl Heat {
    /// The drawing; `None` without panels.
    ///
    /// # Errors
    /// [`ReportError::Plot`].
    pub fn svg(&self) -> Result<Option<String>, ReportError> {
        if self.panels.is_empty() {
            return Ok(None);
        }
        let width = LEFT + (FIELD.0 * self.columns.len() as i32).max(LEAST) + 16;
        let height = ABOVE + FIELD.1 * 10 + BELOW;
        let across = (WIDEST / width).clamp(1, self.panels.len() as i32);
        let down = (self.panels.len() as i32 + across - 1) / across;
        let size = ((width * across).max(560), TOP + height * down + 40);
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, (size.0 as u32, size.1 as u32)).into_drawing_area();
            let draw = || {
                root.fill(&PAPER)?;
                root.draw(&Text::new(self.title.as_str(), (size.0 / 2, TOP / 2), style(19, INK, HPos::Center)))?;
                for (i, panel) in self.panels.iter().enumerate() {
                    let (x, y) = (i as i32 % across * width, TOP + i as i32 / across * height);
                    self.draw_panel(&root, panel, (x, y))?;
                }
                draw_legend(&root, size.1 - 22)?;
                root.present()
            };
            draw().map_err(failed(&self.title))?;
        }
        Ok(Some(svg))
    }

    /// Draws a panel from its upper left corner.
    fn draw_panel<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        panel: &Panel,
        (x, y): (i32, i32),
    ) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
        let (left, top) = (x + LEFT, y + ABOVE);
        root.draw(&Text::new(panel.title.as_str(), (left, top - 14), style(15, INK, HPos::Left)))?;
        for (tenth, fields) in panel.fields.iter().enumerate() {
            let middle = top + tenth as i32 * FIELD.1 + FIELD.1 / 2;
            let name = format!("{}-{} %", tenth * 10, tenth * 10 + 10);
            root.draw(&Text::new(name, (left - 6, middle), style(14, INK, HPos::Right)))?;
            for (column, field) in fields.iter().enumerate() {
                draw_field(root, *field, (left + column as i32 * FIELD.0, middle - FIELD.1 / 2))?;
            }
        }
        let below = top + 10 * FIELD.1;
        for (i, name) in self.columns.iter().enumerate() {
            let at = (left + i as i32 * FIELD.0 + FIELD.0 / 2, below + 10);
            root.draw(&Text::new(name.as_str(), at, style(14, INK, HPos::Center)))?;
        }
        let along = "length of the document (tokens)";
        root.draw(&Text::new(along, (left, below + 28), style(14, INK, HPos::Left)))?;
        let turned = (FONT, 14).into_font().transform(FontTransform::Rotate270);
        let turned = TextStyle::from(turned).color(&INK).pos(Pos::new(HPos::Center, VPos::Center));
        root.draw(&Text::new("place of the fact", (x + 18, top + 5 * FIELD.1), turned))
    }
}

/// The share in per cent, and below it how many of how many. Where nothing was asked the field stays empty.
fn draw_field<DB: DrawingBackend>(
    root: &DrawingArea<DB, Shift>,
    field: Field,
    (x, y): (i32, i32),
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    let corners = [(x, y), (x + FIELD.0, y + FIELD.1)];
    if field.asked > 0 {
        let share = field.right as f64 / field.asked as f64;
        let ink = if share > 0.5 { PAPER } else { INK };
        root.draw(&Rectangle::new(corners, colour(share).filled()))?;
        let middle = x + FIELD.0 / 2;
        root.draw(&Text::new(format!("{:.0} %", 100.0 * share), (middle, y + 10), style(15, ink, HPos::Center)))?;
        let counts = format!("{}/{}", field.right, field.asked);
        root.draw(&Text::new(counts, (middle, y + 23), style(11, ink, HPos::Center)))?;
    }
    root.draw(&Rectangle::new(corners, GRID))
}

/// What the colours mean.
fn draw_legend<DB: DrawingBackend>(
    root: &DrawingArea<DB, Shift>,
    y: i32,
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    root.draw(&Text::new("right answers", (LEFT, y), style(14, INK, HPos::Left)))?;
    for (i, share) in STEPS.into_iter().enumerate() {
        let x = LEFT + 110 + 60 * i as i32;
        let corners = [(x, y - 8), (x + 16, y + 8)];
        root.draw(&Rectangle::new(corners, colour(share).filled()))?;
        root.draw(&Rectangle::new(corners, INK))?;
        root.draw(&Text::new(format!("{:.0} %", 100.0 * share), (x + 20, y), style(13, INK, HPos::Left)))?;
    }
    root.draw(&Text::new("empty: not asked", (LEFT + 110 + 300, y), style(13, INK, HPos::Left)))
}
