//! Alerts and pauses as the engine sees them.

use std::collections::BTreeSet;

use super::engine::Standing;
use crate::alerts::AlertBook;
use crate::config::Alerts;
use crate::policy::AlertSignal;
use crate::target::{Dimension, Target, TargetId};
use crate::units::Timestamp;

/// What stands for the targets of one rule at one tick.
pub struct RuleStanding<'a> {
    /// The alerts.
    pub book: &'a AlertBook,
    /// What they mean.
    pub alerts: &'a Alerts,
    /// The rule's identity labels.
    pub identity: &'a [String],
    /// The paused targets.
    pub paused: &'a BTreeSet<TargetId>,
    /// The tick.
    pub at: Timestamp,
}

impl Standing for RuleStanding<'_> {
    fn alerts(&self, target: &Target, dimension: Dimension) -> Vec<AlertSignal> {
        self.book.signals_for(target, self.identity, dimension, self.at, self.alerts)
    }

    fn paused(&self, target: &TargetId) -> bool {
        self.paused.contains(target)
    }
}
