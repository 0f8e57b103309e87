//! How good predictions of replica counts were.

use serde::{Deserialize, Serialize};

use super::label::REPLICAS;
use crate::forecast::score;

/// Figures of one model over the same rows as the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// How many rows.
    pub rows: usize,
    /// The root of the mean squared error.
    pub rmse: f64,
    /// The mean absolute error.
    pub mae: f64,
    /// The share of the variance that is explained; `None` where nothing varies.
    pub r2: Option<f64>,
    /// The share of rows whose rounded prediction is right.
    pub exact_accuracy: f64,
    /// The share of rows whose rounded prediction is one replica off at most.
    pub within_1_accuracy: f64,
}

impl Scores {
    /// Compares `predicted` with `actual`, row by row; `None` where there is no row.
    pub fn of(predicted: &[f64], actual: &[f64]) -> Option<Self> {
        let rows = predicted.len().min(actual.len());
        if rows == 0 {
            return None;
        }
        let share = |off: f64| {
            let pairs = predicted.iter().zip(actual);
            pairs.filter(|(p, a)| (replicas(**p) - **a).abs() <= off).count() as f64 / rows as f64
        };
        Some(Self {
            rows,
            rmse: score::rmse(predicted, actual),
            mae: score::mae(predicted, actual),
            r2: Some(score::r_squared(predicted, actual)).filter(|r2| r2.is_finite()),
            exact_accuracy: share(0.0),
            within_1_accuracy: share(1.0),
        })
    }
}

/// A predicted number as a count of replicas: rounded, within bounds.
pub fn replicas(predicted: f64) -> f64 {
    let (fewest, most) = REPLICAS;
    predicted.round().clamp(fewest, most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_worked_example() {
        let scores = Scores::of(&[1.4, 3.0, 5.0, 0.0], &[1.0, 2.0, 5.0, 4.0]).expect("rows");
        // errors 0.4, 1, 0, -4; around the mean of 3: 4 + 1 + 4 + 1
        assert!((scores.rmse - (17.16f64 / 4.0).sqrt()).abs() < 1e-12);
        assert!((scores.mae - 1.35).abs() < 1e-12);
        assert!(scores.r2.is_some_and(|r2| (r2 - (1.0 - 17.16 / 10.0)).abs() < 1e-12));
        assert_eq!((scores.exact_accuracy, scores.within_1_accuracy), (0.5, 0.75));
        assert_eq!(Scores::of(&[2.0], &[2.0]).expect("a row").r2, None);
        assert_eq!(Scores::of(&[], &[]), None);
    }

    proptest! {
        #[test]
        fn the_truth_cannot_be_beaten(actual in prop::collection::vec(1u8..=10, 1..50)) {
            let actual: Vec<f64> = actual.into_iter().map(f64::from).collect();
            let scores = Scores::of(&actual, &actual).expect("rows");
            prop_assert_eq!((scores.rmse, scores.mae, scores.exact_accuracy), (0.0, 0.0, 1.0));
            prop_assert!(scores.r2.is_none_or(|r2| r2 == 1.0));
        }
    }
}
