//! Feature vectors → how unusual this moment is, and why. Pure.
//!
//! [`Forest`] is the algorithm on matrices; [`Model`] adds what must travel with it: names, scaling,
//! threshold; [`Detector`] keeps the models of one rule's targets and fits them anew as data come.

mod contributors;
mod detector;
mod error;
mod file;
mod forest;
mod learner;
mod model;
mod pool;
mod scaler;
mod score;
mod tree;

use serde::{Deserialize, Serialize};

pub use detector::Detector;
pub use error::DetectError;
pub use forest::{Contamination, Forest, Parameters};
pub use model::{Model, Training};

/// What the detector thinks of one moment of one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// How unusual, 0–1: the Isolation Forest's `s = 2^(-E[h]/c(ψ))` (Liu, Ting, Zhou 2008).
    pub score: f64,
    /// The score from which a moment counts as anomalous.
    pub threshold: f64,
    /// Whether `score` is beyond `threshold`.
    pub anomalous: bool,
    /// The features that made it unusual, the strongest first. Empty unless it is anomalous.
    pub contributors: Vec<Contributor>,
}

/// One feature's part in a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contributor {
    /// The feature's name.
    pub feature: String,
    /// Its share of the whole, 0–1.
    pub share: f64,
}

#[cfg(test)]
mod tests;
