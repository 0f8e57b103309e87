//! One step up or down by seed 4's order of questions: too soon, too little confidence, too much use
//! expected, too little.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::ahead;
use super::pause::Pause;
use super::service::{Service, hold, toward};
use super::size::{percent, short};
use super::{Action, Proposal, Situation};
use crate::config::{Cloud, CloudDecision};

/// Below this mean use the deviation is set against [`USUAL_USE`]: a share of next to nothing says nothing.
const LEAST_MEAN: f64 = 0.01;
const USUAL_USE: f64 = 0.5;

/// What is remembered from tick to tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct State {
    pub(super) pause: Pause,
    /// The recent use, 0–1, the oldest first.
    uses: VecDeque<f64>,
}

/// What the questions end in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    Up,
    Down,
    Stay,
}

pub(super) fn propose(
    policy: &Cloud,
    situation: &Situation,
    state: &mut Option<Box<State>>,
) -> Proposal {
    let service = match Service::of(situation) {
        Ok(service) => service,
        Err(unknown) => return unknown,
    };
    let state = state.get_or_insert_default();
    state.pause.find(service.current);
    let carried = service.ready() * service.capacity;
    let (verdict, reason) = judge(&policy.decision, situation, service.load, carried, state);
    let count = match verdict {
        Verdict::Up => service.current + 1.0,
        Verdict::Down => {
            (service.current - 1.0).max(f64::from(policy.min_replicas)).min(service.current)
        }
        Verdict::Stay => service.current,
    };
    act(situation, count, reason, state)
}

/// Asks for `size`, and starts the pause if that is a change.
pub(super) fn act(situation: &Situation, size: f64, reason: String, state: &mut State) -> Proposal {
    let proposal = toward(situation, size, reason);
    if proposal.action != Action::NoScaling {
        state.pause.act(situation.at);
    }
    state.pause.leave(situation.at, &proposal);
    proposal
}

/// Asks the questions: `used` is used now of the `carried` that the present size carries. Afterwards this
/// moment is one of the recent ones.
pub(super) fn judge(
    decision: &CloudDecision,
    situation: &Situation,
    used: f64,
    carried: f64,
    state: &mut State,
) -> (Verdict, String) {
    let answer = answer(decision, situation, used, carried, state);
    let share = used / carried;
    if situation.freshness.allows_growth() && share.is_finite() {
        state.uses.push_back(share);
        while state.uses.len() > decision.samples as usize {
            state.uses.pop_front();
        }
    }
    answer
}

fn answer(
    decision: &CloudDecision,
    situation: &Situation,
    used: f64,
    carried: f64,
    state: &State,
) -> (Verdict, String) {
    if let Some(reason) = state.pause.holds(situation.at, decision.cooldown) {
        return (Verdict::Stay, reason);
    }
    let (have, need) = (state.uses.len(), decision.samples as usize);
    if have < need {
        return (Verdict::Stay, format!("confidence needs {need} samples, there are {have}"));
    }
    let confidence = confidence(&state.uses);
    if confidence < decision.min_confidence {
        let (found, least) = (short(confidence, 3), short(decision.min_confidence, 3));
        return (Verdict::Stay, format!("the confidence is {found}, at least {least}"));
    }
    let expected = ahead::point(situation, used);
    let share = expected.load / carried;
    let says = format!("{} is {} of what there is", expected.source, percent(share));
    if share > decision.scale_up_ratio {
        (Verdict::Up, format!("{says}, above {}", percent(decision.scale_up_ratio)))
    } else if share < decision.scale_down_ratio {
        (Verdict::Down, format!("{says}, below {}", percent(decision.scale_down_ratio)))
    } else {
        (Verdict::Stay, says)
    }
}

/// `1 / (1 + deviation / mean)`: steady use can be foretold.
fn confidence(uses: &VecDeque<f64>) -> f64 {
    let count = uses.len() as f64;
    let mean = uses.iter().sum::<f64>() / count;
    let squares: f64 = uses.iter().map(|used| (used - mean).powi(2)).sum();
    let deviation = (squares / (count - 1.0).max(1.0)).sqrt();
    let variation = deviation / if mean < LEAST_MEAN { USUAL_USE } else { mean };
    (1.0 / (1.0 + variation)).clamp(0.0, 1.0)
}

