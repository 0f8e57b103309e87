//! One replica at a time, with a pause after each action: seed 5's `policy_aware`.

use super::ahead;
use super::pause::Pause;
use super::service::{Service, hold, replicas, toward};
use super::size::{percent, short};
use super::{Proposal, Situation};
use crate::config::Step;

pub(super) fn propose(
    policy: &Step,
    situation: &Situation,
    pause: &mut Option<Box<Pause>>,
) -> Proposal {
    let service = match Service::of(situation) {
        Ok(service) => service,
        Err(unknown) => return unknown,
    };
    let pause = pause.get_or_insert_default();
    pause.find(service.current);
    let proposal = choose(policy, &service, pause);
    pause.leave(situation.at, &proposal);
    proposal
}

fn choose(policy: &Step, service: &Service, pause: &mut Pause) -> Proposal {
    let (situation, current) = (service.situation, service.current);
    if let Some(reason) = pause.holds(situation.at, policy.cooldown) {
        return hold(situation, reason);
    }
    let expected = ahead::point(situation, service.load);
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
        pause.act(situation.at);
    }
    proposal
}
