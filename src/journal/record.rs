//! What stands in the journal: one JSON object a line.

use serde::{Deserialize, Serialize};

use super::{Intent, Outcome};
use crate::guard::Decision;
use crate::target::{Labels, TargetId};
use crate::units::Timestamp;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// A change is about to be made.
    Intent(Intent),
    /// What became of it.
    Outcome {
        /// The intent's number.
        intent: u64,
        /// When the world was read back.
        at: Timestamp,
        /// What was found.
        outcome: Outcome,
    },
    /// An alert was received.
    Alert(AlertEvent),
    /// A decision that differs from the one before it.
    Decision(Decision),
    /// Changes are held.
    Pause(Pause),
    /// Changes are allowed again.
    Resume {
        /// When it was said.
        at: Timestamp,
        /// For which target; `None` takes back a pause of all targets, not those of single ones.
        target: Option<TargetId>,
    },
}

impl Record {
    /// When it happened.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Intent(intent) => intent.at,
            Self::Outcome { at, .. } | Self::Resume { at, .. } => *at,
            Self::Alert(event) => event.received_at,
            Self::Decision(decision) => decision.at,
            Self::Pause(pause) => pause.at,
        }
    }

    /// Whether it must be on the disk before the next step. A lost decision is taken anew.
    pub(super) fn durable(&self) -> bool {
        !matches!(self, Self::Decision(_))
    }
}

/// One alert of a webhook's message, as it was received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertEvent {
    /// When it was received.
    pub received_at: Timestamp,
    /// Whether it fires.
    pub status: AlertStatus,
    /// Alertmanager's fingerprint of its labels: the alert's identity.
    pub fingerprint: String,
    /// When this episode of it began.
    pub starts_at: Timestamp,
    /// All its labels, the name under `alertname`.
    pub labels: Labels,
}

/// Alertmanager's word on an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// It stands.
    Firing,
    /// It is over.
    Resolved,
}

/// An operator's order to leave things as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it was given.
    pub at: Timestamp,
    /// For which target; `None` for all.
    pub target: Option<TargetId>,
    /// When it ends by itself; `None` for never.
    pub until: Option<Timestamp>,
    /// Why, and who says so.
    pub reason: String,
}

impl Pause {
    /// Whether it holds `target` at the moment `at`.
    pub fn holds(&self, target: &TargetId, at: Timestamp) -> bool {
        self.stands(at) && self.target.as_ref().is_none_or(|paused| paused == target)
    }

    /// Whether it has not ended by itself at the moment `at`.
    pub fn stands(&self, at: Timestamp) -> bool {
        self.until.is_none_or(|until| until > at)
    }
}
