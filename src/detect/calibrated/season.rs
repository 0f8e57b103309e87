//! What is usual at this time of day.

use serde::{Deserialize, Serialize};

use super::level::Ewma;
use crate::units::Timestamp;

/// Half hours of a day, in UTC.
const SLOTS: usize = 48;
const DAY_SECONDS: f64 = 86_400.0;

/// The weight of a row in its slot, once the slot has seen many, for rows this far apart.
const SLOT_RATE: f64 = 0.05;
const SLOT_RATE_INTERVAL_SECONDS: f64 = 300.0;

/// A slot's own deviation counts from this many rows on.
const SLOT_DEVIATION_FROM_ROWS: u16 = 6;

const RESIDUAL_RATE: f64 = 0.001;
const LEVEL_RATE: f64 = 0.05;

/// The mean and mean absolute deviation of a signal in each half hour of the day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Season {
    slots: Vec<Slot>,
    /// Stands in for a slot that was never seen.
    level: Ewma,
    residual: Ewma,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Slot {
    rows: u16,
    mean: f32,
    deviation: f32,
}

/// A value against its time of day.
pub struct Seasonal {
    /// How far the value is from what its slot and the two beside it would lead to expect, in
    /// deviations; 0 in between.
    pub distance: f64,
    /// The value less its slot's mean.
    pub residual: f64,
}

impl Default for Season {
    fn default() -> Self {
        Self {
            slots: vec![Slot::default(); SLOTS],
            level: Ewma::default(),
            residual: Ewma::default(),
        }
    }
}

impl Season {
    /// Compares `value` with the same time of the days before, then takes it in. A deviation is at least
    /// `floor`; rows come every `interval_seconds`.
    pub fn push(
        &mut self,
        value: f64,
        at: Timestamp,
        interval_seconds: f64,
        floor: f64,
    ) -> Seasonal {
        let second_of_day = (at.millis() as f64 / 1000.0).rem_euclid(DAY_SECONDS);
        let now = ((second_of_day / DAY_SECONDS * SLOTS as f64) as usize).min(SLOTS - 1);
        let (low, high) = self.expected(now);
        let slot = &mut self.slots[now];
        let mean = if slot.rows == 0 { self.level.mean() } else { f64::from(slot.mean) };
        let residual = value - mean;
        let deviation = if slot.rows < SLOT_DEVIATION_FROM_ROWS {
            self.residual.mean()
        } else {
            0.5 * self.residual.mean() + 0.5 * f64::from(slot.deviation)
        };
        let beyond = (low - value).max(value - high).max(0.0);
        let distance = beyond / (deviation + floor);

        self.residual.push(residual.abs(), RESIDUAL_RATE);
        self.level.push(value, LEVEL_RATE);
        slot.rows = slot.rows.saturating_add(1);
        // Rows that come more often weigh less, so that a slot remembers days and not minutes.
        let crowding = (interval_seconds / SLOT_RATE_INTERVAL_SECONDS).clamp(1e-3, 1.0);
        let rate = (SLOT_RATE * crowding).max(1.0 / f64::from(slot.rows));
        slot.mean = (mean + rate * residual) as f32;
        let deviation = f64::from(slot.deviation);
        slot.deviation = (deviation + rate * (residual.abs() - deviation)) as f32;
        Seasonal { distance, residual }
    }

    /// Whether it has all its slots: what a file must hold.
    pub fn is_sound(&self) -> bool {
        self.slots.len() == SLOTS
    }

    /// The interval that the slot and its neighbours span, as far as they have been seen.
    fn expected(&self, now: usize) -> (f64, f64) {
        let three = [(now + SLOTS - 1) % SLOTS, now, (now + 1) % SLOTS];
        let means = three.iter().map(|&i| self.slots[i]).filter(|s| s.rows > 0);
        let (low, high) = means
            .map(|slot| f64::from(slot.mean))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), m| (low.min(m), high.max(m)));
        if low <= high { (low, high) } else { (self.level.mean(), self.level.mean()) }
    }
}
