//! What the policies of replicas share: the figures of a service, and a count as a proposal.

use super::size::describe;
use super::{Action, Proposal, Situation, Workload, known};
use crate::target::Dimension;
use crate::units::Limit;

/// The figures that a count of replicas rests on.
pub(super) struct Service<'a> {
    pub(super) situation: &'a Situation,
    pub(super) workload: &'a Workload,
    /// The load of all replicas together.
    pub(super) load: f64,
    /// The load that one replica carries; above zero.
    pub(super) capacity: f64,
    /// The replicas that were asked for.
    pub(super) current: f64,
}

impl<'a> Service<'a> {
    /// The figures of a situation. Where one of them is not known, the proposal that says so.
    pub(super) fn of(situation: &'a Situation) -> Result<Self, Proposal> {
        let Some(workload) = &situation.workload else {
            return Err(unknown("the capacity of a replica is not known"));
        };
        let Some(capacity) = known(Some(workload.capacity)).filter(|capacity| *capacity > 0.0)
        else {
            return Err(unknown("the capacity of a replica is not known"));
        };
        let Some(load) = known(situation.usage) else {
            return Err(unknown("the load is not known"));
        };
        let Some(current) = current(situation) else {
            return Err(unknown("the present count is not known"));
        };
        Ok(Self { situation, workload, load, capacity, current })
    }

    /// The replicas that serve; those that were asked for where it is not known.
    pub(super) fn ready(&self) -> f64 {
        known(self.workload.ready).unwrap_or(self.current)
    }
}

/// The replicas that were asked for, where that is a number.
pub(super) fn current(situation: &Situation) -> Option<f64> {
    situation.limit().and_then(Limit::value)
}

/// Names no size: too little is known even to say that the present one does.
pub(super) fn unknown(reason: impl Into<String>) -> Proposal {
    Proposal { action: Action::NoScaling, desired: None, reasons: vec![reason.into()] }
}

/// Leaves the count as it is.
pub(super) fn hold(situation: &Situation, reason: impl Into<String>) -> Proposal {
    Proposal {
        action: Action::NoScaling,
        desired: current(situation),
        reasons: vec![reason.into()],
    }
}

/// Asks for `size`, in the direction in which it lies and as far as the data allow that.
pub(super) fn toward(situation: &Situation, size: f64, reason: impl Into<String>) -> Proposal {
    let mut reasons = vec![reason.into()];
    let Some(current) = current(situation) else {
        return Proposal { action: Action::NoScaling, desired: finite(size), reasons };
    };
    let freshness = situation.freshness;
    let (action, allowed) = if size > current {
        (Action::ScaleUp, freshness.allows_growth())
    } else if size < current {
        (Action::ScaleDown, freshness.allows_shrink())
    } else {
        (Action::NoScaling, true)
    };
    if !allowed || !size.is_finite() {
        let stays = describe(situation.dimension, current);
        reasons.push(format!("the data are {}: {stays} are kept", freshness.name()));
        return Proposal { action: Action::NoScaling, desired: Some(current), reasons };
    }
    Proposal { action, desired: Some(size), reasons }
}

fn finite(size: f64) -> Option<f64> {
    Some(size).filter(|size| size.is_finite())
}

/// `1 replica`, `3 replicas`.
pub(super) fn replicas(count: f64) -> String {
    describe(Dimension::Replicas, count)
}
