//! Lines, bars, bands and marks → a PNG picture. It knows nothing of what the numbers mean.
//!
//! A [`Chart`] is a column of [`Panel`]s that share their x axis and have a y axis each; a panel is a
//! pile of [`Layer`]s, the first at the bottom. The font is in the binary.

mod axis;
mod canvas;
mod draw;
mod font;
mod reduce;
#[cfg(test)]
mod tests;
mod time_axis;

/// A picture of panels one above the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What is shown, above everything.
    pub title: String,
    /// What else one has to know, on one line below the title; may be empty.
    pub subtitle: String,
    /// What the x of all layers means.
    pub x: Axis,
    /// From top to bottom.
    pub panels: Vec<Panel>,
}

/// What the x of a chart means.
#[derive(Clone, Debug, PartialEq)]
pub enum Axis {
    /// Seconds since the Unix epoch, labelled in UTC.
    Time,
    /// A number, with this label.
    Number(String),
    /// Things that stand side by side: the first at x = 0, the next at 1, and so on.
    Names(Vec<String>),
}

/// A plot with a y axis of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What the y axis shows, with its unit.
    pub title: String,
    /// What the y axis holds at least; it grows with the data.
    pub range: Option<(f64, f64)>,
    /// Its part of the height, against the other panels'.
    pub weight: f32,
    /// From back to front.
    pub layers: Vec<Layer>,
}

/// Something drawn in a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Its name in the legend; empty: it is not in the legend.
    pub name: String,
    /// Its colour.
    pub color: Color,
    /// What it is.
    pub shape: Shape,
}

/// What a layer is. Coordinates are in the units of the axes; a number that is not finite is not drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A line through points, broken where the y is missing. However many points share a pixel, the
    /// smallest and the largest are seen.
    Line(Vec<(f64, Option<f64>)>),
    /// The same, dashed: a limit, a threshold, what was expected.
    Dashed(Vec<(f64, Option<f64>)>),
    /// A dot a point.
    Dots(Vec<(f64, f64)>),
    /// A bar from 0 to y at each x. Several such layers in one panel stand side by side.
    Bars(Vec<(f64, f64)>),
    /// Shaded from one x to another, over the full height.
    Bands(Vec<(f64, f64)>),
    /// A vertical line with a mark on top at each x.
    Events(Vec<f64>),
}

/// A colour: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

impl Color {
    /// Colours for series, told apart by those too who see fewer colours.
    pub const SERIES: [Self; 6] = [
        Self(0x25, 0x63, 0xb8),
        Self(0x0f, 0x8f, 0x7a),
        Self(0x8a, 0x4f, 0xbf),
        Self(0xb3, 0x6b, 0x00),
        Self(0x3b, 0x8e, 0xc9),
        Self(0x6b, 0x72, 0x80),
    ];
    /// What matters most: dark, neutral.
    pub const STRONG: Self = Self(0x1f, 0x29, 0x37);
    /// What is wrong.
    pub const ALARM: Self = Self(0xdc, 0x26, 0x26);
    /// What is doubtful.
    pub const WARNING: Self = Self(0xf5, 0x9e, 0x0b);
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// Too small for what it must hold, or too large to be kept in memory.
    #[error(
        "cannot draw {panels} panels on {width} x {height} pixels: expected at least {least_width} x \
         {least_height} and at most {most} either way"
    )]
    Size {
        /// How many panels there are.
        panels: usize,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// In pixels.
        least_width: u32,
        /// In pixels.
        least_height: u32,
        /// In pixels.
        most: u32,
    },
    /// The font in the binary cannot be read.
    #[error("the built-in font cannot be read: {0}")]
    Font(String),
    /// The picture cannot be written.
    #[error("cannot encode a PNG: {0}")]
    Encoding(String),
}

impl Chart {
    /// The picture as a PNG file of `width` × `height` pixels. Letters are made for screens with two
    /// pixels a point, and readable at half the size.
    ///
    /// # Errors
    /// A size that does not hold the panels, or is beyond reason.
    pub fn png(&self, width: u32, height: u32) -> Result<Vec<u8>, ChartError> {
        draw::draw(self, width, height)
    }
}
