//! Models that learn as the load comes: fitted to what was known, told every sample, fitted anew.

use std::sync::Arc;
use std::time::Duration;

use super::setting::Setting;
use crate::forecast::trees::short_term;
use crate::forecast::{Auto, Calendar, Forecast, Kind, Task};

/// The levels of the quantiles: what policies ask for.
const LEVELS: [f64; 6] = [0.05, 0.5, 0.9, 0.95, 0.97, 0.99];

/// Gaps of up to so many samples are bridged before a model is fitted.
const BRIDGED: usize = 24;

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
    ShortTerm(short_term::Learner),
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
        let past = setting.load.part(0..first);
        let mut learner = short_term::Learner::new(past, lead, setting.capacity);
        if learner.due() {
            learner.refit();
        }
        Self::ShortTerm(learner)
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
                let forecast = fitted.then(|| auto.forecast())?.of_load()?;
                Some(Forecast { model: name.into(), ..forecast })
            }
            Self::ShortTerm(learner) => {
                learner.update(value);
                if learner.due() {
                    learner.refit();
                }
                learner.forecast()
            }
        }
    }
}

const DAY: Duration = Duration::from_secs(86_400);
