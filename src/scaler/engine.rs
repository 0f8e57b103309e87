//! The deciding half of the loop: observations in, decisions out. No I/O and no clock, so that the
//! live scaler, `loadline up` and any replay share it.

mod school;
mod settings;
mod standing;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use school::{Graduate, Lesson};
pub use settings::{DimensionSettings, RuleSettings};
pub use standing::{Change, Quiet, Standing};
pub use target::{DimensionState, TargetState, usage_of};

use super::observed::Observed;
use crate::config::{Detection, Forecast};
use crate::detect::{Assessment, DetectError, Detector};
use crate::features;
use crate::forecast::trees::short_term::Question;
use crate::forecast::{ForecastError, Series};
use crate::guard::{Decision, GuardState};
use crate::policy::Action;
use crate::target::{Dimension, Mode, Signal, Target, TargetId};
use crate::units::{Limit, Timestamp};
use crate::window::Window;

/// How many forecasters are fitted anew in one tick of one rule.
const MOST_REFITS: usize = 2;

/// How long a target that is no longer found is remembered.
const FORGET_AFTER: Duration = Duration::from_secs(15 * 60);

/// Everything that is known of every target, rule by rule.
pub struct Engine {
    detection: Detection,
    forecast: Forecast,
    /// Rows a window holds.
    rows: usize,
    rules: BTreeMap<Arc<str>, RuleState>,
    /// Guard states of before the restart, of targets that have not been found again yet.
    remembered: Remembered,
}

/// A rule's name, and its models as the bytes of a file.
pub type RuleModels = (Arc<str>, Vec<u8>);

type Remembered = BTreeMap<(TargetId, Dimension), GuardState>;

struct RuleState {
    settings: RuleSettings,
    detector: Detector,
    targets: BTreeMap<TargetId, TargetState>,
}

impl Engine {
    /// An engine that knows no target yet. `rows` is how many ticks a window remembers.
    pub fn new(detection: Detection, forecast: Forecast, rows: usize) -> Self {
        Self { detection, forecast, rows, rules: BTreeMap::new(), remembered: BTreeMap::new() }
    }

    /// Takes over new settings. Rules that stay keep their targets and models; others are forgotten.
    ///
    /// # Errors
    /// A parameter of the detection is out of its range; then nothing has changed.
    pub fn set_rules(
        &mut self,
        rules: impl IntoIterator<Item = (Arc<str>, RuleSettings)>,
    ) -> Result<(), DetectError> {
        let fresh = Detector::new(features::schema(self.detection.mode), self.detection.clone())?;
        let mut old = std::mem::take(&mut self.rules);
        for (name, settings) in rules {
            let state = match old.remove(&name) {
                Some(state) => RuleState { settings, ..state },
                None => RuleState { settings, detector: fresh.clone(), targets: BTreeMap::new() },
            };
            self.rules.insert(name, state);
        }
        Ok(())
    }

    /// The models of every rule, each as the bytes of a file.
    ///
    /// # Errors
    /// See [`Detector::save`].
    pub fn save_models(&self) -> Result<Vec<RuleModels>, DetectError> {
        self.rules.iter().map(|(name, rule)| Ok((name.clone(), rule.detector.save()?))).collect()
    }

    /// Gives `rule` the models that were saved: it scores at once.
    ///
    /// # Errors
    /// The bytes are damaged, of another version, or of other features; the rule keeps what it has.
    pub fn load_models(&mut self, rule: &str, bytes: &[u8]) -> Result<(), DetectError> {
        if let Some(state) = self.rules.get_mut(rule) {
            state.detector = Detector::load(
                bytes,
                features::schema(self.detection.mode),
                self.detection.clone(),
            )?;
        }
        Ok(())
    }

    /// Fills the window and the detector of one target with a row of the past, without deciding. What its
    /// policies would have wanted then is only remembered by themselves.
    pub fn recall(&mut self, rule: &str, observed: Observed) {
        let Some(rule) = self.rules.get_mut(rule) else { return };
        let (target, at) = (observed.target.id.clone(), observed.observation.at);
        rule.observe(&self.detection, &self.forecast, self.rows, observed, &mut self.remembered);
        if let Some(state) = rule.targets.get_mut(&target) {
            state.rehearse(at, &rule.settings);
        }
    }

