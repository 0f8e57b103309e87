//! Where everything goes on the picture. All lengths are in points.

use super::axis::{Tick, ticks, x_range, x_ticks, y_range};
use super::canvas::{Align, Canvas, Pencil, SCALE};
use super::font::Font;
use super::reduce::reduce;
use super::{Axis, Chart, ChartError, Color, Layer, Panel, Shape};

const GRID: Color = Color(0xe5, 0xe7, 0xeb);
const FRAME: Color = Color(0x9c, 0xa3, 0xaf);
const QUIET: Color = Color(0x6b, 0x72, 0x80);

const TITLE_SIZE: f32 = 17.0;
const TEXT_SIZE: f32 = 12.0;
const TICK_SIZE: f32 = 11.0;

/// Around everything.
const MARGIN: f32 = 18.0;
/// For the title and the line below it.
const HEAD: f32 = 44.0;
/// For a panel's title.
const CAPTION: f32 = 32.0;
/// For the labels of the x axis.
const FOOT: f32 = 34.0;
/// Between an axis and its labels.
const GAP: f32 = 6.0;

/// So that the first label of the x axis stays on the picture.
const LEAST_LABEL_WIDTH: f32 = 24.0;
const LEAST_WIDTH: f32 = 240.0;
const LEAST_PLOT_HEIGHT: f32 = 30.0;
/// In pixels: a picture of this size takes 400 MB.
const MOST_PIXELS: u32 = 10_000;

/// How opaque a band is: what lies below stays readable.
const BAND_OPACITY: f32 = 0.16;

/// The picture of `chart` as a PNG file.
pub fn draw(chart: &Chart, width: u32, height: u32) -> Result<Vec<u8>, ChartError> {
    let size = (width as f32 / SCALE, height as f32 / SCALE);
    let fixed = 2.0 * MARGIN + HEAD + FOOT + CAPTION * chart.panels.len() as f32;
    let weights: f32 = chart.panels.iter().map(|p| p.weight).sum();
    let least_height = fixed + LEAST_PLOT_HEIGHT * chart.panels.len() as f32;
    let refused = || ChartError::Size {
        panels: chart.panels.len(),
        width,
        height,
        least_width: (LEAST_WIDTH * SCALE) as u32,
        least_height: (least_height * SCALE) as u32,
        most: MOST_PIXELS,
    };
    let fits = size.0 >= LEAST_WIDTH && size.1 >= least_height && width.max(height) <= MOST_PIXELS;
    if !fits {
        return Err(refused());
    }
    let mut canvas = Canvas::new(width, height, Font::new()?).ok_or_else(refused)?;
    head(&mut canvas, chart, size.0 - 2.0 * MARGIN);

    let scales: Vec<_> = chart
        .panels
        .iter()
        .map(|panel| {
            let range = y_range(panel);
            let height = (size.1 - fixed) * panel.weight / weights;
            (range, height, ticks(range, ((height / 21.0) as usize).clamp(2, 8)))
        })
        .collect();
    let widest = scales
        .iter()
        .flat_map(|(_, _, ticks)| ticks)
        .map(|tick| canvas.font.width(&tick.label, TICK_SIZE))
        .fold(LEAST_LABEL_WIDTH, f32::max);
    let (left, right) = (MARGIN + widest + GAP, size.0 - MARGIN);
    let x = x_range(&chart.x, &chart.panels);
    let x_ticks = x_ticks(&chart.x, x, ((right - left) / 72.0) as usize);

    let mut top = MARGIN + HEAD;
    for (panel, (y, height, y_ticks)) in chart.panels.iter().zip(scales) {
        let plot_top = top + CAPTION;
        let plot = Plot { left, top: plot_top, right, bottom: plot_top + height, x, y };
        caption(&mut canvas, panel, &plot);
        plot.grid(&mut canvas, &x_ticks, &y_ticks);
        plot.layers(&mut canvas, panel);
        top = plot.bottom;
    }
    foot(
        &mut canvas,
        &chart.x,
        &x_ticks,
        &Plot { left, top, right, bottom: top, x, y: (0.0, 1.0) },
    );
    canvas.png()
}

