//! `loadline forecast`: rolls over a CSV file, a forecast with quantiles from every sample on.

mod summary;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Args};

use self::summary::Summary;
use super::CommandResult;
use super::events;
use super::output::write_maybe_gzipped;
use super::trace;
use crate::forecast::{Auto, Forecast, Kind, Series, Task, roll, steps};
use crate::units::{Timestamp, duration};

/// Forecast one column of a CSV file from every sample on, each time from what was known then.
///
/// Samples before --test-from are history. From then on each sample comes in as it would live; models are
/// fitted anew once a day. The output has one line for each origin, horizon and quantile; the origin is
/// the beginning of the newest step that was known (RFC 3339), and the value is what is expected of the
/// step one horizon later.
#[derive(Args)]
#[command(group(ArgGroup::new("result").required(true).multiple(true).args(["output", "summary"])))]
pub struct Arguments {
    /// The samples, .csv or .csv.gz; its first line names the columns
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// The column to forecast
    #[arg(long, value_name = "NAME")]
    column: String,
    /// The column with the time: RFC 3339, "2026-01-31 12:00:00" (UTC) or Unix seconds; timestamp, or
    /// else the first column, by default
    #[arg(long, value_name = "NAME")]
    time_column: Option<String>,
    /// Average samples over steps of this length; the time between most rows by default
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    step: Option<Duration>,
    /// How far ahead, each a multiple of the step
    #[arg(long, value_name = "DURATION,...", value_delimiter = ',', value_parser = duration::parse,
        default_value = "5m,15m,1h")]
    horizons: Vec<Duration>,
    /// The levels of the quantiles, each between 0 and 1
    #[arg(long, value_name = "LEVEL,...", value_delimiter = ',', value_parser = level,
        default_value = "0.05,0.5,0.9,0.95")]
    quantiles: Vec<f64>,
    /// From when on samples are forecast instead of learnt; the last fifth of the file by default
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    test_from: Option<Timestamp>,
    /// auto: models weighed by their record, all but the slowest; cheap: the same of those that are fitted
    /// in milliseconds; or models by name, one or several to be weighed
    #[arg(long, value_name = "NAME,...", default_value = "auto", value_parser = named_models)]
    model: Models,
    /// The seed of the models that draw at random
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
    /// Known events, which prophet learns from: a CSV file with the columns name, start, end, and every (a
    /// duration) where they come again. Events of one name do the same to the load
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Where to write the forecasts, .csv or .csv.gz; the file appears once all are made
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print how good each model alone, and what was asked for, turned out to be
    #[arg(long)]
    summary: bool,
}

/// Which models, and what they are called together.
#[derive(Clone)]
struct Models {
    name: String,
    kinds: Vec<Kind>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    let series = trace::read(
        &arguments.input,
        arguments.time_column.as_deref(),
        &arguments.column,
        arguments.step,
    )?;
    let Models { name, kinds } = &arguments.model;
    let events = events::calendar(arguments.events.as_deref(), kinds.iter().copied(), "--model")?;
    let task = task(&series, &arguments.horizons, &arguments.quantiles, arguments.seed)?;
    let task = Task { events, ..task };
    let first = first(&series, arguments.test_from)?;
    let mut summary = arguments.summary.then(|| Summary::new(&task, &series, first));
    let mut forecast = |file: Option<&mut dyn Write>| -> CommandResult {
        let mut lines = file.map(csv::Writer::from_writer);
        if let Some(lines) = &mut lines {
            lines.write_record(["origin", "horizon_seconds", "quantile", "value"])?;
        }
        roll(&mut Auto::new(&task, kinds), &series, first, |forecast| -> CommandResult {
            if let Some(lines) = &mut lines {
                write(lines, &forecast)?;
            }
            if let Some(summary) = &mut summary {
                summary.add(name, &forecast);
            }
            Ok(())
        })?;
        Ok(lines.map_or(Ok(()), |mut lines| lines.flush())?)
    };
    match &arguments.output {
        Some(path) => write_maybe_gzipped(path, |file| forecast(Some(file)))?,
        None => forecast(None)?,
    }
    if let Some(mut summary) = summary {
        let alone = kinds.iter().filter(|kind| kind.name() != name);
        for kind in alone.chain([&Kind::Naive].into_iter().filter(|naive| !kinds.contains(naive))) {
            roll(&mut Auto::new(&task, &[*kind]), &series, first, |forecast| -> CommandResult {
                summary.add(kind.name(), &forecast);
                Ok(())
            })?;
        }
        writeln!(std::io::stdout(), "{}", summary.table())?;
    }
    Ok(())
}

/// The question of these horizons and quantiles.
pub(super) fn task(
    series: &Series,
    horizons: &[Duration],
    quantiles: &[f64],
    seed: u64,
) -> Result<Task, String> {
    let step = series.step;
    let mut ahead = Vec::new();
    for horizon in horizons {
        let steps = steps(step, *horizon);
        if step.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX)) != *horizon {
            return Err(format!(
                "--horizons: expected multiples of the step {}, found {}",
                duration::format(step),
                duration::format(*horizon)
            ));
        }
        ahead.push(steps);
    }
    ahead.sort_unstable();
    ahead.dedup();
    let mut levels = quantiles.to_vec();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    Ok(Task { step, horizons: ahead, levels, seed, events: Arc::default() })
}

/// The index of the first sample that is not history.
pub(super) fn first(series: &Series, test_from: Option<Timestamp>) -> Result<usize, String> {
    let samples = series.values.len();
    let first = test_from.map_or(samples - samples / 5, |from| series.before(from));
    if first == 0 || first >= samples {
        return Err(format!(
            "--test-from: expected a time after {} and up to {}, so that there is something to learn \
             from and something to forecast",
            series.start,
            series.at(samples - 1)
        ));
    }
    Ok(first)
}

fn write(lines: &mut csv::Writer<&mut dyn Write>, forecast: &Forecast) -> CommandResult {
    let origin = forecast.origin.to_string();
    for horizon in &forecast.horizons {
        let seconds = horizon.after.as_secs_f64().to_string();
        for (level, value) in forecast.levels.iter().zip(&horizon.values) {
            lines.write_record([&origin, &seconds, &level.to_string(), &value.to_string()])?;
        }
    }
    Ok(())
}

fn level(text: &str) -> Result<f64, String> {
    let level: f64 = text.parse().map_err(|_| "expected a number between 0 and 1".to_owned())?;
    if level > 0.0 && level < 1.0 {
        Ok(level)
    } else {
        Err("expected it between 0 and 1".to_owned())
    }
}

fn named_models(text: &str) -> Result<Models, String> {
    Ok(Models { name: text.to_owned(), kinds: models(text)? })
}

/// The models of these names, or of a set's.
pub(super) fn models(text: &str) -> Result<Vec<Kind>, String> {
    match text {
        "auto" => Ok(Kind::AUTO.to_vec()),
        "cheap" => Ok(Kind::CHEAP.to_vec()),
        names => names.split(',').map(kind).collect(),
    }
}

/// The model of this name.
pub(super) fn kind(name: &str) -> Result<Kind, String> {
    Kind::from_name(name).ok_or_else(|| match Kind::lacking(name) {
        Some(feature) => format!("this build lacks {name}: build it with --features {feature}"),
        None => {
            let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            format!("expected auto, cheap, or some of {}", known.join(","))
        }
    })
}
