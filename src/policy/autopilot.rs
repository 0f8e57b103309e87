//! Autopilot's moving window: a percentile of a decaying histogram weighted by the load itself, or a
//! peak, with a margin; of these the highest of the last hour.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::histogram::{Grid, Histogram};
use super::limit::{need, resize};
use super::service::{hold, unknown};
use super::size::describe;
use super::{Proposal, Situation};
use crate::config::{Autopilot, Statistic};
use crate::target::Dimension;
use crate::units::Timestamp;

/// Some 400 buckets, each 4 % wider than the one before.
const CPU: Grid = Grid { first: 1e-4, ratio: 1.04, most: 1e4 };
const MEMORY: Grid = Grid { first: 1e5, ratio: 1.04, most: 1e13 };
/// Memory counts once in this time, with its peak.
const WINDOW_MILLIS: i64 = 300_000;

/// What is remembered from tick to tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct State {
    histogram: Histogram,
    /// The window of memory that its peak stands for.
    window: Option<i64>,
    peak: f64,
    /// The decayed sum of uses and of their weights at the last tick.
    sum: f64,
    weight: f64,
    last: Option<Timestamp>,
    /// Uses that can still be the peak, and recommendations that can still be the highest: oldest first,
    /// falling.
    peaks: VecDeque<(Timestamp, f64)>,
    recommendations: VecDeque<(Timestamp, f64)>,
}

pub(super) fn propose(
    policy: &Autopilot,
    situation: &Situation,
    state: &mut Option<Box<State>>,
) -> Proposal {
    let state = state.get_or_insert_default();
    let need = match need(situation) {
        Ok(need) => need,
        Err(reason) => return unknown(reason),
    };
    state.learn(policy, situation, need.amount);
    let statistic = policy.statistic.unwrap_or(match situation.dimension {
        Dimension::Memory => Statistic::P98,
        Dimension::Cpu | Dimension::Replicas => Statistic::P95,
    });
    let Some(amount) = state.of(statistic, situation.dimension) else {
        return hold(situation, "nothing is known of the usage yet");
    };
    let wanted = amount * (1.0 + policy.margin_ratio);
    let at = situation.at;
    let size = highest(&mut state.recommendations, at, policy.stabilization_window, wanted);
    let reason = format!(
        "{} of the usage with its margin is {}, at most {} lately",
        describe_statistic(statistic),
        describe(situation.dimension, wanted),
        describe(situation.dimension, size),
    );
    resize(situation, size, reason)
}

impl State {
    fn learn(&mut self, policy: &Autopilot, situation: &Situation, amount: f64) {
        let at = situation.at;
        let half_life = match situation.dimension {
            Dimension::Memory => {
                self.add_peak(policy.memory_half_life, at, amount);
                policy.memory_half_life
            }
            Dimension::Cpu | Dimension::Replicas => {
                self.histogram.add(&CPU, policy.cpu_half_life, at, amount, 1.0);
                policy.cpu_half_life
            }
        };
        let age = self.last.map_or(Duration::ZERO, |last| at.since(last));
        let decay = (-age.as_secs_f64() / half_life.as_secs_f64().max(1.0)).exp2();
        self.sum = self.sum * decay + amount;
        self.weight = self.weight * decay + 1.0;
        self.last = Some(at);
        highest(&mut self.peaks, at, policy.peak_window, amount);
    }

    /// One sample of memory a window: a higher one takes the place of the one before it.
    fn add_peak(&mut self, half_life: Duration, at: Timestamp, bytes: f64) {
        let window = at.millis().div_euclid(WINDOW_MILLIS);
        let end = Timestamp::from_millis((window + 1).saturating_mul(WINDOW_MILLIS));
        if self.window == Some(window) {
            if bytes <= self.peak {
                return;
            }
            self.histogram.add(&MEMORY, half_life, end, self.peak, -1.0);
        }
        self.histogram.add(&MEMORY, half_life, end, bytes, 1.0);
        (self.window, self.peak) = (Some(window), bytes);
    }

    fn of(&self, statistic: Statistic, dimension: Dimension) -> Option<f64> {
        let grid = if dimension == Dimension::Memory { &MEMORY } else { &CPU };
        let percentile = |share| self.histogram.load_percentile(grid, share);
        let peak = || self.peaks.front().map(|(_, amount)| *amount);
        match statistic {
            Statistic::Peak => peak(),
            Statistic::Mean => (self.weight > 0.0).then(|| self.sum / self.weight),
            Statistic::P98 => percentile(0.98),
            Statistic::P95 => percentile(0.95),
            Statistic::P90 => percentile(0.9),
            Statistic::P60 => Some(percentile(0.6)?.max(peak()? / 2.0)),
        }
    }
}

/// The highest of the last `length`, `amount` of now included.
fn highest(
    window: &mut VecDeque<(Timestamp, f64)>,
    at: Timestamp,
    length: Duration,
    amount: f64,
) -> f64 {
    while window.back().is_some_and(|(_, last)| *last <= amount) {
        window.pop_back();
    }
    window.push_back((at, amount));
    while window.len() > 1 && window.front().is_some_and(|(then, _)| at.since(*then) >= length) {
        window.pop_front();
    }
    window.front().map_or(amount, |(_, highest)| *highest)
}

