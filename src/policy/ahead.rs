//! What is expected of the load by the time a new replica serves.

use super::service::Service;
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

/// The middle of what is expected; the present load where nothing is.
pub(super) fn point(service: &Service) -> Expected {
    quantile_of(service, 0.5).unwrap_or_else(|| Expected {
        load: service.load,
        source: "the present load, for want of a forecast,".to_owned(),
    })
}

/// What the load exceeds with a probability of `1 - level` only; the middle where that is not known.
pub(super) fn quantile(service: &Service, level: f64) -> Expected {
    quantile_of(service, level).unwrap_or_else(|| point(service))
}

fn quantile_of(service: &Service, level: f64) -> Option<Expected> {
    let situation = service.situation;
    let forecast = situation.forecast.as_deref()?;
    let horizon = horizon(service, forecast)?;
    let (index, level) = nearest(forecast.levels.iter().map(|own| (own - level).abs()))
        .and_then(|index| Some((index, *forecast.levels.get(index)?)))?;
    let load = *horizon.values.get(index).filter(|load| load.is_finite())?;
    let source = format!(
        "the forecast of {} by {} (level {})",
        duration::format(horizon.after),
        forecast.model,
        short(level, 3)
    );
    Some(Expected { load, source })
}

/// The horizon by which a new replica serves, or the nearest to it. None that has passed already.
fn horizon<'a>(service: &Service, forecast: &'a Forecast) -> Option<&'a Horizon> {
    let delay = service.workload.startup_delay;
    let at = service.situation.at;
    let ahead = || forecast.horizons.iter().filter(|h| forecast.origin.plus(h.after) >= at);
    let distances = ahead().map(|horizon| horizon.after.abs_diff(delay));
    ahead().nth(nearest(distances)?)
}

/// The index of the least distance; of the first one among equals.
fn nearest<T: PartialOrd>(distances: impl Iterator<Item = T>) -> Option<usize> {
    let closer = |best: (usize, T), next: (usize, T)| if next.1 < best.1 { next } else { best };
    distances.enumerate().reduce(closer).map(|(index, _)| index)
}