fn head(canvas: &mut Canvas, chart: &Chart, width: f32) {
    let title = canvas.font.fitted(&chart.title, TITLE_SIZE, width);
    canvas.text(&title, (MARGIN, MARGIN + 15.0), Align::Left, TITLE_SIZE, Color::STRONG);
    let subtitle = canvas.font.fitted(&chart.subtitle, TEXT_SIZE, width);
    canvas.text(&subtitle, (MARGIN, MARGIN + 34.0), Align::Left, TEXT_SIZE, QUIET);
}

/// The title of a panel on its left, the legend on its right.
fn caption(canvas: &mut Canvas, panel: &Panel, plot: &Plot) {
    let baseline = plot.top - 12.0;
    let mut x = plot.right;
    for layer in panel.layers.iter().rev().filter(|layer| !layer.name.is_empty()) {
        x -= canvas.font.width(&layer.name, TICK_SIZE);
        canvas.text(&layer.name, (x, baseline), Align::Left, TICK_SIZE, QUIET);
        x -= 22.0;
        swatch(canvas, layer, x, baseline - canvas.font.capital_height(TICK_SIZE) / 2.0);
        x -= 14.0;
    }
    let title = canvas.font.fitted(&panel.title, TEXT_SIZE, x - plot.left);
    canvas.text(&title, (plot.left, baseline), Align::Left, TEXT_SIZE, Color::STRONG);
}

/// A small picture of a layer, 16 wide, around the height `y`.
fn swatch(canvas: &mut Canvas, layer: &Layer, x: f32, y: f32) {
    let color = layer.color;
    let line = [(x, y), (x + 16.0, y)];
    match layer.shape {
        Shape::Line(_) => canvas.line(&line, Pencil::new(color, 2.0)),
        Shape::Dashed(_) => canvas.line(&line, dashed(color)),
        Shape::Dots(_) => canvas.dot((x + 8.0, y), 3.0, color, 1.0),
        Shape::Bars(_) => canvas.rectangle((x + 3.0, y - 5.0), (x + 13.0, y + 5.0), color, 1.0),
        Shape::Bands(_) => canvas.rectangle((x, y - 5.0), (x + 16.0, y + 5.0), color, 0.3),
        Shape::Events(_) => canvas.pointer((x + 9.0, y + 4.0), 8.0, color),
    }
}

fn dashed(color: Color) -> Pencil {
    Pencil { dashed: true, ..Pencil::new(color, 1.3) }
}

/// The labels of the x axis.
fn foot(canvas: &mut Canvas, axis: &Axis, ticks: &[Tick], plot: &Plot) {
    let first = plot.bottom + GAP + canvas.font.capital_height(TICK_SIZE) + 1.0;
    let second = first + 15.0;
    let most = match axis {
        Axis::Names(names) => (plot.right - plot.left) / names.len().max(1) as f32 - 4.0,
        Axis::Time | Axis::Number(_) => f32::INFINITY,
    };
    for tick in ticks {
        let x = plot.x(tick.at);
        let label = canvas.font.fitted(&tick.label, TICK_SIZE, most);
        canvas.text(&label, (x, first), Align::Center, TICK_SIZE, QUIET);
        if let Some(below) = &tick.below {
            canvas.text(below, (x, second), Align::Center, TICK_SIZE, QUIET);
        }
    }
    if let Axis::Number(label) = axis {
        let middle = (plot.left + plot.right) / 2.0;
        canvas.text(label, (middle, second + 1.0), Align::Center, TEXT_SIZE, Color::STRONG);
    }
}

/// The rectangle of a panel between its axes, and what its edges stand for.
struct Plot {
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
    x: (f64, f64),
    y: (f64, f64),
}

impl Plot {
    /// What lies outside is put onto the edge.
    fn x(&self, value: f64) -> f32 {
        let part = ((value - self.x.0) / (self.x.1 - self.x.0)).clamp(0.0, 1.0);
        self.left + part as f32 * (self.right - self.left)
    }

    /// What lies outside is put onto the edge.
    fn y(&self, value: f64) -> f32 {
        let part = ((value - self.y.0) / (self.y.1 - self.y.0)).clamp(0.0, 1.0);
        self.bottom - part as f32 * (self.bottom - self.top)
    }

