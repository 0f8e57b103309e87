//! Proposal → decision: what a change must pass before it may touch the world. Pure.

mod decide;
#[cfg(test)]
mod properties;
mod state;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::detect::Assessment;
use crate::policy::Action;
use crate::target::{Dimension, Mode, TargetId};
use crate::units::{Limit, Timestamp};

pub use decide::decide;
pub use state::{GuardState, Recommendation};

/// Why a proposal was changed or held. The set is closed: it is a label of a gauge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClipReason {
    /// The configured minimum or maximum.
    Bounds,
    /// The largest step of one decision.
    Step,
    /// Too small a change to be worth one.
    Tolerance,
    /// Too soon after the last confirmed change in this direction.
    Cooldown,
    /// A higher need within the stabilization window.
    Stabilization,
    /// The data are not fresh enough for this direction.
    Freshness,
    /// The moment is anomalous: it may hold or raise, never shrink.
    Anomaly,
    /// An alert stands: it may hold or raise, never shrink.
    Alert,
    /// Memory may not fall below the working set and its recent peak, plus a margin.
    MemoryFloor,
    /// The present limit is not known, or there is none and it may not be introduced.
    Unlimited,
    /// The target is paused.
    Paused,
}

impl ClipReason {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::Bounds,
        Self::Step,
        Self::Tolerance,
        Self::Cooldown,
        Self::Stabilization,
        Self::Freshness,
        Self::Anomaly,
        Self::Alert,
        Self::MemoryFloor,
        Self::Unlimited,
        Self::Paused,
    ];

    /// The name in labels and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bounds => "bounds",
            Self::Step => "step",
            Self::Tolerance => "tolerance",
            Self::Cooldown => "cooldown",
            Self::Stabilization => "stabilization",
            Self::Freshness => "freshness",
            Self::Anomaly => "anomaly",
            Self::Alert => "alert",
            Self::MemoryFloor => "memory_floor",
            Self::Unlimited => "unlimited",
            Self::Paused => "paused",
        }
    }
}

/// One correction of a proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    /// Which rule.
    pub reason: ClipReason,
    /// The size before it.
    pub from: f64,
    /// The size after it.
    pub to: f64,
    /// The figures behind it, for a person.
    pub detail: String,
}

impl Decision {
    /// Why, in one line: the policy's reasons, then what the guard changed.
    pub fn summary(&self) -> String {
        let clips = self.clips.iter().map(|clip| clip.detail.as_str());
        let all: Vec<&str> = self.reasons.iter().map(String::as_str).chain(clips).collect();
        all.join("; ")
    }
}

/// What will be done, and the whole way there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// For which target.
    pub target: TargetId,
    /// In which dimension.
    pub dimension: Dimension,
    /// The mode it was taken in.
    pub mode: Mode,
    /// The limit in force; `None` where it is not known.
    pub current: Option<Limit<f64>>,
    /// What the policy wanted.
    pub proposed: Option<f64>,
    /// What is left after every clip; `None` where nothing can be said. Equal to `current` on a hold.
    pub desired: Option<f64>,
    /// The direction that is left.
    pub action: Action,
    /// The policy's reasons.
    pub reasons: Vec<String>,
    /// What the guard changed, in order.
    pub clips: Vec<Clip>,
    /// The detector's word and what it rests on, where the moment was anomalous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anomaly: Option<Assessment>,
}
