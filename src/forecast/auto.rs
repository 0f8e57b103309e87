//! The forecaster that needs no choice: every model side by side, weighed by its record on this signal.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ndarray::Array2;

use super::errors::Memory;
use super::horizon::{Horizon, Setting};
use super::task::DAY;
use super::{Forecast, ForecastError, Forecaster, Kind, Series, Task, steps};
use crate::units::Timestamp;

/// The history that models are fitted to anew.
const KEPT: Duration = Duration::from_secs(21 * 86_400);

/// The end of a history that is lived through before the first forecast, so that models have a record.
const REHEARSED: Duration = Duration::from_secs(4 * 86_400);

/// After this time a record counts half.
const LONG: Duration = Duration::from_secs(3 * 86_400);

/// What counts as just now.
const SHORT: Duration = Duration::from_secs(3600);

/// The interval whose coverage is told, and the median.
const OWN_LEVELS: [f64; 3] = [0.05, 0.5, 0.95];

/// Several models of one signal → one calibrated forecast.
///
/// Each model's point becomes quantiles by its own past errors; these experts are blended, for each
/// horizon and level, by weights that follow the record of the last days; a last correction holds the
/// share of samples below each quantile at its level. A model that loses to the naive one loses its weight,
/// and where the blend itself lost to naive for days, naive is what is said.
pub struct Auto {
    task: Task,
    setting: Setting,
    /// The columns of the asked levels among the own ones.
    asked: Vec<usize>,
    members: Vec<(Kind, Box<dyn Forecaster>)>,
    horizons: Vec<Horizon>,
    history: VecDeque<f64>,
    newest: Timestamp,
    since_fit: usize,
}

/// How one horizon stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// How far ahead.
    pub after: Duration,
    /// The share of the last days' samples that lay within the 90 % interval; `None` before the first.
    pub coverage: Option<f64>,
    /// Whether the naive model is said in place of the blend, which lost to it.
    pub demoted: bool,
    /// The pinball loss over all levels, as a ratio to that of the naive model; `None` while that has
    /// none.
    pub loss_to_naive: Option<f64>,
    /// Every model, as it was given.
    pub members: Vec<Member>,
}

/// How a model stands at one horizon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// The model.
    pub kind: Kind,
    /// Its weight in the forecast, in [0, 1].
    pub weight: f64,
    /// Its pinball loss as a ratio to that of the naive model.
    pub loss_to_naive: Option<f64>,
}

impl Standing {
    /// The model with the largest weight.
    pub fn leader(&self) -> Option<Kind> {
        let largest = self.members.iter().max_by(|a, b| a.weight.total_cmp(&b.weight));
        largest.map(|member| member.kind)
    }
}

impl Auto {
    /// A forecaster that has seen nothing yet, of these models; without the naive one none is demoted.
    pub fn new(task: &Task, kinds: &[Kind]) -> Self {
        let own = with_own_levels(task);
        let column = |level: f64| own.levels.iter().position(|own| same(*own, level)).unwrap_or(0);
        let samples = |time| (time_steps(task, time)) as f64;
        let setting = Setting {
            middle: column(0.5),
            interval: [column(OWN_LEVELS[0]), column(OWN_LEVELS[2])],
            memory: Memory { long: samples(LONG), short: samples(SHORT) },
            judged_after: time_steps(task, DAY),
            naive: kinds.iter().position(|kind| *kind == Kind::Naive),
            levels: own.levels.clone(),
        };
        let mut auto = Self {
            task: task.clone(),
            asked: task.levels.iter().map(|level| column(*level)).collect(),
            setting,
            members: kinds.iter().map(|kind| (*kind, kind.model(&own))).collect(),
            horizons: Vec::new(),
            history: VecDeque::new(),
            newest: Timestamp::default(),
            since_fit: 0,
        };
        auto.forget();
        auto
    }

    /// Learns from a history, forgetting everything before. Its last days are lived through sample by
    /// sample first, so that models, intervals and weights start with a record.
    ///
    /// # Errors
    /// The history holds no value.
    pub fn fit(&mut self, history: &Series) -> Result<(), ForecastError> {
        if history.values.iter().all(|value| value.is_nan()) {
            return Err(ForecastError::NoValues);
        }
        self.forget();
        let samples = history.values.len();
        let rehearsed = time_steps(&self.task, REHEARSED).min(samples / 2);
        let (first, last) = history.values.split_at(samples - rehearsed);
        let kept = time_steps(&self.task, KEPT);
        self.history.extend(&first[first.len().saturating_sub(kept)..]);
        self.newest = history.at(first.len().saturating_sub(1));
        self.fit_members(|_| true);
        for value in last {
            self.update(*value);
            if self.due() {
                self.fit_members(Kind::is_cheap);
            }
        }
        self.refit();
        Ok(())
    }

