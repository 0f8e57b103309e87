//! `loadline detect`: streams rows of a CSV file or of a Prometheus through the detector, one score a row.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use super::CommandResult;
use super::history::{FetchedRows, History};
use super::judge::Judge;
use super::output::{write_atomically, write_maybe_gzipped};
use super::picture::Picture;
use super::table::{Row, Table};
use crate::config::{self, Detection, DetectionFile, DetectionMode};
use crate::detect::Assessment;
use clap::{ArgGroup, Args};

/// Score every row of a CSV file, or of the history of a Prometheus, by what came before it.
///
/// The first line of the file names its columns. The output has one line a row: timestamp (as read; RFC
/// 3339 with --query); score (0-1): how unusual the row is; alert_score: what of it is worth an alert, 0
/// while an earlier row of the same episode was worth more; threshold: for both; anomalous: whether the
/// score reaches it; contributors (feature=share, the strongest first). While too little is known the
/// cells are empty.
#[derive(Args)]
#[command(group(ArgGroup::new("source").required(true).args(["input", "queries"])))]
#[command(group(ArgGroup::new("result").required(true).multiple(true).args(["output", "plot"])))]
pub struct Arguments {
    /// The rows to score, .csv or .csv.gz
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Learn all rows of this file as normal first. In the mode calibrated learning goes on with the
    /// input; in the mode plain the model then stays as it is
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// The column with the time: RFC 3339, "2026-01-31 12:00:00" (UTC) or Unix seconds
    #[arg(long, value_name = "NAME", default_value = "timestamp")]
    time_column: String,
    /// The columns to look at; all others but the time by default
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', conflicts_with = "queries")]
    columns: Option<Vec<String>>,
    /// Settings: the sections detection and prometheus count, and flags before them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to write the scores, .csv or .csv.gz; the file appears once all rows are scored
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where to draw up to four signals, the score and what was found, as PNG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    history: History,
    #[command(flatten)]
    settings: Settings,
}

/// The settings of `detection` in the configuration file, by their names there.
#[derive(Args)]
#[command(next_help_heading = "Detection")]
struct Settings {
    /// calibrated, or plain: the seeds' forest on rolling features
    #[arg(long = "detection.mode", value_name = "MODE", value_parser = mode)]
    mode: Option<DetectionMode>,
    /// The mode plain: the share of training rows that count as anomalous, in (0, 0.5]
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
    /// The mode plain: how many standard deviations make a spike
    #[arg(long = "detection.spike-threshold", value_name = "DEVIATIONS")]
    spike_threshold: Option<f64>,
    /// The mode plain: the rows of the rolling statistics
    #[arg(long = "detection.rolling-window", value_name = "ROWS")]
    rolling_window: Option<usize>,
}

impl Settings {
    /// `base`, with what the flags say.
    fn over(&self, base: Detection) -> Detection {
        Detection {
            mode: self.mode.unwrap_or(base.mode),
            contamination: self.contamination.unwrap_or(base.contamination),
            n_estimators: self.n_estimators.unwrap_or(base.n_estimators),
            max_samples: self.max_samples.unwrap_or(base.max_samples),
            random_state: self.random_state.unwrap_or(base.random_state),
            spike_threshold: self.spike_threshold.unwrap_or(base.spike_threshold),
            rolling_window: self.rolling_window.unwrap_or(base.rolling_window),
            ..base
        }
    }
}

fn mode(name: &str) -> Result<DetectionMode, String> {
    match name {
        "calibrated" => Ok(DetectionMode::Calibrated),
        "plain" => Ok(DetectionMode::Plain),
        _ => Err("expected calibrated or plain".to_owned()),
    }
}

/// Where the rows come from.
enum Source {
    File(Table),
    History(FetchedRows),
}

impl Source {
    fn columns(&self) -> Vec<String> {
        match self {
            Self::File(table) => table.columns(),
            Self::History(rows) => rows.columns(),
        }
    }

    /// The next row; `None` at the end.
    fn next_row(&mut self) -> Result<Option<Row>, Box<dyn Error + Send + Sync>> {
        match self {
            Self::File(table) => Ok(table.next_row()?),
            Self::History(rows) => Ok(rows.next_row()),
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    let file = arguments.config.as_deref().map(config::load_detection).transpose()?;
    let DetectionFile { prometheus, detection } = file.unwrap_or_default();
    let config = arguments.settings.over(detection);
    let mut source = match &arguments.input {
        Some(path) => {
            let columns = arguments.columns.as_deref();
            Source::File(Table::open(path, Some(&arguments.time_column), columns)?)
        }
        None => Source::History(arguments.history.fetch(prometheus)?),
    };
    let columns = source.columns();
    let mut judge = match &arguments.train {
        Some(path) => Judge::trained(path, &arguments.time_column, &columns, &config)?,
        None => Judge::new(&columns, &config)?,
    };
    let mut picture = arguments.plot.as_ref().map(|_| Picture::new(&columns));
    let mut score = |lines: Option<&mut dyn Write>| -> CommandResult {
        let mut lines = lines.map(csv::Writer::from_writer);
        if let Some(lines) = &mut lines {
            lines.write_record(HEADER)?;
        }
        while let Some(row) = source.next_row()? {
            let assessment = judge.assess(&row)?;
            if let Some(picture) = &mut picture {
                picture.add(&row, assessment.as_ref());
            }
            if let Some(lines) = &mut lines {
                lines.write_record(cells(row.time_text, assessment))?;
            }
        }
        Ok(lines.map_or(Ok(()), |mut lines| lines.flush())?)
    };
    match &arguments.output {
        Some(path) => write_maybe_gzipped(path, |file| score(Some(file)))?,
        None => score(None)?,
    }
    if let (Some(path), Some(picture)) = (&arguments.plot, picture) {
        let png = picture.png(arguments.title())?;
        write_atomically(path, |file| file.write_all(&png))?;
    }
    Ok(())
}

impl Arguments {
    /// What is scored, for a person.
    fn title(&self) -> String {
        match &self.input {
            Some(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            None => self.history.title(),
        }
    }
}

const HEADER: [&str; 6] =
    ["timestamp", "score", "alert_score", "threshold", "anomalous", "contributors"];

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