/// Leaves the size as it is, and remembers that it did.
pub(super) fn stay(situation: &Situation, reason: String, state: &mut State) -> Proposal {
    let proposal = hold(situation, reason);
    state.pause.leave(situation.at, &proposal);
    proposal
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Action;
    use super::super::fixtures::{START, replicas};
    use super::*;
    use crate::units::Limit;

    /// A service under the policy, every five minutes. A replica carries 10.
    struct Run {
        state: Option<Box<State>>,
        tick: u64,
        count: f64,
    }

    impl Run {
        /// After as many samples of this use as the confidence needs.
        fn after(count: f64, used: f64) -> Self {
            let mut run = Self { state: None, tick: 0, count };
            for _ in 0..60 {
                assert_eq!(run.at(used), count, "too few samples");
            }
            run
        }

        fn at(&mut self, used: f64) -> f64 {
            self.propose(used).desired.expect("a count")
        }

        fn propose(&mut self, used: f64) -> Proposal {
            let at = START.plus(Duration::from_secs(300 * self.tick));
            let situation = Situation { at, ..replicas(self.count, used * 10.0 * self.count) };
            let proposal = propose(&Cloud::default(), &situation, &mut self.state);
            self.tick += 1;
            self.count = proposal.desired.expect("a count");
            proposal
        }
    }

    #[test]
    fn it_goes_one_step_at_a_time() {
        let mut run = Run::after(4.0, 0.76);
        assert_eq!(run.at(0.75), 4.0, "at the threshold");
        assert_eq!(run.at(0.751), 5.0);
        assert_eq!(run.propose(0.9).reasons, ["the last action was 5m ago, the pause is 10m"]);
        assert_eq!(run.at(0.9), 6.0, "ten minutes later");

        let mut run = Run::after(4.0, 0.29);
        assert_eq!([0.30, 0.29].map(|used| run.at(used)), [4.0, 3.0]);
        let mut run = Run::after(1.0, 0.1);
        assert_eq!(run.at(0.1), 1.0, "never none");
    }

    /// A use that jumps between 10 % and 90 %: the mean is 50 %, the deviation 40.3 %.
    #[test]
    fn a_restless_use_is_not_trusted() {
        let mut run = Run { state: None, tick: 0, count: 4.0 };
        for _ in 0..30 {
            run.at(0.1);
            run.at(0.9);
        }
        let proposal = run.propose(0.95);
        assert_eq!(proposal.action, Action::NoScaling);
        assert_eq!(proposal.reasons, ["the confidence is 0.553, at least 0.6"]);
    }

    #[test]
    fn next_to_nothing_is_set_against_the_usual() {
        let uses: VecDeque<f64> = (0..60).map(|n| if n % 2 == 0 { 0.0 } else { 0.01 }).collect();
        let deviation = 0.005 * (60.0_f64 / 59.0).sqrt();
        assert!((confidence(&uses) - 1.0 / (1.0 + deviation / 0.5)).abs() < 1e-12);
        assert_eq!(confidence(&VecDeque::from([0.0, 0.0])), 1.0);
    }

    #[test]
    fn anyone_s_action_starts_the_pause() {
        let mut run = Run::after(4.0, 0.8);
        run.count = 5.0;
        assert_eq!(run.propose(0.9).reasons, ["the last action was 5m ago, the pause is 10m"]);
    }

    mod ladder {
        use super::super::super::fixtures::memory;
        use super::super::super::ladder::propose;
        use super::*;
        use crate::config::Ladder;

        const GIB: f64 = 1073741824.0;

        /// What is proposed for this use of a size, after an hour of it.
        fn of(size: f64, used: f64) -> Proposal {
            let (policy, mut state) = (Ladder::default(), None);
            let mut proposal = None;
            for minute in 0..61 {
                let at = START.plus(Duration::from_secs(60 * minute));
                let situation = Situation { at, ..memory(size, used * size) };
                proposal = Some(propose(&policy, &situation, &mut state));
            }
            proposal.expect("one")
        }

        #[test]
        fn it_climbs_rung_by_rung() {
            let up = of(2.0 * GIB, 0.8);
            assert_eq!((up.action, up.desired), (Action::ScaleUp, Some(4.0 * GIB)));
            assert!(up.reasons[0].ends_with("from t2.small to t2.medium"), "{up:?}");
            assert_eq!(of(4.0 * GIB, 0.8).desired, Some(8.0 * GIB));
            assert_eq!(of(8.0 * GIB, 0.2).desired, Some(4.0 * GIB));
            assert_eq!(of(4.0 * GIB, 0.5).action, Action::NoScaling);
        }

        #[test]
        fn it_ends_at_the_top_and_at_the_bottom_and_knows_no_other_size() {
            for (size, used, why) in [
                (8.0, 0.8, "t2.large is the largest"),
                (2.0, 0.2, "t2.small is the smallest"),
                (3.0, 0.8, "3 GiB is no rung of the ladder"),
            ] {
                let refused = of(size * GIB, used);
                assert_eq!(refused.action, Action::NoScaling, "{why}");
                assert_eq!(refused.desired, Some(size * GIB));
                assert!(refused.reasons[0].contains(why), "{refused:?}");
            }
            let unlimited = Situation { current: Some(Limit::Max), ..memory(GIB, GIB) };
            assert_eq!(propose(&Ladder::default(), &unlimited, &mut None).desired, None);
        }
    }
}
