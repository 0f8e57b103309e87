//! The future is the present.

use ndarray::Array2;

use super::{ForecastError, Forecaster, Series, Task};

/// Expects the newest measured sample, at every horizon.
#[derive(Clone, Debug)]
pub struct Naive {
    shape: (usize, usize),
    newest: f64,
}

impl Naive {
    /// A model that has seen nothing yet.
    pub fn new(task: &Task) -> Self {
        Self { shape: (task.horizons.len(), task.levels.len()), newest: f64::NAN }
    }
}

impl Forecaster for Naive {
    fn fit(&mut self, history: &Series) -> Result<(), ForecastError> {
        let newest = history.values.iter().rev().find(|value| !value.is_nan());
        self.newest = *newest.ok_or(ForecastError::NoValues)?;
        Ok(())
    }

    fn update(&mut self, value: f64) {
        if !value.is_nan() {
            self.newest = value;
        }
    }

    fn predict(&self) -> Array2<f64> {
        Array2::from_elem(self.shape, self.newest)
    }
}
