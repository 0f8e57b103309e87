//! Ready-made forecasts, by the time they are for or by the time they were made at.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::super::table::{Table, TableError};
use crate::forecast::{Forecast, Horizon, Series};
use crate::simulate::{ByTime, Source};
use crate::units::Timestamp;

/// Names of the column with what is expected.
const POINT: [&str; 5] = ["yhat", "pred", "forecast", "prediction", "value"];
/// Names of the column with its upper bound.
const UPPER: [&str; 2] = ["yhat_upper", "upper"];
/// What `loadline forecast` writes, beside the column `origin`.
const BY_ORIGIN: [&str; 3] = ["horizon_seconds", "quantile", "value"];

type Refused = Box<dyn Error + Send + Sync>;

/// Reads the forecasts in the file `path` for the samples of `load`. Where a decision counts `at_once`, for
/// its own sample, what matters of them is what they say of each sample.
pub fn read(path: &Path, load: &Series, at_once: bool) -> Result<Source, Refused> {
    let by_origin = BY_ORIGIN.map(str::to_owned);
    match Table::open(path, Some("origin"), Some(&by_origin)) {
        Ok(table) => {
            let forecasts = read_by_origin(path, table, load)?;
            if at_once {
                Ok(Source::ByTime(by_time(&forecasts, load)))
            } else {
                Ok(Source::ByOrigin(forecasts.into_iter().map(Arc::new).collect()))
            }
        }
        Err(TableError::NoColumn { .. }) => read_by_time(path, load),
        Err(error) => Err(error.into()),
    }
}

/// What is said of each sample, by the newest forecast that says anything of it.
fn by_time(forecasts: &[Forecast], load: &Series) -> ByTime {
    let mut point = vec![f64::NAN; load.values.len()];
    let mut upper = point.clone();
    for forecast in forecasts {
        for horizon in &forecast.horizons {
            let Some(index) = index_of(load, forecast.origin.plus(horizon.after)) else { continue };
            let at = |level| forecast.quantile(horizon, level).unwrap_or(f64::NAN);
            (point[index], upper[index]) = (at(0.5), at(ByTime::UPPER_LEVEL));
        }
    }
    ByTime { point, upper: Some(upper) }
}

fn read_by_time(path: &Path, load: &Series) -> Result<Source, Refused> {
    let named = first_of(path, &POINT)?;
    let Some(point) = (if named.is_some() { named } else { only_one(path)? }) else {
        return Err(format!(
            "{}: line 1: expected one column beside the time, or one of {}, or origin, {}",
            path.display(),
            POINT.join(", "),
            BY_ORIGIN.join(", ")
        )
        .into());
    };
    let upper = first_of(path, &UPPER)?;
    let columns: Vec<String> = [Some(point), upper].into_iter().flatten().collect();
    let mut table = Table::open(path, None, Some(&columns))?;
    let mut values: Vec<Vec<f64>> = vec![vec![f64::NAN; load.values.len()]; columns.len()];
    let mut hits = 0usize;
    while let Some(row) = table.next_row()? {
        let Some(index) = index_of(load, row.at) else { continue };
        hits += 1;
        for (column, value) in values.iter_mut().zip(row.values) {
            column[index] = value.unwrap_or(f64::NAN);
        }
    }
    if hits == 0 {
        return Err(no_hit(path, load));
    }
    let upper = (values.len() > 1).then(|| values.pop()).flatten();
    let point = values.pop().unwrap_or_default();
    Ok(Source::ByTime(ByTime { point, upper }))
}

/// The first of `names` that the file has.
fn first_of(path: &Path, names: &[&str]) -> Result<Option<String>, TableError> {
    for name in names {
        match Table::open(path, None, Some(&[(*name).to_owned()])) {
            Ok(_) => return Ok(Some((*name).to_owned())),
            Err(TableError::NoColumn { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The column beside the time, where there is just one.
fn only_one(path: &Path) -> Result<Option<String>, TableError> {
    let mut columns = Table::open(path, None, None)?.columns();
    Ok(columns.pop().filter(|_| columns.is_empty()))
}

/// The sample at this time.
fn index_of(load: &Series, at: Timestamp) -> Option<usize> {
    let step = i64::try_from(load.step.as_millis()).ok().filter(|step| *step > 0)?;
    let since = at.millis().checked_sub(load.start.millis())?.checked_add(step / 2)?;
    let index = usize::try_from(since.div_euclid(step)).ok()?;
    (index < load.values.len()).then_some(index)
}

fn no_hit(path: &Path, load: &Series) -> Refused {
    let last = load.at(load.values.len().saturating_sub(1));
    let (path, first) = (path.display(), load.start);
    format!("{path}: expected forecasts between {first} and {last}, found none").into()
}

/// Horizons and levels of one origin, in order.
type Quantiles = BTreeMap<Duration, BTreeMap<u64, f64>>;

/// The forecasts in the file, the oldest first.
fn read_by_origin(path: &Path, mut table: Table, load: &Series) -> Result<Vec<Forecast>, Refused> {
    let mut origins: BTreeMap<Timestamp, Quantiles> = BTreeMap::new();
    while let Some(row) = table.next_row()? {
        let [Some(after), Some(level), Some(value)] = row.values[..] else { continue };
        if !(after >= 0.0 && level > 0.0 && level < 1.0) {
            return Err(format!(
                "{}: origin {}: expected a horizon of at least 0 s and a quantile above 0 and below \
                 1, found {after} and {level}",
                path.display(),
                row.time_text
            )
            .into());
        }
        let Ok(after) = Duration::try_from_secs_f64(after) else { continue };
        // Positive numbers have the order of their bits.
        origins.entry(row.at).or_default().entry(after).or_default().insert(level.to_bits(), value);
    }
    let last = load.at(load.values.len().saturating_sub(1));
    let fits = |origin: &Timestamp| *origin <= last;
    if !origins.keys().any(fits) {
        return Err(no_hit(path, load));
    }
    Ok(origins.into_iter().filter_map(|(origin, horizons)| forecast(origin, horizons)).collect())
}

/// The forecast of one origin: the levels that all its horizons have, rising values.
fn forecast(origin: Timestamp, quantiles: Quantiles) -> Option<Forecast> {
    let first = quantiles.values().next()?;
    let levels: Vec<u64> =
        first.keys().copied().filter(|l| quantiles.values().all(|q| q.contains_key(l))).collect();
    let horizons = quantiles.into_iter().map(|(after, values)| {
        let mut values: Vec<f64> = levels.iter().filter_map(|l| values.get(l).copied()).collect();
        values.sort_by(f64::total_cmp);
        Horizon { after, values }
    });
    let horizons = horizons.collect();
    let levels: Vec<f64> = levels.into_iter().map(f64::from_bits).collect();
    (!levels.is_empty()).then(|| Forecast { origin, model: "file".into(), levels, horizons })
}
