//! Forecasters compared, as text, JSON, CSV and pictures.

use serde::Serialize;

use super::report::{points_table, table};
use super::series::{Compared, Entry, Figures};
use super::{Failure, Outcome, pictures};
use crate::chart::{Axis, Chart, Color, Layer, Panel, Shape};
use crate::predict::recommend::{Criterion, Points, rank};
use crate::units::Timestamp;

/// What is told of each model and horizon.
const HEADER: [&str; 11] = [
    "model",
    "horizon_seconds",
    "rmse",
    "mae",
    "r2",
    "mase",
    "smape",
    "pinball",
    "coverage",
    "fit_seconds",
    "inference_seconds",
];

/// What `comparison_report.json` holds.
#[derive(Serialize)]
struct Json<'a> {
    data: &'a str,
    history_samples: usize,
    test_samples: usize,
    test_from: Timestamp,
    models: &'a [Entry],
    points: &'a [Points],
    recommendation: &'a str,
}

/// All that is written of a comparison.
pub fn outcome(compared: &Compared) -> Result<Outcome, Failure> {
    let Compared { title, samples, test_from, entries, .. } = compared;
    let points = ranked(entries);
    let recommendation = recommendation(&points);
    let json = Json {
        data: title,
        history_samples: samples.0,
        test_samples: samples.1,
        test_from: *test_from,
        models: entries,
        points: &points,
        recommendation: &recommendation,
    };
    let mut json = serde_json::to_vec_pretty(&json)?;
    json.push(b'\n');
    Ok(Outcome {
        text: text(compared, &points, &recommendation),
        json,
        csv: csv(entries)?,
        models: models(compared)?,
        predictions: predictions(compared)?,
    })
}

/// Eight points: pinball 2, MASE 2, RMSE 1, training time 1, inference time 2; errors are means over the
/// horizons.
fn ranked(entries: &[Entry]) -> Vec<Points> {
    let mean = |entry: &Entry, figure: fn(&Figures) -> f64| {
        entry.horizons.iter().map(figure).sum::<f64>() / entry.horizons.len() as f64
    };
    let criterion = |name, worth, figure: &dyn Fn(&Entry) -> f64| {
        let figures = entries.iter().map(figure).collect();
        Criterion { name, worth, figures }
    };
    let names: Vec<&str> = entries.iter().map(|entry| &*entry.name).collect();
    let criteria = [
        criterion("pinball loss", 2, &|e| mean(e, |f| f.pinball)),
        criterion("MASE", 2, &|e| mean(e, |f| f.mase)),
        criterion("RMSE", 1, &|e| mean(e, |f| f.rmse)),
        criterion("training time", 1, &|e| e.fit_seconds),
        criterion("inference time", 2, &|e| e.inference_seconds),
    ];
    rank(&names, &criteria)
}

fn recommendation(points: &[Points]) -> String {
    let Some(Points { name, points, won }) = points.first() else {
        return "Recommendation: none, as there is no model to compare".to_owned();
    };
    format!("Recommendation: {name}, with {points} of 8 points (best at {})", won.join(", "))
}

fn text(compared: &Compared, points: &[Points], recommendation: &str) -> String {
    let Compared { title, samples: (history, test), test_from, entries, .. } = compared;
    let mut models = table(&HEADER);
    for (entry, figures) in rows(entries) {
        let Figures { horizon_seconds, rmse, mae, r2, mase, smape, pinball, coverage } = figures;
        let number = |value: &f64| known(*value, |value| format!("{value:.4}"));
        let percent = |value: &f64| known(*value, |value| format!("{:.1} %", 100.0 * value));
        models.add_row([
            entry.name.clone(),
            horizon_seconds.to_string(),
            number(rmse),
            number(mae),
            number(r2),
            number(mase),
            percent(smape),
            number(pinball),
            percent(coverage),
            format!("{:.3}", entry.fit_seconds),
            format!("{:.7}", entry.inference_seconds),
        ]);
    }
    let points = points_table(points);
    format!(
        "Forecasters compared\n\n{title}: {history} samples to learn from, {test} from {test_from} on to \
         forecast\n\n{models}\n\n{points}\n\n{recommendation}\n"
    )
}

