//! One policy at work on the load, sample by sample, by the functions that the scaler calls.

use std::cmp::Ordering;
use std::io;
use std::sync::Arc;

use super::answer::Answer;
use super::contest::NO_FORECASTER;
use super::contestant::{Contestant, FRONT_PREFIX, Memory};
use super::outlook::Foresight;
use super::queue::Queue;
use super::rows::{self, Row, Sink};
use super::score::{Figures, Score, Step};
use super::setting::Setting;
use super::trail::Trail;
use super::windows::Windows;
use crate::config::SafetyNet;
use crate::guard::{self, Decision};
use crate::policy::plant::Plant;
use crate::policy::{Action, Situation, Workload, safety_net};
use crate::promql::Freshness;
use crate::target::{Dimension, Mode, TargetId};
use crate::units::Limit;

/// One policy at work.
pub struct Runner<'a> {
    setting: &'a Setting,
    contestant: &'a Contestant,
    forecaster: &'a str,
    target: TargetId,
    /// What adds a replica while the service suffers; `None` where nothing does.
    net: Option<SafetyNet>,
    memory: Memory,
    plant: Plant,
    queue: Queue,
    score: Score,
    windows: Windows,
    trail: Trail<3>,
    sink: Option<Sink>,
}

/// What is left of a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The name of who ran.
    pub policy: String,
    /// Whose forecasts it had; `none` where it asks for none.
    pub forecaster: String,
    /// The scores.
    pub figures: Figures,
    /// The scores in short, window by window.
    pub windows: Windows,
    /// What was expected, the replicas that served, and the latency.
    pub trail: Trail<3>,
}

impl Run {
    /// Whether it had forecasts.
    pub fn has_forecaster(&self) -> bool {
        self.forecaster != NO_FORECASTER
    }

    /// Whether it is the HPA at another target.
    pub fn is_of_front(&self) -> bool {
        self.policy.starts_with(FRONT_PREFIX)
    }

    /// Policy and forecaster, for a person.
    pub fn title(&self) -> String {
        if self.has_forecaster() {
            format!("{}, {}", self.policy, self.forecaster)
        } else {
            self.policy.clone()
        }
    }
}

impl<'a> Runner<'a> {
    /// Before the first sample; rows go to `sink` where there is one.
    ///
    /// # Errors
    /// The header cannot be written.
    pub fn new(
        setting: &'a Setting,
        contestant: &'a Contestant,
        forecaster: &'a str,
        mut sink: Option<Sink>,
    ) -> io::Result<Self> {
        if let Some(sink) = &mut sink {
            sink.write_record(rows::COLUMNS)?;
        }
        let step_seconds = setting.load.step.as_secs_f64();
        let steps = setting.test().len();
        Ok(Self {
            setting,
            contestant,
            forecaster,
            target: TargetId::new("simulation", [contestant.name.as_str()]),
            net: contestant.net(setting.net),
            memory: Memory::default(),
            plant: Plant::new(setting.initial),
            queue: Queue::new(setting.service_time.as_secs_f64(), step_seconds),
            score: Score::default(),
            windows: Windows::new(steps, setting.load.step),
            trail: Trail::new(steps),
            sink,
        })
    }

    /// Whether it learns from what came before the test.
    pub fn learns(&self) -> bool {
        self.contestant.learns()
    }

    /// Takes in sample `index`, which is before the test: there is no service yet.
    pub fn learn(&mut self, index: usize, foresight: &Foresight) {
        let load = Some(self.setting.load.values[index]).filter(|load| !load.is_nan());
        let mut situation = self.situation(index, load, foresight);
        situation.current = None;
        if let Some(workload) = &mut situation.workload {
            workload.ready = None;
        }
        self.contestant.recall(&situation, &mut self.memory.policy);
    }

    /// Plays sample `index`.
    ///
    /// # Errors
    /// The row cannot be written.
    pub fn play(&mut self, index: usize, foresight: &Foresight) -> io::Result<()> {
        let setting = self.setting;
        let at = setting.load.at(index);
        let load = Some(setting.load.values[index]).filter(|load| !load.is_nan());
        let ready = self.plant.tick(at);
        let before = self.plant.wanted();
        let decides = (index - setting.test_from).is_multiple_of(setting.every);
        let decision = decides.then(|| self.decide(index, load, foresight));
        let acted = self.plant.wanted() != before;
        // Without a delay the decision is about its own sample.
        let served = if setting.acts_at_once() { self.plant.ready() } else { ready };
        let answer = load.map(|load| Answer::of(load, served, setting.capacity));
        let passed = self.queue.pass(load.unwrap_or(0.0), served, setting.capacity);
        let step = load.zip(answer).map(|(load, answer)| Step {
            load,
            capacity: setting.capacity,
            need: setting.need(load),
            served,
            acted,
            latency_ms: answer.latency_ms,
            cpu_percent: answer.cpu_percent,
            response_ms: passed.response_seconds * 1000.0,
            refused: passed.refused,
        });
        if let Some(step) = &step {
            self.score.add(step, setting.objective.as_secs_f64() * 1000.0);
            self.windows.add(index - setting.test_from, step);
        }
        let latency = answer.map(|answer| answer.latency_ms);
        let trail = [foresight.expected, Some(f64::from(served)), latency];
        self.trail.add(index - setting.test_from, trail);
        let Some(sink) = &mut self.sink else { return Ok(()) };
        let row = Row {
            at,
            load,
            foresight,
            lead: setting.startup_delay,
            served,
            step: step.as_ref(),
            policy: &self.contestant.name,
            forecaster: self.forecaster,
            ready,
            before,
            wanted: self.plant.wanted(),
            waiting: passed.waiting,
            decision: decision.as_ref(),
        };
        row.write(sink)
    }

