//! Forecasters of one column, each rolled over the same series.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::{CALLS, Failure};
use crate::cli::forecast::{first, kind, task};
use crate::cli::{progress, trace};
use crate::forecast::{Auto, Forecast, Kind, Series, Task, roll, score, steps};
use crate::units::{Timestamp, duration};

/// The quantiles that are compared.
const LEVELS: [f64; 4] = [0.05, 0.5, 0.9, 0.95];
/// The place of the median among them.
const MEDIAN: usize = 1;

const DAY: Duration = Duration::from_secs(86_400);

/// What is to be forecast.
#[derive(Args)]
#[command(next_help_heading = "Forecasters")]
pub struct SeriesFlags {
    /// Compare forecasters on a column of this file instead, .csv or .csv.gz
    #[arg(long, value_name = "FILE", requires = "column")]
    pub input: Option<PathBuf>,
    /// The column to forecast
    #[arg(long, value_name = "NAME", requires = "input")]
    pub column: Option<String>,
    /// The column with the time; timestamp, or else the first column, by default
    #[arg(long, value_name = "NAME", requires = "input")]
    time_column: Option<String>,
    /// How far ahead, each a multiple of the step
    #[arg(long, value_name = "DURATION,...", value_delimiter = ',', value_parser = duration::parse,
        default_value = "5m,15m,1h")]
    horizons: Vec<Duration>,
    /// The models to compare; all that loadline forecast knows by default
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', value_parser = kind, requires = "input")]
    models: Vec<Kind>,
    /// From when on samples are forecast instead of learnt; the last fifth of the file by default
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse, requires = "input")]
    test_from: Option<Timestamp>,
}

/// How good one model is at one horizon. What cannot be told is not a number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// How far ahead, in seconds.
    pub horizon_seconds: f64,
    /// The root of the mean squared error of the median.
    pub rmse: f64,
    /// The mean absolute error of the median.
    pub mae: f64,
    /// The share of the variance that the median explains.
    pub r2: f64,
    /// The mean absolute error in units of the error of expecting yesterday's value.
    pub mase: f64,
    /// The symmetric mean absolute percentage error of the median, 0–2.
    pub smape: f64,
    /// The mean pinball loss of the four quantiles.
    pub pinball: f64,
    /// The share of samples within the outermost quantiles: 0.9 is right.
    pub coverage: f64,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// One entry a horizon, the nearest first.
    pub horizons: Vec<Figures>,
    /// How long its first fit took, with the days that are lived through for a record.
    pub fit_seconds: f64,
    /// How long a sample takes: to take it in, to forecast from it, to calibrate the quantiles.
    pub inference_seconds: f64,
    /// What came and what was said of it at the nearest horizon: seconds, median.
    #[serde(skip)]
    pub nearest: Vec<(f64, Option<f64>)>,
}

/// What is compared, and on what.
pub struct Compared {
    /// What the models are of, for a title.
    pub title: String,
    /// How many samples are history, and how many are forecast.
    pub samples: (usize, usize),
    /// When those begin.
    pub test_from: Timestamp,
    /// The samples that are forecast: seconds, value.
    pub actual: Vec<(f64, Option<f64>)>,
    /// Each model alone, then all of them together.
    pub entries: Vec<Entry>,
}

