//! Alerts as the engine sees them.

use std::collections::BTreeMap;
use std::sync::Arc;

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
    /// The tick.
    pub at: Timestamp,
}

impl RuleStanding<'_> {
    /// The alerts of each of these targets and dimensions that has any.
    pub fn alerts<'t>(
        &self,
        targets: impl Iterator<Item = &'t Arc<Target>>,
    ) -> BTreeMap<TargetId, BTreeMap<Dimension, Vec<AlertSignal>>> {
        let of_target = |target: &Target| {
            let of = |dimension| {
                let found =
                    self.book.signals_for(target, self.identity, dimension, self.at, self.alerts);
                (!found.is_empty()).then_some((dimension, found))
            };
            let found: BTreeMap<_, _> = Dimension::ALL.into_iter().filter_map(of).collect();
            (!found.is_empty()).then(|| (target.id.clone(), found))
        };
        targets.filter_map(|target| of_target(target)).collect()
    }
}
