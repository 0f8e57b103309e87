//! One replica at a time, with a pause after each action: seed 5's `policy_aware`.

use serde::{Deserialize, Serialize};

use super::ahead;
use super::service::{Service, hold, replicas, toward};
use super::size::{percent, short};
use super::{Proposal, Situation};
use crate::config::Step;
use crate::units::{Timestamp, duration};

/// What is remembered from tick to tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// When something was last done.
    last_action: Option<Timestamp>,
    /// The last tick, and the count that should be found after it.
    left: Option<(Timestamp, f64)>,
}

impl State {
    /// A count that is not the one that was left shows that someone else acted after the last tick, such
    /// as the safety net.
    fn notice(&mut self, current: f64) {
        if let Some((at, _)) = self.left.filter(|(_, count)| *count != current) {
            self.last_action = self.last_action.max(Some(at));
        }
    }
}

pub(super) fn propose(
    policy: &Step,
    situation: &Situation,
    state: &mut Option<Box<State>>,
) -> Proposal {
    let service = match Service::of(situation) {
        Ok(service) => service,
        Err(unknown) => return unknown,
    };
    let state = state.get_or_insert_default();
    state.notice(service.current);
    let proposal = choose(policy, &service, state);
    state.left = Some((situation.at, proposal.desired.unwrap_or(service.current)));
    proposal
}

fn choose(policy: &Step, service: &Service, state: &mut State) -> Proposal {
    let (situation, current) = (service.situation, service.current);
    let since = state.last_action.map(|last| situation.at.since(last));
    if let Some(since) = since.filter(|since| *since < policy.cooldown) {
        let (since, pause) = (duration::format(since), duration::format(policy.cooldown));
        return hold(situation, format!("the last action was {since} ago, the pause is {pause}"));
    }
    let expected = ahead::point(service);
    let need = expected.load / service.capacity;
    let (min, max) = (f64::from(policy.min_replicas), f64::from(policy.max_replicas));
    let says = format!("{} asks for {} replicas", expected.source, short(need, 3));
    let (count, reason) = if need > current {
        ((current + 1.0).min(max), format!("{says}, more than {}: one more", replicas(current)))
    } else if need < current * policy.scale_down_ratio {
        let share = percent(policy.scale_down_ratio);
        let reason = format!("{says}, below {share} of {}: one less", replicas(current));
        ((current - 1.0).max(min), reason)
    } else {
        return hold(situation, format!("{says}, and {} do", replicas(current)));
    };
    let proposal = toward(situation, count, reason);
    // A move that the limits stop short starts the pause too, as in the seed; one that the data forbid
    // was none.
    if proposal.desired == Some(count) {
        state.last_action = Some(situation.at);
    }
    proposal
}
