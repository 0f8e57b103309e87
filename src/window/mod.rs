//! The last hours of every signal of one target, in columns on one time axis.

mod past;
mod ring;
mod rounded;

pub use ring::{OutOfOrder, Window};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::promql::Freshness;
use crate::target::Signal;
use crate::units::Timestamp;

/// One signal at one tick: its value, where there is one, and how far to trust it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The value in the signal's unit; `None` unless it is a finite number.
    pub value: Option<f64>,
    /// How far to trust it.
    pub freshness: Freshness,
}

impl Reading {
    /// Nothing was answered.
    pub const EMPTY: Self = Self { value: None, freshness: Freshness::Empty };

    /// A recent sample. A value that is not finite becomes [`Freshness::NaN`].
    pub fn fresh(value: f64) -> Self {
        if value.is_finite() {
            Self { value: Some(value), freshness: Freshness::Fresh }
        } else {
            Self { value: None, freshness: Freshness::NaN }
        }
    }
}

/// All signals of one target at one tick. On the wire those of which nothing was answered are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Answered", from = "Answered")]
pub struct Observation {
    /// The tick.
    pub at: Timestamp,
    /// One reading a signal, at [`Signal::index`].
    pub readings: [Reading; Signal::COUNT],
}

impl Observation {
    /// An observation in which nothing is known.
    pub fn empty(at: Timestamp) -> Self {
        Self { at, readings: [Reading::EMPTY; Signal::COUNT] }
    }

    /// The reading of `signal`.
    pub fn reading(&self, signal: Signal) -> Reading {
        self.readings[signal.index()]
    }

    /// The value of `signal`, whatever its freshness.
    pub fn value(&self, signal: Signal) -> Option<f64> {
        self.reading(signal).value
    }

    /// The value of `signal`, unless it is stale.
    pub fn present(&self, signal: Signal) -> Option<f64> {
        let reading = self.reading(signal);
        reading.value.filter(|_| reading.freshness.allows_growth())
    }

    /// Sets the reading of `signal`.
    pub fn set(&mut self, signal: Signal, reading: Reading) {
        self.readings[signal.index()] = reading;
    }
}

/// What of an [`Observation`] was answered.
#[derive(Serialize, Deserialize)]
struct Answered {
    at: Timestamp,
    readings: BTreeMap<Signal, Reading>,
}

impl From<Observation> for Answered {
    fn from(observation: Observation) -> Self {
        let all = Signal::ALL.into_iter().zip(observation.readings);
        let readings = all.filter(|(_, reading)| *reading != Reading::EMPTY).collect();
        Self { at: observation.at, readings }
    }
}

impl From<Answered> for Observation {
    fn from(answered: Answered) -> Self {
        let mut observation = Self::empty(answered.at);
        for (signal, reading) in answered.readings {
            observation.set(signal, reading);
        }
        observation
    }
}

#[cfg(test)]
mod tests;
