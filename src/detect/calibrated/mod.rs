//! The default detector: several calibrated views of each signal, a joint score of the whitened row, and
//! alerts that are held and rationed.
//!
//! Data walk down this list:
//!
//! * [`views`]: one signal, several numbers that are large when something is odd ([`level`], [`season`]).
//! * [`surprise`]: each of them as a tail probability among its own past.
//! * [`recent`], [`moments`], [`whitener`], [`groups`], [`reservoir`], [`profile`], [`joint`]: all signals at
//!   once.
//! * [`alert`]: from row scores to alerts.
//! * [`target`]: all of it for one target.

mod alert;
mod groups;
mod joint;
mod level;
mod moments;
mod profile;
mod recent;
mod reservoir;
mod season;
mod surprise;
mod target;
#[cfg(test)]
mod tests;
mod views;
mod whitener;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::joint::{Circumstances, Joint};
use self::target::{TargetState, Verdict};
use super::forest::Parameters;
use super::{Assessment, Contributor, DetectError, file, same_schema, seed_of};
use crate::config::Detection;
use crate::features::{Features, Schema};
use crate::target::{Signal, TargetId};
use crate::units::Timestamp;

const KIND: &str = "calibrated";

/// The surprise that is shown as 0.5: about one row in 500.
const EVEN: f64 = 2.7;

/// A floor for values whose unit is not known.
const NO_FLOOR: f64 = 1e-9;

/// How long a target that is not found any more is remembered.
const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Values are limited to this, in their unit: what is larger has no finite square, and squares of it no
/// finite sum.
const LARGEST: f64 = 1e30;

/// The detector of one rule's targets. Each has its own views, whitening and forest.
#[derive(Clone, Debug)]
pub struct CalibratedDetector {
    config: Detection,
    schema: Arc<Schema>,
    floors: Vec<f64>,
    learnt: Learnt,
}

/// What goes into the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Learnt {
    schema: Arc<Schema>,
    /// The joint model of all targets' rows, for those that have none yet.
    common: Joint,
    targets: BTreeMap<TargetId, TargetState>,
}

impl CalibratedDetector {
    /// A detector that knows nothing yet, for the signals of `schema`.
    ///
    /// # Errors
    /// [`DetectError::Parameter`] for a setting out of its range, [`DetectError::NoFeatures`] without
    /// signals.
    pub fn new(schema: Arc<Schema>, config: Detection) -> Result<Self, DetectError> {
        Parameters::from(&config).check()?;
        if schema.is_empty() {
            return Err(DetectError::NoFeatures);
        }
        let first_rows = u32::try_from(config.min_training_rows).unwrap_or(u32::MAX);
        let learnt = Learnt {
            schema: Arc::clone(&schema),
            common: Joint::new(schema.len(), first_rows, 0),
            targets: BTreeMap::new(),
        };
        let floors = schema
            .names()
            .iter()
            .map(|name| Signal::from_name(name).map_or(NO_FLOOR, Signal::smallest_change))
            .collect();
        Ok(Self { config, schema, floors, learnt })
    }

    /// Judges the signals of `target` at `at` by what came before, then learns them. `None` while too
    /// little is known.
    ///
    /// # Errors
    /// [`DetectError::Schema`] for features of another schema; nothing is learnt.
    pub fn observe(
        &mut self,
        target: &TargetId,
        features: &Features,
        at: Timestamp,
    ) -> Result<Option<Assessment>, DetectError> {
        let verdict = self.push(target, features, at, false)?;
        Ok(self.assessment(verdict))
    }

    /// Learns the signals of `target` at `at`, which are known to be normal.
    ///
    /// # Errors
    /// [`DetectError::Schema`] for features of another schema; nothing is learnt.
    pub fn train(
        &mut self,
        target: &TargetId,
        features: &Features,
        at: Timestamp,
    ) -> Result<(), DetectError> {
        self.push(target, features, at, true).map(drop)
    }

