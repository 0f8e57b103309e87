//! How long ago something was last done to a target, by the policy or by anyone else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Proposal;
use crate::units::{Timestamp, duration};

/// What is remembered of the last action.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Pause {
    /// When something was last done.
    last_action: Option<Timestamp>,
    /// The last tick, and the size that should be found after it.
    left: Option<(Timestamp, f64)>,
}

impl Pause {
    /// Takes in the size that is found. One that was not left so shows that someone else acted after the
    /// last tick, such as the safety net.
    pub(super) fn find(&mut self, current: f64) {
        if let Some((at, _)) = self.left.filter(|(_, size)| *size != current) {
            self.last_action = self.last_action.max(Some(at));
        }
    }

    /// Why nothing may be done yet at `at`.
    pub(super) fn holds(&self, at: Timestamp, cooldown: Duration) -> Option<String> {
        let since = self.last_action.map(|last| at.since(last))?;
        let (ago, pause) = (duration::format(since), duration::format(cooldown));
        let reason = format!("the last action was {ago} ago, the pause is {pause}");
        (since < cooldown).then_some(reason)
    }

    /// Something is done at `at`.
    pub(super) fn act(&mut self, at: Timestamp) {
        self.last_action = Some(at);
    }

    /// What should be found at the next tick.
    pub(super) fn leave(&mut self, at: Timestamp, proposal: &Proposal) {
        self.left = proposal.desired.map(|size| (at, size));
    }
}
