//! `loadline detect`: streams a CSV file through the detector, one score a row.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use ndarray::Array2;

use super::CommandResult;
use super::output::write_atomically;
use super::table::{Row, Table};
use crate::config::Detection;
use crate::detect::plain::Model;
use crate::detect::{Assessment, Detector};
use crate::features::{ColumnFeatures, Features};
use crate::target::TargetId;

/// Score every row of a CSV file by what came before it.
///
/// The first line of the file names its columns. The output has one line a row: timestamp (as read),
/// score (0-1), alert_score (what is compared with the threshold; in this mode the score), threshold,
/// anomalous, contributors (feature=share, the strongest first). While there is no model yet the score
/// is empty.
#[derive(Args)]
pub struct Arguments {
    /// The rows to score, .csv or .csv.gz
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Fit one model on all rows of this file and keep it; without it, learn from the input as it comes
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// The column with the time: RFC 3339, "2026-01-31 12:00:00" (UTC) or Unix seconds
    #[arg(long, value_name = "NAME", default_value = "timestamp")]
    time_column: String,
    /// The columns to look at; all others but the time by default
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    columns: Option<Vec<String>>,
    /// Where to write; the file appears once all rows are scored
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

/// The settings of `detection` in the configuration file, by their names there.
#[derive(Args)]
struct Settings {
    /// The share of training rows that count as anomalous, in (0, 0.5]
    #[arg(long = "detection.contamination", value_name = "RATIO")]
    contamination: Option<f64>,
    /// How many trees
    #[arg(long = "detection.n-estimators", value_name = "COUNT")]
    n_estimators: Option<usize>,
    /// How many rows each tree sees
    #[arg(long = "detection.max-samples", value_name = "COUNT")]
    max_samples: Option<usize>,
    /// The seed
    #[arg(long = "detection.random-state", value_name = "SEED")]
    random_state: Option<u64>,
    /// How many standard deviations make a spike
    #[arg(long = "detection.spike-threshold", value_name = "DEVIATIONS")]
    spike_threshold: Option<f64>,
    /// The rows of the rolling statistics
    #[arg(long = "detection.rolling-window", value_name = "ROWS")]
    rolling_window: Option<usize>,
}

impl Settings {
    fn detection(&self) -> Detection {
        let default = Detection::default();
        Detection {
            contamination: self.contamination.unwrap_or(default.contamination),
            n_estimators: self.n_estimators.unwrap_or(default.n_estimators),
            max_samples: self.max_samples.unwrap_or(default.max_samples),
            random_state: self.random_state.unwrap_or(default.random_state),
            spike_threshold: self.spike_threshold.unwrap_or(default.spike_threshold),
            rolling_window: self.rolling_window.unwrap_or(default.rolling_window),
            ..default
        }
    }
}

/// What judges the rows: a model that is fixed, or a detector that learns on.
enum Judge {
    Fixed(Box<Model>),
    Learning(Box<Detector>, TargetId),
}

impl Judge {
    fn assess(
        &mut self,
        features: &Features,
        row: &Row,
    ) -> Result<Option<Assessment>, crate::detect::DetectError> {
        match self {
            Self::Fixed(model) => model.assess(features).map(Some),
            Self::Learning(detector, target) => detector.observe(target, features, row.at),
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    let config = arguments.settings.detection();
    let mut table =
        Table::open(&arguments.input, &arguments.time_column, arguments.columns.as_deref())?;
    let columns = table.columns();
    let mut features = ColumnFeatures::new(&columns, &config);
    let mut judge = match &arguments.train {
        Some(path) if config.mode == crate::config::DetectionMode::Calibrated => {
            let mut detector = crate::detect::calibrated::CalibratedDetector::new(
                Arc::clone(features.schema()),
                config.clone(),
            )?;
            detector.set_training(true);
            let mut table = Table::open(path, &arguments.time_column, Some(&columns))?;
            while let Some(row) = table.next_row()? {
                detector.observe(&TargetId::from("input"), &features.push(&row.values), row.at)?;
            }
            detector.set_training(false);
            Judge::Learning(
                Box::new(Detector::Calibrated(Box::new(detector))),
                TargetId::from("input"),
            )
        }
        Some(path) => {
            Judge::Fixed(Box::new(trained(path, &arguments.time_column, &columns, &config)?))
        }
        None => {
            let detector = Detector::new(Arc::clone(features.schema()), config.clone())?;
            Judge::Learning(Box::new(detector), TargetId::from("input"))
        }
    };
    write_atomically(&arguments.output, |file| {
        writeln!(file, "timestamp,score,alert_score,threshold,anomalous,contributors")?;
        let mut lines = csv::Writer::from_writer(file);
        while let Some(row) = table.next_row()? {
            let assessment = judge.assess(&features.push(&row.values), &row)?;
            lines.write_record(cells(row.time_text, assessment))?;
        }
        lines.flush()?;
        Ok::<_, Box<dyn Error + Send + Sync>>(())
    })
}

/// The model of all rows of the file `path`, on the same columns as the input.
fn trained(
    path: &Path,
    time_column: &str,
    columns: &[String],
    config: &Detection,
) -> Result<Model, Box<dyn Error + Send + Sync>> {
    let mut table = Table::open(path, time_column, Some(columns))?;
    let mut features = ColumnFeatures::new(columns, config);
    let schema = Arc::clone(features.schema());
    let (mut rows, mut values) = (0, Vec::new());
    while let Some(row) = table.next_row()? {
        let row = features.push(&row.values);
        values.extend(row.values().map(|v| v.map_or(f32::NAN, |v| v as f32)));
        rows += 1;
    }
    let rows = Array2::from_shape_vec((rows, schema.len()), values)?;
    Model::fit(rows.view(), schema, config)
        .map_err(|error| format!("{}: {error}", path.display()).into())
}

/// One line of the output; empty cells where there is no model yet.
fn cells(time: String, assessment: Option<Assessment>) -> [String; 6] {
    let Some(assessment) = assessment else {
        let mut empty = <[String; 6]>::default();
        empty[0] = time;
        return empty;
    };
    let contributors: Vec<_> =
        assessment.contributors.iter().map(|c| format!("{}={:.3}", c.feature, c.share)).collect();
    [
        time,
        assessment.score.to_string(),
        assessment.alert_score.to_string(),
        assessment.threshold.to_string(),
        assessment.anomalous.to_string(),
        contributors.join(";"),
    ]
}
