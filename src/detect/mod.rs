//! Feature vectors → how unusual this moment is, and why. Pure.
//!
//! [`Detector`] is what the loop and the command line hold: the detector of one rule's targets.
//!
//! * [`calibrated`]: the default, calibrated views of each signal and a joint score.
//! * [`plain`]: the seeds' way, an Isolation Forest on rolling features.
//! * [`forest`]: the Isolation Forest itself, on matrices.

pub mod calibrated;
mod detector;
mod error;
pub(crate) mod file;
pub mod forest;
pub mod plain;
mod pool;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use detector::Detector;
pub use error::DetectError;

use crate::features::Schema;
use crate::target::TargetId;

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
    /// The features that made it unusual, the strongest first. Empty unless it is anomalous
    /// or worth an alert.
    pub contributors: Vec<Contributor>,
}

impl Assessment {
    /// Whether the moment is worth an alert.
    pub fn is_alert(&self) -> bool {
        self.alert_score >= self.threshold
    }

    /// The contributors in words, as in `tasks 70 %, cpu_usage_cores 20 %`.
    pub fn causes(&self) -> String {
        let of = |c: &Contributor| format!("{} {:.0} %", c.feature, 100.0 * c.share);
        self.contributors.iter().map(of).collect::<Vec<_>>().join(", ")
    }
}

/// One feature's part in a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contributor {
    /// The feature's name.
    pub feature: String,
    /// Its share of the whole, 0–1.
    pub share: f64,
}

/// Whether a model's features are those that are computed now; the error names the first difference.
pub(crate) fn same_schema(model: &Schema, now: &Schema) -> Result<(), DetectError> {
    if model == now {
        return Ok(());
    }
    let pair = model.names().iter().zip(now.names()).enumerate().find(|(_, (a, b))| a != b);
    let difference = match pair {
        Some((i, (a, b))) => format!("feature {i} is {a} in the model and {b} now"),
        None => format!("{} features in the model and {} now", model.len(), now.len()),
    };
    Err(DetectError::Schema { difference })
}

/// A seed of the target's own: the same in every process and on every machine.
pub fn seed_of(target: &TargetId, random_state: u64) -> u64 {
    let mut hash = Sha256::new();
    hash.update(random_state.to_le_bytes());
    hash.update(target.as_str().as_bytes());
    hash.finalize().iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