    /// Decides as the scaler does, and asks the plant for the outcome.
    fn decide(&mut self, index: usize, load: Option<f64>, foresight: &Foresight) -> Decision {
        let (setting, contestant) = (self.setting, self.contestant);
        let at = setting.load.at(index);
        let situation = self.situation(index, load, foresight);
        let Memory { policy, guard: guard_state } = &mut self.memory;
        let mut proposal = contestant.propose(setting, index, &situation, policy);
        if let Some(net) = self.net.as_ref().filter(|_| !contestant.has_net()) {
            proposal = safety_net::apply(net, &situation, proposal);
        }
        let decision = guard::decide(
            &contestant.guard,
            Some(&setting.bounds),
            Mode::Enforce,
            false,
            &situation,
            proposal,
            guard_state,
        );
        for clip in &decision.clips {
            self.score.clipped(clip.reason);
        }
        let present = self.plant.wanted();
        let mut wanted = decision.desired.map_or(present, |size| size as u32);
        guard_state.confirmed(at, direction(present, wanted));
        if setting.acts_at_once() && self.suffers(load, wanted) {
            let more = wanted.saturating_add(1).min(setting.bounds.max as u32).max(wanted);
            self.memory.guard.confirmed(at, direction(wanted, more));
            wanted = more;
        }
        self.plant.scale_to(wanted, at, setting.startup_delay);
        decision
    }

    /// Whether the safety net finds this many replicas too few for the load.
    fn suffers(&self, load: Option<f64>, replicas: u32) -> bool {
        let Some((net, load)) = self.net.as_ref().zip(load) else { return false };
        let Answer { latency_ms, cpu_percent } = Answer::of(load, replicas, self.setting.capacity);
        safety_net::tripped(net, Some(latency_ms / 1000.0), Some(cpu_percent / 100.0))
    }

    fn situation(&self, index: usize, load: Option<f64>, foresight: &Foresight) -> Situation {
        let setting = self.setting;
        // Where a decision counts for its own sample, what was before it says nothing of the sample:
        // the safety net is asked afterwards. A policy with a net of its own that is to have none sees
        // nothing of what would trip it.
        let blind = match self.net {
            Some(_) => setting.acts_at_once(),
            None => self.contestant.has_net(),
        };
        let measured = load.filter(|_| !blind);
        let answer = measured.map(|load| Answer::of(load, self.plant.ready(), setting.capacity));
        let workload = Workload {
            capacity: setting.capacity,
            ready: Some(f64::from(self.plant.ready())),
            startup_delay: setting.startup_delay,
            latency_seconds: answer.map(|answer| answer.latency_ms / 1000.0),
            cpu_ratio: answer.map(|answer| answer.cpu_percent / 100.0),
            // The load fills the CPU of this service, and no memory.
            memory_ratio: answer.map(|_| 0.0),
            error_ratio: None,
        };
        Situation {
            at: setting.load.at(index),
            target: self.target.clone(),
            dimension: Dimension::Replicas,
            current: Some(Limit::At(f64::from(self.plant.wanted()))),
            usage: load,
            peak: None,
            throttled_ratio: None,
            pressure_ratio: None,
            oom_kills: None,
            freshness: if load.is_some() { Freshness::Fresh } else { Freshness::Empty },
            assessment: None,
            alerts: Vec::new(),
            workload: Some(workload),
            forecast: foresight.forecast.as_ref().map(Arc::clone),
        }
    }

    /// After the last sample.
    ///
    /// # Errors
    /// The last rows cannot be written.
    pub fn finish(mut self) -> io::Result<Run> {
        if let Some(sink) = &mut self.sink {
            sink.flush()?;
        }
        let step_hours = self.setting.load.step.as_secs_f64() / 3600.0;
        Ok(Run {
            policy: self.contestant.name.clone(),
            forecaster: self.forecaster.to_owned(),
            figures: self.score.figures(step_hours, self.setting.price),
            windows: self.windows,
            trail: self.trail,
        })
    }
}

fn direction(from: u32, to: u32) -> Action {
    match to.cmp(&from) {
        Ordering::Greater => Action::ScaleUp,
        Ordering::Less => Action::ScaleDown,
        Ordering::Equal => Action::NoScaling,
    }
}