fn describe_statistic(statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::Peak => "the peak",
        Statistic::Mean => "the mean",
        Statistic::P98 => "the 98th percentile",
        Statistic::P95 => "the 95th percentile",
        Statistic::P90 => "the 90th percentile",
        Statistic::P60 => "the 60th percentile or half the peak",
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{START, cpu, memory};
    use super::*;
    use crate::policy::Action;

    const FIVE: Duration = Duration::from_secs(300);

    fn with(statistic: Statistic) -> Autopilot {
        Autopilot { statistic: Some(statistic), margin_ratio: 0.0, ..Autopilot::default() }
    }

    /// What is recommended after these uses, one every five minutes.
    fn after(policy: &Autopilot, usages: impl IntoIterator<Item = f64>) -> f64 {
        let (mut state, mut size) = (None, None);
        for (step, usage) in usages.into_iter().enumerate() {
            let at = START.plus(FIVE * step as u32);
            size = propose(policy, &Situation { at, ..cpu(1.0, usage) }, &mut state).desired;
        }
        size.unwrap()
    }

    /// The end of the bucket of a use.
    fn end(usage: f64) -> f64 {
        CPU.start(CPU.bucket(usage) + 1)
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-5
    }

    #[test]
    fn percentiles_are_weighted_by_the_load() {
        // Nine samples of 0.1 and one of 1: by load the one is half of all.
        let usages = || [1.0].into_iter().chain([0.1; 9]).chain([0.1; 12].into_iter().take(12));
        let short = Autopilot { stabilization_window: FIVE, ..with(Statistic::P60) };
        assert!(near(after(&Autopilot { peak_window: FIVE, ..short.clone() }, usages()), end(0.1)));
        assert!(near(
            after(&Autopilot { statistic: Some(Statistic::P90), ..short }, usages()),
            end(1.0)
        ));
    }

    #[test]
    fn half_the_peak_is_the_least_of_p60() {
        let mut usages = vec![0.1; 200];
        usages[150] = 1.0;
        assert!(near(after(&with(Statistic::P60), usages), 0.5));
    }

    #[test]
    fn the_peak_falls_out_of_its_window() {
        let mut usages = vec![0.1; 300];
        usages[0] = 0.8;
        assert!(near(after(&with(Statistic::Peak), usages[..288].iter().copied()), 0.8));
        // And an hour later out of the recommendations.
        assert!(near(after(&with(Statistic::Peak), usages[..299].iter().copied()), 0.8));
        assert!(near(after(&with(Statistic::Peak), usages), 0.1));
    }

    #[test]
    fn the_mean_halves_with_the_half_life() {
        // 12 hours of 1, then 12 hours of 0: weights of one to two.
        let policy = Autopilot { stabilization_window: FIVE, ..with(Statistic::Mean) };
        let usages = (0..288).map(|step| if step < 144 { 1.0 } else { 0.0 });
        assert!((after(&policy, usages) - 1.0 / 3.0).abs() < 1e-3);
    }

    #[test]
    fn a_margin_is_added_and_the_highest_of_an_hour_is_taken() {
        let policy = Autopilot { statistic: Some(Statistic::Peak), ..Autopilot::default() };
        assert!(near(after(&policy, [0.5]), 0.55));
        let short = Autopilot { peak_window: FIVE, ..policy };
        let mut usages = vec![0.5; 13];
        usages[0] = 1.0;
        assert!(near(after(&short, usages[..12].iter().copied()), 1.1));
        assert!(near(after(&short, usages), 0.55));
    }

    #[test]
    fn memory_counts_its_peak_of_five_minutes() {
        let (mut seldom, mut often) = (None, None);
        for step in 0..100u32 {
            let high = 1e9 + f64::from(step % 7) * 1e8;
            let at = START.plus(FIVE * step);
            let policy = Autopilot::default();
            propose(&policy, &Situation { at, ..memory(4e9, high) }, &mut seldom);
            for (second, bytes) in [(0, high - 5e7), (30, high), (60, high - 2e8)] {
                let at = at.plus(Duration::from_secs(second));
                propose(&policy, &Situation { at, ..memory(4e9, bytes) }, &mut often);
            }
        }
        let of = |state: Option<Box<State>>| state.unwrap().of(Statistic::P98, Dimension::Memory);
        assert_eq!(of(seldom), of(often));
    }

    #[test]
    fn the_direction_follows_the_limit() {
        let mut state = None;
        let situation = cpu(1.0, 0.9);
        assert_eq!(propose(&Autopilot::default(), &situation, &mut state).action, Action::ScaleUp);
        let situation = Situation { usage: None, ..situation };
        let proposal = propose(&Autopilot::default(), &situation, &mut state);
        assert_eq!((proposal.action, proposal.desired), (Action::NoScaling, None));
    }
}
