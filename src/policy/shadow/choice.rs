//! Which arm is obeyed: the one with the best record, by what the mode counts.

use serde::{Deserialize, Serialize};

use super::arm::Record;
use crate::config::{Aim, Shadow};

/// What a change costs, in replica-minutes.
const CHANGE_PRICE: f64 = 2.0;
/// What a needed replica that is missing for a minute costs where the reference is to be met.
const SHORT_PRICE: f64 = 30.0;
/// How much worse an excess over the reference as large as the reference makes an arm.
const EXCESS_PRICE: f64 = 5.0;
/// How much of that more changes count.
const CHANGES_SHARE: f64 = 2.0;
/// The least that a share of more changes, or of more time, is a share of.
const LEAST_RATIO: f64 = 0.0002;
/// What being short in twice the time that may be costs, in replicas.
const BREACH_PRICE: f64 = 1000.0;
/// How much shorter a rule that follows a forecast counts: there are many of them, and the best record of
/// many flatters.
const FORECAST_SHORT_FACTOR: f64 = 1.2;
/// What it costs to be twice as dear as may be.
const CAP_PRICE: f64 = 1e5;
/// How much better another arm must be than the one that is obeyed.
const BETTER: f64 = 0.001;
/// The share of the reference's short time that an arm may be short.
const SHORT_SHARE: f64 = 0.95;

/// What arms are measured by.
pub(super) struct Measure<'a> {
    pub(super) settings: &'a Shadow,
    pub(super) reference: &'a Record,
    /// The share of the reference's replicas that may be taken.
    pub(super) cost_ratio: f64,
    /// The share of the time in which an arm may be short.
    pub(super) short_ratio: f64,
}

/// An arm that may be obeyed.
pub(super) struct Entry<'a> {
    pub(super) arm: usize,
    pub(super) record: &'a Record,
    /// Whether it follows a forecast.
    pub(super) foresees: bool,
}

/// The arm that is obeyed, and the next best.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Choice {
    pub(super) arm: usize,
    pub(super) next: Option<usize>,
}

impl Measure<'_> {
    /// Compares all records. `present` is the arm that was obeyed: it is left only for a better one.
    pub(super) fn choose<'a>(
        &self,
        entries: impl Iterator<Item = Entry<'a>>,
        present: Option<usize>,
    ) -> Option<Choice> {
        let (mut best, mut next, mut own) = (None, None, None);
        for entry in entries {
            let one = (self.price(&entry), entry.arm);
            if Some(entry.arm) == present {
                own = Some(one);
            }
            if best.is_none_or(|(price, _)| one.0 < price) {
                next = best.replace(one);
            } else if next.is_none_or(|(price, _)| one.0 < price) {
                next = Some(one);
            }
        }
        let best = best?;
        match own {
            Some(own) if own.1 != best.1 && best.0 >= own.0 * (1.0 - BETTER) => {
                Some(Choice { arm: own.1, next: Some(best.1) })
            }
            _ => Some(Choice { arm: best.1, next: next.map(|(_, place)| place) }),
        }
    }

    /// What an arm costs, the lower the better.
    fn price(&self, entry: &Entry) -> f64 {
        let arm = entry.record;
        let base = arm.replicas + CHANGE_PRICE * arm.changes;
        match self.settings.aim {
            Aim::Match => {
                (base + SHORT_PRICE * arm.short_need) * (1.0 + EXCESS_PRICE * self.excess(arm))
            }
            Aim::Slo => {
                let factor = if entry.foresees { FORECAST_SHORT_FACTOR } else { 1.0 };
                let breach = (factor * arm.short_ratio - self.short_ratio).max(0.0);
                let most = self.settings.max_cost_ratio * self.reference.replicas;
                let dearer = (arm.replicas / most - 1.0).max(0.0);
                base + BREACH_PRICE * breach / self.settings.short_ratio + CAP_PRICE * dearer
            }
            Aim::Price => base + self.settings.short_price * arm.short_need,
        }
    }

    /// By how much an arm is worse than the reference.
    fn excess(&self, arm: &Record) -> f64 {
        let Record { replicas, changes, close_ratio, .. } = self.reference;
        let dearer = (arm.replicas - self.cost_ratio * replicas).max(0.0) / replicas;
        let shorter = (arm.close_ratio - SHORT_SHARE * close_ratio).max(0.0);
        let shorter = shorter / close_ratio.max(LEAST_RATIO);
        let busier = (arm.changes - changes).max(0.0) / changes.max(LEAST_RATIO);
        dearer + shorter + CHANGES_SHARE * busier
    }
}
