//! The pictures: what was expected, what served, how long answers took, and what it cost.

use super::{best_of_each, front};
use crate::chart::{Axis, Chart, ChartError, Color, Layer, Panel, Shape};
use crate::simulate::{Run, Setting, Trail};

/// A picture of the report.
pub struct Picture {
    /// The name of its file, without the ending.
    pub name: &'static str,
    /// What it shows, for a person.
    pub caption: &'static str,
    /// The file.
    pub png: Vec<u8>,
}

/// In pixels.
const WIDTH: u32 = 1800;
/// In pixels: for the title and the time axis.
const BASE_HEIGHT: u32 = 220;
/// In pixels.
const PANEL_HEIGHT: u32 = 240;
/// More runs than this are left out of the pictures over time.
const MOST_PANELS: usize = 8;

/// All of them.
///
/// # Errors
/// A picture that cannot be drawn.
pub fn pictures(setting: &Setting, runs: &[Run]) -> Result<Vec<Picture>, ChartError> {
    let best = best_of_each(runs);
    let shown = &best[..best.len().min(MOST_PANELS)];
    Ok(vec![
        Picture {
            name: "demand_vs_forecast",
            caption: "The load, and what was expected of it when replicas had to be asked for.",
            png: expected(setting, runs)?,
        },
        Picture {
            name: "containers_over_time",
            caption: "The replicas that served, and those that the load needs (grey).",
            png: served(setting, shown)?,
        },
        Picture {
            name: "latency_over_time",
            caption: "Latency by the formula of predictive autoscaling's demos.",
            png: latency(setting, shown)?,
        },
        Picture {
            name: "policy_bars",
            caption: "The policies side by side, each with the forecaster that serves it best.",
            png: bars(&best)?,
        },
        Picture {
            name: "pareto",
            caption: "Cost against time with too few replicas: left and below is better.",
            png: pareto(runs)?,
        },
    ])
}

fn layer(name: &str, color: Color, shape: Shape) -> Layer {
    Layer { name: name.to_owned(), color, shape }
}

fn panel(title: &str, layers: Vec<Layer>) -> Panel {
    Panel { title: title.to_owned(), range: Some((0.0, 0.0)), weight: 1.0, layers }
}

fn over_time(title: &str, panels: Vec<Panel>) -> Result<Vec<u8>, ChartError> {
    let height = BASE_HEIGHT + PANEL_HEIGHT * panels.len() as u32;
    let chart = Chart { title: title.to_owned(), subtitle: String::new(), x: Axis::Time, panels };
    chart.png(WIDTH, height)
}

/// A value of a trail over time.
fn line<const N: usize>(setting: &Setting, trail: &Trail<N>, which: usize) -> Shape {
    let start = setting.load.at(setting.test_from).seconds();
    let step = setting.load.step.as_secs_f64();
    Shape::Line(trail.line(which).map(|(at, value)| (start + at * step, value)).collect())
}

/// The load, and the replicas that it needs.
fn asked(setting: &Setting) -> Trail<2> {
    let mut trail = Trail::new(setting.test().len());
    for (index, load) in setting.test().iter().enumerate() {
        let load = Some(*load).filter(|load| !load.is_nan());
        trail.add(index, [load, load.map(|load| f64::from(setting.need(load)))]);
    }
    trail
}

fn expected(setting: &Setting, runs: &[Run]) -> Result<Vec<u8>, ChartError> {
    let asked = asked(setting);
    let load = layer("load", Color::STRONG, line(setting, &asked, 0));
    let mut named: Vec<&Run> = Vec::new();
    for run in runs.iter().filter(|run| run.has_forecaster()) {
        if named.iter().all(|other| other.forecaster != run.forecaster) {
            named.push(run);
        }
    }
    let mut panels: Vec<Panel> = named
        .into_iter()
        .zip(Color::SERIES.into_iter().cycle())
        .take(MOST_PANELS)
        .map(|(run, color)| {
            let forecast = layer("expected", color, line(setting, &run.trail, 0));
            panel(&run.forecaster, vec![load.clone(), forecast])
        })
        .collect();
    if panels.is_empty() {
        panels.push(panel("load", vec![load]));
    }
    over_time("Load and forecast", panels)
}

fn served(setting: &Setting, runs: &[&Run]) -> Result<Vec<u8>, ChartError> {
    let asked = asked(setting);
    let grey = Color(0x9c, 0xa3, 0xaf);
    let panels = runs.iter().map(|run| {
        let need = layer("needed", grey, line(setting, &asked, 1));
        let served = layer("served", Color::SERIES[0], line(setting, &run.trail, 1));
        panel(&run.title(), vec![need, served])
    });
    over_time("Replicas", panels.collect())
}

fn latency(setting: &Setting, runs: &[&Run]) -> Result<Vec<u8>, ChartError> {
    let panels = runs.iter().map(|run| {
        let latency = layer("", Color::SERIES[0], line(setting, &run.trail, 2));
        panel(&format!("{}, ms", run.title()), vec![latency])
    });
    over_time("Latency", panels.collect())
}

fn bars(runs: &[&Run]) -> Result<Vec<u8>, ChartError> {
    let of = |title: &str, color: Color, value: fn(&Run) -> f64| {
        let bars = (0..).map(f64::from).zip(runs.iter().map(|run| value(run))).collect();
        panel(title, vec![layer("", color, Shape::Bars(bars))])
    };
    let panels = vec![
        of("replica-hours", Color::SERIES[0], |run| run.figures.replica_hours),
        of("too few, % of time", Color::ALARM, |run| run.figures.under_time_percent),
        of("actions", Color::SERIES[1], |run| run.figures.actions as f64),
        of("95th percentile, ms", Color::SERIES[2], |run| run.figures.response_ms.p95),
    ];
    let names = runs.iter().map(|run| run.policy.clone()).collect();
    let height = BASE_HEIGHT + PANEL_HEIGHT * panels.len() as u32;
    let title = "Policies".to_owned();
    Chart { title, subtitle: String::new(), x: Axis::Names(names), panels }.png(WIDTH, height)
}

fn pareto(runs: &[Run]) -> Result<Vec<u8>, ChartError> {
    let place = |run: &Run| (run.figures.replica_hours, run.figures.under_time_percent);
    let mut layers = Vec::new();
    let front: Vec<(f64, Option<f64>)> = front(runs)
        .into_iter()
        .map(|run| {
            let (cost, under) = place(run);
            (cost, Some(under))
        })
        .collect();
    if !front.is_empty() {
        layers.push(layer("HPA, targets 40–100 %", Color::STRONG, Shape::Line(front)));
    }
    let mut policies: Vec<&str> = Vec::new();
    for run in runs.iter().filter(|run| !run.is_of_front()) {
        if !policies.contains(&run.policy.as_str()) {
            policies.push(&run.policy);
        }
    }
    for (policy, color) in policies.into_iter().zip(Color::SERIES.into_iter().cycle()) {
        let color = if policy == "default" { Color::ALARM } else { color };
        let dots = runs.iter().filter(|run| run.policy == policy).map(place).collect();
        layers.push(layer(policy, color, Shape::Dots(dots)));
    }
    let panels = vec![panel("too few replicas, % of time", layers)];
    let x = Axis::Number("replica-hours".to_owned());
    let title = "Cost against shortage".to_owned();
    Chart { title, subtitle: String::new(), x, panels }.png(WIDTH, 1000)
}
