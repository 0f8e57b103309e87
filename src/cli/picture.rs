//! `--plot`: the signals above, the score below, and what was found in both.

use std::error::Error;

use super::table::Row;
use crate::chart::{Axis, Chart, Color, Layer, Panel, Shape};
use crate::detect::Assessment;

/// How many signals are drawn.
const MOST_SIGNALS: usize = 4;

/// In pixels.
const WIDTH: u32 = 1920;
/// In pixels: for the title, the time axis and the score.
const BASE_HEIGHT: u32 = 520;
/// In pixels.
const SIGNAL_HEIGHT: u32 = 260;

/// A signal and what there is to draw of it.
struct Signal {
    name: String,
    points: Vec<(f64, Option<f64>)>,
    /// The sum of its shares of what anomalous scores are above their thresholds.
    contribution: f64,
}

/// What is collected, row by row, for one picture. It takes 32 bytes a cell.
pub struct Picture {
    signals: Vec<Signal>,
    scores: Vec<(f64, Option<f64>)>,
    /// It may change from row to row.
    thresholds: Vec<(f64, Option<f64>)>,
    anomalous: Vec<bool>,
    alerting: Vec<bool>,
}

impl Picture {
    /// Of rows with these columns.
    pub fn new(columns: &[String]) -> Self {
        let signal =
            |name: &String| Signal { name: name.clone(), points: Vec::new(), contribution: 0.0 };
        Self {
            signals: columns.iter().map(signal).collect(),
            scores: Vec::new(),
            thresholds: Vec::new(),
            anomalous: Vec::new(),
            alerting: Vec::new(),
        }
    }

    /// Takes one row and what was thought of it.
    pub fn add(&mut self, row: &Row, assessment: Option<&Assessment>) {
        let x = row.at.seconds();
        for (signal, value) in self.signals.iter_mut().zip(&row.values) {
            signal.points.push((x, *value));
        }
        self.scores.push((x, assessment.map(|a| a.score)));
        self.thresholds.push((x, assessment.map(|a| a.threshold)));
        self.anomalous.push(assessment.is_some_and(|a| a.anomalous));
        self.alerting.push(assessment.is_some_and(|a| a.alert_score >= a.threshold));
        let Some(assessment) = assessment else { return };
        // Many moments just above the threshold count less than one far above it.
        let excess = assessment.score - assessment.threshold;
        for contributor in &assessment.contributors {
            if let Some(signal) = self.signal_of(&contributor.feature) {
                signal.contribution += contributor.share * excess;
            }
        }
    }

    /// The signal that a feature is made of: the one with the longest name with which the feature's
    /// begins.
    fn signal_of(&mut self, feature: &str) -> Option<&mut Signal> {
        let is_of = |name: &str| {
            feature.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        self.signals.iter_mut().filter(|s| is_of(&s.name)).max_by_key(|s| s.name.len())
    }

    /// The picture as a PNG file.
    pub fn png(self, title: String) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let bands = layer("", Color::ALARM, Shape::Bands(self.stretches()));
        let alerts = layer("", Color::ALARM, Shape::Events(self.alerts()));
        let subtitle = self.subtitle();
        let score_panel = self.score_panel(bands.clone(), alerts.clone());
        let mut panels: Vec<Panel> = shown(self.signals)
            .into_iter()
            .zip(Color::SERIES)
            .map(|(signal, color)| Panel {
                title: signal.name,
                range: None,
                weight: 1.0,
                layers: vec![
                    bands.clone(),
                    alerts.clone(),
                    layer("", color, Shape::Line(signal.points)),
                ],
            })
            .collect();
        let height = BASE_HEIGHT + SIGNAL_HEIGHT * panels.len() as u32;
        panels.push(score_panel);
        let chart = Chart { title, subtitle, x: Axis::Time, panels };
        Ok(chart.png(WIDTH, height)?)
    }

    fn score_panel(&self, bands: Layer, alerts: Layer) -> Panel {
        let named = |name: &str, layer: Layer| Layer { name: name.to_owned(), ..layer };
        Panel {
            title: "anomaly score (0–1)".to_owned(),
            range: Some((0.0, 1.0)),
            weight: 1.3,
            layers: vec![
                named("anomalous", bands),
                named("alert", alerts),
                layer("score", Color::STRONG, Shape::Line(self.scores.clone())),
                layer("threshold", Color::WARNING, Shape::Dashed(self.thresholds.clone())),
            ],
        }
    }

