//! The detector of one rule's targets, in whichever mode is configured.

use std::sync::Arc;

use super::calibrated::CalibratedDetector;
use super::plain::PlainDetector;
use super::{Assessment, DetectError};
use crate::config::{Detection, DetectionMode};
use crate::features::{Features, Schema};
use crate::target::TargetId;
use crate::units::Timestamp;

/// Learns what is normal for the targets of one rule, and says how unusual each new moment is.
///
/// A moment is judged by what came before it only; then it is learnt.
#[derive(Clone, Debug)]
pub enum Detector {
    /// The default.
    Calibrated(Box<CalibratedDetector>),
    /// The seeds' way.
    Plain(Box<PlainDetector>),
}

impl Detector {
    /// A detector that knows nothing yet, for features of `schema`.
    ///
    /// # Errors
    /// [`DetectError::Parameter`] for a setting out of its range.
    pub fn new(schema: Arc<Schema>, config: Detection) -> Result<Self, DetectError> {
        Ok(match config.mode {
            DetectionMode::Calibrated => {
                Self::Calibrated(Box::new(CalibratedDetector::new(schema, config)?))
            }
            DetectionMode::Plain => Self::Plain(Box::new(PlainDetector::new(schema, config)?)),
        })
    }

    /// Judges the features of `target` at `at`, then learns them. `None` while too little is known.
    ///
    /// # Errors
    /// [`DetectError::Schema`] for features of another schema; nothing is learnt.
    pub fn observe(
        &mut self,
        target: &TargetId,
        features: &Features,
        at: Timestamp,
    ) -> Result<Option<Assessment>, DetectError> {
        match self {
            Self::Calibrated(detector) => detector.observe(target, features, at),
            Self::Plain(detector) => detector.observe(target, features, at),
        }
    }

    /// Learns the features of `target` at `at`, which are known to be normal.
    ///
    /// # Errors
    /// [`DetectError::Schema`] for features of another schema; nothing is learnt.
    pub fn train(
        &mut self,
        target: &TargetId,
        features: &Features,
        at: Timestamp,
    ) -> Result<(), DetectError> {
        match self {
            Self::Calibrated(detector) => detector.train(target, features, at),
            Self::Plain(detector) => detector.observe(target, features, at).map(drop),
        }
    }

    /// Whether the row of `target` at `at` was learnt already, before a restart that is: the windows are
    /// filled from the past again, and no row may count twice.
    pub fn has_learnt(&self, target: &TargetId, at: Timestamp) -> bool {
        match self {
            Self::Calibrated(detector) => detector.last_row(target).is_some_and(|last| at <= last),
            // Its training rows are not saved.
            Self::Plain(_) => false,
        }
    }

    /// Forgets the targets that are not `found` any more: at once what can be learnt again from the past
    /// that Prometheus has, after a day what cannot. What is common to all targets stays.
    pub fn retain(&mut self, found: impl Fn(&TargetId) -> bool) {
        match self {
            Self::Calibrated(detector) => detector.retain(found),
            Self::Plain(detector) => detector.retain(found),
        }
    }

    /// Everything that was learnt as the bytes of a file: versioned, with a checksum.
    ///
    /// # Errors
    /// [`DetectError::Encoding`].
    pub fn save(&self) -> Result<Vec<u8>, DetectError> {
        match self {
            Self::Calibrated(detector) => detector.save(),
            Self::Plain(detector) => detector.save(),
        }
    }

    /// A detector that goes on where [`Detector::save`] was called.
    ///
    /// # Errors
    /// Another kind of file, another version, a wrong length, a wrong checksum, other features, a setting
    /// out of its range.
    pub fn load(bytes: &[u8], schema: Arc<Schema>, config: Detection) -> Result<Self, DetectError> {
        Ok(match config.mode {
            DetectionMode::Calibrated => {
                Self::Calibrated(Box::new(CalibratedDetector::load(bytes, schema, config)?))
            }
            DetectionMode::Plain => {
                Self::Plain(Box::new(PlainDetector::load(bytes, schema, config)?))
            }
        })
    }
}
