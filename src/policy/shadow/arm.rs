//! A service kept in shadow: what it would have cost to obey one rule, and how often it would have been
//! too small.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::plant::Plant;
use super::behavior::Behavior;
use super::pace::{blend, minutes};
use crate::units::Timestamp;

/// How long after a change none is made downwards, in minutes.
const COOLDOWN: f64 = 5.0;
/// How much more load an arm must have carried to count as safe.
const MARGIN: f64 = 1.02;

/// When a service was moved, and how long it has been larger than wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pacing {
    /// The last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved: Option<Timestamp>,
    /// For how many minutes it has been larger than wanted.
    low: f64,
}

/// What a rule wants of a service: now, and at most within the window of the behavior.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wish {
    pub(super) now: u32,
    pub(super) highest: u32,
    pub(super) behavior: &'static Behavior,
}

impl Pacing {
    /// How many replicas a service of `present` replicas gets: a growth at once, a shrink where it is
    /// worth one; what either is, the behavior says.
    pub(super) fn size(&mut self, at: Timestamp, pause: f64, present: u32, wish: Wish) -> u32 {
        let behavior = wish.behavior;
        let size = f64::from(present);
        if f64::from(wish.now) > size * (1.0 + behavior.tolerance) {
            return wish.now.max((size * (1.0 + behavior.least_growth)).ceil() as u32);
        }
        if wish.highest >= present {
            self.low = 0.0;
            return present;
        }
        self.low += pause;
        let rested = self.moved.is_none_or(|moved| minutes(at.since(moved)) >= COOLDOWN);
        let least = (behavior.least_shrink * size).max(1.0);
        let worth = f64::from(present - wish.highest) >= least || self.low >= behavior.patience;
        if rested && worth { wish.highest } else { present }
    }

    /// The service was moved.
    pub(super) fn moved(&mut self, at: Timestamp) {
        *self = Self { moved: Some(at), low: 0.0 };
    }
}

/// How obeying a rule went: means that forget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Replicas that served.
    pub replicas: f64,
    /// Changes a minute.
    pub changes: f64,
    /// Share of the time in which the load was more than the replicas carry, 0–1.
    pub short_ratio: f64,
    /// Replicas that were needed while they were short.
    pub(super) short_need: f64,
    /// Share of the time in which a little more load would have been too much, remembered for longer.
    pub(super) close_ratio: f64,
}

/// The load of a moment in replicas, and what the moment counts in records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    pub(super) at: Timestamp,
    /// How long it lasted, in minutes.
    pub(super) minutes: f64,
    /// The load, and what one replica carries of it.
    pub(super) load: f64,
    pub(super) capacity: f64,
    /// How long a new replica takes.
    pub(super) delay: Duration,
    /// The weight in the record.
    pub(super) weight: f64,
    /// The weight in what is remembered for longer.
    pub(super) slow_weight: f64,
}

impl Record {
    /// Takes in how a moment went with this many serving replicas; `margin` is how much more load counts
    /// as close.
    pub(super) fn observe(&mut self, moment: &Moment, ready: u32, changed: bool, margin: f64) {
        let ready = f64::from(ready);
        let carried = ready * moment.capacity;
        let short = moment.load > carried;
        let close = moment.load * margin > carried;
        blend(&mut self.replicas, ready, moment.weight);
        blend(&mut self.changes, f64::from(u8::from(changed)) / moment.minutes, moment.weight);
        blend(&mut self.short_ratio, f64::from(u8::from(short)), moment.weight);
        let need = if short { (moment.load / moment.capacity).ceil() } else { 0.0 };
        blend(&mut self.short_need, need, moment.weight);
        blend(&mut self.close_ratio, f64::from(u8::from(close)), moment.slow_weight);
    }
}

/// One rule's service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arm {
    pub(super) plant: Plant,
    pub(super) pacing: Pacing,
    pub(super) record: Record,
}

impl Arm {
    pub(super) fn new(ready: u32) -> Self {
        Self { plant: Plant::new(ready), pacing: Pacing::default(), record: Record::default() }
    }

    /// Lives through a moment.
    pub(super) fn live(&mut self, moment: &Moment, wish: Wish) {
        let ready = self.plant.tick(moment.at);
        let present = self.plant.wanted();
        let size = self.pacing.size(moment.at, moment.minutes, present, wish);
        let changed = size != present;
        if changed {
            self.plant.scale_to(size, moment.at, moment.delay);
            self.pacing.moved(moment.at);
        }
        self.record.observe(moment, ready, changed, MARGIN);
    }
}
