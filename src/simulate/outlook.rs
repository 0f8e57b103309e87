//! What is expected at every sample: by a model that learns as the load comes, or from a file.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::learner::Learner;
use super::setting::Setting;
use crate::forecast::trees::short_term;
use crate::forecast::{Calendar, Forecast, Horizon, Kind};
use crate::units::Timestamp;

/// Where forecasts come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Models that learn as the load comes, weighed by their record and calibrated.
    Models {
        /// The name in tables and files.
        name: String,
        /// Each.
        kinds: Vec<Kind>,
        /// The events that they may know of.
        events: Arc<Calendar>,
    },
    /// Boosting for the time until a new replica serves.
    ShortTerm,
    /// Ready-made, by the time they are for.
    ByTime(ByTime),
    /// Ready-made, by the time they were made at, the oldest first: for replicas that take time to start.
    ByOrigin(Vec<Arc<Forecast>>),
}

/// Ready-made forecasts, one a sample of the load; not a number where there is none.
#[derive(Clone, Debug)]
pub struct ByTime {
    /// What is expected.
    pub point: Vec<f64>,
    /// Its upper bound, where there is one.
    pub upper: Option<Vec<f64>>,
}

impl ByTime {
    /// The level of the quantile that the upper bound stands for.
    pub const UPPER_LEVEL: f64 = 0.95;
}

/// What is known of the future at a sample.
#[derive(Clone, Debug, Default)]
pub struct Foresight {
    /// What is expected from now on; `None` where nothing is.
    pub forecast: Option<Arc<Forecast>>,
    /// What was expected of this sample when replicas had to be asked for.
    pub expected: Option<f64>,
}

/// What models play before the first sample that counts, so that policies know how good they are.
const REHEARSED: Duration = Duration::from_secs(6 * 86_400);

/// What boosting is first fitted to.
const FIRST_FIT: Duration = Duration::from_secs(86_400);

/// A source at work on one load, sample by sample.
pub(super) struct Outlook<'a> {
    setting: &'a Setting,
    source: &'a Source,
    /// How many samples ahead replicas must be asked for.
    lead: usize,
    learner: Option<Learner>,
    /// What was expected after `lead` samples, of the last `lead` origins.
    ahead: VecDeque<Option<f64>>,
}

impl Source {
    /// The name of the one that boosts for the minutes ahead.
    pub const SHORT_TERM: &'static str = short_term::NAME;

    /// The name in tables and files.
    pub fn name(&self) -> &str {
        match self {
            Self::Models { name, .. } => name,
            Self::ShortTerm => Self::SHORT_TERM,
            Self::ByTime(_) | Self::ByOrigin(_) => "file",
        }
    }

    /// Whether it tells something to a policy that looks at the load itself, and knows the present.
    pub(super) fn informs(&self) -> bool {
        match self {
            Self::Models { kinds, .. } => kinds.iter().any(|kind| *kind != Kind::Naive),
            Self::ShortTerm | Self::ByOrigin(_) => true,
            Self::ByTime(_) => false,
        }
    }
}

impl<'a> Outlook<'a> {
    /// The first sample that must be asked for: some before the test, so that models have a record.
    pub(super) fn begins(setting: &Setting, source: &Source) -> usize {
        let test_from = setting.test_from;
        match source {
            // It costs a fit in three days, and whoever weighs it by its record gets a long one.
            Source::ShortTerm => (setting.school() + setting.load.steps(FIRST_FIT)).min(test_from),
            // Half of a short training part is left to fit models to.
            _ => test_from - setting.load.steps(REHEARSED).min(test_from / 2),
        }
    }

    /// Ready for the sample `first`, by what came before.
    pub(super) fn new(setting: &'a Setting, source: &'a Source, first: usize) -> Self {
        let lead = setting.delay_steps().max(1);
        let learner = match source {
            Source::Models { kinds, events, .. } => {
                Some(Learner::of_models(setting, kinds, events, lead, first))
            }
            Source::ShortTerm => Some(Learner::short_term(setting, lead, first)),
            Source::ByTime(_) | Source::ByOrigin(_) => None,
        };
        Self { setting, source, lead, learner, ahead: VecDeque::with_capacity(lead) }
    }

