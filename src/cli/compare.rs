//! `loadline compare`: every model on the same data, side by side.

mod pictures;
mod report;
mod series;
mod series_report;

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use clap::{ArgGroup, Args};

use self::report::{Entry, Report};
use super::CommandResult;
use super::output::write_atomically;
use super::progress;
use super::training::{Prepared, Source};
use crate::predict::model::{ModelKind, ReplicaModel};
use crate::predict::scores::Scores;

/// How many predictions the time of one is the mean of.
const CALLS: u32 = 1000;

type Failure = Box<dyn Error + Send + Sync>;

/// Fit every model on the same rows, judge them on the last fifth by time, and recommend one.
///
/// With --data or --query the models tell how many replicas services need; the rows are those of loadline
/// train. With --input and --column they are forecasters, each rolled over the column as by loadline
/// forecast. The folder of --output then holds comparison_report.txt, .json and .csv, model_comparison.png
/// and prediction_comparison.png.
#[derive(Args)]
#[command(group(ArgGroup::new("source").required(true).args(["data", "queries", "input"])))]
pub struct Arguments {
    /// The folder for the reports
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,
    /// The seed of what is drawn at random
    #[arg(long, value_name = "NUMBER", default_value_t = 42)]
    seed: u64,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    series: series::SeriesFlags,
}

/// All that is written of a comparison.
struct Outcome {
    text: String,
    json: Vec<u8>,
    csv: Vec<u8>,
    models: Vec<u8>,
    predictions: Vec<u8>,
}

impl Arguments {
    /// Runs the command.
    pub fn run(&self) -> CommandResult {
        fs::create_dir_all(&self.output)
            .map_err(|e| format!("{}: cannot make the folder: {e}", self.output.display()))?;
        let outcome = if self.series.input.is_some() {
            series_report::outcome(&self.series.compare(self.source.step(), self.seed)?)?
        } else {
            self.replicas()?
        };
        io::stdout().lock().write_all(outcome.text.as_bytes())?;
        for (name, bytes) in [
            ("comparison_report.txt", outcome.text.into_bytes()),
            ("comparison_report.json", outcome.json),
            ("comparison_report.csv", outcome.csv),
            ("model_comparison.png", outcome.models),
            ("prediction_comparison.png", outcome.predictions),
        ] {
            write_atomically(&self.output.join(name), |file| file.write_all(&bytes))?;
        }
        Ok(())
    }

    /// Models of replica counts.
    fn replicas(&self) -> Result<Outcome, Failure> {
        let prepared = Prepared::read(&self.source)?;
        let entries = self.entries(&prepared)?;
        let report = Report::new(prepared.origin.clone(), entries);
        Ok(Outcome {
            text: report.text(),
            json: report.json()?,
            csv: report.csv()?,
            models: pictures::models(&report)?,
            predictions: pictures::predictions(&report, &prepared)?,
        })
    }

    /// Rules without a model first, then every model, on the test rows.
    fn entries(&self, prepared: &Prepared) -> Result<Vec<Entry>, String> {
        let Prepared { data, split, .. } = prepared;
        let actual = data.labels(&split.test);
        let entry = |name: &str, rule, predicted: Vec<f64>, fit_seconds, inference_seconds| {
            let scores = Scores::of(&predicted, &actual).ok_or("there is no row to judge by")?;
            let name = name.to_owned();
            Ok::<_, String>(Entry { name, rule, scores, fit_seconds, inference_seconds, predicted })
        };
        let by = |of: fn(&crate::predict::dataset::Example) -> Option<f64>| -> Vec<f64> {
            // Rows with a label have a count.
            split.test.iter().map(|row| of(&data.examples[*row]).unwrap_or_default()).collect()
        };
        let mut entries = vec![
            entry("current_replicas", true, by(|example| example.current), None, None)?,
            entry("thresholds", true, by(|example| example.by_thresholds), None, None)?,
        ];
        let bar = progress::bar("fitting", ModelKind::ALL.len() as u64);
        for kind in ModelKind::ALL {
            let begun = Instant::now();
            let model = match ReplicaModel::fit(*kind, data, split, self.seed) {
                Ok(model) => model,
                Err(error) => {
                    bar.suspend(|| tracing::warn!("{} is left out: {error}", kind.name()));
                    continue;
                }
            };
            let fit_seconds = begun.elapsed().as_secs_f64();
            let predicted = model.predict_rows(data, &split.test);
            let inference_seconds = inference_seconds(&model, prepared);
            entries.push(entry(
                kind.name(),
                false,
                predicted,
                Some(fit_seconds),
                Some(inference_seconds),
            )?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(entries)
    }
}

/// How long one prediction takes.
fn inference_seconds(model: &ReplicaModel, prepared: &Prepared) -> f64 {
    let Prepared { data, split, .. } = prepared;
    let last = split.test.last().map(|row| data.last_rows(*row, model.kind().rows()));
    let rows = last.unwrap_or_default();
    let begun = Instant::now();
    for _ in 0..CALLS {
        std::hint::black_box(model.predict(std::hint::black_box(&rows)));
    }
    begun.elapsed().as_secs_f64() / f64::from(CALLS)
}
