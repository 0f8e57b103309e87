//! What is known of one target, and its decisions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Quiet, RuleSettings, Standing};
use crate::config::{Forecast, Guard, WorkloadRule};
use crate::detect::{self, Assessment};
use crate::forecast::trees::short_term::{self, Question};
use crate::forecast::{self, Stream};
use crate::guard::{self, Decision, GuardState};
use crate::policy::{self, PolicyState, Situation, Workload};
use crate::promql::Freshness;
use crate::target::{Dimension, Signal, Target, TargetId};
use crate::units::{Limit, Timestamp};
use crate::window::{Observation, Window};

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
    pub(super) policy: PolicyState,
    pub(super) guard: GuardState,
    pub(super) forecaster: Option<Box<Stream>>,
    pub(super) short_term: Option<Box<short_term::Stream>>,
    /// Its policy lives through the past elsewhere.
    pub(super) learning: bool,
    /// The size that was last confirmed by reading the world back. The metrics lag behind it.
    pub(super) confirmed: Option<(Timestamp, Limit<f64>)>,
}

impl DimensionState {
    /// The forecaster of its usage; `None` where none is wanted.
    pub fn forecaster(&self) -> Option<&Stream> {
        self.forecaster.as_deref()
    }

    /// What boosting tells a policy of replicas; `None` where nobody asks it, or it knows too little.
    pub fn short_term(&self) -> Option<&Arc<forecast::Forecast>> {
        self.short_term.as_ref()?.forecast()
    }

    /// What is expected of its usage, as its policy sees it.
    fn foreseen(&self) -> Option<&Arc<forecast::Forecast>> {
        self.short_term().or_else(|| self.forecaster()?.forecast())
    }

    /// The size that was last read back from the world, and when.
    pub fn confirmed(&self) -> Option<(Timestamp, Limit<f64>)> {
        self.confirmed
    }

    /// What its policy remembers.
    pub fn policy(&self) -> &PolicyState {
        &self.policy
    }

    pub(super) fn forecaster_of(&mut self, target: &TargetId, settings: &Forecast) -> &mut Stream {
        self.forecaster
            .get_or_insert_with(|| Box::new(Stream::new(settings, detect::seed_of(target, 0))))
    }

    /// What asks boosting this question, fed in these steps.
    pub(super) fn short_term_of(
        &mut self,
        step: Duration,
        question: Question,
    ) -> &mut short_term::Stream {
        // In other steps than before it begins anew.
        self.short_term = self.short_term.take().filter(|stream| stream.step() == step);
        let stream = self
            .short_term
            .get_or_insert_with(|| Box::new(short_term::Stream::new(step, question)));
        stream.ask(question);
        stream
    }
}

impl TargetState {
    /// The tick of the last decision.
    pub fn evaluated_at(&self) -> Option<Timestamp> {
        self.dimensions.values().filter_map(|d| d.decision.as_ref()).map(|d| d.at).max()
    }

    /// The value of `signal` at the last evaluation; `None` where it was not measured then.
    pub fn measured(&self, signal: Signal) -> Option<f64> {
        let latest = self.window.latest().filter(|now| self.evaluated_at() == Some(now.at))?;
        latest.present(signal)
    }

    pub(super) fn decide<'a>(
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
            let propose =
                if state.learning && of.policy.learns() { policy::wait } else { policy::propose };
            let proposal = propose(&of.policy, &situation, &mut state.policy);
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
                ready: now.value(Signal::ReplicasReady),
                latency_seconds: now.value(Signal::LatencySeconds),
                error_ratio: now.value(Signal::ErrorRatio),
                cpu_ratio: now
                    .value(Signal::CpuUsageCores)
                    .zip(now.value(Signal::CpuLimitCores))
                    .map(|(used, limit)| used / limit),
                memory_ratio: now
                    .value(Signal::MemoryWorkingSetBytes)
                    .zip(now.value(Signal::MemoryLimitBytes))
                    .map(|(used, limit)| used / limit),
                ..Workload::new(rule.capacity, rule.startup_delay)
            }),
            forecast: state.foreseen().cloned(),
        }
    }

    /// Lets the policies see a moment of the past.
    pub(super) fn rehearse(&mut self, at: Timestamp, settings: &RuleSettings) {
        for (dimension, of) in &settings.dimensions {
            let mut state = self.dimensions.remove(dimension).unwrap_or_default();
            let workload = settings.workload.as_ref();
            let situation = self.situation(at, *dimension, &of.guard, workload, &state, &Quiet);
            policy::recall(&of.policy, &situation, &mut state.policy);
            self.dimensions.insert(*dimension, state);
        }
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
    pub(super) fn new_oom_kills(&self) -> Option<f64> {
        let now = self.window.latest()?.value(Signal::OomKills)?;
        let (_, before) = self.window.before_latest(Signal::OomKills, 1).next()?;
        let before = before?;
        Some(if now >= before { now - before } else { now })
    }
}

/// What is used of a dimension, and forecast.
pub fn usage_of(dimension: Dimension) -> Signal {
    match dimension {
        Dimension::Cpu => Signal::CpuUsageCores,
        Dimension::Memory => Signal::MemoryWorkingSetBytes,
        Dimension::Replicas => Signal::Load,
    }
}
