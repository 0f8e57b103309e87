//! A bitmap to draw on, in points of two pixels each, y downwards.

use tiny_skia::{
    FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash,
    Transform,
};

use super::font::Font;
use super::{ChartError, Color};

/// How many pixels a point has.
pub const SCALE: f32 = 2.0;

/// A white bitmap and what can be drawn on it.
pub struct Canvas {
    pixmap: Pixmap,
    pub font: Font,
}

/// Which end of a text its x is.
#[derive(Clone, Copy)]
pub enum Align {
    Left,
    Center,
    Right,
}

/// How a line is drawn.
#[derive(Clone, Copy)]
pub struct Pencil {
    pub color: Color,
    pub opacity: f32,
    /// In points.
    pub width: f32,
    pub dashed: bool,
}

impl Pencil {
    /// A full line.
    pub fn new(color: Color, width: f32) -> Self {
        Self { color, opacity: 1.0, width, dashed: false }
    }
}

impl Canvas {
    /// A white picture of so many pixels; `None` where there is no memory for it.
    pub fn new(width: u32, height: u32, font: Font) -> Option<Self> {
        let mut pixmap = Pixmap::new(width, height)?;
        pixmap.fill(tiny_skia::Color::WHITE);
        Some(Self { pixmap, font })
    }

    /// A filled rectangle between two corners, on whole pixels where `opacity` is below 1, so that
    /// neighbours never overlap.
    pub fn rectangle(&mut self, from: (f32, f32), to: (f32, f32), color: Color, opacity: f32) {
        let whole = |v: f32| (v * SCALE).round() / SCALE;
        let [left, top] = [from.0, from.1].map(whole);
        let [right, bottom] = [to.0, to.1].map(whole);
        // Half a point is one pixel: what is there is seen.
        let right = right.max(left + 1.0 / SCALE);
        if let Some(rect) = Rect::from_ltrb(left, top, right, bottom) {
            self.pixmap.fill_rect(rect, &paint(color, opacity), scaled(), None);
        }
    }

    /// A line through `points`.
    pub fn line(&mut self, points: &[(f32, f32)], pencil: Pencil) {
        let mut path = PathBuilder::new();
        for (i, (x, y)) in points.iter().enumerate() {
            if i == 0 { path.move_to(*x, *y) } else { path.line_to(*x, *y) }
        }
        let stroke = Stroke {
            width: pencil.width,
            line_cap: LineCap::Butt,
            line_join: LineJoin::Round,
            dash: pencil.dashed.then(|| StrokeDash::new(vec![5.0, 3.5], 0.0)).flatten(),
            ..Stroke::default()
        };
        if let Some(path) = path.finish() {
            let paint = paint(pencil.color, pencil.opacity);
            self.pixmap.stroke_path(&path, &paint, &stroke, scaled(), None);
        }
    }

    /// A filled disc.
    pub fn dot(&mut self, (x, y): (f32, f32), radius: f32, color: Color, opacity: f32) {
        self.fill(PathBuilder::from_circle(x, y, radius), color, opacity);
    }

    /// A filled triangle that points down at `tip`.
    pub fn pointer(&mut self, (x, y): (f32, f32), size: f32, color: Color) {
        let mut path = PathBuilder::new();
        path.move_to(x, y);
        path.line_to(x - 0.6 * size, y - size);
        path.line_to(x + 0.6 * size, y - size);
        path.close();
        self.fill(path.finish(), color, 1.0);
    }

    /// One line of text that stands on `y`.
    pub fn text(&mut self, text: &str, (x, y): (f32, f32), align: Align, size: f32, color: Color) {
        let width = self.font.width(text, size);
        let left = match align {
            Align::Left => x,
            Align::Center => x - width / 2.0,
            Align::Right => x - width,
        };
        self.fill(self.font.outline(text, left, y, size), color, 1.0);
    }

    /// The picture as a file.
    pub fn png(&self) -> Result<Vec<u8>, ChartError> {
        self.pixmap.encode_png().map_err(|e| ChartError::Encoding(e.to_string()))
    }

    fn fill(&mut self, path: Option<Path>, color: Color, opacity: f32) {
        if let Some(path) = path {
            let paint = paint(color, opacity);
            self.pixmap.fill_path(&path, &paint, FillRule::Winding, scaled(), None);
        }
    }
}

fn scaled() -> Transform {
    Transform::from_scale(SCALE, SCALE)
}

fn paint(Color(red, green, blue): Color, opacity: f32) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, (opacity * 255.0).round() as u8);
    paint
}