    /// Gives the forecaster of one target and dimension the past of its usage.
    ///
    /// # Errors
    /// The past holds no value.
    pub fn learn(
        &mut self,
        target: &TargetId,
        dimension: Dimension,
        past: &Series,
    ) -> Result<(), ForecastError> {
        for rule in self.rules.values_mut() {
            let Some(state) = rule.targets.get_mut(target) else { continue };
            let of_dimension = state.dimensions.entry(dimension).or_default();
            of_dimension.forecaster_of(target, &self.forecast).learn(past)?;
        }
        Ok(())
    }

    /// What is forecast, and how: as at the start, whatever the configuration says by now.
    pub fn forecast(&self) -> &Forecast {
        &self.forecast
    }

    /// The targets and dimensions of `rule` whose usage is to be forecast.
    pub fn forecast_of(&self, rule: &str) -> Vec<(TargetId, Dimension)> {
        let Some(rule) = self.rules.get(rule) else { return Vec::new() };
        let wanted = |dimension: &&Dimension| self.forecast.dimensions.contains(*dimension);
        let dimensions: Vec<_> = rule.settings.dimensions.keys().filter(wanted).copied().collect();
        let of = |id: &TargetId| dimensions.iter().map(|d| (id.clone(), *d)).collect::<Vec<_>>();
        rule.targets.keys().flat_map(of).collect()
    }

    /// The lessons of all targets of `rule`, without the past to learn from.
    pub fn lessons(&self, rule: &str) -> Vec<Lesson> {
        let Some(rule) = self.rules.get(rule) else { return Vec::new() };
        let short_term = self.forecast.short_term;
        let of = |target| Lesson::of(target, &rule.settings, short_term);
        rule.targets.keys().flat_map(of).collect()
    }

    /// The policy of this target and dimension begins to learn from the past: until it is done, nothing is
    /// lowered.
    pub fn enrol(&mut self, target: &TargetId, dimension: Dimension) {
        if let Some(state) = self.dimension_mut(target, dimension) {
            state.learning = true;
        }
    }

    /// Puts a policy that has learnt in its place; what the one there remembers of a shorter past is
    /// forgotten.
    pub fn graduate(&mut self, graduate: Graduate) {
        let Graduate { target, dimension, policy, short_term } = graduate;
        if let Some(state) = self.dimension_mut(&target, dimension) {
            state.learning = false;
            state.policy = policy;
            state.short_term = short_term.map(Box::new);
        }
    }

    /// One tick of one rule: takes in what was observed and decides for every known target.
    /// Targets that were not found this time hold (nothing is known of them), and are forgotten
    /// after a while.
    pub fn tick(
        &mut self,
        rule: &str,
        at: Timestamp,
        observed: Vec<Observed>,
        standing: &dyn Standing,
    ) -> Vec<Decision> {
        let Some(rule) = self.rules.get_mut(rule) else { return Vec::new() };
        for one in observed {
            rule.observe(&self.detection, &self.forecast, self.rows, one, &mut self.remembered);
        }
        rule.refit();
        rule.targets.retain(|_, t| at.since(t.found_at) < FORGET_AFTER);
        rule.detector.retain(|id| rule.targets.contains_key(id));
        let settings = &rule.settings;
        let mut decisions = Vec::new();
        for state in rule.targets.values_mut() {
            if state.found_at < at {
                state.assessment = None;
            }
            decisions.extend(state.decide(at, settings, standing));
        }
        decisions
    }

    /// Records that a change was made and read back: `size` is in force from `at` on.
    pub fn confirm(&mut self, change: &Change, size: Limit<f64>) {
        if let Some(state) = self.dimension_mut(&change.target, change.dimension) {
            state.guard.confirmed(change.at, change.direction);
            state.confirmed = Some((change.at, size));
        }
    }

    /// Takes over a size that somebody else has set.
    pub fn adopt(
        &mut self,
        target: &TargetId,
        dimension: Dimension,
        size: Limit<f64>,
        at: Timestamp,
    ) {
        if let Some(state) = self.dimension_mut(target, dimension) {
            state.confirmed = Some((at, size));
        }
    }

    /// A change of before the restart: its cooldown goes on where it stopped. Targets that are not found
    /// again are forgotten.
    pub fn remember(&mut self, change: &Change) {
        let key = (change.target.clone(), change.dimension);
        self.remembered.entry(key).or_default().confirmed(change.at, change.direction);
    }

    /// The target of this id.
    pub fn target(&self, id: &TargetId) -> Option<&Target> {
        self.rules.values().find_map(|rule| rule.targets.get(id)).map(|state| &*state.target)
    }

