//! Knative's pod autoscaler: a long window for quiet times, a short one for panic.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::hpa::forget;
use super::service::{Service, replicas, toward};
use super::size::short;
use super::{Proposal, Situation};
use crate::config::Knative;
use crate::units::Timestamp;

/// What is remembered from tick to tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct State {
    started: bool,
    /// The loads of the stable window, the oldest first.
    loads: VecDeque<(Timestamp, f64)>,
    /// When panic last had a cause; `None` in quiet times.
    panicked: Option<Timestamp>,
    /// The highest count of this panic.
    highest: f64,
    /// The counts of the scale-down delay, the oldest first.
    counts: VecDeque<(Timestamp, f64)>,
}

pub(super) fn propose(
    policy: &Knative,
    situation: &Situation,
    state: &mut Option<Box<State>>,
) -> Proposal {
    let service = match Service::of(situation) {
        Ok(service) => service,
        Err(unknown) => return unknown,
    };
    let state = state.get_or_insert_default();
    let (at, ready) = (situation.at, service.ready().max(1.0));
    if !std::mem::replace(&mut state.started, true) && ready > 1.0 {
        // A restart knows nothing of the load before it: it keeps what there is for a window.
        (state.panicked, state.highest) = (Some(at), ready);
    }
    if situation.freshness.allows_growth() {
        state.loads.push_back((at, service.load));
    }
    forget(&mut state.loads, at, policy.stable_window);
    let panic_window = policy.stable_window.mul_f64(policy.panic_window_ratio);
    let target = policy.target_ratio * service.capacity;
    let stable = mean_of(&state.loads, at, policy.stable_window).unwrap_or(service.load) / target;
    let burst = mean_of(&state.loads, at, panic_window).unwrap_or(service.load) / target;
    let (stable, burst) = (stable.ceil(), burst.ceil());

    let least = (ready / policy.max_scale_down_rate).floor();
    let most = (policy.max_scale_up_rate * ready).ceil();
    let clamped = |count: f64| count.max(least).min(most);
    state.panic(policy, at, burst / ready >= policy.panic_threshold_ratio);
    let mut count = clamped(stable);
    if state.panicked.is_some() {
        count = count.max(clamped(burst)).max(state.highest);
        state.highest = count;
    }
    state.counts.push_back((at, count));
    forget(&mut state.counts, at, policy.scale_down_delay);
    count = state.counts.iter().fold(count, |highest, (_, count)| highest.max(*count));
    count = count.max(f64::from(policy.min_replicas));
    let mood = if state.panicked.is_some() { "in panic" } else { "in quiet times" };
    let reason = format!(
        "{mood}: the long window asks for {}, the short one for {}: {}",
        short(stable, 0),
        short(burst, 0),
        replicas(count)
    );
    toward(situation, count, reason)
}

impl State {
    /// Enters, extends or leaves panic.
    fn panic(&mut self, policy: &Knative, at: Timestamp, over: bool) {
        match self.panicked {
            _ if over => self.panicked = Some(at),
            Some(since) if at.since(since) > policy.stable_window => {
                (self.panicked, self.highest) = (None, 0.0);
            }
            _ => {}
        }
    }
}

fn mean_of(loads: &VecDeque<(Timestamp, f64)>, at: Timestamp, window: Duration) -> Option<f64> {
    let recent = || loads.iter().rev().take_while(|(then, _)| at.since(*then) < window);
    let count = recent().count();
    (count > 0).then(|| recent().map(|(_, load)| load).sum::<f64>() / count as f64)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{START, replicas};
    use super::*;

    /// A service under the autoscaler, every two seconds; a replica carries 100, so 70 is aimed at.
    struct Run {
        policy: Knative,
        state: Option<Box<State>>,
        second: u64,
        count: f64,
    }

    impl Run {
        fn of(policy: Knative, count: f64) -> Self {
            Self { policy, state: None, second: 0, count }
        }

        /// Ticks for so many seconds, and tells the last count. Replicas are ready at once.
        fn run(&mut self, seconds: u64, load: f64) -> f64 {
            for _ in 0..seconds / 2 {
                let at = START.plus(Duration::from_secs(self.second));
                let mut situation = Situation { at, ..replicas(self.count, load) };
                situation.workload.as_mut().expect("there").capacity = 100.0;
                let proposal = propose(&self.policy, &situation, &mut self.state);
                self.count = proposal.desired.expect("a count");
                self.second += 2;
            }
            self.count
        }

        fn panics(&self) -> bool {
            self.state.as_ref().is_some_and(|state| state.panicked.is_some())
        }
    }

    #[test]
    fn quiet_times_follow_the_long_window() {
        let mut run = Run::of(Knative::default(), 4.0);
        assert_eq!(run.run(120, 280.0), 4.0);
        // 400 for 20 s of 60: the mean is 320.
        assert_eq!(run.run(20, 400.0), 5.0);
        assert!(!run.panics());
    }

    /// Twice what the ready replicas are to take, within 6 s, is panic: it counts at once, and takes
    /// nothing back before it has been over for a minute.
    #[test]
    fn a_burst_is_panic() {
        let mut run = Run::of(Knative::default(), 1.0);
        run.run(60, 50.0);
        assert_eq!(run.run(6, 700.0), 10.0, "700 / 70");
        assert!(run.panics());
        assert_eq!(run.run(54, 50.0), 10.0, "never below the highest count");
        assert!(run.panics());
        run.run(12, 50.0);
        assert!(!run.panics());
        assert!(run.run(60, 50.0) < 10.0);
    }

    #[test]
    fn one_decision_halves_at_most_and_multiplies_at_most() {
        let mut run = Run::of(Knative::default(), 1.0);
        run.run(2, 50.0);
        run.count = 9.0;
        assert_eq!(run.run(2, 50.0), 4.0, "9 / 2, rounded down");
        assert_eq!(run.run(4, 50.0), 1.0);
        let mut run = Run::of(Knative { max_scale_up_rate: 10.0, ..Knative::default() }, 1.0);
        run.run(2, 50.0);
        assert_eq!(run.run(2, 1e6), 10.0);
    }

    /// A restart with several replicas begins in panic, so that it takes nothing for a window.
    #[test]
    fn a_restart_keeps_what_there_is() {
        let mut run = Run::of(Knative::default(), 8.0);
        assert_eq!(run.run(60, 50.0), 8.0);
        assert!(run.run(10, 50.0) < 8.0);
    }

    #[test]
    fn a_delay_holds_the_highest_count() {
        let policy = Knative { scale_down_delay: Duration::from_secs(30), ..Knative::default() };
        let mut run = Run::of(policy, 4.0);
        assert_eq!(run.run(120, 280.0), 4.0);
        // The mean is 210 or less from the 52nd second on; the last wish for 4 is 30 s old at the 80th.
        assert_eq!(run.run(80, 200.0), 4.0);
        assert_eq!(run.run(2, 200.0), 3.0);
    }
}
