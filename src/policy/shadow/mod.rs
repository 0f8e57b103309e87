//! The default policy: some seventy simple rules are obeyed in shadow, each by a service of its own under
//! the real start-up delay, beside one that obeys the reference. The rule with the best record moves the
//! real one.

mod arm;
mod brain;
mod choice;
mod level;
mod pace;
mod phase;
mod reference;
mod rule;
mod season;

use std::time::Duration;

pub use arm::Record;
pub use brain::{Candidate, Shadow, Standing};

use brain::Sample;

use super::size::{describe, percent, short};
use super::{Action, Proposal, Situation, known};
use crate::config;
use crate::units::Limit;

pub(super) fn propose(
    settings: &config::Shadow,
    situation: &Situation,
    state: &mut Option<Box<Shadow>>,
) -> Proposal {
    let present = situation.limit().and_then(Limit::value);
    let hold = |reason: String| Proposal {
        action: Action::NoScaling,
        desired: present,
        reasons: vec![reason],
    };
    let (sample, ready) = match sample(situation) {
        Ok(known) => known,
        Err(reason) => return hold(reason.to_owned()),
    };
    let Some(present) = present else {
        return hold("the present number of replicas is not known".to_owned());
    };
    let shadow = state.get_or_insert_default();
    if situation.freshness.allows_shrink() {
        shadow.learn(sample, ready);
    }
    let size = f64::from(shadow.decide(settings, sample, present as u32, ready));
    let mut reasons = told(sample, size, situation);
    reasons.extend(shadow.standing().map(|standing| records(&standing)).unwrap_or_default());
    let action = if size > present {
        Action::ScaleUp
    } else if size == present {
        Action::NoScaling
    } else if situation.anomalous() {
        reasons.push("the moment is anomalous: nothing is lowered".to_owned());
        Action::NoScaling
    } else if !situation.freshness.allows_shrink() {
        let freshness = situation.freshness.name();
        reasons.push(format!("the load is {freshness}: nothing is lowered"));
        Action::NoScaling
    } else {
        Action::ScaleDown
    };
    let desired = Some(if action == Action::NoScaling { present } else { size });
    Proposal { action, desired, reasons }
}

/// Takes in a moment of the past: every service in shadow lives through it, the real one does not.
pub(super) fn recall(situation: &Situation, state: &mut Option<Box<Shadow>>) {
    if let Ok((sample, ready)) = sample(situation)
        && situation.freshness.allows_shrink()
    {
        state.get_or_insert_default().learn(sample, ready);
    }
}
