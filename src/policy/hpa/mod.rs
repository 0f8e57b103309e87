//! The Kubernetes HorizontalPodAutoscaler: `⌈ready · utilisation / target⌉`, unless the utilisation is near
//! the target; then stabilization, then the limits of a period.
//!
//! Two things differ from the controller, so that the policy is the yardstick that others are measured by
//! (both are settings): the limits of a growth count from the replicas that serve, and a start records no
//! recommendation. One thing differs because unknown is never little: a moment of which the controller
//! would record nothing counts as one that needs what there is.

mod limits;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::service::{self, Service, replicas, toward};
use super::size::percent;
use super::{Proposal, Situation, known};
use crate::config::Hpa;
use crate::units::Timestamp;

/// The window of an HPA without a `behavior`.
const OLD_WINDOW: Duration = Duration::from_secs(300);

/// What is remembered from tick to tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct State {
    /// What was wished for, the oldest first.
    recommendations: VecDeque<(Timestamp, f64)>,
    /// How many replicas were added, or taken where negative, after which tick.
    changes: VecDeque<(Timestamp, f64)>,
    /// The last tick, and the count that was found at it.
    found: Option<(Timestamp, f64)>,
}

impl State {
    /// Takes in the count that is found: a change was made after the last tick.
    fn find(&mut self, policy: &Hpa, at: Timestamp, current: f64) {
        match self.found {
            Some((before, count)) if count != current => {
                self.changes.push_back((before, current - count));
            }
            None if policy.first_is_current => self.recommendations.push_back((at, current)),
            _ => {}
        }
        self.found = Some((at, current));
        forget(&mut self.changes, at, limits::longest_period(&policy.behavior));
    }

    /// A moment of which nothing is known: it needs what there is.
    pub(super) fn hold(&mut self, policy: &Hpa, situation: &Situation) {
        if let Some(current) = service::current(situation) {
            self.find(policy, situation.at, current);
            self.recommend(policy, situation.at, current);
        }
    }

    fn recommend(&mut self, policy: &Hpa, at: Timestamp, wish: f64) {
        let behavior = &policy.behavior;
        let windows =
            behavior.scale_up.stabilization_window.max(behavior.scale_down.stabilization_window);
        let length = if policy.without_behavior { OLD_WINDOW } else { windows };
        self.recommendations.push_back((at, wish));
        forget(&mut self.recommendations, at, length);
    }

    /// The recommendations of the last `window`.
    fn within(&self, at: Timestamp, window: Duration) -> impl Iterator<Item = f64> {
        let recent = self.recommendations.iter().rev();
        recent.take_while(move |(then, _)| at.since(*then) < window).map(|(_, wish)| *wish)
    }
}

/// Drops what is as old as `length` or older.
pub(super) fn forget<T>(memory: &mut VecDeque<(Timestamp, T)>, at: Timestamp, length: Duration) {
    while memory.front().is_some_and(|(then, _)| at.since(*then) >= length) {
        memory.pop_front();
    }
}

pub(super) fn propose(
    policy: &Hpa,
    situation: &Situation,
    state: &mut Option<Box<State>>,
) -> Proposal {
    let state = state.get_or_insert_default();
    match Service::of(situation) {
        Ok(service) => settle(policy, &service, wish(policy, &service), state),
        Err(unknown) => {
            state.hold(policy, situation);
            unknown
        }
    }
}

/// A wish after stabilization and limits.
pub(super) fn settle(policy: &Hpa, service: &Service, wish: Wish, state: &mut State) -> Proposal {
    let Wish { count, mut reason } = wish;
    let (at, current) = (service.situation.at, service.current);
    state.find(policy, at, current);
    let stable = stabilized(policy, at, current, count, state);
    state.recommend(policy, at, count);
    if stable != count {
        reason += &format!("; stabilized: {}", replicas(stable));
    }
    let allowed = limits::allowed(policy, service, stable, &state.changes)
        .max(f64::from(policy.min_replicas));
    if allowed != stable {
        reason += &format!("; within the limits: {}", replicas(allowed));
    }
    toward(service.situation, allowed, reason)
}

/// A count that one or all metrics ask for.
pub(super) struct Wish {
    pub(super) count: f64,
    pub(super) reason: String,
}

/// The highest count that a metric asks for. A metric that is missing may want more than all others:
/// then they lower nothing.
fn wish(policy: &Hpa, service: &Service) -> Wish {
    let workload = service.workload;
    let ready = service.ready();
    let of_load = (policy.target_ratio, Some(service.load / (ready * service.capacity)), "load");
    let others = [
        (policy.cpu_target_ratio, known(workload.cpu_ratio), "CPU"),
        (policy.memory_target_ratio, known(workload.memory_ratio), "memory"),
    ];
    let others = others.into_iter().filter_map(|(target, used, name)| Some((target?, used, name)));
    let mut highest = Wish { count: f64::NEG_INFINITY, reason: String::new() };
    let mut missing = None;
    for (target, used, name) in std::iter::once(of_load).chain(others) {
        let Some(used) = used else {
            missing = Some(name);
            continue;
        };
        let count = count(policy, service, used / target);
        if count > highest.count {
            let (used, of, target) = (percent(used), replicas(ready), percent(target));
            let count_text = replicas(count);
            let reason = format!("the {name} is {used} of {of}, the target {target}: {count_text}");
            highest = Wish { count, reason };
        }
    }
    let known = missing.is_none() && service.situation.freshness.allows_shrink();
    if highest.count < service.current && !known {
        let what = missing.unwrap_or("load");
        highest.reason += &format!("; but the {what} is not wholly known");
        highest.count = service.current;
    }
    highest
}

/// What a utilisation of `ratio` times the target asks for.
fn count(policy: &Hpa, service: &Service, ratio: f64) -> f64 {
    let ready = service.ready();
    if ready <= 0.0 {
        // None serves, so nothing is used; what is asked of them is known all the same.
        let load = service.load / service.capacity / policy.target_ratio;
        return load.ceil().max(service.current);
    }
    if ratio - 1.0 <= policy.tolerance_up_ratio && 1.0 - ratio <= policy.tolerance_down_ratio {
        return service.current;
    }
    (ready * ratio).ceil()
}

/// Between the lowest recommendation of the one window and the highest of the other.
fn stabilized(policy: &Hpa, at: Timestamp, current: f64, wish: f64, state: &State) -> f64 {
    if policy.without_behavior {
        return state.within(at, OLD_WINDOW).fold(wish, f64::max);
    }
    let behavior = &policy.behavior;
    let lowest = state.within(at, behavior.scale_up.stabilization_window).fold(wish, f64::min);
    let highest = state.within(at, behavior.scale_down.stabilization_window).fold(wish, f64::max);
    current.max(lowest).min(highest)
}
