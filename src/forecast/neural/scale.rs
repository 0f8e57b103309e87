//! Standard scores: networks learn numbers around 0 best.

use serde::{Deserialize, Serialize};

/// The mean and the deviation of each column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    columns: Vec<(f64, f64)>,
}

/// Below this share of the mean a deviation is rounding.
const ROUNDING: f64 = 1e-9;

/// No score is larger: one wild sample is not to outshout all others.
const LARGEST: f64 = 10.0;

impl Scale {
    /// The scale of these rows; what is not finite is left out.
    pub fn of(width: usize, rows: impl Iterator<Item = impl AsRef<[f64]>>) -> Self {
        // Welford's sums: exact however far from 0 the values lie.
        let mut sums = vec![(0.0, 0.0, 0.0); width];
        for row in rows {
            for ((count, mean, squares), value) in sums.iter_mut().zip(row.as_ref()) {
                if value.is_finite() {
                    *count += 1.0;
                    let distance = value - *mean;
                    *mean += distance / *count;
                    *squares += distance * (value - *mean);
                }
            }
        }
        let columns = sums.into_iter().map(|(count, mean, squares)| {
            let deviation = (squares / f64::max(count, 1.0)).sqrt();
            let rounds = deviation.is_finite() && deviation > ROUNDING * mean.abs();
            (mean, if rounds && deviation > 0.0 { deviation } else { 1.0 })
        });
        Self { columns: columns.collect() }
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// The score of a value in a column; 0, the mean's, of one that is not known.
    pub fn inside(&self, column: usize, value: f64) -> f32 {
        let Some((mean, deviation)) = self.columns.get(column) else { return 0.0 };
        let score = (value - mean) / deviation;
        if score.is_nan() { 0.0 } else { score.clamp(-LARGEST, LARGEST) as f32 }
    }

    /// The value of a score in a column.
    pub fn outside(&self, column: usize, score: f32) -> f64 {
        self.columns
            .get(column)
            .map_or(f64::NAN, |(mean, deviation)| mean + deviation * f64::from(score))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_count_deviations_from_the_mean() {
        let rows = [[1e9, 5.0], [1e9 + 2.0, 5.0], [f64::NAN, 5.0]];
        let scale = Scale::of(2, rows.iter());
        assert_eq!([scale.inside(0, 1e9), scale.inside(0, 1e9 + 2.0)], [-1.0, 1.0]);
        assert_eq!(scale.outside(0, 2.0), 1e9 + 3.0);
        assert_eq!(scale.inside(1, 6.0), 1.0, "a column that never changes has a deviation of 1");
        assert_eq!([scale.inside(0, f64::NAN), scale.inside(0, 1e30)], [0.0, 10.0]);
    }
}
