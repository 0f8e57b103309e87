//! What was compared, as text, JSON and CSV.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::Failure;
use crate::cli::training::Origin;
use crate::predict::recommend::{Candidate, Points, criteria, rank};
use crate::predict::scores::Scores;

/// One model, or a rule that needs none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a rule: it is compared, but not recommended.
    pub rule: bool,
    /// How good it is.
    #[serde(flatten)]
    pub scores: Scores,
    /// How long it took to fit.
    pub fit_seconds: Option<f64>,
    /// How long a prediction takes.
    pub inference_seconds: Option<f64>,
    /// What it says of each test row.
    #[serde(skip)]
    pub predicted: Vec<f64>,
}

/// The whole comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What was learnt from.
    pub data: Origin,
    /// The rules, then the models.
    pub models: Vec<Entry>,
    /// The points of the models, the recommended one first.
    pub points: Vec<Points>,
    /// In words.
    pub recommendation: String,
}

/// The columns of a table of models.
const HEADER: [&str; 8] = [
    "model",
    "rmse",
    "mae",
    "r2",
    "exact_accuracy",
    "within_1_accuracy",
    "fit_seconds",
    "inference_seconds",
];

impl Report {
    /// Of these entries.
    pub fn new(data: Origin, models: Vec<Entry>) -> Self {
        let (names, candidates): (Vec<&str>, Vec<Candidate>) =
            models.iter().filter_map(candidate).unzip();
        let points = rank(&names, &criteria(&candidates));
        let recommendation = recommendation(&points, &models);
        Self { data, models, points, recommendation }
    }

    /// For a person.
    pub fn text(&self) -> String {
        let mut table = table(&HEADER);
        for entry in &self.models {
            let Entry { name, scores, fit_seconds, inference_seconds, .. } = entry;
            let percent = |share: f64| format!("{:.1} %", 100.0 * share);
            let known = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
            table.add_row([
                name.clone(),
                format!("{:.4}", scores.rmse),
                format!("{:.4}", scores.mae),
                known(scores.r2.map(|r2| format!("{r2:.4}"))),
                percent(scores.exact_accuracy),
                percent(scores.within_1_accuracy),
                known(fit_seconds.map(|seconds| format!("{seconds:.3}"))),
                known(inference_seconds.map(|seconds| format!("{seconds:.7}"))),
            ]);
        }
        let points = points_table(&self.points);
        let mut text = format!("Models compared\n\n{}\n", self.data.summary());
        for skipped in &self.data.skipped_files {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "left out: {skipped}");
        }
        text + &format!("\n{table}\n\n{points}\n\n{}\n", self.recommendation)
    }

    /// For programs.
    pub fn json(&self) -> Result<Vec<u8>, Failure> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// For spreadsheets: one line a model, an empty cell where there is no figure.
    pub fn csv(&self) -> Result<Vec<u8>, Failure> {
        let mut lines = csv::Writer::from_writer(Vec::new());
        lines.write_record(HEADER)?;
        for Entry { name, scores, fit_seconds, inference_seconds, .. } in &self.models {
            let cell = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
            lines.write_record([
                name.clone(),
                scores.rmse.to_string(),
                scores.mae.to_string(),
                cell(scores.r2),
                scores.exact_accuracy.to_string(),
                scores.within_1_accuracy.to_string(),
                cell(*fit_seconds),
                cell(*inference_seconds),
            ])?;
        }
        Ok(lines.into_inner().map_err(|error| error.to_string())?)
    }
}

fn candidate(entry: &Entry) -> Option<(&str, Candidate<'_>)> {
    let fit_seconds = entry.fit_seconds.filter(|_| !entry.rule)?;
    let inference_seconds = entry.inference_seconds?;
    Some((&entry.name, Candidate { scores: &entry.scores, fit_seconds, inference_seconds }))
}

