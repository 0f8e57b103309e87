//! The default detector: several calibrated views of each signal, a joint score of the whitened row, and
//! alerts that are held and rationed.
//!
//! Data walk down this list:
//!
//! * [`views`]: one signal, several numbers that are large when something is odd ([`level`], [`season`]).
//! * [`surprise`]: each of them as a tail probability among its own past.
//! * [`recent`], [`moments`], [`whitener`], [`joint`]: all signals at once.
//! * [`alert`]: from row scores to alerts.
//! * [`target`]: all of it for one target.

mod alert;
mod joint;
mod level;
mod moments;
mod recent;
mod season;
mod surprise;
mod target;
#[cfg(test)]
mod tests;
mod views;
mod whitener;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::joint::{Circumstances, Joint};
use self::target::{TargetState, Verdict};
use super::forest::{Forest, Parameters};
use super::pool::Pool;
use super::{Assessment, Contributor, DetectError, file, same_schema, seed_of};
use crate::config::Detection;
use crate::features::{Features, Schema};
use crate::target::{Signal, TargetId};
use crate::units::Timestamp;

const KIND: &str = "calibrated";

/// The surprise that is shown as 0.5: about one row in 500.
const EVEN: f64 = 2.7;

/// How many times `max_samples` rows the pool of the forest keeps.
const POOL_TREES: usize = 16;

/// A floor for values whose unit is not known.
const NO_FLOOR: f64 = 1e-9;

/// Values are limited to this, in their unit: what is larger has no finite square, and squares of it no
/// finite sum.
const LARGEST: f64 = 1e30;

/// The detector of one rule's targets. Each has its own views and its own whitening; the forest is
/// common, as whitened rows are alike.
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
    forest: Option<Forest>,
    /// The joint model of all targets' rows, for those that have none yet.
    common: Joint,
    pool: Pool,
    /// Rows offered to the pool since the forest was fitted, and when that was.
    rows_since_fit: u64,
    fitted_at: Option<Timestamp>,
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
        let width = schema.len() * recent::FEATURES;
        let first_rows = u32::try_from(config.min_training_rows).unwrap_or(u32::MAX);
        let learnt = Learnt {
            schema: Arc::clone(&schema),
            forest: None,
            common: Joint::new(schema.len(), first_rows, 0),
            pool: Pool::new(width, config.max_samples * POOL_TREES, config.random_state),
            rows_since_fit: 0,
            fitted_at: None,
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
            forest: learnt.forest.as_ref(),
            interval_seconds: state.advance(at),
            floors: &self.floors,
            training,
        };
        let mut whitened = Vec::new();
        let verdict = state.push(&values, at, &with, &mut learnt.common, &mut whitened);
        if !verdict.refused && !whitened.is_empty() {
            learnt.pool.push(&whitened);
            learnt.rows_since_fit += 1;
            self.refit_if_due(at)?;
        }
        Ok(verdict)
    }

    fn refit_if_due(&mut self, at: Timestamp) -> Result<(), DetectError> {
        if self.config.calibrated.forest_weight == 0.0 {
            return Ok(());
        }
        let learnt = &mut self.learnt;
        let enough = learnt.rows_since_fit >= self.config.max_samples as u64;
        let interval = self.config.refit_interval;
        if enough && learnt.fitted_at.is_none_or(|fitted| at.since(fitted) >= interval) {
            let rows = learnt.pool.rows()?;
            learnt.forest = Some(Forest::grow(rows, &Parameters::from(&self.config))?);
            (learnt.rows_since_fit, learnt.fitted_at) = (0, Some(at));
        }
        Ok(())
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

    /// Forgets the targets that are not `kept`; the forest stays.
    pub fn retain(&mut self, kept: impl Fn(&TargetId) -> bool) {
        self.learnt.targets.retain(|target, _| kept(target));
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
        detector.learnt = learnt;
        Ok(detector)
    }
}

/// A surprise on the scale 0–1: strictly growing, 0.5 at [`EVEN`].
fn shown(surprise: f64) -> f64 {
    let surprise = surprise.max(0.0);
    surprise / (surprise + EVEN)
}
