//! A forecaster that is fed at the pace of a loop.

use std::sync::Arc;
use std::time::Duration;

use super::ticks::{Finished, LONGEST_GAP, Ticks};
use super::{Auto, Calendar, Forecast, ForecastError, Kind, Series, Standing, Task};
use crate::config;
use crate::units::Timestamp;

/// [`Auto`] behind a clock of its own: samples come when they come and are averaged to steps. A step without
/// a sample is a missing one.
pub struct Stream {
    auto: Auto,
    ticks: Ticks,
    step: Duration,
    /// Whether the models have been fitted.
    fitted: bool,
    /// What was collected before the first fit.
    collected: Option<Series>,
    newest: Option<Arc<Forecast>>,
}

/// How many steps without a fit are collected before the first one: a model of less says nothing.
const FIRST_FIT: usize = 24;

impl Stream {
    /// A forecaster that has seen nothing yet; a model that this build lacks is left out.
    pub fn new(settings: &config::Forecast, seed: u64) -> Self {
        let named: Vec<Kind> =
            settings.models.iter().filter_map(|name| Kind::from_name(name)).collect();
        let kinds = if named.is_empty() { Kind::CHEAP.to_vec() } else { named };
        let horizons = settings.horizons.iter().map(|h| super::steps(settings.step, *h)).collect();
        let levels = settings.quantiles.clone();
        let events = Arc::new(Calendar::new(&settings.events));
        let task = Task { step: settings.step, horizons, levels, seed, events };
        Self {
            auto: Auto::new(&task, &kinds),
            ticks: Ticks::new(settings.step),
            step: settings.step,
            fitted: false,
            collected: None,
            newest: None,
        }
    }

    /// Learns from a past whose last sample is that of the step before the one under way; what was
    /// collected before is forgotten.
    ///
    /// # Errors
    /// The past holds no value.
    pub fn learn(&mut self, past: &Series) -> Result<(), ForecastError> {
        self.auto.fit(past)?;
        self.fitted = true;
        self.collected = None;
        self.publish();
        Ok(())
    }

    /// Takes in a sample. One of a step that is over already is left out.
    pub fn observe(&mut self, at: Timestamp, value: Option<f64>) {
        if let Some(finished) = self.ticks.observe(at, value) {
            self.finish(&finished);
        }
    }

    /// Whether the models are to be fitted anew, which may take its time: [`Stream::refit`].
    pub fn due(&self) -> bool {
        let ready = self.collected.as_ref().is_some_and(|past| past.values.len() >= FIRST_FIT);
        if self.fitted { self.auto.due() } else { ready }
    }

    /// Fits the models anew.
    pub fn refit(&mut self) {
        if self.fitted {
            self.auto.refit();
        } else if let Some(past) = self.collected.take() {
            // A past without a value is collected on; the next attempt comes a step later.
            self.fitted = self.auto.fit(&past).is_ok();
            self.collected = (!self.fitted).then_some(past);
        }
        self.publish();
    }

    /// What is expected, counted from the end of the newest step; `None` before the first fit.
    pub fn forecast(&self) -> Option<&Arc<Forecast>> {
        self.newest.as_ref()
    }

    /// How each horizon stands; empty before the first fit.
    pub fn standing(&self) -> Vec<Standing> {
        if self.fitted { self.auto.standing() } else { Vec::new() }
    }

    fn finish(&mut self, finished: &Finished) {
        let Finished { start, mean, passed } = *finished;
        self.take(start, mean);
        if passed > LONGEST_GAP {
            (self.fitted, self.collected) = (false, None);
        } else {
            for _ in 1..passed {
                self.take(start, f64::NAN);
            }
        }
        self.publish();
    }

    fn take(&mut self, start: Timestamp, value: f64) {
        if self.fitted {
            return self.auto.update(value);
        }
        let step = self.step;
        let past = self.collected.get_or_insert(Series { start, step, values: Vec::new() });
        past.values.push(value);
    }

    fn publish(&mut self) {
        // What is expected after a horizon is the mean of the step that ends then.
        let since_its_end =
            |forecast: Forecast| Forecast { origin: forecast.origin.plus(self.step), ..forecast };
        let forecast = self.fitted.then(|| since_its_end(self.auto.forecast()));
        let told =
            forecast.filter(|f| f.horizons.iter().all(|h| h.values.iter().all(|v| v.is_finite())));
        self.newest = told.map(Arc::new);
    }
}

#[cfg(test)]
mod tests;