/// Which model to use, why, and whether it beats what needs none.
fn recommendation(points: &[Points], models: &[Entry]) -> String {
    let Some(Points { name, points: count, won }) = points.first() else {
        return "Recommendation: none, as there is no model to compare".to_owned();
    };
    let mut text = format!("Recommendation: {name}, with {count} of 8 points");
    if !won.is_empty() {
        text += &format!(" (best at {})", won.join(", "));
    }
    let rmse = |wanted: &str| models.iter().find(|e| e.name == wanted).map(|e| e.scores.rmse);
    let rules = models.iter().filter(|entry| entry.rule);
    let best_rule = rules.min_by(|a, b| a.scores.rmse.total_cmp(&b.scores.rmse));
    if let Some((rule, own)) = best_rule.zip(rmse(name))
        && rule.scores.rmse <= own
    {
        text += &format!(
            ".\nIt does no better than the rule {}, which needs no model: RMSE {own:.4} against {:.4}",
            rule.name, rule.scores.rmse
        );
    }
    text
}

/// The points of each model, and what for.
pub fn points_table(points: &[Points]) -> Table {
    let mut table = table(&["model", "points of 8", "best at"]);
    table.column_iter_mut().skip(2).for_each(|c| c.set_cell_alignment(CellAlignment::Left));
    for Points { name, points, won } in points {
        table.add_row([name.clone(), points.to_string(), won.join(", ")]);
    }
    table
}

/// A plain table: the first column to the left, numbers to the right.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(header.iter().copied());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predict::clean::Cleaning;

    fn entry(name: &str, rule: bool, rmse: f64, exact: f64) -> Entry {
        Entry {
            name: name.to_owned(),
            rule,
            scores: Scores {
                rows: 10,
                rmse,
                mae: rmse / 2.0,
                r2: (!rule).then_some(0.5),
                exact_accuracy: exact,
                within_1_accuracy: 1.0,
            },
            fit_seconds: (!rule).then_some(2.0 * rmse),
            inference_seconds: (!rule).then_some(1e-6),
            predicted: Vec::new(),
        }
    }

    fn report(best: f64) -> Report {
        let data = Origin {
            files: 3,
            skipped_files: vec!["b.csv: line 3: odd".to_owned()],
            cleaning: Cleaning { capped: 2, kept: 110, ..Cleaning::default() },
            services: vec!["cart".to_owned(), "shop".to_owned()],
            train_rows: 80,
            test_rows: 10,
            test_from: "2026-01-31T12:00:00.000Z".to_owned(),
        };
        let models = vec![
            entry("current_replicas", true, 0.75, 0.5),
            entry("random_forest", false, best, 0.875),
            entry("boosting", false, 0.5, 0.75),
        ];
        Report::new(data, models)
    }

    #[test]
    fn the_text_is_as_it_was() {
        let expected = "\
Models compared

110 rows of 2 services from 3 files, files left out: 1, rows capped: 2; 80 to learn from, 10 from \
2026-01-31T12:00:00.000Z on to judge by
left out: b.csv: line 3: odd

";
        let text = report(0.25).text();
        assert!(text.starts_with(expected), "{text}");
        insta::assert_snapshot!("comparison_report", text);
    }

    #[test]
    fn csv_has_a_line_a_model_and_json_the_points() {
        let report = report(0.25);
        let csv = String::from_utf8(report.csv().expect("CSV")).expect("text");
        assert_eq!(
            csv,
            "model,rmse,mae,r2,exact_accuracy,within_1_accuracy,fit_seconds,inference_seconds\n\
             current_replicas,0.75,0.375,,0.5,1,,\n\
             random_forest,0.25,0.125,0.5,0.875,1,0.5,0.000001\n\
             boosting,0.5,0.25,0.5,0.75,1,1,0.000001\n"
        );
        let json: serde_json::Value =
            serde_json::from_slice(&report.json().expect("JSON")).expect("JSON");
        assert_eq!(json["points"][0]["name"], "random_forest");
        assert_eq!(json["points"][0]["points"], 8);
        assert_eq!(json["models"][2]["rmse"], 0.5);
        assert_eq!(json["data"]["cleaning"]["capped"], 2);
    }

    #[test]
    fn a_model_that_a_rule_beats_is_told_so() {
        let of = |best| report(best).recommendation;
        assert!(!of(0.25).contains("no better"));
        let beaten = Report::new(
            report(0.25).data,
            vec![entry("thresholds", true, 0.125, 1.0), entry("boosting", false, 0.5, 0.75)],
        );
        assert!(beaten.recommendation.ends_with(
            "no better than the rule thresholds, which needs no model: RMSE 0.5000 against 0.1250"
        ));
    }
}
