//! Ranges and ticks: which numbers stand beside an axis, and how they are written.

use super::time_axis;
use super::{Axis, Panel, Shape};

/// A place on an axis and what is written there.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub at: f64,
    pub label: String,
    /// A second line, such as the date below a time of day.
    pub below: Option<String>,
}

/// Values beyond this are drawn at it: their differences are still numbers.
const LARGEST: f64 = 1e300;

/// The smallest and the largest, of those that are finite.
#[derive(Clone, Copy, Default)]
struct Span(Option<(f64, f64)>);

impl Span {
    fn add(&mut self, value: f64) {
        if value.is_finite() {
            let value = value.clamp(-LARGEST, LARGEST);
            let (least, most) = self.0.unwrap_or((value, value));
            self.0 = Some((least.min(value), most.max(value)));
        }
    }
}

/// What the x axis holds: all layers of all panels.
pub fn x_range(axis: &Axis, panels: &[Panel]) -> (f64, f64) {
    if let Axis::Names(names) = axis {
        return (-0.5, names.len().max(1) as f64 - 0.5);
    }
    let mut span = Span::default();
    for layer in panels.iter().flat_map(|panel| &panel.layers) {
        match &layer.shape {
            Shape::Line(points) | Shape::Dashed(points) => {
                points.iter().for_each(|p| span.add(p.0));
            }
            Shape::Dots(points) | Shape::Bars(points) => points.iter().for_each(|p| span.add(p.0)),
            Shape::Bands(spans) => spans.iter().for_each(|(from, to)| {
                span.add(*from);
                span.add(*to);
            }),
            Shape::Events(places) => places.iter().for_each(|x| span.add(*x)),
        }
    }
    let (from, to) = span.0.unwrap_or((0.0, 1.0));
    if from < to { (from, to) } else { widened(from) }
}

/// What the y axis of `panel` holds, with some air.
pub fn y_range(panel: &Panel) -> (f64, f64) {
    let mut data = Span::default();
    for layer in &panel.layers {
        match &layer.shape {
            Shape::Line(points) | Shape::Dashed(points) => {
                points.iter().filter_map(|p| p.1).for_each(|y| data.add(y));
            }
            Shape::Dots(points) => points.iter().for_each(|p| data.add(p.1)),
            Shape::Bars(bars) => {
                data.add(0.0);
                bars.iter().for_each(|p| data.add(p.1));
            }
            Shape::Bands(_) | Shape::Events(_) => {}
        }
    }
    match (panel.range, data.0) {
        (None, None) => (0.0, 1.0),
        (None, Some(span)) => with_air(span),
        (Some(range), None) => range,
        (Some((from, to)), Some((least, most))) => {
            let wider = with_air((least, most));
            (if least < from { wider.0 } else { from }, if most > to { wider.1 } else { to })
        }
    }
}

/// A little more than the data; an axis that begins near 0 begins at 0.
fn with_air((least, most): (f64, f64)) -> (f64, f64) {
    let (least, most) = if least < most { (least, most) } else { widened(least) };
    let air = (most - least) * 0.06;
    let from_zero = 0.0 <= least && least < 0.35 * most;
    let to_zero = most <= 0.0 && 0.35 * least < most;
    (if from_zero { 0.0 } else { least - air }, if to_zero { 0.0 } else { most + air })
}

/// A range around a single value.
fn widened(value: f64) -> (f64, f64) {
    let by = if value == 0.0 { 1.0 } else { value.abs() * 0.1 };
    (value - by, value + by)
}

/// The ticks of the x axis, at most `most` of them.
pub fn x_ticks(axis: &Axis, range: (f64, f64), most: usize) -> Vec<Tick> {
    match axis {
        Axis::Time => time_axis::ticks(range, most),
        Axis::Number(_) => ticks(range, most),
        Axis::Names(names) => {
            let tick = |(i, name): (usize, &String)| Tick {
                at: i as f64,
                label: name.clone(),
                below: None,
            };
            names.iter().enumerate().map(tick).collect()
        }
    }
}

