//! What is expected at every sample: by a model that learns as the load comes, or from a file.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::setting::Setting;
use crate::forecast::{Forecast, Forecaster, Horizon, Kind, Series, Task};
use crate::units::Timestamp;

/// Where forecasts come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A model that is fitted to what came before, once a day, and told every sample.
    Model(Kind),
    /// Ready-made, by the time they are for.
    ByTime(ByTime),
    /// Ready-made, by the time they were made at: the oldest first.
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

/// What is known of the future at a sample.
#[derive(Clone, Debug, Default)]
pub struct Foresight {
    /// What is expected from now on; `None` where nothing is.
    pub forecast: Option<Arc<Forecast>>,
    /// What was expected of this sample when replicas had to be asked for.
    pub expected: Option<f64>,
}

/// The levels of the quantiles.
pub const LEVELS: [f64; 5] = [0.05, 0.5, 0.9, 0.95, 0.99];

/// The level that the upper bound of a file stands for.
const UPPER_LEVEL: f64 = 0.95;

/// How often a model is fitted anew.
const REFIT: Duration = Duration::from_secs(86_400);
/// How often it is tried while the history is too short.
const RETRY: Duration = Duration::from_secs(3_600);
/// The longest history that a model is fitted to.
const MOST_HISTORY: Duration = Duration::from_secs(28 * 86_400);

/// A source at work on one load, sample by sample.
pub struct Outlook<'a> {
    setting: &'a Setting,
    source: &'a Source,
    /// How many samples ahead replicas must be asked for.
    lead: usize,
    model: Option<Model>,
}

/// A model that learns as it goes.
struct Model {
    name: Arc<str>,
    task: Task,
    forecaster: Box<dyn Forecaster>,
    fitted: bool,
    next_fit: usize,
    /// What was expected after `lead` samples, of the last `lead` origins.
    ahead: VecDeque<Option<f64>>,
}

impl Source {
    /// The name in tables and files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Model(kind) => kind.name(),
            Self::ByTime(_) | Self::ByOrigin(_) => "file",
        }
    }
}

impl<'a> Outlook<'a> {
    /// Ready for the first sample that is played. A model is fitted to the training part.
    pub fn new(setting: &'a Setting, source: &'a Source) -> Self {
        let lead = setting.delay_steps().max(1);
        let model = match source {
            Source::Model(kind) => Some(Model::new(setting, *kind, lead)),
            Source::ByTime(_) | Source::ByOrigin(_) => None,
        };
        Self { setting, source, lead, model }
    }

    /// What is known at sample `index`; each is asked for once, in order.
    pub fn at(&mut self, index: usize) -> Foresight {
        match (self.source, &mut self.model) {
            (Source::ByTime(file), _) => self.by_time(file, index),
            (Source::ByOrigin(forecasts), _) => self.by_origin(forecasts, index),
            (Source::Model(_), Some(model)) => model.at(&self.setting.load, index, self.lead),
            (Source::Model(_), None) => Foresight::default(),
        }
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
        let levels = if file.upper.is_some() { vec![0.5, UPPER_LEVEL] } else { vec![0.5] };
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

/// `forecast` as it stands at `now`: horizons count from there.
fn remaining(forecast: &Forecast, now: Timestamp) -> Option<Forecast> {
    let passed = now.since(forecast.origin);
    let horizons: Vec<Horizon> = forecast
        .horizons
        .iter()
        .filter(|horizon| horizon.after > passed)
        .map(|horizon| Horizon { after: horizon.after - passed, values: horizon.values.clone() })
        .collect();
    (!horizons.is_empty()).then(|| Forecast { horizons, ..forecast.clone() })
}

/// The median of the horizon that ends nearest to `time`, not before it where one does not.
fn median_at(forecast: &Forecast, time: Timestamp) -> Option<f64> {
    let after = time.since(forecast.origin);
    let horizon = forecast.horizons.iter().find(|horizon| horizon.after >= after)?;
    median(&forecast.levels, &horizon.values)
}

fn median(levels: &[f64], values: &[f64]) -> Option<f64> {
    let nearest =
        |a: &usize, b: &usize| (levels[*a] - 0.5).abs().total_cmp(&(levels[*b] - 0.5).abs());
    let place = (0..levels.len()).min_by(nearest)?;
    values.get(place).copied()
}

impl Model {
    fn new(setting: &Setting, kind: Kind, lead: usize) -> Self {
        let step = setting.load.step;
        let mut horizons = vec![1, lead, lead + setting.every, 2 * lead + setting.every];
        horizons.sort_unstable();
        horizons.dedup();
        let task = Task { step, horizons, levels: LEVELS.to_vec(), seed: 42 };
        let mut model = Self {
            name: kind.name().into(),
            forecaster: kind.model(&task),
            task,
            fitted: false,
            next_fit: 0,
            ahead: VecDeque::with_capacity(lead),
        };
        if let Some(last) = setting.test_from.checked_sub(1) {
            model.fit(&setting.load, last);
        }
        model
    }

    /// Fits to what is known at sample `index`.
    fn fit(&mut self, load: &Series, index: usize) {
        let from = (index + 1).saturating_sub(load.steps(MOST_HISTORY));
        self.fitted = self.forecaster.fit(&load.part(from..index + 1)).is_ok() || self.fitted;
        let pause = if self.fitted { REFIT } else { RETRY };
        self.next_fit = index + load.steps(pause);
    }

    fn at(&mut self, load: &Series, index: usize, lead: usize) -> Foresight {
        self.forecaster.update(load.values[index]);
        if index >= self.next_fit && index > 0 {
            self.fit(load, index);
        }
        let expected =
            if self.ahead.len() < lead { None } else { self.ahead.pop_front().flatten() };
        let forecast = self.forecast(load.at(index));
        let wanted = |forecast: &Forecast| median_at(forecast, load.at(index + lead));
        self.ahead.push_back(forecast.as_ref().and_then(wanted));
        Foresight { forecast: forecast.map(Arc::new), expected }
    }

    /// `None` where a quantile is missing.
    fn forecast(&self, origin: Timestamp) -> Option<Forecast> {
        let table = self.forecaster.predict();
        if table.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let horizons = self.task.horizons.iter().zip(table.rows()).map(|(steps, row)| Horizon {
            after: self.task.step * *steps as u32,
            values: row.iter().map(|value| value.max(0.0)).collect(),
        });
        let horizons = horizons.collect();
        let levels = self.task.levels.clone();
        Some(Forecast { origin, model: Arc::clone(&self.name), levels, horizons })
    }
}
