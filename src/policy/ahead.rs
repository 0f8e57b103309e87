//! What is expected of the load by the time a new replica serves.

use std::time::Duration;

use super::Situation;
use super::size::short;
use crate::forecast::{Forecast, Horizon};
use crate::units::duration;

/// What is expected.
pub(super) struct Expected {
    /// The load, in the unit of the situation's usage. Finite; a forecast may say less than nothing.
    pub(super) load: f64,
    /// Where it comes from, for a person.
    pub(super) source: String,
}

/// The middle of what is expected; `now`, the present load, where nothing is.
pub(super) fn point(situation: &Situation, now: f64) -> Expected {
    quantile_of(situation, 0.5).unwrap_or_else(|| Expected {
        load: now,
        source: "the present load, for want of a forecast,".to_owned(),
    })
}

/// What the load exceeds with a probability of `1 - level` only; the middle where that is not known.
pub(super) fn quantile(situation: &Situation, level: f64, now: f64) -> Expected {
    quantile_of(situation, level).unwrap_or_else(|| point(situation, now))
}

fn quantile_of(situation: &Situation, level: f64) -> Option<Expected> {
    let forecast = situation.forecast.as_deref()?;
    let horizon = horizon(situation, forecast)?;
    let index = forecast.nearest_level(level)?;
    let level = forecast.levels.get(index)?;
    let load = *horizon.values.get(index).filter(|load| load.is_finite())?;
    let (after, level) = (duration::format(horizon.after), short(*level, 3));
    let source = format!("the forecast of {after} by {} (level {level})", forecast.model);
    Some(Expected { load, source })
}

/// The horizon nearest to when a new replica serves, of those that have not passed: the next one where
/// nothing starts.
fn horizon<'a>(situation: &Situation, forecast: &'a Forecast) -> Option<&'a Horizon> {
    let delay = situation.workload.as_ref().map_or(Duration::ZERO, |w| w.startup_delay);
    let serves = situation.at.plus(delay);
    let end = |horizon: &Horizon| forecast.origin.plus(horizon.after);
    let ahead = forecast.horizons.iter().filter(|horizon| end(horizon) >= situation.at);
    ahead.min_by_key(|horizon| end(horizon).millis().abs_diff(serves.millis()))
}
