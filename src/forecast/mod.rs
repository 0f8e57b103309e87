//! The future of one signal: quantiles at horizons. Pure.
//!
//! A [`Forecaster`] learns from a regular [`Series`], takes one sample at a time, and tells the
//! quantiles of its [`Task`] from the newest sample on. [`Kind`] names every one of them.

mod additive;
mod auto;
mod backtest;
mod blend;
mod damped;
mod error;
mod errors;
#[cfg(test)]
mod fixtures;
mod histogram;
mod holt_winters;
mod horizon;
mod kind;
mod mstl;
mod naive;
#[cfg(feature = "neural")]
pub mod neural;
mod record;
mod regular;
pub mod score;
mod seasonal;
mod series;
mod simplex;
mod stream;
mod task;
#[cfg(test)]
mod tests;
mod ticks;
mod tracker;
pub mod trees;

use std::sync::Arc;
use std::time::Duration;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

pub use additive::{Calendar, Prophet, TrendAfter};
pub use auto::{Auto, Member, Standing};
pub use backtest::roll;
pub use error::ForecastError;
pub use kind::Kind;
pub use regular::{Regular, SeriesError};
pub use series::{Series, steps};
pub use stream::Stream;
pub use task::Task;

use crate::units::Timestamp;

/// A model of one signal. Deterministic: the same history and the same samples give the same numbers,
/// on every machine.
pub trait Forecaster: Send + Sync {
    /// Learns from a history, forgetting everything before; may be slow. Afterwards the newest sample is
    /// the history's last one.
    ///
    /// # Errors
    /// The history is too short, or holds no value at all; then nothing has changed.
    fn fit(&mut self, history: &Series) -> Result<(), ForecastError>;

    /// Takes in the sample one step after the newest one; not a number where nothing was measured.
    fn update(&mut self, value: f64);

    /// What is expected from the newest sample on: one row a horizon, one column a level of the task.
    /// A row never falls from a lower level to a higher one.
    ///
    /// A model that knows no spread writes its point forecast at every level. Not a number where nothing
    /// can be said (before the first fit or sample).
    fn predict(&self) -> Array2<f64>;
}

/// What is expected of one signal, as policies, gauges and the ledger see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forecast {
    /// When the newest sample was taken.
    pub origin: Timestamp,
    /// The model that said it.
    pub model: Arc<str>,
    /// The levels of the quantiles, rising, in (0, 1).
    pub levels: Vec<f64>,
    /// What is expected after each horizon, the nearest first.
    pub horizons: Vec<Horizon>,
}

impl Forecast {
    /// The quantile at the nearest horizon whose level is nearest to `level`.
    pub fn nearest(&self, level: f64) -> Option<f64> {
        self.quantile(self.horizons.first()?, level)
    }

    /// The quantile at `horizon` whose level is nearest to `level`.
    pub fn quantile(&self, horizon: &Horizon, level: f64) -> Option<f64> {
        horizon.values.get(self.nearest_level(level)?).copied()
    }

    /// The forecast of a load: nothing is below zero. `None` where a quantile is missing.
    pub fn of_load(mut self) -> Option<Self> {
        for value in self.horizons.iter_mut().flat_map(|horizon| &mut horizon.values) {
            if !value.is_finite() {
                return None;
            }
            *value = value.max(0.0);
        }
        Some(self)
    }

    /// The place of the level nearest to `level`, of the lower one among equals.
    pub fn nearest_level(&self, level: f64) -> Option<usize> {
        let distance = |i: &usize| (self.levels[*i] - level).abs();
        (0..self.levels.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }
}

/// What is expected after one horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Horizon {
    /// How long after the origin.
    #[serde(with = "crate::units::duration")]
    pub after: Duration,
    /// The quantiles in the signal's unit, one a level, never falling.
    pub values: Vec<f64>,
}
