//! The last hours of every signal of one target, in columns on one time axis.

mod past;
mod ring;
mod rounded;

pub use ring::{OutOfOrder, Window};

use crate::promql::Freshness;
use crate::target::Signal;
use crate::units::Timestamp;

/// One signal at one tick: its value, where there is one, and how far to trust it.
#[derive(Clone, Copy, Debug, PartialEq)]
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

/// All signals of one target at one tick.
#[derive(Clone, Debug, PartialEq)]
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

    /// Sets the reading of `signal`.
    pub fn set(&mut self, signal: Signal, reading: Reading) {
        self.readings[signal.index()] = reading;
    }
}

#[cfg(test)]
mod tests;
