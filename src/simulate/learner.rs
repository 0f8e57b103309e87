//! Models that learn as the load comes: fitted to what was known, told every sample, fitted anew.

use std::sync::Arc;
use std::time::Duration;

use super::setting::Setting;
use crate::forecast::trees::short_term::{self, ShortTerm};
use crate::forecast::{Auto, Calendar, Forecast, Horizon, Kind, Task};

/// The levels of the quantiles: what policies ask for.
const LEVELS: [f64; 6] = [0.05, 0.5, 0.9, 0.95, 0.97, 0.99];

/// Gaps of up to so many samples are bridged before a model is fitted.
const BRIDGED: usize = 24;

/// How often boosting is fitted anew: its fit takes seconds.
const REFIT_BOOSTING: Duration = Duration::from_secs(3 * 86_400);

/// The longest history that boosting is fitted to: eighteen days, of which it learns from seventeen.
const MOST_HISTORY: Duration = Duration::from_secs(25 * 86_400);

/// Models at work on one load.
pub(super) enum Learner {
    /// Several, weighed by their record; fitted anew once a day.
    Models {
        auto: Box<Auto>,
        fitted: bool,
        /// Samples since the first fit.
        age: usize,
    },
    /// Boosting for one horizon.
    ShortTerm {
        model: Option<Box<ShortTerm>>,
        /// How many samples ahead.
        ahead: usize,
        next_fit: usize,
    },
}

impl Learner {
    /// Ready for the sample `first`.
    pub(super) fn of_models(
        setting: &Setting,
        kinds: &[Kind],
        events: &Arc<Calendar>,
        lead: usize,
        first: usize,
    ) -> Self {
        // What is to come by the time a new replica serves is all that policies ask for.
        let horizons = vec![lead];
        let step = setting.load.step;
        let events = Arc::clone(events);
        let task = Task { step, horizons, levels: LEVELS.to_vec(), seed: 42, events };
        let mut auto = Box::new(Auto::new(&task, kinds));
        let history = auto.history(&setting.load, first).interpolated(BRIDGED);
        let fitted = first > 0 && auto.fit(&history).is_ok();
        Self::Models { auto, fitted, age: first }
    }

    /// Ready for the sample `first`.
    pub(super) fn short_term(setting: &Setting, lead: usize, first: usize) -> Self {
        let mut learner = Self::ShortTerm { model: None, ahead: lead, next_fit: 0 };
        if let Some(last) = first.checked_sub(1) {
            learner.fit(setting, last);
        }
        learner
    }

    /// Takes in sample `index`; what is expected from then on, in the name of `name`.
    pub(super) fn at(&mut self, setting: &Setting, index: usize, name: &str) -> Option<Forecast> {
        let value = setting.load.values.get(index).copied().unwrap_or(f64::NAN);
        match self {
            Self::Models { auto, fitted, age } => {
                *age += 1;
                if *fitted {
                    auto.update(value);
                    // A young model learns from every doubling of what it knows.
                    if auto.due() || (age.is_power_of_two() && *age < setting.load.steps(DAY)) {
                        auto.refit();
                    }
                } else if value.is_finite() {
                    // The first value there is: before, each sample would be looked through in vain.
                    *fitted = auto.fit(&auto.history(&setting.load, index + 1)).is_ok();
                }
                fitted.then(|| auto.forecast()).and_then(|forecast| whole(forecast, name))
            }
            Self::ShortTerm { model, next_fit, .. } => {
                if let Some(model) = model {
                    model.update(value);
                }
                if index >= *next_fit {
                    self.fit(setting, index);
                }
                self.foresee(setting, index, name)
            }
        }
    }

    /// Fits boosting to what is known at sample `index`; tried again after an hour where that is too
    /// little.
    fn fit(&mut self, setting: &Setting, index: usize) {
        let Self::ShortTerm { model, ahead, next_fit } = self else { return };
        let load = &setting.load;
        let from = (index + 1).saturating_sub(load.steps(MOST_HISTORY));
        let fitted = ShortTerm::fit(&load.part(from..index + 1), *ahead, setting.capacity);
        let pause = if fitted.is_ok() { REFIT_BOOSTING } else { HOUR };
        *next_fit = index + load.steps(pause);
        if let Ok(fitted) = fitted {
            *model = Some(Box::new(fitted));
        }
    }

    fn foresee(&self, setting: &Setting, index: usize, name: &str) -> Option<Forecast> {
        let Self::ShortTerm { model: Some(model), ahead, .. } = self else { return None };
        let after = setting.load.step.saturating_mul(u32::try_from(*ahead).unwrap_or(u32::MAX));
        let horizon = Horizon { after, values: model.predict().to_vec() };
        let forecast = Forecast {
            origin: setting.load.at(index),
            model: name.into(),
            levels: short_term::LEVELS.to_vec(),
            horizons: vec![horizon],
        };
        whole(forecast, name)
    }
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// The forecast, in the name of `name`, unless a quantile of it is missing. No load is below nothing.
fn whole(mut forecast: Forecast, name: &str) -> Option<Forecast> {
    for value in forecast.horizons.iter_mut().flat_map(|horizon| &mut horizon.values) {
        if !value.is_finite() {
            return None;
        }
        *value = value.max(0.0);
    }
    forecast.model = name.into();
    Some(forecast)
}
