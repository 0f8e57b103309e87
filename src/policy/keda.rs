//! KEDA: whether anything is to be done at all, and then an HPA on the load per replica.
//!
//! Two things differ from KEDA, which has shrunk fleets at their peak: an empty answer is a failure, never
//! a load of zero, and a start begins the pause before idleness instead of skipping it.

use serde::{Deserialize, Serialize};

use super::hpa::{self, Wish};
use super::service::{Service, current, hold, replicas, toward};
use super::size::short;
use super::{Action, Proposal, Situation};
use crate::config::{Hpa, Keda};
use crate::units::{Timestamp, duration};

/// What is remembered from tick to tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct State {
    /// When there was last work.
    last_active: Option<Timestamp>,
    /// So many answers in a row held no load.
    failures: u32,
    hpa: hpa::State,
}

pub(super) fn propose(
    policy: &Keda,
    situation: &Situation,
    state: &mut Option<Box<State>>,
) -> Proposal {
    let state = state.get_or_insert_default();
    let hpa = Hpa {
        target_ratio: policy.target_ratio,
        min_replicas: policy.min_replicas.max(1),
        behavior: policy.behavior.clone(),
        ..Hpa::default()
    };
    match Service::of(situation) {
        Ok(service) if situation.freshness.allows_growth() => {
            state.failures = 0;
            known(policy, &hpa, &service, state)
        }
        Ok(_) => {
            let reason = format!("the data are {}", situation.freshness.name());
            failed(policy, &hpa, hold(situation, reason), situation, state)
        }
        Err(unknown) => failed(policy, &hpa, unknown, situation, state),
    }
}

/// What is done while the load is not known: what there is, or the fallback where that is more.
fn failed(
    policy: &Keda,
    hpa: &Hpa,
    mut unknown: Proposal,
    situation: &Situation,
    state: &mut State,
) -> Proposal {
    state.failures = state.failures.saturating_add(1);
    state.hpa.hold(hpa, situation);
    let borne = state.failures <= policy.fallback.failure_threshold;
    let Some(fallback) = policy.fallback.replicas.filter(|_| !borne).map(f64::from) else {
        return unknown;
    };
    if current(situation).is_none_or(|current| fallback <= current) {
        return unknown;
    }
    let failures = state.failures;
    unknown
        .reasons
        .push(format!("{failures} failures in a row: fall back to {}", replicas(fallback)));
    Proposal { action: Action::ScaleUp, desired: Some(fallback), ..unknown }
}

fn known(policy: &Keda, hpa: &Hpa, service: &Service, state: &mut State) -> Proposal {
    let (situation, at) = (service.situation, service.situation.at);
    let active = service.load > policy.activation_load;
    let last = match state.last_active {
        Some(last) if !active => last,
        _ => at,
    };
    state.last_active = Some(last);
    let (load, needed) = (short(service.load, 3), short(policy.activation_load, 3));
    let idle = policy.idle_replicas.or((policy.min_replicas == 0).then_some(0)).map(f64::from);
    if let Some(idle) = idle.filter(|_| !active && at.since(last) >= policy.cooldown) {
        state.hpa.hold(hpa, situation);
        let pause = duration::format(policy.cooldown);
        let count = idle.min(service.current);
        let reason = format!("no work for {pause} (load {load}, work is above {needed})");
        return toward(situation, count, format!("{reason}: {}", replicas(count)));
    }
    let least = f64::from(hpa.min_replicas);
    if active && service.current < least {
        state.hpa.hold(hpa, situation);
        let reason = format!("there is work again (load {load}): {}", replicas(least));
        return toward(situation, least, reason);
    }
    hpa::settle(hpa, service, average_value(hpa, service), &mut state.hpa)
}