impl SeriesFlags {
    /// Rolls every model over the column, averaged over steps of this length; over the time between most
    /// rows by default.
    pub fn compare(&self, step: Option<Duration>, seed: u64) -> Result<Compared, Failure> {
        let (Some(input), Some(column)) = (&self.input, &self.column) else {
            return Err("--input: expected it with --column".into());
        };
        let series = trace::read(input, self.time_column.as_deref(), column, step)?;
        let task = task(&series, &self.horizons, &LEVELS, seed)?;
        let first = first(&series, self.test_from)?;
        let kinds = if self.models.is_empty() { &Kind::ALL[..] } else { &self.models };
        let weighed: Vec<Kind> =
            kinds.iter().copied().filter(|kind| Kind::AUTO.contains(kind)).collect();
        let alone = kinds.iter().map(|kind| (kind.name(), std::slice::from_ref(kind)));
        // Of one model alone there is nothing to weigh.
        let together = (weighed.len() > 1).then_some(("auto", &weighed[..]));
        let models: Vec<(&str, &[Kind])> = alone.chain(together).collect();
        let bar = progress::bar("forecasting", models.len() as u64);
        let mut entries = Vec::new();
        for (name, kinds) in models {
            entries.push(rolled(name, kinds, &task, &series, first)?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        let file = input.file_name().unwrap_or_default().to_string_lossy();
        let test = first..series.values.len();
        let value = |i: usize| Some(series.values[i]).filter(|value| value.is_finite());
        Ok(Compared {
            title: format!("{column} of {file}"),
            samples: (first, test.len()),
            test_from: series.at(first),
            actual: test.map(|i| (series.at(i).seconds(), value(i))).collect(),
            entries,
        })
    }
}

/// One model on its way through the series.
fn rolled(
    name: &str,
    kinds: &[Kind],
    task: &Task,
    series: &Series,
    begin: usize,
) -> Result<Entry, Failure> {
    let mut said = Said::new(task);
    let mut auto = Auto::new(task, kinds);
    let begun = Instant::now();
    let mut fit_seconds = None;
    roll(&mut auto, series, begin, |forecast| -> Result<(), Failure> {
        fit_seconds.get_or_insert_with(|| begun.elapsed().as_secs_f64());
        said.add(&forecast, task, series);
        Ok(())
    })?;
    let newest = series.values.iter().rev().copied().find(|value| value.is_finite());
    let begun = Instant::now();
    for _ in 0..CALLS {
        // Models speak when a sample comes; what `forecast` tells has been said by then.
        auto.update(newest.unwrap_or(f64::NAN));
        std::hint::black_box(auto.forecast());
    }
    let inference_seconds = begun.elapsed().as_secs_f64() / f64::from(CALLS);
    let season = steps(task.step, DAY);
    let history = &series.values[..begin];
    // A history of less than a day is compared with its last sample.
    let daily = Some(score::seasonal_scale(history, season)).filter(|scale| *scale > 0.0);
    let scale = daily.unwrap_or_else(|| score::seasonal_scale(history, 1));
    Ok(Entry {
        name: name.to_owned(),
        horizons: said.figures(task, scale),
        fit_seconds: fit_seconds.unwrap_or_default(),
        inference_seconds,
        nearest: said.nearest,
    })
}

/// What was said, and what came.
struct Said {
    /// A horizon, a level: the values, in order.
    quantiles: Vec<Vec<Vec<f64>>>,
    /// A horizon: what came.
    actual: Vec<Vec<f64>>,
    nearest: Vec<(f64, Option<f64>)>,
}

impl Said {
    fn new(task: &Task) -> Self {
        let horizons = task.horizons.len();
        Self {
            quantiles: vec![vec![Vec::new(); task.levels.len()]; horizons],
            actual: vec![Vec::new(); horizons],
            nearest: Vec::new(),
        }
    }

    /// Takes in a forecast; what it says of times after the series is left out.
    fn add(&mut self, forecast: &Forecast, task: &Task, series: &Series) {
        let origin = series.before(forecast.origin);
        for (place, (ahead, horizon)) in task.horizons.iter().zip(&forecast.horizons).enumerate() {
            let Some(actual) = series.values.get(origin + ahead) else { continue };
            self.actual[place].push(*actual);
            for (values, value) in self.quantiles[place].iter_mut().zip(&horizon.values) {
                values.push(*value);
            }
            if place == 0 {
                let median = horizon.values.get(MEDIAN).copied().filter(|value| value.is_finite());
                self.nearest.push((series.at(origin + ahead).seconds(), median));
            }
        }
    }

    fn figures(&self, task: &Task, scale: f64) -> Vec<Figures> {
        let of = |(place, ahead): (usize, &usize)| {
            let (levels, actual) = (&self.quantiles[place], &self.actual[place]);
            let median = &levels[MEDIAN];
            let losses = task.levels.iter().zip(levels);
            let losses: f64 = losses.map(|(l, values)| score::pinball(*l, values, actual)).sum();
            Figures {
                horizon_seconds: task.step.as_secs_f64() * *ahead as f64,
                rmse: score::rmse(median, actual),
                mae: score::mae(median, actual),
                r2: score::r_squared(median, actual),
                mase: score::mase(median, actual, scale),
                smape: score::smape(median, actual),
                pinball: losses / task.levels.len() as f64,
                coverage: score::coverage(&levels[0], &levels[levels.len() - 1], actual),
            }
        };
        task.horizons.iter().enumerate().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::Horizon;

    /// One horizon of two steps; what is said of the last two origins has not come yet.
    #[test]
    fn what_was_said_meets_what_came() {
        let step = Duration::from_secs(60);
        let start = Timestamp::from_millis(0);
        let series = Series { start, step, values: vec![1.0, 2.0, 4.0, 8.0] };
        let task = Task {
            step,
            horizons: vec![2],
            levels: LEVELS.to_vec(),
            seed: 1,
            events: std::sync::Arc::default(),
        };
        let mut said = Said::new(&task);
        for origin in 0..4 {
            let after = step * 2;
            let horizons = vec![Horizon { after, values: vec![3.0, 5.0, 6.0, 7.0] }];
            let forecast = Forecast {
                origin: series.at(origin),
                model: "test".into(),
                levels: LEVELS.to_vec(),
                horizons,
            };
            said.add(&forecast, &task, &series);
        }
        assert_eq!(said.nearest, [(120.0, Some(5.0)), (180.0, Some(5.0))]);
        let [figures] = &said.figures(&task, 2.0)[..] else { panic!("one horizon") };
        // 4 and 8 came where 5 was expected.
        assert_eq!((figures.horizon_seconds, figures.mae, figures.mase), (120.0, 2.0, 1.0));
        assert!((figures.rmse - 5.0f64.sqrt()).abs() < 1e-12);
        // Of 4: 0.05, 0.5, 0.2, 0.15; of 8: 0.25, 1.5, 1.8, 0.95.
        assert!((figures.pinball - (0.9 + 4.5) / 8.0).abs() < 1e-12, "{figures:?}");
        assert_eq!(figures.coverage, 0.5);
    }
}
