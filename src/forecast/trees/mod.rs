//! Trees over histograms: boosting for any quantile, and a random forest.
//!
//! Values are sorted into a few bins a feature once (`bins`). A tree grows by dividing the leaf that
//! helps most, judged from the sums of gradients of each bin (`grow`, `split`); the sums are integers
//! (`sum`), so that no order of adding changes a tree. Missing values are a bin of their own and go to
//! whichever side suits them. What a leaf says is taken from its residuals themselves: for a quantile it is
//! the quantile of the leaf, as in LightGBM, and not a step along the gradient.
//!
//! Everything drawn at random comes from a seed: the same rows give the same model on every machine.

mod bins;
mod boosting;
mod direct;
mod ensemble;
mod forest;
mod grow;
mod lagged;
mod loss;
mod past;
pub mod short_term;
mod split;
mod sum;
#[cfg(test)]
mod tests;

pub use boosting::{Boosting, Params};
pub(super) use direct::{boosting, random_forest};
pub use forest::{ForestParams, RandomForest};
pub use loss::Loss;

/// A row as trees compare it.
fn narrow_row(row: &[f64]) -> Vec<f32> {
    row.iter().map(|value| bins::narrow(*value)).collect()
}