    /// Counts: what a picture of a million rows cannot show.
    fn subtitle(&self) -> String {
        let scored = self.scores.iter().filter(|(_, score)| score.is_some()).count();
        let anomalous = self.anomalous.iter().filter(|a| **a).count();
        let left_out = self.signals.len().saturating_sub(MOST_SIGNALS);
        let mut text = format!(
            "{} rows, {scored} scored, {anomalous} anomalous, {} alerts",
            self.scores.len(),
            self.alerts().len()
        );
        if left_out > 0 {
            text += &format!(
                "; the {MOST_SIGNALS} of {} signals that contribute most",
                self.signals.len()
            );
        }
        text
    }

    /// From the first anomalous row of a run to the first one after it.
    fn stretches(&self) -> Vec<(f64, f64)> {
        let mut stretches: Vec<(f64, f64)> = Vec::new();
        let mut inside = false;
        for ((x, _), anomalous) in self.scores.iter().zip(&self.anomalous) {
            match stretches.last_mut().filter(|_| inside) {
                Some(open) => open.1 = *x,
                None if *anomalous => stretches.push((*x, *x)),
                None => {}
            }
            inside = *anomalous;
        }
        stretches
    }

    /// Where the alert score begins to reach the threshold.
    fn alerts(&self) -> Vec<f64> {
        let before = std::iter::once(&false).chain(&self.alerting);
        let begins = self.alerting.iter().zip(before).map(|(now, before)| *now && !before);
        self.scores.iter().zip(begins).filter(|(_, begins)| *begins).map(|((x, _), _)| *x).collect()
    }
}

/// The signals with the largest contributions, in the order of the columns.
fn shown(signals: Vec<Signal>) -> Vec<Signal> {
    let mut ranked: Vec<(usize, Signal)> = signals.into_iter().enumerate().collect();
    ranked.sort_by(|(_, a), (_, b)| b.contribution.total_cmp(&a.contribution));
    ranked.truncate(MOST_SIGNALS);
    ranked.sort_by_key(|(index, _)| *index);
    ranked.into_iter().map(|(_, signal)| signal).collect()
}

fn layer(name: &str, color: Color, shape: Shape) -> Layer {
    Layer { name: name.to_owned(), color, shape }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Contributor;
    use crate::units::Timestamp;

    /// A row at `second`, with a score and an alert score against 0.5, blamed on `feature`.
    fn add(picture: &mut Picture, second: i64, scores: Option<(f64, f64)>, feature: &str) {
        let at = Timestamp::from_millis(second * 1000);
        let values = vec![Some(1.0); picture.signals.len()];
        let assessment = scores.map(|(score, alert_score)| Assessment {
            score,
            alert_score,
            threshold: 0.5,
            anomalous: score >= 0.5,
            contributors: vec![Contributor { feature: feature.to_owned(), share: 1.0 }],
        });
        picture.add(&Row { time_text: at.to_string(), at, values }, assessment.as_ref());
    }

    #[test]
    fn stretches_and_alerts_are_where_they_begin_and_end() {
        let mut picture = Picture::new(&["a".to_owned()]);
        let rows = [None, Some((0.9, 0.0)), Some((0.9, 0.9)), Some((0.9, 0.8)), Some((0.1, 0.0))];
        for (second, scores) in (0..).zip(rows) {
            add(&mut picture, second, scores, "a");
        }
        add(&mut picture, 5, Some((0.5, 0.5)), "a");
        assert_eq!(picture.stretches(), [(1.0, 4.0), (5.0, 5.0)]);
        assert_eq!(picture.alerts(), [2.0, 5.0]);
        assert_eq!(picture.subtitle(), "6 rows, 5 scored, 4 anomalous, 2 alerts");
    }

    #[test]
    fn features_count_for_the_signal_they_are_made_of() {
        let columns = ["a", "a_b", "c", "d", "e", "f"].map(str::to_owned);
        let mut picture = Picture::new(&columns);
        for (second, feature) in
            (0..).zip(["a_b_mean", "f", "f_std", "e_max", "d", "nothing", "ab"])
        {
            add(&mut picture, second, Some((0.9, 0.0)), feature);
        }
        let names: Vec<String> = shown(picture.signals).into_iter().map(|s| s.name).collect();
        assert_eq!(names, ["a_b", "d", "e", "f"]);
    }
}
