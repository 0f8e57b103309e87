//! What a run was worth, summed up as it goes.

use std::collections::BTreeMap;

use super::tally::Tally;
use crate::guard::ClipReason;

/// One step of a run as the scores see it.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What was asked for.
    pub load: f64,
    /// What one replica carries.
    pub capacity: f64,
    /// The fewest replicas that carry the load.
    pub need: u32,
    /// The replicas that served.
    pub served: u32,
    /// Whether other replicas were asked for.
    pub acted: bool,
    /// By the formula of the demos.
    pub latency_ms: f64,
    /// By the formula of the demos, 0–100.
    pub cpu_percent: f64,
    /// By the queue.
    pub response_ms: f64,
    /// Load that was refused by the queue.
    pub refused: f64,
}

/// More than this share above the load is "over" in the demos' flag.
const OVER: f64 = 1.15;

impl Step {
    /// What the replicas carry.
    pub fn supply(&self) -> f64 {
        f64::from(self.served) * self.capacity
    }

    /// Whether the load is more than the replicas carry.
    pub fn is_under(&self) -> bool {
        self.load > self.supply()
    }

    /// Whether the replicas carry over 15 % more than the load.
    pub fn is_over(&self) -> bool {
        self.supply() > OVER * self.load
    }
}

/// Sums over the steps of a run.
#[derive(Clone, Debug, Default)]
pub struct Score {
    steps: u64,
    load: f64,
    replica_steps: u64,
    actions: u64,
    under_steps: u64,
    under_events: u64,
    shortage: f64,
    over_steps: u64,
    excess: f64,
    scarce_steps: u64,
    ample_steps: u64,
    scarcity: f64,
    plenty: f64,
    unlike_steps: u64,
    slack: f64,
    cpu: f64,
    latency: Tally,
    response: Tally,
    violations: u64,
    refused: f64,
    most: u32,
    last: Option<Last>,
    clips: BTreeMap<ClipReason, u64>,
}

/// What the next step is compared with.
#[derive(Clone, Copy, Debug)]
struct Last {
    need: u32,
    served: u32,
    under: bool,
}

impl Score {
    /// Takes in a step; `objective_ms` is the response time that may be.
    pub fn add(&mut self, step: &Step, objective_ms: f64) {
        let (need, served) = (f64::from(step.need), f64::from(step.served));
        let under = step.is_under();
        self.steps += 1;
        self.load += step.load;
        self.replica_steps += u64::from(step.served);
        self.actions += u64::from(step.acted);
        self.under_steps += u64::from(under);
        self.under_events += u64::from(under && self.last.is_none_or(|last| !last.under));
        self.shortage += (step.load - step.supply()).max(0.0);
        self.over_steps += u64::from(step.is_over());
        self.excess += (step.supply() - step.load).max(0.0);
        self.scarce_steps += u64::from(step.served < step.need);
        self.ample_steps += u64::from(step.served > step.need);
        self.scarcity += (need - served).max(0.0) / need;
        self.plenty += (served - need).max(0.0) / need;
        let unlike = self
            .last
            .is_some_and(|last| step.served.cmp(&last.served) != step.need.cmp(&last.need));
        self.unlike_steps += u64::from(unlike);
        self.slack += (1.0 - step.load / step.supply()).max(0.0);
        self.cpu += step.cpu_percent;
        self.latency.add(step.latency_ms);
        self.response.add(step.response_ms);
        self.violations += u64::from(step.response_ms > objective_ms);
        self.refused += step.refused;
        self.most = self.most.max(step.served);
        self.last = Some(Last { need: step.need, served: step.served, under });
    }

    /// Counts a correction of the guard.
    pub fn clipped(&mut self, reason: ClipReason) {
        *self.clips.entry(reason).or_default() += 1;
    }