/// One line a model and horizon; an empty cell where there is no figure.
fn csv(entries: &[Entry]) -> Result<Vec<u8>, Failure> {
    let mut lines = csv::Writer::from_writer(Vec::new());
    lines.write_record(HEADER)?;
    for (entry, figures) in rows(entries) {
        let Figures { horizon_seconds, rmse, mae, r2, mase, smape, pinball, coverage } = figures;
        let (fit, call) = (&entry.fit_seconds, &entry.inference_seconds);
        let cells = [horizon_seconds, rmse, mae, r2, mase, smape, pinball, coverage, fit, call];
        let cell = |value: &f64| if value.is_finite() { value.to_string() } else { String::new() };
        let cells = cells.map(cell);
        lines.write_record(std::iter::once(entry.name.clone()).chain(cells))?;
    }
    Ok(lines.into_inner().map_err(|error| error.to_string())?)
}

fn rows(entries: &[Entry]) -> impl Iterator<Item = (&Entry, &Figures)> {
    entries.iter().flat_map(|entry| entry.horizons.iter().map(move |figures| (entry, figures)))
}

fn known(value: f64, told: impl FnOnce(f64) -> String) -> String {
    if value.is_finite() { told(value) } else { "-".to_owned() }
}

/// A panel a figure, a bar a model and horizon.
fn models(compared: &Compared) -> Result<Vec<u8>, Failure> {
    type Told = (&'static str, fn(&Figures) -> f64);
    const TOLD: [Told; 5] = [
        ("RMSE: less is better", |f| f.rmse),
        ("MASE: less is better", |f| f.mase),
        ("sMAPE, in %: less is better", |f| 100.0 * f.smape),
        ("pinball loss: less is better", |f| f.pinball),
        ("within P5–P95, in %: 90 is right", |f| 100.0 * f.coverage),
    ];
    let entries = &compared.entries;
    let horizons = entries.first().map_or(&[][..], |entry| &entry.horizons);
    let bars = |figure: &dyn Fn(&Entry) -> f64| {
        Shape::Bars((0..).zip(entries).map(|(x, entry)| (f64::from(x), figure(entry))).collect())
    };
    let panel = |title: &str, layers| Panel {
        title: title.to_owned(),
        range: Some((0.0, 0.0)),
        weight: 1.0,
        layers,
    };
    let mut panels: Vec<Panel> = TOLD
        .iter()
        .map(|(title, figure)| {
            let layer =
                |(place, (color, Figures { horizon_seconds, .. })): (usize, (&Color, &Figures))| {
                    let value = |entry: &Entry| entry.horizons.get(place).map_or(f64::NAN, figure);
                    let name = format!("{horizon_seconds} s ahead");
                    Layer { name, color: *color, shape: bars(&value) }
                };
            let colored = Color::SERIES.iter().cycle().zip(horizons);
            panel(title, colored.enumerate().map(layer).collect())
        })
        .collect();
    for (title, figure) in [
        ("time to fit, in seconds", (|e| e.fit_seconds) as fn(&Entry) -> f64),
        ("time of a forecast, in microseconds", |e| 1e6 * e.inference_seconds),
    ] {
        let shape = bars(&figure);
        let layer = Layer { name: String::new(), color: Color::SERIES[0], shape };
        panels.push(panel(title, vec![layer]));
    }
    pictures::draw(&Chart {
        title: "Forecasters compared".to_owned(),
        subtitle: compared.title.clone(),
        x: Axis::Names(entries.iter().map(|entry| entry.name.clone()).collect()),
        panels,
    })
}

/// A panel a model: its median at the nearest horizon against what came.
fn predictions(compared: &Compared) -> Result<Vec<u8>, Failure> {
    let panel = |(entry, color): (&Entry, &Color)| Panel {
        title: entry.name.clone(),
        range: None,
        weight: 1.0,
        layers: vec![
            pictures::layer("measured", Color::STRONG, Shape::Line(compared.actual.clone())),
            pictures::layer("expected", *color, Shape::Line(entry.nearest.clone())),
        ],
    };
    pictures::draw(&Chart {
        title: format!("Forecasts of {}", compared.title),
        subtitle: "the median at the nearest horizon".to_owned(),
        x: Axis::Time,
        panels: compared.entries.iter().zip(Color::SERIES.iter().cycle()).map(panel).collect(),
    })
}
