//! Mean, covariance and range of rows in one pass.

use serde::{Deserialize, Serialize};

/// Older rows fade once there are this many: a week at one a minute.
const MEMORY_ROWS: f64 = 10_000.0;

/// Running mean and covariance of rows of a fixed width (Welford's update, with fading memory).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// How many rows the figures stand for.
    rows: f64,
    mean: Vec<f64>,
    /// The lower triangle with the diagonal, row by row.
    covariance: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Moments {
    /// Of no rows yet.
    pub fn new(width: usize) -> Self {
        Self {
            rows: 0.0,
            mean: vec![0.0; width],
            covariance: vec![0.0; width * (width + 1) / 2],
            low: vec![f64::INFINITY; width],
            high: vec![f64::NEG_INFINITY; width],
        }
    }

    /// How many rows the figures stand for.
    pub fn rows(&self) -> f64 {
        self.rows
    }

    /// The means.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The covariance of the columns `i` and `j`.
    pub fn covariance(&self, i: usize, j: usize) -> f64 {
        let (i, j) = (i.max(j), i.min(j));
        self.covariance[i * (i + 1) / 2 + j]
    }

    /// The difference of the highest and the lowest value of column `i`; 0 without rows.
    pub fn range(&self, i: usize) -> f64 {
        (self.high[i] - self.low[i]).max(0.0)
    }

    /// Whether it is one of rows of `width` values: what a file must hold.
    pub fn is_sound(&self, width: usize) -> bool {
        [&self.mean, &self.low, &self.high].iter().all(|column| column.len() == width)
            && self.covariance.len() == width * (width + 1) / 2
    }

    /// Takes in a row; not-a-number is missing and leaves its column as it is.
    pub fn push(&mut self, row: &[f64]) {
        self.rows = (self.rows + 1.0).min(MEMORY_ROWS);
        let weight = 1.0 / self.rows;
        let mut rest = self.covariance.as_mut_slice();
        let mut deltas = Vec::with_capacity(row.len());
        for (i, &value) in row.iter().enumerate() {
            let delta = value - self.mean[i];
            deltas.push(delta);
            let (line, below) = rest.split_at_mut(i + 1);
            rest = below;
            if delta.is_nan() {
                continue;
            }
            self.low[i] = self.low[i].min(value);
            self.high[i] = self.high[i].max(value);
            for (covariance, other) in line.iter_mut().zip(&deltas) {
                let step = weight * ((1.0 - weight) * delta * other - *covariance);
                *covariance += if step.is_nan() { 0.0 } else { step };
            }
        }
        for (mean, delta) in self.mean.iter_mut().zip(deltas) {
            *mean += if delta.is_nan() { 0.0 } else { weight * delta };
        }
    }

    /// Takes in all rows of `other` (Chan's formula for two parts).
    pub fn merge(&mut self, other: &Self) {
        let total = self.rows + other.rows;
        if other.rows == 0.0 {
            return;
        }
        let share = other.rows / total;
        for i in 0..self.mean.len() {
            for j in 0..=i {
                let at = i * (i + 1) / 2 + j;
                let between = (other.mean[i] - self.mean[i]) * (other.mean[j] - self.mean[j]);
                self.covariance[at] = (1.0 - share) * self.covariance[at]
                    + share * other.covariance[at]
                    + share * (1.0 - share) * between;
            }
        }
        for i in 0..self.mean.len() {
            self.mean[i] += share * (other.mean[i] - self.mean[i]);
            self.low[i] = self.low[i].min(other.low[i]);
            self.high[i] = self.high[i].max(other.high[i]);
        }
        self.rows = total.min(MEMORY_ROWS);
    }
}
