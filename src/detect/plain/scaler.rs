//! Missing values and standard scaling, the same at scoring as at fitting.

use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// One column's part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Column {
    /// What stands for a missing value: the training rows' median, 0 where all were missing.
    median: f32,
    mean: f64,
    /// The population standard deviation; 1 for a constant column, as in scikit-learn's StandardScaler.
    scale: f64,
}

/// Puts the training column's median where a value is missing, then subtracts the mean and divides by
/// the standard deviation. Trees do not care about the scale; `f32` does: a small variation on a large
/// value would drown in its rounding.
///
/// A column that was missing or constant at fitting says nothing: no tree splits on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaler {
    columns: Vec<Column>,
}

impl Scaler {
    /// Learns from `rows`, shape (rows, features), not-a-number where missing, at least one row.
    pub fn fit(rows: ArrayView2<f32>) -> Self {
        let columns = rows
            .axis_iter(Axis(1))
            .map(|column| {
                let mut known: Vec<f32> = column.iter().copied().filter(|v| !v.is_nan()).collect();
                known.sort_unstable_by(f32::total_cmp);
                let median = known.get(known.len() / 2).copied().unwrap_or(0.0);
                let filled =
                    || column.iter().map(|&v| f64::from(if v.is_nan() { median } else { v }));
                let n = rows.nrows() as f64;
                let mean = filled().sum::<f64>() / n;
                let deviation = (filled().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
                // What rounding leaves of a constant column's deviation is not a scale.
                let constant = deviation <= 10.0 * f64::EPSILON * mean.abs();
                Column { median, mean, scale: if constant { 1.0 } else { deviation } }
            })
            .collect();
        Self { columns }
    }

    /// How many columns it scales.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// One scaled row; all values are finite.
    pub fn transform_row(&self, row: &[f32]) -> Vec<f32> {
        self.columns.iter().zip(row).map(|(column, &value)| column.scaled(value)).collect()
    }

    /// All rows scaled.
    pub fn transform(&self, mut rows: Array2<f32>) -> Array2<f32> {
        for mut row in rows.rows_mut() {
            for (column, value) in self.columns.iter().zip(row.iter_mut()) {
                *value = column.scaled(*value);
            }
        }
        rows
    }
}

impl Column {
    fn scaled(self, value: f32) -> f32 {
        let value = if value.is_nan() { self.median } else { value };
        let scaled = (f64::from(value) - self.mean) / self.scale;
        (scaled as f32).clamp(f32::MIN, f32::MAX)
    }
}
