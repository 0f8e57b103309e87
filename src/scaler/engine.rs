//! The deciding half of the loop: observations in, decisions out. No I/O and no clock, so that the
//! live scaler, `loadline up` and any replay share it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::observed::Observed;
use crate::config::{Config, Detection, Forecast, Guard, Policy, Scale, TargetRule, WorkloadRule};
use crate::detect::{self, Assessment, DetectError, Detector};
use crate::features;
use crate::forecast::{ForecastError, Series, Stream};
use crate::guard::{self, Decision, GuardState};
use crate::policy::{self, Action, AlertSignal, PolicyState, Situation, Workload};
use crate::promql::Freshness;
use crate::target::{Dimension, Mode, Signal, Target, TargetId};
use crate::units::{Limit, Timestamp};
use crate::window::{Observation, Window};

/// How many forecasters are fitted anew in one tick of one rule.
const MOST_REFITS: usize = 2;

/// How long a target that is no longer found is remembered.
const FORGET_AFTER: Duration = Duration::from_secs(15 * 60);

/// What the engine holds of one rule's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleSettings {
    /// The mode of its targets.
    pub mode: Mode,
    /// Which dimensions are decided, and how.
    pub dimensions: BTreeMap<Dimension, DimensionSettings>,
    /// What the replicas carry; `None` where they are not looked after.
    pub workload: Option<WorkloadRule>,
}

/// How one dimension is decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DimensionSettings {
    /// Its bounds. `None`: advice without bounds.
    pub scale: Option<Scale>,
    /// How a size is chosen.
    pub policy: Policy,
    /// What a change must pass.
    pub guard: Guard,
}

impl DimensionSettings {
    /// The settings of `dimension`, with its defaults for what is not configured.
    pub fn new(
        dimension: Dimension,
        scale: Option<Scale>,
        policy: Option<Policy>,
        guard: Option<Guard>,
    ) -> Self {
        let policy = policy
            .filter(|policy| policy.supports(dimension))
            .unwrap_or_else(|| Policy::default_for(dimension));
        let guard = guard.unwrap_or_else(|| Guard::default_for(dimension, &policy));
        Self { scale, policy, guard }
    }
}

impl RuleSettings {
    /// The settings of `rule`, with what it inherits from `config`. A rule that names no dimension
    /// gets advice on all limits, and on replicas where it says what they carry.
    pub fn of(rule: &TargetRule, config: &Config) -> Self {
        let scales: Vec<(Dimension, Option<Scale>)> = if rule.scale.is_empty() {
            let replicas = rule.workload.as_ref().map(|_| Dimension::Replicas);
            Dimension::LIMITS.into_iter().chain(replicas).map(|d| (d, None)).collect()
        } else {
            rule.scale.iter().map(|(d, s)| (*d, Some(s.clone()))).collect()
        };
        let policy = rule.policy.as_ref().or(config.policy.as_ref());
        let guard = rule.guard.as_ref().or(config.guard.as_ref());
        let of = |(dimension, scale)| {
            let settings =
                DimensionSettings::new(dimension, scale, policy.cloned(), guard.cloned());
            (dimension, settings)
        };
        Self {
            mode: rule.mode.unwrap_or(config.global.mode),
            dimensions: scales.into_iter().map(of).collect(),
            workload: rule.workload.clone(),
        }
    }
}

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

/// What is known of one target.
pub struct TargetState {
    /// The target.
    pub target: Arc<Target>,
    /// Its last hours.
    pub window: Window,
    /// The detector's word on its last row; `None` while there is no model.
    pub assessment: Option<Assessment>,
    /// When it was last worth an alert.
    pub alerted_at: Option<Timestamp>,
    /// Its dimensions. Each in a box: a map has room for eleven.
    pub dimensions: BTreeMap<Dimension, Box<DimensionState>>,
    /// The last tick at which it was found.
    pub found_at: Timestamp,
    /// When its newest sample was taken; `None` before the first.
    pub sampled_at: Option<Timestamp>,
}

/// What is remembered of one dimension of one target.
#[derive(Default)]
pub struct DimensionState {
    /// The last decision.
    pub decision: Option<Decision>,
    policy: PolicyState,
    guard: GuardState,
    forecaster: Option<Box<Stream>>,
    /// The size that was last confirmed by reading the world back. The metrics lag behind it.
    confirmed: Option<(Timestamp, Limit<f64>)>,
}

impl DimensionState {
    /// The forecaster of its usage; `None` where none is wanted.
    pub fn forecaster(&self) -> Option<&Stream> {
        self.forecaster.as_deref()
    }

    /// The size that was last read back from the world, and when.
    pub fn confirmed(&self) -> Option<(Timestamp, Limit<f64>)> {
        self.confirmed
    }