    /// The figures, of steps of `step_hours` at `price` a replica and hour.
    pub fn figures(&self, step_hours: f64, price: f64) -> Figures {
        let steps = self.steps as f64;
        let percent = |part: f64| if steps > 0.0 { 100.0 * part / steps } else { f64::NAN };
        let of_load = |part: f64| if self.load > 0.0 { 100.0 * part / self.load } else { 0.0 };
        let replica_hours = self.replica_steps as f64 * step_hours;
        Figures {
            steps: self.steps,
            replica_hours,
            under_time_percent: percent(self.under_steps as f64),
            under_volume_percent: of_load(self.shortage),
            over_percent: of_load(self.excess),
            actions: self.actions,
            theta_under: percent(self.scarcity),
            theta_over: percent(self.plenty),
            tau_under: percent(self.scarce_steps as f64),
            tau_over: percent(self.ample_steps as f64),
            instability: 100.0 * self.unlike_steps as f64 / (steps - 1.0).max(1.0),
            over_time_percent: percent(self.over_steps as f64),
            under_events: self.under_events,
            latency_ms: Spread::of(&self.latency),
            response_ms: Spread::of(&self.response),
            slo_violations_percent: percent(self.violations as f64),
            refused_percent: of_load(self.refused),
            cpu_percent: self.cpu / steps,
            slack_percent: percent(self.slack),
            cost: replica_hours * price,
            max_replicas: self.most,
            clips: self.clips.clone(),
        }
    }
}

/// Mean and quantiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// Half are below.
    pub p50: f64,
    /// 95 of 100 are below.
    pub p95: f64,
    /// 99 of 100 are below.
    pub p99: f64,
}

impl Spread {
    fn of(tally: &Tally) -> Self {
        Self {
            mean: tally.mean(),
            p50: tally.quantile(0.5),
            p95: tally.quantile(0.95),
            p99: tally.quantile(0.99),
        }
    }
}

/// The scores of a run. Percentages are 0–100: people read them.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// The steps that were scored: those with a known load.
    pub steps: u64,
    /// Replicas that served, times hours.
    pub replica_hours: f64,
    /// Steps in which the load was more than the replicas carry.
    pub under_time_percent: f64,
    /// Load that found no capacity, of all load.
    pub under_volume_percent: f64,
    /// Capacity that found no load, of all load.
    pub over_percent: f64,
    /// How often other replicas were asked for.
    pub actions: u64,
    /// θ_U: replicas that were missing, of those that were needed; the mean over time.
    pub theta_under: f64,
    /// θ_O: replicas that were too many, of those that were needed; the mean over time.
    pub theta_over: f64,
    /// τ_U: steps with too few replicas.
    pub tau_under: f64,
    /// τ_O: steps with too many replicas.
    pub tau_over: f64,
    /// υ: steps in which need and replicas did not move in the same direction.
    pub instability: f64,
    /// Steps in which the replicas carry over 15 % more than the load.
    pub over_time_percent: f64,
    /// How often a stretch with too little began.
    pub under_events: u64,
    /// Latency by the formula of the demos.
    pub latency_ms: Spread,
    /// Response time by the queue.
    pub response_ms: Spread,
    /// Steps whose response time is above the objective.
    pub slo_violations_percent: f64,
    /// Load that the queue refused, of all load.
    pub refused_percent: f64,
    /// The mean use of the CPU by the formula of the demos.
    pub cpu_percent: f64,
    /// Capacity that found no load, of all capacity; the mean over time.
    pub slack_percent: f64,
    /// Replica-hours times the price of one.
    pub cost: f64,
    /// The most replicas that served.
    pub max_replicas: u32,
    /// How often the guard changed what the policy wanted, by the reason.
    pub clips: BTreeMap<ClipReason, u64>,
}

