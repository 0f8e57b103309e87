//! The scaling policies of AWS, which watch the points of an alarm.

pub(super) mod step_scaling;
pub(super) mod target_tracking;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::pause::Pause;
use super::service::{Service, unknown};
use super::{Action, Proposal, Situation};
use crate::units::Timestamp;

/// What is remembered from tick to tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct State {
    pause: Pause,
    /// The points of the metric, the oldest first.
    points: VecDeque<Point>,
}

/// The mean of one period.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    /// The number of the period since the epoch.
    period: i64,
    sum: f64,
    samples: u32,
    /// Whether all of its samples are fresh.
    trusted: bool,
}

impl Point {
    fn mean(&self) -> f64 {
        self.sum / f64::from(self.samples)
    }
}

impl State {
    /// Takes in a sample of the utilisation; `most` points are looked at.
    fn add(&mut self, at: Timestamp, period: Duration, sample: f64, trusted: bool, most: u32) {
        let length = i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1);
        let period = at.millis().div_euclid(length);
        match self.points.back_mut().filter(|point| point.period == period) {
            Some(point) => {
                point.sum += sample;
                point.samples += 1;
                point.trusted &= trusted;
            }
            None => self.points.push_back(Point { period, sum: sample, samples: 1, trusted }),
        }
        while self.points.len() > most as usize {
            self.points.pop_front();
        }
    }

    /// Whether the last `count` periods all have a point, and all points are so.
    fn last_are(&self, count: u32, so: impl Fn(&Point) -> bool) -> bool {
        let Some(newest) = self.points.back().map(|point| point.period) else { return false };
        let run = self.points.iter().rev().zip(0i64..);
        let run = run.take_while(|(point, back)| point.period == newest - back && so(point));
        run.take(count as usize).count() == count as usize
    }

    /// The mean of the newest point.
    fn newest(&self) -> f64 {
        self.points.back().map_or(f64::NAN, Point::mean)
    }
}

/// What `choose` makes of the points of this period, of which it looks at `most`. A change starts the pause.
fn propose(
    situation: &Situation,
    state: &mut Option<Box<State>>,
    (period, most): (Duration, u32),
    choose: impl FnOnce(&Service, &State) -> Proposal,
) -> Proposal {
    let service = match Service::of(situation) {
        Ok(service) => service,
        Err(unknown) => return unknown,
    };
    let state = state.get_or_insert_default();
    state.pause.find(service.current);
    let proposal = match utilisation(&service) {
        Some(used) => {
            let trusted = situation.freshness.allows_shrink();
            state.add(situation.at, period, used, trusted, most);
            choose(&service, state)
        }
        None => unknown("the utilisation is not known"),
    };
    if proposal.action != Action::NoScaling {
        state.pause.act(situation.at);
    }
    state.pause.leave(situation.at, &proposal);
    proposal
}

/// How much of what the ready replicas carry is used: those that are starting are not averaged.
fn utilisation(service: &Service) -> Option<f64> {
    let used = service.load / (service.ready() * service.capacity);
    let trusted = service.situation.freshness.allows_growth();
    Some(used).filter(|used| used.is_finite() && trusted)
}
