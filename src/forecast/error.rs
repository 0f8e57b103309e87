//! Why a model cannot be fitted.

use std::time::Duration;

use crate::units::duration;

/// Why a model cannot be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ForecastError {
    /// The history is shorter than what the model learns from.
    #[error(
        "{model} needs {} of history at least, found {}",
        duration::format(*.needed), duration::format(*.found)
    )]
    TooShort {
        /// The model.
        model: &'static str,
        /// The shortest history it can learn from.
        needed: Duration,
        /// What there is.
        found: Duration,
    },
    /// The samples are too far apart to tell the season that the model needs.
    #[error("{model} needs two samples a season at least, not one every {}", duration::format(*.step))]
    NoSeason {
        /// The model.
        model: &'static str,
        /// The time between two samples.
        step: Duration,
    },
    /// The history holds no value.
    #[error("the history holds no value: nothing can be learnt from it")]
    NoValues,
    /// A network has too little to learn from.
    #[error("{model} needs {needed} examples at least, found {found}")]
    TooFewExamples {
        /// The model.
        model: &'static str,
        /// The fewest examples it can learn from.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// A network cannot be built, or does not answer.
    #[error("the network fails: {0}")]
    Network(String),
}