    /// What a fit looks at of the samples before `first`: the last weeks.
    pub fn history(&self, series: &Series, first: usize) -> Series {
        let longest = time_steps(&self.task, KEPT) + time_steps(&self.task, REHEARSED);
        series.part(first.saturating_sub(longest)..first)
    }

    /// Takes in the sample one step after the newest one; not a number where nothing was measured.
    pub fn update(&mut self, value: f64) {
        let value = if value.is_finite() { value } else { f64::NAN };
        if self.history.len() >= time_steps(&self.task, KEPT) {
            self.history.pop_front();
        }
        self.history.push_back(value);
        self.newest = self.newest.plus(self.task.step);
        self.since_fit += 1;
        for horizon in &mut self.horizons {
            horizon.learn(&self.setting, value);
        }
        for (_, model) in &mut self.members {
            model.update(value);
        }
        self.say();
    }

    /// Whether the models were last fitted a day or more ago.
    pub fn due(&self) -> bool {
        self.since_fit >= time_steps(&self.task, DAY)
    }

    /// Fits every model anew to the last weeks; records and weights stay. May be slow.
    pub fn refit(&mut self) {
        self.fit_members(|_| true);
        for horizon in &mut self.horizons {
            horizon.take_back();
        }
        self.say();
    }

    /// What is expected from the newest sample on, at the levels of the task.
    pub fn forecast(&self) -> Forecast {
        let value = |horizon: &Horizon, column: usize| {
            horizon.newest().map_or(f64::NAN, |said| said[column])
        };
        let of_horizon = |(horizon, ahead): (&Horizon, &usize)| super::Horizon {
            after: self.time(*ahead),
            values: self.asked.iter().map(|column| value(horizon, *column)).collect(),
        };
        Forecast {
            origin: self.newest,
            model: Arc::from("auto"),
            levels: self.task.levels.clone(),
            horizons: self.horizons.iter().zip(&self.task.horizons).map(of_horizon).collect(),
        }
    }

    /// How each horizon stands: models, weights, coverage.
    pub fn standing(&self) -> Vec<Standing> {
        self.horizons.iter().zip(&self.task.horizons).map(|(h, ahead)| self.of(h, *ahead)).collect()
    }

    fn of(&self, horizon: &Horizon, ahead: usize) -> Standing {
        let losses = horizon.record().to_naive(&self.setting);
        let loss = |i: usize| losses.as_ref().and_then(|losses| losses.get(i).copied());
        let members = self.members.iter().zip(horizon.weights()).enumerate();
        Standing {
            after: self.time(ahead),
            coverage: horizon.record().coverage(),
            demoted: horizon.is_demoted(),
            loss_to_naive: loss(self.members.len()),
            members: members
                .map(|(i, ((kind, _), weight))| Member {
                    kind: *kind,
                    weight,
                    loss_to_naive: loss(i),
                })
                .collect(),
        }
    }

    fn time(&self, ahead: usize) -> Duration {
        self.task.step.saturating_mul(u32::try_from(ahead).unwrap_or(u32::MAX))
    }

    fn forget(&mut self) {
        let models = self.members.len();
        let horizon = |ahead: &usize| Horizon::new(&self.setting, *ahead, models);
        self.horizons = self.task.horizons.iter().map(horizon).collect();
        self.history.clear();
        self.since_fit = 0;
    }

    /// A model that cannot be fitted stays as it is: one that never was says nothing.
    fn fit_members(&mut self, which: impl Fn(Kind) -> bool) {
        let values: Vec<f64> = self.history.iter().copied().collect();
        let before = u32::try_from(values.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let start = self.newest.minus(self.task.step.saturating_mul(before));
        let history = Series { start, step: self.task.step, values };
        for (_, model) in self.members.iter_mut().filter(|(kind, _)| which(*kind)) {
            let _ = model.fit(&history);
        }
        self.since_fit = 0;
    }

    fn say(&mut self) {
        let rows: Vec<Array2<f64>> =
            self.members.iter().map(|(_, model)| model.predict()).collect();
        for (i, horizon) in self.horizons.iter_mut().enumerate() {
            horizon.say(&self.setting, rows.iter().map(|of_model| of_model.row(i)));
        }
    }
}

fn time_steps(task: &Task, time: Duration) -> usize {
    steps(task.step, time)
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// The task with the median and the ends of the 90 % interval among its levels.
fn with_own_levels(task: &Task) -> Task {
    let mut own = task.clone();
    for level in OWN_LEVELS {
        if !own.levels.iter().any(|asked| same(*asked, level)) {
            own.levels.push(level);
        }
    }
    own.levels.sort_by(f64::total_cmp);
    own
}