    fn grid(&self, canvas: &mut Canvas, x_ticks: &[Tick], y_ticks: &[Tick]) {
        let thin = Pencil::new(GRID, 0.75);
        for tick in x_ticks {
            let x = self.x(tick.at);
            canvas.line(&[(x, self.top), (x, self.bottom)], thin);
        }
        let half = canvas.font.capital_height(TICK_SIZE) / 2.0;
        for tick in y_ticks {
            let y = self.y(tick.at);
            canvas.line(&[(self.left, y), (self.right, y)], thin);
            let place = (self.left - GAP, y + half);
            canvas.text(&tick.label, place, Align::Right, TICK_SIZE, QUIET);
        }
        let frame = Pencil::new(FRAME, 1.0);
        canvas.line(&[(self.left, self.bottom), (self.right, self.bottom)], frame);
    }

    fn layers(&self, canvas: &mut Canvas, panel: &Panel) {
        let is_bars = |layer: &&Layer| matches!(layer.shape, Shape::Bars(_));
        let series = panel.layers.iter().filter(is_bars).count();
        let mut drawn_bars = 0;
        for layer in &panel.layers {
            let color = layer.color;
            match &layer.shape {
                Shape::Line(points) => self.series(canvas, points, Pencil::new(color, 1.4)),
                Shape::Dashed(points) => self.series(canvas, points, dashed(color)),
                Shape::Dots(points) => {
                    for (x, y) in points.iter().filter(|(x, y)| x.is_finite() && y.is_finite()) {
                        canvas.dot((self.x(*x), self.y(*y)), 2.6, color, 0.75);
                    }
                }
                Shape::Bars(bars) => {
                    self.bars(canvas, bars, (drawn_bars, series), color);
                    drawn_bars += 1;
                }
                Shape::Bands(spans) => self.bands(canvas, spans, color),
                Shape::Events(places) => self.events(canvas, places, color),
            }
        }
    }

    fn series(&self, canvas: &mut Canvas, points: &[(f64, Option<f64>)], pencil: Pencil) {
        let columns = ((self.right - self.left) * SCALE) as usize;
        for piece in reduce(points, self.x, columns) {
            let places: Vec<_> = piece.iter().map(|(x, y)| (self.x(*x), self.y(*y))).collect();
            match places[..] {
                [alone] => canvas.dot(alone, 1.2, pencil.color, 1.0),
                _ => canvas.line(&places, pencil),
            }
        }
    }

    /// The `index`-th of `series` layers of bars.
    fn bars(
        &self,
        canvas: &mut Canvas,
        bars: &[(f64, f64)],
        (index, series): (usize, usize),
        color: Color,
    ) {
        let mut places: Vec<f64> = bars.iter().map(|bar| bar.0).filter(|x| x.is_finite()).collect();
        places.sort_by(f64::total_cmp);
        let distance = places.windows(2).map(|p| p[1] - p[0]).filter(|d| *d > 0.0);
        let distance = distance.reduce(f64::min).unwrap_or(1.0).min(self.x.1 - self.x.0);
        let room = distance / (self.x.1 - self.x.0) * f64::from(self.right - self.left);
        let width = room as f32 * 0.72 / series.max(1) as f32;
        let shift = (index as f32 - series as f32 / 2.0) * width;
        for (x, y) in bars.iter().filter(|(x, y)| x.is_finite() && y.is_finite()) {
            let left = (self.x(*x) + shift).max(self.left);
            let right = (left + width * 0.94).min(self.right);
            let (zero, y) = (self.y(0.0), self.y(*y));
            canvas.rectangle((left, zero.min(y)), (right, zero.max(y)), color, 1.0);
        }
    }

    fn bands(&self, canvas: &mut Canvas, spans: &[(f64, f64)], color: Color) {
        let mut end = self.left;
        for (from, to) in spans.iter().filter(|(from, to)| from.is_finite() && to.is_finite()) {
            // What is narrower than a point is still seen, and nothing is shaded twice.
            let left = self.x(*from).max(end);
            end = self.x(*to).max(self.x(*from) + 1.0).max(end);
            if left < end {
                canvas.rectangle((left, self.top), (end, self.bottom), color, BAND_OPACITY);
            }
        }
    }

    fn events(&self, canvas: &mut Canvas, places: &[f64], color: Color) {
        let pencil = Pencil { opacity: 0.5, ..Pencil::new(color, 0.8) };
        for x in places.iter().filter(|x| x.is_finite()).map(|x| self.x(*x)) {
            canvas.line(&[(x, self.top), (x, self.bottom)], pencil);
            canvas.pointer((x, self.top), 7.0, color);
        }
    }
}
