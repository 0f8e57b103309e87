//! Text → outlines, with the font that is in the binary.

use damascene_fonts_roboto::ROBOTO_REGULAR;
use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

use super::ChartError;

/// The one font.
pub struct Font {
    face: Face<'static>,
    units_per_em: f32,
}

impl Font {
    pub fn new() -> Result<Self, ChartError> {
        let face = Face::parse(ROBOTO_REGULAR, 0).map_err(|e| ChartError::Font(e.to_string()))?;
        let units_per_em = f32::from(face.units_per_em());
        Ok(Self { face, units_per_em })
    }

    /// How wide `text` gets at `size`.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|c| self.advance(self.glyph(c))).sum::<f32>() * size / self.units_per_em
    }

    /// How tall a capital letter is at `size`.
    pub fn capital_height(&self, size: f32) -> f32 {
        let height = self.face.capital_height().unwrap_or_else(|| self.face.ascender());
        f32::from(height) * size / self.units_per_em
    }

    /// `text`, cut with … where it would be wider than `most`.
    pub fn fitted(&self, text: &str, size: f32, most: f32) -> String {
        if self.width(text, size) <= most {
            return text.to_owned();
        }
        let mut kept = text.to_owned();
        while kept.pop().is_some() {
            let cut = format!("{}…", kept.trim_end());
            if self.width(&cut, size) <= most {
                return cut;
            }
        }
        String::new()
    }

    /// The outline of `text` from `x` on, standing on `y`; `None` where there is no ink.
    pub fn outline(&self, text: &str, x: f32, y: f32, size: f32) -> Option<Path> {
        let scale = size / self.units_per_em;
        let mut pen = Pen { path: PathBuilder::new(), x, y, scale };
        for c in text.chars() {
            let glyph = self.glyph(c);
            self.face.outline_glyph(glyph, &mut pen);
            pen.x += self.advance(glyph) * scale;
        }
        pen.path.finish()
    }

    /// Glyph 0 is the box that stands for letters that a font lacks.
    fn glyph(&self, c: char) -> GlyphId {
        self.face.glyph_index(c).unwrap_or(GlyphId(0))
    }

    fn advance(&self, glyph: GlyphId) -> f32 {
        f32::from(self.face.glyph_hor_advance(glyph).unwrap_or(0))
    }
}

/// Turns the font's units, with y upwards, into the picture's.
struct Pen {
    path: PathBuilder,
    x: f32,
    y: f32,
    scale: f32,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