    /// What its policy remembers.
    pub fn policy(&self) -> &PolicyState {
        &self.policy
    }

    fn forecaster_of(&mut self, target: &TargetId, settings: &Forecast) -> &mut Stream {
        self.forecaster
            .get_or_insert_with(|| Box::new(Stream::new(settings, detect::seed_of(target, 0))))
    }
}

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Of which target.
    pub target: TargetId,
    /// Of what of it.
    pub dimension: Dimension,
    /// In which direction.
    pub direction: Action,
    /// When it was known to be made.
    pub at: Timestamp,
}

impl Change {
    /// The change that `decision` asked for, known to be made at `at`.
    pub fn of(decision: &Decision, at: Timestamp) -> Self {
        let Decision { target, dimension, action, .. } = decision;
        Self { target: target.clone(), dimension: *dimension, direction: *action, at }
    }
}

/// What stands outside the metrics: alerts and pauses.
pub trait Standing {
    /// The alerts that stand for a target and dimension.
    fn alerts(&self, target: &Target, dimension: Dimension) -> Vec<AlertSignal>;
    /// Whether a target is paused.
    fn paused(&self, target: &TargetId) -> bool;
}

/// Nothing stands.
pub struct Quiet;

impl Standing for Quiet {
    fn alerts(&self, _: &Target, _: Dimension) -> Vec<AlertSignal> {
        Vec::new()
    }

    fn paused(&self, _: &TargetId) -> bool {
        false
    }
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

    /// Fills the window and the detector of one target with a row of the past, without deciding. What a
    /// policy of replicas would have wanted then is only remembered by itself.
    pub fn recall(&mut self, rule: &str, observed: Observed) {
        let Some(rule) = self.rules.get_mut(rule) else { return };
        let (target, at) = (observed.target.id.clone(), observed.observation.at);
        rule.observe(&self.detection, &self.forecast, self.rows, observed, &mut self.remembered);
        if let (Some(state), Some(of)) =
            (rule.targets.get_mut(&target), rule.settings.dimensions.get(&Dimension::Replicas))
        {
            state.rehearse(at, of, rule.settings.workload.as_ref());
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
        let settings = self.forecast.clone();
        let Some(state) = self.dimension_mut(target, dimension) else { return Ok(()) };
        state.forecaster_of(target, &settings).learn(past)
    }

    /// The targets and dimensions of `rule` whose usage is to be forecast.
    pub fn forecast_of(&self, rule: &str) -> Vec<(TargetId, Dimension)> {
        let Some(rule) = self.rules.get(rule) else { return Vec::new() };
        let wanted = |dimension: &&Dimension| self.forecast.dimensions.contains(*dimension);
        let dimensions: Vec<_> = rule.settings.dimensions.keys().filter(wanted).copied().collect();
        let of = |id: &TargetId| dimensions.iter().map(|d| (id.clone(), *d)).collect::<Vec<_>>();
        rule.targets.keys().flat_map(of).collect()
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
                let reading = observation.reading(usage_of(*dimension));
                let value = reading.value.filter(|_| reading.freshness.allows_growth());
                let of_dimension = state.dimensions.entry(*dimension).or_default();
                of_dimension.forecaster_of(&state.target.id, forecast).observe(at, value);
            }
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

impl TargetState {
    /// The tick of the last decision.
    pub fn evaluated_at(&self) -> Option<Timestamp> {
        self.dimensions.values().filter_map(|d| d.decision.as_ref()).map(|d| d.at).max()
    }

    fn decide<'a>(
        &'a mut self,
        at: Timestamp,
        settings: &'a RuleSettings,
        standing: &'a dyn Standing,
    ) -> impl Iterator<Item = Decision> + 'a {
        let paused = standing.paused(&self.target.id);
        settings.dimensions.iter().map(move |(dimension, of)| {
            let mut state = self.dimensions.remove(dimension).unwrap_or_default();
            let workload = settings.workload.as_ref();
            let situation = self.situation(at, *dimension, &of.guard, workload, &state, standing);
            let proposal = policy::propose(&of.policy, &situation, &mut state.policy);
            let decision = guard::decide(
                &of.guard,
                of.scale.as_ref(),
                settings.mode,
                paused,
                &situation,
                proposal,
                &mut state.guard,
            );
            state.decision = Some(decision.clone());
            self.dimensions.insert(*dimension, state);
            decision
        })
    }

