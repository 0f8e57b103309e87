//! What is remembered of an alert. It stands here and not in `alerts`, which uses the journal.

use serde::{Deserialize, Serialize};

use crate::target::Labels;
use crate::units::Timestamp;

/// Whether an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// It stands.
    Firing,
    /// It is over.
    Resolved,
}

/// One change in the life of an alert, as it is journalled before Alertmanager gets its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertEvent {
    /// When the webhook came in.
    pub at: Timestamp,
    /// What became of it.
    pub status: AlertStatus,
    /// Who the alert is: Alertmanager's hash of its labels.
    pub fingerprint: String,
    /// When the episode began, by Prometheus's clock.
    pub starts_at: Timestamp,
    /// Its labels, the name under `alertname`.
    pub labels: Labels,
}
