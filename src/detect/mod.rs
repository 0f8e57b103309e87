//! Feature vectors → how unusual this moment is, and why. Pure.

use serde::{Deserialize, Serialize};

/// What the detector thinks of one moment of one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// How unusual, 0–1: the Isolation Forest's `s = 2^(-E[h]/c(ψ))` (Liu, Ting, Zhou 2008).
    pub score: f64,
    /// The score from which a moment counts as anomalous.
    pub threshold: f64,
    /// Whether `score` is beyond `threshold`.
    pub anomalous: bool,
    /// The features that made it unusual, the strongest first.
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