    fn push(
        &mut self,
        target: &TargetId,
        features: &Features,
        at: Timestamp,
        training: bool,
    ) -> Result<Verdict, DetectError> {
        if !Arc::ptr_eq(&self.schema, features.schema()) {
            same_schema(&self.schema, features.schema())?;
        }
        let learnt = &mut self.learnt;
        let state = learnt.targets.entry(target.clone()).or_insert_with(|| {
            let phase = seed_of(target, self.config.random_state) as u32;
            TargetState::new(self.schema.len(), phase)
        });
        let within = |value: f64| value.clamp(-LARGEST, LARGEST);
        let values: Vec<_> = features.values().map(|value| value.map(within)).collect();
        let with = Circumstances {
            config: &self.config.calibrated,
            interval_seconds: state.advance(at),
            floors: &self.floors,
            training,
        };
        Ok(state.push(&values, at, &with, &mut learnt.common))
    }

    fn assessment(&self, verdict: Verdict) -> Option<Assessment> {
        let score = shown(verdict.score?);
        let threshold = self.config.calibrated.threshold;
        let anomalous = score >= threshold;
        let alert_score = verdict.alert.map_or(0.0, shown);
        let contributors = if anomalous || alert_score >= threshold {
            self.strongest(&verdict.credits)
        } else {
            Vec::new()
        };
        Some(Assessment { score, alert_score, threshold, anomalous, contributors })
    }

    fn strongest(&self, credits: &[f64]) -> Vec<Contributor> {
        let total: f64 = credits.iter().sum();
        let mut named: Vec<_> =
            credits.iter().zip(self.schema.names()).filter(|(credit, _)| **credit > 0.0).collect();
        named.sort_by(|a, b| b.0.total_cmp(a.0));
        named.truncate(self.config.max_contributors);
        named
            .into_iter()
            .map(|(credit, name)| Contributor { feature: name.clone(), share: credit / total })
            .collect()
    }

    /// When the last row of `target` was learnt; `None` for a target that is not known.
    pub fn last_row(&self, target: &TargetId) -> Option<Timestamp> {
        self.learnt.targets.get(target).and_then(TargetState::last_row)
    }

    /// Forgets the targets that are not `found` any more and whose last row is a day older than the newest
    /// of all. So an outage, in which nothing is found, forgets nothing; the common model stays.
    pub fn retain(&mut self, found: impl Fn(&TargetId) -> bool) {
        let targets = &mut self.learnt.targets;
        let Some(newest) = targets.values().filter_map(TargetState::last_row).max() else { return };
        let oldest = newest.minus(FORGET_AFTER);
        targets.retain(|target, state| {
            found(target) || state.last_row().is_some_and(|last| last >= oldest)
        });
    }

    /// Everything that was learnt as the bytes of a file: versioned, with a checksum.
    ///
    /// # Errors
    /// [`DetectError::Encoding`].
    pub fn save(&self) -> Result<Vec<u8>, DetectError> {
        file::seal(KIND, &self.learnt)
    }

    /// A detector that goes on where [`CalibratedDetector::save`] was called.
    ///
    /// # Errors
    /// Another kind of file, another version, a wrong length, a wrong checksum, other signals, a setting
    /// out of its range.
    pub fn load(bytes: &[u8], schema: Arc<Schema>, config: Detection) -> Result<Self, DetectError> {
        let mut detector = Self::new(schema, config)?;
        let learnt: Learnt = file::open(KIND, bytes)?;
        same_schema(&learnt.schema, &detector.schema)?;
        let signals = detector.schema.len();
        let mut joints = learnt.targets.values();
        if !(learnt.common.is_sound(signals) && joints.all(|target| target.is_sound(signals))) {
            let reason = "its parts do not fit together";
            return Err(DetectError::Damaged { kind: KIND, reason });
        }
        detector.learnt = learnt;
        Ok(detector)
    }
}

/// A surprise on the scale 0–1: strictly growing, 0.5 at [`EVEN`].
fn shown(surprise: f64) -> f64 {
    let surprise = surprise.max(0.0);
    surprise / (surprise + EVEN)
}
