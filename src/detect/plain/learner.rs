//! One model that keeps up with its data.

use std::sync::Arc;

use super::Model;
use crate::config::Detection;
use crate::detect::pool::Pool;
use crate::detect::{Assessment, DetectError};
use crate::features::{Features, Schema};
use crate::units::Timestamp;

/// A pool reflects about the rows of this many refit intervals: a day at the default of an hour.
const POOL_LIFE_INTERVALS: u64 = 24;

/// Training rows and the model last fitted on them.
#[derive(Clone, Debug)]
pub struct Learner {
    pool: Pool,
    model: Option<Model>,
    /// The number of the refit interval in which the model was fitted; `None` for a model from a file.
    fitted_in: Option<i64>,
    /// The number of the refit interval in which the last row was learnt.
    learnt_in: Option<i64>,
    /// How many rows the first model needs.
    first_rows: usize,
    /// Shifts the refit intervals, so that not all models are fitted at once; in milliseconds.
    phase_millis: i64,
}

impl Learner {
    /// Without rows and model. `seed` decides which rows are kept and when it is refitted.
    pub fn new(width: usize, capacity: usize, first_rows: usize, seed: u64) -> Self {
        Self {
            pool: Pool::new(width, capacity, seed),
            model: None,
            fitted_in: None,
            learnt_in: None,
            first_rows: first_rows.clamp(2, capacity.max(2)),
            phase_millis: i64::from(seed as u32),
        }
    }

    /// The model, once there is one.
    pub fn model(&self) -> Option<&Model> {
        self.model.as_ref()
    }

    /// Takes over a model from a file.
    pub fn restore(&mut self, model: Model) {
        self.model = Some(model);
    }

    /// Adds a row to learn from.
    pub fn learn(&mut self, features: &Features, at: Timestamp, config: &Detection) {
        let interval = self.interval(at, config);
        if interval > *self.learnt_in.get_or_insert(interval) {
            self.learnt_in = Some(interval);
            self.pool.forget(POOL_LIFE_INTERVALS);
        }
        self.pool.push(&features.to_f32());
    }

    /// What the present model thinks of `features`; `None` without a model.
    pub fn assess(&self, features: &Features) -> Result<Option<Assessment>, DetectError> {
        self.model.as_ref().map(|model| model.assess(features)).transpose()
    }

    /// Fits the model anew where that is due: at first, when the rows have doubled since, and once an
    /// interval. A model is never replaced by one of fewer rows, except that a full tree's worth will do.
    pub fn refit_if_due(
        &mut self,
        at: Timestamp,
        schema: &Arc<Schema>,
        config: &Detection,
    ) -> Result<(), DetectError> {
        let interval = self.interval(at, config);
        let rows = self.pool.len();
        let due = match &self.model {
            None => rows >= self.first_rows,
            Some(model) => {
                let fitted_rows = model.training().rows;
                let interval_over = self.fitted_in.is_none_or(|fitted| interval > fitted);
                rows >= fitted_rows.saturating_mul(2)
                    || (interval_over && rows >= fitted_rows.min(config.max_samples))
            }
        };
        if due {
            self.model = Some(Model::fit(self.pool.rows()?, Arc::clone(schema), config)?);
            self.fitted_in = Some(interval);
        }
        Ok(())
    }

    /// The number of the refit interval that holds `at`.
    fn interval(&self, at: Timestamp, config: &Detection) -> i64 {
        let length_millis = (config.refit_interval.as_millis() as i64).max(1);
        at.millis().saturating_add(self.phase_millis).div_euclid(length_millis)
    }
}