/// An HPA's `AverageValue`: the load over the target, whatever is ready.
fn average_value(hpa: &Hpa, service: &Service) -> Wish {
    let target = hpa.target_ratio * service.capacity;
    let ratio = service.load / (target * service.current);
    let near = ratio - 1.0 <= hpa.tolerance_up_ratio && 1.0 - ratio <= hpa.tolerance_down_ratio;
    let trusted = service.situation.freshness.allows_shrink();
    let count = if near { service.current } else { (service.load / target).ceil() };
    let count = if trusted { count } else { count.max(service.current) };
    let (load, target) = (short(service.load, 3), short(target, 3));
    let reason = format!("the load is {load}, {target} a replica: {}", replicas(count));
    Wish { count, reason }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fixtures::{START, replicas};
    use super::*;
    use crate::config::Fallback;
    use crate::promql::Freshness;

    /// A service under KEDA, every 30 s; a replica carries 10, and 10 is aimed at.
    struct Run {
        policy: Keda,
        state: Option<Box<State>>,
        tick: u64,
        count: f64,
    }

    impl Run {
        fn of(policy: Keda, count: f64) -> Self {
            let policy = Keda { target_ratio: 1.0, ..policy };
            Self { policy, state: None, tick: 0, count }
        }

        fn poll(&mut self, load: f64) -> f64 {
            self.situation(replicas(self.count, load)).desired.expect("a count")
        }

        fn situation(&mut self, situation: Situation) -> Proposal {
            let at = START.plus(Duration::from_secs(30 * self.tick));
            let proposal = propose(&self.policy, &Situation { at, ..situation }, &mut self.state);
            self.tick += 1;
            if let Some(count) = proposal.desired.filter(|count| *count > 0.0) {
                self.count = count;
            }
            proposal
        }
    }

    #[test]
    fn the_load_is_divided_among_the_replicas() {
        let mut run = Run::of(Keda::default(), 2.0);
        assert_eq!(run.poll(41.0), 5.0, "41 / 10");
        assert_eq!(run.poll(54.0), 5.0, "within a tenth of 50");
        assert_eq!(run.poll(56.0), 6.0);
        let mut starting = replicas(6.0, 60.0);
        starting.workload.as_mut().expect("there").ready = Some(1.0);
        assert_eq!(run.situation(starting).desired, Some(6.0), "whatever is ready");
    }

    /// The documentation: threshold 10, activation 50, value 40: no replicas, whatever the HPA wants.
    #[test]
    fn activation_outranks_the_target() {
        let policy = Keda { activation_load: 50.0, min_replicas: 0, ..Keda::default() };
        let mut run = Run::of(policy, 4.0);
        for _ in 0..10 {
            assert_eq!(run.poll(40.0), 4.0, "the pause of 5 min");
        }
        assert_eq!(run.poll(40.0), 0.0);
        assert_eq!(run.poll(50.0), 0.0, "work is strictly above the threshold");
        assert_eq!(run.poll(50.1), 6.0);
    }

    #[test]
    fn without_work_it_is_idle_at_once_from_any_count() {
        let policy = Keda { min_replicas: 3, idle_replicas: Some(1), ..Keda::default() };
        let mut run = Run::of(policy, 20.0);
        assert_eq!(run.poll(200.0), 20.0);
        for _ in 0..9 {
            assert_eq!(run.poll(0.0), 20.0);
        }
        assert_eq!(run.poll(0.0), 1.0, "past every limit of the HPA");
        assert_eq!(run.poll(5.0), 3.0, "work again: the least count at once");
    }

    #[test]
    fn an_empty_answer_is_no_zero() {
        let unknown =
            |count| Situation { usage: None, freshness: Freshness::Empty, ..replicas(count, 0.0) };
        let mut run = Run::of(Keda { min_replicas: 0, ..Keda::default() }, 6.0);
        for _ in 0..40 {
            assert_eq!(run.situation(unknown(6.0)).desired, None);
        }

        let fallback = Fallback { failure_threshold: 3, replicas: Some(8) };
        let mut run = Run::of(Keda { fallback, ..Keda::default() }, 6.0);
        for _ in 0..3 {
            assert_eq!(run.situation(unknown(6.0)).desired, None, "three are borne");
        }
        let proposal = run.situation(unknown(6.0));
        assert_eq!((proposal.action, proposal.desired), (Action::ScaleUp, Some(8.0)));
        assert_eq!(run.situation(unknown(9.0)).desired, None, "it lowers nothing");
        assert_eq!(run.poll(90.0), 9.0);
        assert_eq!(run.situation(unknown(6.0)).desired, None, "the count begins anew");
    }
}