    fn situation(
        &self,
        at: Timestamp,
        dimension: Dimension,
        guard: &Guard,
        workload: Option<&WorkloadRule>,
        state: &DimensionState,
        standing: &dyn Standing,
    ) -> Situation {
        let empty = Observation::empty(at);
        let now = match self.window.latest() {
            Some(latest) if self.found_at == at => latest,
            _ => &empty,
        };
        let (usage, limit, pressure) = match dimension {
            Dimension::Cpu => {
                (Signal::CpuUsageCores, Signal::CpuLimitCores, Signal::CpuPressureRatio)
            }
            Dimension::Memory => (
                Signal::MemoryWorkingSetBytes,
                Signal::MemoryLimitBytes,
                Signal::MemoryPressureRatio,
            ),
            Dimension::Replicas => (Signal::Load, Signal::ReplicasWanted, Signal::CpuPressureRatio),
        };
        let (cpu, memory) = (dimension == Dimension::Cpu, dimension == Dimension::Memory);
        Situation {
            at,
            target: self.target.id.clone(),
            dimension,
            current: self.current(at, now, limit, state),
            usage: now.value(usage),
            peak: self.window.peak(usage, at.minus(guard.peak_window)),
            throttled_ratio: cpu.then(|| now.value(Signal::CpuThrottledRatio)).flatten(),
            pressure_ratio: now.value(pressure),
            oom_kills: memory.then(|| self.new_oom_kills()).flatten(),
            freshness: self.freshness(now, usage, limit),
            assessment: self.assessment.clone(),
            alerts: standing.alerts(&self.target, dimension),
            workload: workload.filter(|_| dimension == Dimension::Replicas).map(|rule| Workload {
                capacity: rule.capacity,
                ready: now.value(Signal::ReplicasReady),
                startup_delay: rule.startup_delay,
                latency_seconds: now.value(Signal::LatencySeconds),
                cpu_ratio: now
                    .value(Signal::CpuUsageCores)
                    .zip(now.value(Signal::CpuLimitCores))
                    .map(|(used, limit)| used / limit),
                memory_ratio: now
                    .value(Signal::MemoryWorkingSetBytes)
                    .zip(now.value(Signal::MemoryLimitBytes))
                    .map(|(used, limit)| used / limit),
                error_ratio: None,
            }),
            forecast: state.forecaster().and_then(Stream::forecast).cloned(),
        }
    }

    /// Lets the policy of replicas see a moment of the past.
    fn rehearse(&mut self, at: Timestamp, of: &DimensionSettings, workload: Option<&WorkloadRule>) {
        let mut state = self.dimensions.remove(&Dimension::Replicas).unwrap_or_default();
        let situation =
            self.situation(at, Dimension::Replicas, &of.guard, workload, &state, &Quiet);
        policy::propose(&of.policy, &situation, &mut state.policy);
        self.dimensions.insert(Dimension::Replicas, state);
    }

    /// The limit in force. What was confirmed by reading the world back beats a metric that was
    /// sampled before it. A target whose usage is known and that never showed a limit has none.
    fn current(
        &self,
        at: Timestamp,
        now: &Observation,
        limit: Signal,
        state: &DimensionState,
    ) -> Option<Limit<f64>> {
        if let Some((confirmed_at, size)) = state.confirmed
            && self.sampled_at.is_none_or(|sampled| sampled <= confirmed_at)
        {
            return Some(size);
        }
        match now.value(limit) {
            Some(size) => Some(Limit::At(size)),
            // What is not told of replicas does not mean that there is no end to them.
            None if limit == Signal::ReplicasWanted => {
                now.value(Signal::ReplicasReady).map(Limit::At)
            }
            None if self.found_at < at => None,
            None => (!self.window.has(limit)).then_some(Limit::Max),
        }
    }

    /// The worst freshness of what a decision rests on: the usage, and the limit where there is one.
    fn freshness(&self, now: &Observation, usage: Signal, limit: Signal) -> Freshness {
        let usage = now.reading(usage).freshness;
        match now.reading(limit).freshness {
            Freshness::Empty => usage,
            other => usage.max(other),
        }
    }

    /// Kills counted since the row before; `None` where one of the two is not known. A counter that
    /// fell belongs to a new container, whose kills are all new.
    fn new_oom_kills(&self) -> Option<f64> {
        let now = self.window.latest()?.value(Signal::OomKills)?;
        let (_, before) = self.window.before_latest(Signal::OomKills, 1).next()?;
        let before = before?;
        Some(if now >= before { now - before } else { now })
    }
}

/// What is used of a dimension, and forecast.
fn usage_of(dimension: Dimension) -> Signal {
    match dimension {
        Dimension::Cpu => Signal::CpuUsageCores,
        Dimension::Memory => Signal::MemoryWorkingSetBytes,
        Dimension::Replicas => Signal::Load,
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

#[cfg(test)]
mod tests;
