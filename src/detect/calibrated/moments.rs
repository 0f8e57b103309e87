//! Mean, covariance and range of rows in one pass.

use serde::{Deserialize, Serialize};

/// Older rows fade once there are this many: a week at one a minute.
const MEMORY_ROWS: f64 = 10_000.0;

/// Running mean and covariance of rows of a fixed width (Welford's update, with fading memory).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// How many rows the figures stand for.
    rows: f64,
    /// How many of them have a value in each column.
    seen: Vec<f64>,
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
            seen: vec![0.0; width],
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

    /// How many rows have a value in column `i`.
    pub fn seen(&self, i: usize) -> f64 {
        self.seen[i]
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
        [&self.seen, &self.mean, &self.low, &self.high].iter().all(|column| column.len() == width)
            && self.covariance.len() == width * (width + 1) / 2
    }

    /// Takes in a row; not-a-number is missing and leaves its column as it is.
    pub fn push(&mut self, row: &[f64]) {
        self.rows = (self.rows + 1.0).min(MEMORY_ROWS);
        let mut rest = self.covariance.as_mut_slice();
        let mut deltas = Vec::with_capacity(row.len());
        for (i, &value) in row.iter().enumerate() {
            let (line, below) = rest.split_at_mut(i + 1);
            rest = below;
            let delta = value - self.mean[i];
            if delta.is_nan() {
                deltas.push((delta, 0.0));
                continue;
            }
            self.seen[i] = (self.seen[i] + 1.0).min(MEMORY_ROWS);
            self.low[i] = self.low[i].min(value);
            self.high[i] = self.high[i].max(value);
            deltas.push((delta, 1.0 / self.seen[i]));
            for (covariance, (other, weight)) in line.iter_mut().zip(&deltas) {
                // Of two columns the younger one says how much a row weighs.
                let weight = weight.max(1.0 / self.seen[i]);
                let step = weight * ((1.0 - weight) * delta * other - *covariance);
                *covariance += if step.is_nan() { 0.0 } else { step };
            }
        }
        for (mean, (delta, weight)) in self.mean.iter_mut().zip(deltas) {
            *mean += if delta.is_nan() { 0.0 } else { weight * delta };
        }
    }

    /// Takes in all rows of `other` (Chan's formula for two parts).
    pub fn merge(&mut self, other: &Self) {
        let share = |i: usize| match other.seen[i] {
            0.0 => 0.0,
            seen => seen / (self.seen[i] + seen),
        };
        let shares: Vec<f64> = (0..self.mean.len()).map(share).collect();
        for i in 0..self.mean.len() {
            for j in 0..=i {
                let at = i * (i + 1) / 2 + j;
                let share = shares[i].min(shares[j]);
                let between = (other.mean[i] - self.mean[i]) * (other.mean[j] - self.mean[j]);
                self.covariance[at] = (1.0 - share) * self.covariance[at]
                    + share * other.covariance[at]
                    + share * (1.0 - share) * between;
            }
        }
        for (i, share) in shares.into_iter().enumerate() {
            self.mean[i] += share * (other.mean[i] - self.mean[i]);
            self.low[i] = self.low[i].min(other.low[i]);
            self.high[i] = self.high[i].max(other.high[i]);
            self.seen[i] = (self.seen[i] + other.seen[i]).min(MEMORY_ROWS);
        }
        self.rows = (self.rows + other.rows).min(MEMORY_ROWS);
    }
}
