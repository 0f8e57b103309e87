//! Feature vectors → how unusual this moment is, and why. Pure.
//!
//! [`Detector`] is what the loop and the command line hold: the detector of one rule's targets.
//!
//! * [`plain`]: the seeds' way, an Isolation Forest on rolling features.
//! * [`forest`]: the Isolation Forest itself, on matrices.

mod detector;
mod error;
mod file;
pub mod forest;
pub mod plain;

use serde::{Deserialize, Serialize};

pub use detector::Detector;
pub use error::DetectError;

/// What the detector thinks of one moment of one target. All scores are on one scale, 0–1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// How unusual the moment is, for ranking.
    pub score: f64,
    /// The score that an alert rests on: 0 unless this moment is the peak of its episode so far, and less
    /// than `score` for a target that alerts often.
    #[serde(default)]
    pub alert_score: f64,
    /// From this score on a moment is anomalous, and from this alert score on it is worth an alert.
    pub threshold: f64,
    /// Whether `score` reaches `threshold`.
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
