//! The next or the previous one of an ordered list of sizes: seed 4's instance types.

use super::cloud::{self, State, Verdict};
use super::service::{current, unknown};
use super::size::describe;
use super::{Proposal, Situation};
use crate::config::{Instance, Ladder};

/// How far a size may be from a rung, as a share of it, to stand on it.
const SAME: f64 = 1e-9;

pub(super) fn propose(
    policy: &Ladder,
    situation: &Situation,
    state: &mut Option<Box<State>>,
) -> Proposal {
    let (Some(used), Some(size)) = (situation.used(), current(situation)) else {
        return unknown("usage or size is not known");
    };
    let state = state.get_or_insert_default();
    state.pause.find(size);
    let (verdict, reason) = cloud::judge(&policy.decision, situation, used, size, state);
    let on = |rung: &Instance| (rung.size - size).abs() <= rung.size * SAME;
    let Some(place) = policy.instances.iter().position(on) else {
        let size = describe(situation.dimension, size);
        return cloud::stay(situation, format!("{size} is no rung of the ladder"), state);
    };
    let next = match verdict {
        Verdict::Stay => return cloud::stay(situation, reason, state),
        Verdict::Up => policy.instances.get(place + 1),
        Verdict::Down => place.checked_sub(1).and_then(|below| policy.instances.get(below)),
    };
    let here = policy.instances.get(place).map_or("", |rung| rung.name.as_str());
    match next {
        Some(rung) => {
            let reason = format!("{reason}: from {here} to {}", rung.name);
            cloud::act(situation, rung.size, reason, state)
        }
        None => {
            let end = if verdict == Verdict::Up { "largest" } else { "smallest" };
            cloud::stay(situation, format!("{reason}, but {here} is the {end}"), state)
        }
    }
}
