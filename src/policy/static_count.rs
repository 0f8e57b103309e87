//! Always the same count.

use super::Proposal;
use super::Situation;
use super::service::{replicas, toward};
use crate::config::Static;

pub(super) fn propose(policy: &Static, situation: &Situation) -> Proposal {
    let count = f64::from(policy.replicas);
    toward(situation, count, format!("the count is fixed: {}", replicas(count)))
}