    /// What is known at sample `index`; each is asked for once, in order.
    pub(super) fn at(&mut self, index: usize) -> Foresight {
        match (self.source, &mut self.learner) {
            (Source::ByTime(file), _) => self.by_time(file, index),
            (Source::ByOrigin(forecasts), _) => self.by_origin(forecasts, index),
            (_, Some(learner)) => {
                let forecast = learner.at(self.setting, index, self.source.name());
                let expected = self.remember(forecast.as_ref(), index);
                Foresight { forecast: forecast.map(Arc::new), expected }
            }
            (_, None) => Foresight::default(),
        }
    }

    /// Puts by what is expected after `lead` samples; tells what was expected of this one.
    fn remember(&mut self, forecast: Option<&Forecast>, index: usize) -> Option<f64> {
        let waited = self.ahead.len() >= self.lead;
        let expected = if waited { self.ahead.pop_front().flatten() } else { None };
        let then = self.setting.load.at(index + self.lead);
        self.ahead.push_back(forecast.and_then(|forecast| median_at(forecast, then)));
        expected
    }

    /// Without a delay a decision is about its own sample; with one, about those after it.
    fn by_time(&self, file: &ByTime, index: usize) -> Foresight {
        let known = |values: &[f64], at: usize| values.get(at).copied().filter(|v| v.is_finite());
        let first = usize::from(!self.setting.startup_delay.is_zero());
        let horizon = |ahead: usize| {
            let point = known(&file.point, index + ahead)?;
            let mut values = vec![point];
            if let Some(upper) = &file.upper {
                values.push(known(upper, index + ahead).unwrap_or(point).max(point));
            }
            Some(Horizon { after: self.setting.load.step * ahead as u32, values })
        };
        let last = self.setting.delay_steps();
        let horizons: Vec<Horizon> = (first..=last).filter_map(horizon).collect();
        let levels = if file.upper.is_some() { vec![0.5, ByTime::UPPER_LEVEL] } else { vec![0.5] };
        let origin = self.setting.load.at(index);
        let forecast = Forecast { origin, model: "file".into(), levels, horizons };
        Foresight {
            forecast: (!forecast.horizons.is_empty()).then(|| Arc::new(forecast)),
            expected: known(&file.point, index),
        }
    }

    /// The newest forecast that was made by now, without what has come to pass.
    fn by_origin(&self, forecasts: &[Arc<Forecast>], index: usize) -> Foresight {
        let now = self.setting.load.at(index);
        let made_by = |time: Timestamp| {
            let later = forecasts.partition_point(|forecast| forecast.origin <= time);
            later.checked_sub(1).map(|newest| &forecasts[newest])
        };
        let in_time = made_by(now.minus(self.setting.load.step * self.lead as u32));
        Foresight {
            forecast: made_by(now).and_then(|forecast| remaining(forecast, now)).map(Arc::new),
            expected: in_time.and_then(|forecast| median_at(forecast, now)),
        }
    }
}

/// `forecast` as it stands at `now`, from where its horizons count then.
fn remaining(forecast: &Forecast, now: Timestamp) -> Option<Forecast> {
    let passed = now.since(forecast.origin);
    let horizons: Vec<Horizon> = forecast
        .horizons
        .iter()
        .filter(|horizon| horizon.after > passed)
        .map(|horizon| Horizon { after: horizon.after - passed, values: horizon.values.clone() })
        .collect();
    (!horizons.is_empty()).then(|| Forecast {
        origin: now,
        model: Arc::clone(&forecast.model),
        levels: forecast.levels.clone(),
        horizons,
    })
}

/// The median of the horizon that ends nearest to `time`, not before it where one does not.
fn median_at(forecast: &Forecast, time: Timestamp) -> Option<f64> {
    let after = time.since(forecast.origin);
    let horizon = forecast.horizons.iter().find(|horizon| horizon.after >= after)?;
    forecast.quantile(horizon, 0.5)
}
