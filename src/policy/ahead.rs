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
    let index = nearest(forecast.levels.iter().map(|own| (own - level).abs()))?;
    let level = forecast.levels.get(index)?;
    let load = *horizon.values.get(index).filter(|load| load.is_finite())?;
    let (after, level) = (duration::format(horizon.after), short(*level, 3));
    let source = format!("the forecast of {after} by {} (level {level})", forecast.model);
    Some(Expected { load, source })
}

/// The horizon by which a new replica serves, or the nearest to it; the first one where nothing starts.
/// None that has passed already.
fn horizon<'a>(situation: &Situation, forecast: &'a Forecast) -> Option<&'a Horizon> {
    let delay = situation.workload.as_ref().map_or(Duration::ZERO, |w| w.startup_delay);
    let ahead = || {
        let horizons = forecast.horizons.iter();
        horizons.filter(|horizon| forecast.origin.plus(horizon.after) >= situation.at)
    };
    ahead().nth(nearest(ahead().map(|horizon| horizon.after.abs_diff(delay)))?)
}

/// The index of the least distance; of the first one among equals.
fn nearest<T: PartialOrd>(distances: impl Iterator<Item = T>) -> Option<usize> {
    let closer = |best: (usize, T), next: (usize, T)| if next.1 < best.1 { next } else { best };
    distances.enumerate().reduce(closer).map(|(index, _)| index)
}