    /// Every target with its rule's name and mode.
    pub fn targets(&self) -> impl Iterator<Item = (&Arc<str>, Mode, &TargetState)> {
        self.rules.iter().flat_map(|(name, rule)| {
            rule.targets.values().map(move |t| (name, rule.settings.mode, t))
        })
    }

    /// Every rule with its mode and how many targets it has.
    pub fn rules(&self) -> impl Iterator<Item = (&Arc<str>, Mode, usize)> {
        self.rules.iter().map(|(name, r)| (name, r.settings.mode, r.targets.len()))
    }

    fn dimension_mut(
        &mut self,
        target: &TargetId,
        dimension: Dimension,
    ) -> Option<&mut DimensionState> {
        self.rules
            .values_mut()
            .find_map(|rule| rule.targets.get_mut(target))
            .map(|state| &mut **state.dimensions.entry(dimension).or_default())
    }
}

impl RuleState {
    /// Fits the forecasters anew that are due: few at a time, so that no tick is late for all of them.
    fn refit(&mut self) {
        let states = self.targets.values_mut().flat_map(|target| target.dimensions.values_mut());
        let streams = states.filter_map(|state| state.forecaster.as_mut());
        for stream in streams.filter(|stream| stream.due()).take(MOST_REFITS) {
            stream.refit();
        }
        let states = self.targets.values_mut().flat_map(|target| target.dimensions.values_mut());
        let mut streams = states.filter_map(|state| state.short_term.as_mut());
        if let Some(stream) = streams.find(|stream| stream.due()) {
            stream.refit();
        }
    }

    fn observe(
        &mut self,
        detection: &Detection,
        forecast: &Forecast,
        rows: usize,
        observed: Observed,
        remembered: &mut Remembered,
    ) {
        let Observed { target, observation, sampled_at } = observed;
        let at = observation.at;
        let state = self.targets.entry(target.id.clone()).or_insert_with(|| TargetState {
            target: target.clone(),
            window: Window::new(rows),
            assessment: None,
            alerted_at: None,
            dimensions: restored(&target.id, remembered),
            found_at: at,
            sampled_at,
        });
        state.target = target;
        state.found_at = at;
        state.sampled_at = sampled_at.or(state.sampled_at);
        // A clock that was set back repeats moments that were seen already.
        if state.window.push(&observation).is_err() {
            return;
        }
        for dimension in &forecast.dimensions {
            if self.settings.dimensions.contains_key(dimension) {
                let value = observation.present(usage_of(*dimension));
                let of_dimension = state.dimensions.entry(*dimension).or_default();
                of_dimension.forecaster_of(&state.target.id, forecast).observe(at, value);
            }
        }
        let workload = self.settings.foreseen_workload();
        if let Some(workload) = workload.filter(|_| forecast.short_term) {
            let of_replicas = state.dimensions.entry(Dimension::Replicas).or_default();
            let stream = of_replicas.short_term_of(self.settings.step, Question::of(workload));
            stream.observe(at, observation.present(Signal::Load));
        } else if let Some(of_replicas) = state.dimensions.get_mut(&Dimension::Replicas) {
            of_replicas.short_term = None;
        }
        // What says nothing of the usage says too little to be judged or learnt.
        let fresh = observation.reading(Signal::CpuUsageCores).freshness.allows_growth()
            || observation.reading(Signal::MemoryWorkingSetBytes).freshness.allows_growth();
        // All rows have the one schema that the detector was made for, so it cannot refuse them.
        let new = !self.detector.has_learnt(&state.target.id, at);
        state.assessment = (fresh && new)
            .then(|| features::extract(&state.window, detection))
            .flatten()
            .and_then(|row| self.detector.observe(&state.target.id, &row, at).ok().flatten());
        if state.assessment.as_ref().is_some_and(Assessment::is_alert) {
            state.alerted_at = Some(at);
        }
    }
}

/// Whether a decision asks for the world to be changed.
pub fn wants_change(decision: &Decision) -> bool {
    decision.action != Action::NoScaling && decision.desired.is_some()
}

fn restored(
    target: &TargetId,
    remembered: &mut Remembered,
) -> BTreeMap<Dimension, Box<DimensionState>> {
    let guards = Dimension::ALL.into_iter().filter_map(|dimension| {
        let guard = remembered.remove(&(target.clone(), dimension))?;
        Some((dimension, Box::new(DimensionState { guard, ..DimensionState::default() })))
    });
    guards.collect()
}
