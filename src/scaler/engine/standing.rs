//! What an engine is told besides observations.

use serde::{Deserialize, Serialize};

use crate::guard::Decision;
use crate::policy::{Action, AlertSignal};
use crate::target::{Dimension, Target, TargetId};
use crate::units::Timestamp;

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Of which target.
    pub target: TargetId,
    /// Of what of it.
    pub dimension: Dimension,
    /// In which direction.
    pub direction: Action,
    /// When it was known to be made.
    pub at: Timestamp,
}

impl Change {
    /// The change that `decision` asked for, known to be made at `at`.
    pub fn of(decision: &Decision, at: Timestamp) -> Self {
        let Decision { target, dimension, action, .. } = decision;
        Self { target: target.clone(), dimension: *dimension, direction: *action, at }
    }
}

/// What stands outside the metrics: alerts and pauses.
pub trait Standing {
    /// The alerts that stand for a target and dimension.
    fn alerts(&self, target: &Target, dimension: Dimension) -> Vec<AlertSignal>;
    /// Whether a target is paused.
    fn paused(&self, target: &TargetId) -> bool;
}

/// Nothing stands.
pub struct Quiet;

impl Standing for Quiet {
    fn alerts(&self, _: &Target, _: Dimension) -> Vec<AlertSignal> {
        Vec::new()
    }

    fn paused(&self, _: &TargetId) -> bool {
        false
    }
}
