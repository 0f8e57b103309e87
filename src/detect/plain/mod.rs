//! The seeds' detector: an Isolation Forest on rolling features, one model a target.

mod contributors;
mod learner;
mod model;
mod scaler;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::learner::Learner;
pub use self::model::{Model, Training};
use super::forest::Parameters;
use super::{Assessment, DetectError, file, same_schema, seed_of};
use crate::config::Detection;
use crate::features::{Features, Schema};
use crate::target::TargetId;
use crate::units::Timestamp;

const KIND: &str = "plain";

/// How many targets may have a model of their own; all others use the pooled one. With the default
/// settings and the live features a model and its rows take about 350 KB.
const MOST_OWN_MODELS: usize = 1000;

/// How many times `max_samples` rows the pool of one target keeps, and the common pool.
const OWN_POOL_TREES: usize = 4;
const COMMON_POOL_TREES: usize = 16;

/// Learns what is normal for the targets of one rule, and says how unusual each new moment is.
///
/// A target has a model of its own once it has `max_samples` rows or up to twice that, spread over the
/// targets so that they are not all fitted at once. Before, it is judged by a model of the rows of all
/// targets. Training rows are random samples of bounded size that reflect about the last 24 refit
/// intervals; alarmed rows join them, as in the seeds.
///
/// A moment is judged by what came before it only; then it joins the training rows.
#[derive(Clone, Debug)]
pub struct PlainDetector {
    schema: Arc<Schema>,
    config: Detection,
    common: Learner,
    own: BTreeMap<TargetId, Learner>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    common: Option<Model>,
    own: BTreeMap<TargetId, Model>,
}

impl PlainDetector {
    /// A detector that knows nothing yet, for features of `schema`.
    ///
    /// # Errors
    /// [`DetectError::Parameter`] for a setting out of its range.
    pub fn new(schema: Arc<Schema>, config: Detection) -> Result<Self, DetectError> {
        Parameters::from(&config).check()?;
        let capacity = config.max_samples * COMMON_POOL_TREES;
        let first_rows = config.min_training_rows;
        let common = Learner::new(schema.len(), capacity, first_rows, config.random_state);
        Ok(Self { schema, config, common, own: BTreeMap::new() })
    }

    /// Judges the features of `target` at `at`, then learns them. `None` while there is no model.
    ///
    /// # Errors
    /// [`DetectError::Schema`] for features of another schema; nothing is learnt.
    pub fn observe(
        &mut self,
        target: &TargetId,
        features: &Features,
        at: Timestamp,
    ) -> Result<Option<Assessment>, DetectError> {
        if !Arc::ptr_eq(&self.schema, features.schema()) {
            same_schema(&self.schema, features.schema())?;
        }
        if !self.own.contains_key(target) && self.own.len() < MOST_OWN_MODELS {
            self.own.insert(target.clone(), self.new_learner(target));
        }
        let mut assessment = None;
        if let Some(own) = self.own.get_mut(target) {
            own.refit_if_due(at, &self.schema, &self.config)?;
            assessment = own.assess(features)?;
            own.learn(features, at, &self.config);
        }
        // The common model is kept up only while some target needs it; its rows always are.
        if assessment.is_none() {
            self.common.refit_if_due(at, &self.schema, &self.config)?;
            assessment = self.common.assess(features)?;
        }
        self.common.learn(features, at, &self.config);
        Ok(assessment)
    }

    /// Forgets the targets that are not `kept`; their rows stay in the common sample.
    pub fn retain(&mut self, kept: impl Fn(&TargetId) -> bool) {
        self.own.retain(|target, _| kept(target));
    }

    /// What the features mean.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The model that judges `target` now: its own, or the common one.
    pub fn model(&self, target: &TargetId) -> Option<&Model> {
        self.own.get(target).and_then(Learner::model).or(self.common.model())
    }

    /// All models as the bytes of a file: versioned, with a checksum. Training rows are not in it: they
    /// come back with the back-fill of the windows.
    ///
    /// # Errors
    /// [`DetectError::Encoding`].
    pub fn save(&self) -> Result<Vec<u8>, DetectError> {
        let own = self.own.iter();
        let own = own.filter_map(|(target, own)| Some((target.clone(), own.model()?.clone())));
        file::seal(KIND, &Saved { common: self.common.model().cloned(), own: own.collect() })
    }

    /// A detector with the models that [`PlainDetector::save`] wrote: it judges at once.
    ///
    /// # Errors
    /// Another kind of file, another version, a wrong length, a wrong checksum, other features, a setting
    /// out of its range.
    pub fn load(bytes: &[u8], schema: Arc<Schema>, config: Detection) -> Result<Self, DetectError> {
        let mut detector = Self::new(schema, config)?;
        let saved: Saved = file::open(KIND, bytes)?;
        if let Some(model) = saved.common {
            detector.common.restore(model.adopted(KIND, &detector.schema)?);
        }
        for (target, model) in saved.own.into_iter().take(MOST_OWN_MODELS) {
            let mut own = detector.new_learner(&target);
            own.restore(model.adopted(KIND, &detector.schema)?);
            detector.own.insert(target, own);
        }
        Ok(detector)
    }

    fn new_learner(&self, target: &TargetId) -> Learner {
        let seed = seed_of(target, self.config.random_state);
        let first_rows = self.config.max_samples + (seed as usize) % self.config.max_samples;
        let capacity = self.config.max_samples * OWN_POOL_TREES;
        Learner::new(self.schema.len(), capacity, first_rows, seed)
    }
}

#[cfg(test)]
mod tests;