/// At most `most` multiples of 1, 2 or 5 times a power of ten within the range.
pub fn ticks((from, to): (f64, f64), most: usize) -> Vec<Tick> {
    let rough = (to - from) / most.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough);
    let Some(step) = step.filter(|s| s.is_normal()) else {
        return Vec::new();
    };
    let (first, last) = ((from / step).ceil(), (to / step).floor());
    let count = (last - first + 1.0).clamp(0.0, 2.0 * most.max(1) as f64) as usize;
    let write = notation(from.abs().max(to.abs()), step);
    (0..count)
        .map(|i| {
            let at = (first + i as f64) * step;
            Tick { at, label: write(at), below: None }
        })
        .collect()
}

/// How the multiples of `step` up to `largest` are written: with a prefix such as k or M, and as many
/// digits as tell them apart.
fn notation(largest: f64, step: f64) -> impl Fn(f64) -> String {
    const PREFIXES: [&str; 9] = ["n", "µ", "m", "", "k", "M", "G", "T", "P"];
    let thousands = (largest.log10() / 3.0 + 1e-9).floor();
    // From 0.001 to 1 plain decimals are read more easily than thousandths.
    let thousands = if thousands == -1.0 && step >= 0.000_999 { 0.0 } else { thousands };
    let prefix = PREFIXES.get((thousands + 3.0).max(0.0) as usize).filter(|_| thousands >= -3.0);
    let unit = 1000f64.powf(thousands);
    let digits = (-(step / unit * (1.0 + 1e-9)).log10().floor()).clamp(0.0, 9.0) as usize;
    move |value| match prefix {
        _ if value == 0.0 => "0".to_owned(),
        Some(prefix) => format!("{:.digits$}{prefix}", value / unit),
        None => format!("{value:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{Color, Layer};
    use proptest::prelude::*;

    fn labels(from: f64, to: f64) -> Vec<String> {
        ticks((from, to), 5).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!(labels(0.0, 1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(0.0, 2.1e9), ["0", "0.5G", "1.0G", "1.5G", "2.0G"]);
        assert_eq!(labels(-12.0, 9.0), ["-10", "-5", "0", "5"]);
        assert_eq!(labels(0.0, 0.004), ["0", "0.001", "0.002", "0.003", "0.004"]);
        assert_eq!(labels(0.0, 4e-6), ["0", "1µ", "2µ", "3µ", "4µ"]);
        assert_eq!(
            labels(99_999.0, 100_001.0),
            ["99.9990k", "99.9995k", "100.0000k", "100.0005k", "100.0010k"]
        );
        assert_eq!(labels(0.0, 2e30)[1], "5.00e29");
    }

    #[test]
    fn an_axis_begins_at_zero_where_the_data_are_near_it() {
        let range = |values: &[f64], range| {
            let points = values.iter().map(|v| (0.0, Some(*v))).collect();
            let line =
                Layer { name: String::new(), color: Color::STRONG, shape: Shape::Line(points) };
            y_range(&Panel { title: String::new(), range, weight: 1.0, layers: vec![line] })
        };
        assert_eq!(range(&[1.0, 10.0], None).0, 0.0);
        assert!(range(&[9.0, 10.0], None).0 > 8.0);
        assert_eq!(range(&[0.3, 0.4], Some((0.0, 1.0))), (0.0, 1.0));
        assert!(range(&[0.3, 1.4], Some((0.0, 1.0))).1 > 1.4);
        assert!(range(&[-3.0, 0.4], Some((0.0, 1.0))).0 < -3.0);
        assert_eq!(range(&[], None).0, 0.0);
        let (least, most) = range(&[5.0, 5.0], None);
        assert!(least < 5.0 && 5.0 < most);
    }

    proptest! {
        #[test]
        fn ticks_lie_within_and_are_told_apart(from in -1e12f64..1e12, span in 1e-3f64..1e12) {
            let range = (from, from + span);
            prop_assume!(span > from.abs() * 1e-6);
            let found = ticks(range, 6);
            prop_assert!((1..=7).contains(&found.len()), "{found:?}");
            for pair in found.windows(2) {
                prop_assert!(pair[0].at < pair[1].at && pair[0].label != pair[1].label, "{found:?}");
            }
        }
    }
}