impl Figures {
    /// σ: the distance from the ideal, which is nothing missing, nothing too much, no restlessness and
    /// no missed objective, in the norm whose order is the number of scores.
    pub fn deviation(&self) -> f64 {
        let scores = [
            self.theta_under,
            self.theta_over,
            self.tau_under,
            self.tau_over,
            self.instability,
            self.slo_violations_percent,
        ];
        let order = scores.len() as f64;
        scores.iter().map(|score| score.powf(order)).sum::<f64>().powf(1.0 / order)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step(load: f64, served: u32) -> Step {
        let need = ((load / 10.0).ceil() as u32).max(1);
        Step {
            load,
            capacity: 10.0,
            need,
            served,
            acted: false,
            latency_ms: 40.0,
            cpu_percent: 70.0,
            response_ms: 40.0,
            refused: 0.0,
        }
    }

    fn figures(steps: impl IntoIterator<Item = Step>) -> Figures {
        let mut score = Score::default();
        steps.into_iter().for_each(|step| score.add(&step, 150.0));
        score.figures(0.5, 2.0)
    }

    #[test]
    fn figures_by_hand() {
        // Needs 1, 2, 3, 2; supplies 2, 2, 2, 3.
        let steps = [step(10.0, 2), step(20.0, 2), step(30.0, 2), step(20.0, 3)];
        let figures = figures(steps);
        assert_eq!(figures.replica_hours, 4.5);
        assert_eq!(figures.cost, 9.0);
        assert_eq!((figures.under_time_percent, figures.under_volume_percent), (25.0, 12.5));
        assert_eq!((figures.over_percent, figures.over_time_percent), (25.0, 50.0));
        assert!((figures.theta_under - 100.0 / 12.0).abs() < 1e-12);
        assert_eq!((figures.theta_over, figures.tau_under, figures.tau_over), (37.5, 25.0, 50.0));
        // 1 → 2 against 2 → 2, 2 → 3 against 2 → 2, 3 → 2 against 2 → 3.
        assert_eq!(figures.instability, 100.0);
        assert_eq!((figures.under_events, figures.max_replicas), (1, 3));
        assert!((figures.slack_percent - 25.0 * (0.5 + 0.0 + 0.0 + 1.0 / 3.0)).abs() < 1e-12);
    }

    #[test]
    fn exactly_at_the_capacity_nothing_is_missing() {
        let figures = figures([step(20.0, 2)]);
        assert_eq!((figures.under_time_percent, figures.over_time_percent), (0.0, 0.0));
        assert!(!step(20.0, 2).is_over() && step(17.0, 2).is_over());
    }

    #[test]
    fn no_load_is_no_division_by_zero() {
        let figures = figures([step(0.0, 1)]);
        assert_eq!((figures.under_volume_percent, figures.over_percent), (0.0, 0.0));
        assert_eq!((figures.over_time_percent, figures.slack_percent), (100.0, 100.0));
    }

    proptest! {
        #[test]
        fn another_replica_costs_more_and_misses_no_more(
            steps in prop::collection::vec((0.0..300.0, 1u32..30), 1..60),
        ) {
            let few = figures(steps.iter().map(|(load, served)| step(*load, *served)));
            let many = figures(steps.iter().map(|(load, served)| step(*load, served + 1)));
            prop_assert!(many.replica_hours > few.replica_hours);
            prop_assert!(many.under_time_percent <= few.under_time_percent);
            prop_assert!(many.under_volume_percent <= few.under_volume_percent);
            prop_assert!(many.theta_under <= few.theta_under && many.theta_over >= few.theta_over);
            prop_assert!(many.slack_percent >= few.slack_percent - 1e-9);
            for share in [few.under_time_percent, few.tau_over, few.instability, few.theta_under] {
                prop_assert!((0.0..=100.0).contains(&share));
            }
            // What is served is what is asked for, less what is missing, plus what is too much.
            let load: f64 = steps.iter().map(|(load, _)| load).sum();
            let supply = few.replica_hours / 0.5 * 10.0;
            let balance = load * (1.0 + (few.over_percent - few.under_volume_percent) / 100.0);
            prop_assert!((supply - balance).abs() < 1e-6 * supply);
        }
    }
}
