//! What the policies of limits share: the need of a moment, when the limit was last changed, and a size
//! as a proposal.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::service::{current, toward};
use super::size::finest;
use super::{Action, Proposal, Situation, known};
use crate::target::Dimension;
use crate::units::{Limit, Timestamp};

/// From this share of throttled periods on, a CPU needed more than its quota let it use.
const THROTTLED_RATIO: f64 = 0.25;

/// What was needed at a moment.
pub(super) struct Need {
    /// Cores or bytes, at least.
    pub(super) amount: f64,
    /// Whether the limit was too small for it.
    pub(super) short: bool,
}

/// What is needed, or why it is not known. A limit that was hit hides how much was needed: it was more.
pub(super) fn need(situation: &Situation) -> Result<Need, String> {
    let usage = situation.used().filter(|_| situation.freshness.allows_growth());
    let usage = usage.ok_or_else(|| format!("{} usage is not known", situation.dimension))?;
    let limit = current(situation);
    let throttled = situation.dimension == Dimension::Cpu
        && known(situation.throttled_ratio).is_some_and(|share| share >= THROTTLED_RATIO);
    let hit = throttled || situation.memory_kills() > 0.0;
    let amount = limit.filter(|_| hit).map_or(usage, |limit| usage.max(limit));
    Ok(Need { amount, short: hit || limit.is_some_and(|limit| usage > limit) })
}

/// When a limit was changed, by whomever.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Pace {
    /// The limit of the last moment.
    found: Option<f64>,
    /// Since when it is in force, or watched.
    since: Option<Timestamp>,
}

impl Pace {
    /// Takes in the limit that is found: one that differs was changed after the last moment.
    pub(super) fn find(&mut self, situation: &Situation) {
        let Some(limit) = current(situation) else { return };
        if self.found != Some(limit) {
            *self = Self { found: Some(limit), since: Some(situation.at) };
        }
    }

    /// How long the limit is in force, as far as is known.
    pub(super) fn age(&self, at: Timestamp) -> Duration {
        self.since.map_or(Duration::ZERO, |since| at.since(since))
    }
}

/// Asks for `size`, in the direction in which it lies and as far as the data and the moment allow that.
/// Where there is no limit, it is introduced.
pub(super) fn resize(situation: &Situation, size: f64, reason: String) -> Proposal {
    let size = match situation.dimension {
        Dimension::Memory => finest(situation.dimension, size.ceil()),
        Dimension::Cpu | Dimension::Replicas => finest(situation.dimension, size),
    };
    if situation.limit() == Some(Limit::Max) && size.is_finite() {
        return Proposal {
            action: Action::ScaleDown,
            desired: Some(size),
            reasons: vec!["there is no limit".to_owned(), reason],
        };
    }
    let mut proposal = toward(situation, size, reason);
    if proposal.action == Action::ScaleDown && situation.anomalous() {
        proposal.action = Action::NoScaling;
        proposal.desired = current(situation);
        proposal.reasons.push("the moment is anomalous: nothing is lowered".to_owned());
    }
    proposal
}
