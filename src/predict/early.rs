//! Boosting that stops where more trees do not help on rows that it has not seen.

use ndarray::ArrayView2;

use crate::forecast::trees::{Boosting, Loss, Params};

/// The most trees.
const MOST_TREES: usize = 1000;
/// So many trees without an improvement end it.
const PATIENCE: usize = 50;
/// How many trees are tried first; each further try has twice as many.
const FIRST_TREES: usize = 125;

/// Fits a model to `labels` by `rows`, with a weight a row, and keeps as many trees as do best on the rows
/// and labels of `stop`.
pub fn boost(
    rows: ArrayView2<f64>,
    labels: &[f64],
    weights: Option<&[f64]>,
    stop: (ArrayView2<f64>, &[f64]),
    seed: u64,
) -> Boosting {
    let fit = |trees| {
        let params = Params {
            trees,
            rate: 0.05,
            leaves: 31,
            min_leaf: 20,
            columns: 0.8,
            seed,
            ..Params::default()
        };
        // One loss, one model.
        let fitted = Boosting::fit_all(rows, labels, weights, &[Loss::Squared], &params).pop();
        fitted.unwrap_or_else(|| Boosting::fit(rows, labels, Loss::Squared, &params))
    };
    let mut trees = FIRST_TREES;
    loop {
        let best = best_count(&squared_errors(&fit(trees), stop));
        if best + PATIENCE < trees || trees >= MOST_TREES {
            return fit(best);
        }
        // The first trees of a longer run are those of a shorter one.
        trees = (2 * trees).min(MOST_TREES);
    }
}

/// The mean squared error with 0, 1, 2, … trees.
fn squared_errors(model: &Boosting, (rows, labels): (ArrayView2<f64>, &[f64])) -> Vec<f64> {
    let mut errors: Vec<f64> = Vec::new();
    for (row, label) in rows.rows().into_iter().zip(labels) {
        let said = model.staged(&row.to_vec());
        errors.resize(said.len(), 0.0);
        errors.iter_mut().zip(said).for_each(|(sum, said)| *sum += (said - label).powi(2));
    }
    errors
}

/// How many trees do best, once [`PATIENCE`] more have not done better.
fn best_count(errors: &[f64]) -> usize {
    let mut best = 0;
    for (count, error) in errors.iter().enumerate() {
        if *error < errors[best] {
            best = count;
        } else if count - best >= PATIENCE {
            break;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_the_search() {
        let mut errors: Vec<f64> = (0..100).map(|count| f64::from(100 - count)).collect();
        assert_eq!(best_count(&errors), 99);
        errors.extend(std::iter::repeat_n(5.0, PATIENCE));
        errors.push(0.0);
        assert_eq!(best_count(&errors), 99, "what comes later is not waited for");
        assert_eq!(best_count(&[]), 0);
    }
}
