//! Models side by side, and what they said against what came.

use super::Failure;
use super::report::{Entry, Report};
use crate::chart::{Axis, Chart, Color, Layer, Panel, Shape};
use crate::cli::training::Prepared;

/// In pixels.
const WIDTH: u32 = 2400;
/// In pixels: for titles and the x axis.
const BASE_HEIGHT: u32 = 240;
/// In pixels.
const PANEL_HEIGHT: u32 = 260;

type Picture = Result<Vec<u8>, Failure>;

/// A figure of an entry, with its name and unit.
type Figure = (&'static str, fn(&Entry) -> Option<f64>);

const FIGURES: [Figure; 7] = [
    ("RMSE, in replicas: less is better", |e| Some(e.scores.rmse)),
    ("MAE, in replicas: less is better", |e| Some(e.scores.mae)),
    ("R²: more is better", |e| e.scores.r2),
    ("exactly right, in %", |e| Some(100.0 * e.scores.exact_accuracy)),
    ("right or one off, in %", |e| Some(100.0 * e.scores.within_1_accuracy)),
    ("time to fit, in seconds", |e| e.fit_seconds),
    ("time of a prediction, in microseconds", |e| Some(1e6 * e.inference_seconds?)),
];

/// A panel a figure, a bar a model.
pub fn models(report: &Report) -> Picture {
    let panel = |(title, figure): &Figure| {
        let bars = (0..).zip(&report.models);
        let bars = bars.filter_map(|(place, entry)| Some((f64::from(place), figure(entry)?)));
        Panel {
            title: (*title).to_owned(),
            range: Some((0.0, 0.0)),
            weight: 1.0,
            layers: vec![layer("", Color::SERIES[0], Shape::Bars(bars.collect()))],
        }
    };
    let chart = Chart {
        title: "Models compared".to_owned(),
        subtitle: report.data.summary(),
        x: Axis::Names(report.models.iter().map(|entry| entry.name.clone()).collect()),
        panels: FIGURES.iter().map(panel).collect(),
    };
    draw(&chart)
}

/// A panel a model: what it said of the service with the most changes, against what was needed.
pub fn predictions(report: &Report, prepared: &Prepared) -> Picture {
    let Prepared { data, split, .. } = prepared;
    let services = data.inputs.services();
    let rows_of = |service: usize| {
        let test = split.test.iter().enumerate();
        test.filter(move |(_, row)| data.examples[**row].service == service)
    };
    let label = |row: usize| data.examples[row].label.map_or(f64::NAN, |(label, _)| label);
    let changes = |service: &usize| {
        let labels: Vec<f64> = rows_of(*service).map(|(_, row)| label(*row)).collect();
        labels.windows(2).filter(|pair| pair[0] != pair[1]).count()
    };
    let shown = (0..services.len()).rev().max_by_key(changes).unwrap_or_default();
    let at = |row: usize| data.examples[row].at.seconds();
    let needed: Vec<_> = rows_of(shown).map(|(_, row)| (at(*row), Some(label(*row)))).collect();
    let panel = |(entry, color): (&Entry, &Color)| {
        let said =
            rows_of(shown).map(|(place, row)| (at(*row), entry.predicted.get(place).copied()));
        Panel {
            title: format!("{}, in replicas", entry.name),
            range: None,
            weight: 1.0,
            layers: vec![
                layer("needed", Color::STRONG, Shape::Line(needed.clone())),
                layer(&entry.name, *color, Shape::Line(said.collect())),
            ],
        }
    };
    let service = services.get(shown).map_or("", |service| &**service);
    let chart = Chart {
        title: format!("Predictions for {service}"),
        subtitle: format!("the {} test rows of the service whose need changes most", needed.len()),
        x: Axis::Time,
        panels: report.models.iter().zip(Color::SERIES.iter().cycle()).map(panel).collect(),
    };
    draw(&chart)
}

/// The picture of `chart`, as high as its panels ask for.
pub fn draw(chart: &Chart) -> Picture {
    Ok(chart.png(WIDTH, BASE_HEIGHT + PANEL_HEIGHT * chart.panels.len() as u32)?)
}

/// A layer of this name.
pub fn layer(name: &str, color: Color, shape: Shape) -> Layer {
    Layer { name: name.to_owned(), color, shape }
}
