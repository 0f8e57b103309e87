//! After a restart: what became of an intent that has no outcome.

use super::Intent;
use crate::target::Dimension;
use crate::units::Limit;

/// How far two sizes may differ, as a share of the larger one, and still be the same.
const SAME_RATIO: f64 = 0.005;
/// The kernel rounds memory limits to pages.
const PAGE_BYTES: f64 = 4096.0;
/// The kernel rounds CPU quotas to microseconds of a period, commonly 100 ms.
const QUOTA_CORES: f64 = 1e-5;

/// What an unfinished intent and the real size say together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reconcile {
    /// The world has the wanted size: the change was made, only its outcome is missing.
    AlreadyDone,
    /// The world has the old size: the change was not made. Its size is absolute, so that making it
    /// now makes it once; but what it rested on has aged, so a shrink should be decided anew.
    Redo,
    /// The world has a third size: someone else has changed it since. It is theirs.
    Foreign(Limit<f64>),
    /// The real size could not be read: the intent stays unfinished and is compared again later.
    Unknown,
}

/// Compares an unfinished intent with the real size.
pub fn reconcile<E>(intent: &Intent, real: Result<Limit<f64>, E>) -> Reconcile {
    let Ok(real) = real else { return Reconcile::Unknown };
    if same_size(intent.dimension, real, Limit::At(intent.to)) {
        Reconcile::AlreadyDone
    } else if same_size(intent.dimension, real, intent.from) {
        Reconcile::Redo
    } else {
        Reconcile::Foreign(real)
    }
}

/// Whether two sizes are the same, as far as a kernel's rounding lets one tell: within 0.5 %, or within
/// a page, or a microsecond of quota.
pub fn same_size(dimension: Dimension, a: Limit<f64>, b: Limit<f64>) -> bool {
    match (a, b) {
        (Limit::Max, Limit::Max) => true,
        (Limit::At(a), Limit::At(b)) => {
            let grain = match dimension {
                Dimension::Cpu => QUOTA_CORES,
                Dimension::Memory => PAGE_BYTES,
                // Whole numbers: another count is another size.
                Dimension::Replicas => return a.round() == b.round(),
            };
            // The last factor forgives the error of a decimal fraction such as 1e-5.
            (a - b).abs() <= (SAME_RATIO * a.abs().max(b.abs())).max(grain) * (1.0 + 1e-9)
        }
        _ => false,
    }
}
