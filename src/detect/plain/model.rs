//! A forest with everything that must travel with it.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::contributors::{credits, strongest};
use super::scaler::Scaler;
use crate::config::Detection;
use crate::detect::forest::{Forest, Parameters};
use crate::detect::{Assessment, DetectError, file, same_schema};
use crate::features::{Features, Schema, quantile};

const KIND: &str = "model";

/// What a model was fitted on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// How many rows.
    pub rows: usize,
    /// Their scores (0–1): the 0th, 1st, … 100th percentile.
    pub score_percentiles: Vec<f64>,
}

/// Feature names, scaling, forest and threshold in one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    schema: Arc<Schema>,
    scaler: Scaler,
    forest: Forest,
    training: Training,
    max_contributors: usize,
}

impl Model {
    /// Fits a model on `rows`, shape (rows, features of `schema`); a value that is not finite is missing.
    ///
    /// The same rows in any order, with the same settings, give the same model, byte for byte.
    ///
    /// # Errors
    /// Fewer than two rows, no features, rows of another width than the schema, a setting out of range.
    pub fn fit(
        rows: ArrayView2<f32>,
        schema: Arc<Schema>,
        config: &Detection,
    ) -> Result<Self, DetectError> {
        if rows.ncols() != schema.len() {
            return Err(DetectError::Width { expected: schema.len(), found: rows.ncols() });
        }
        if rows.nrows() < 2 {
            return Err(DetectError::TooFewRows { rows: rows.nrows(), needed: 2 });
        }
        let rows = in_canonical_order(rows);
        let scaler = Scaler::fit(rows.view());
        let scaled = scaler.transform(rows);
        let mut forest = Forest::grow(scaled.view(), &Parameters::from(config))?;
        let scores = forest.score_samples(scaled.view())?;
        forest.set_contamination(config.contamination, &scores);

        let mut sorted: Vec<f64> = scores.iter().map(|score| -score).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let score_percentiles =
            (0..=100).map(|p| quantile(&sorted, f64::from(p) / 100.0)).collect();
        Ok(Self {
            schema,
            scaler,
            forest,
            training: Training { rows: sorted.len(), score_percentiles },
            max_contributors: config.max_contributors,
        })
    }

    /// What the values of a row mean.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The forest, on scaled features.
    pub fn forest(&self) -> &Forest {
        &self.forest
    }

    /// What it was fitted on.
    pub fn training(&self) -> &Training {
        &self.training
    }

    /// The score above which a row is anomalous, 0–1.
    pub fn threshold(&self) -> f64 {
        -self.forest.offset()
    }

    /// How unusual `features` are, and why. A missing feature is taken to be as usual as can be: at the
    /// median of the training rows.
    ///
    /// # Errors
    /// [`DetectError::Schema`] where the features are not those of the model.
    pub fn assess(&self, features: &Features) -> Result<Assessment, DetectError> {
        self.check_schema(features.schema())?;
        let row = self.scaler.transform_row(&features.to_f32());
        let score = -self.forest.score_row(&row);
        let threshold = self.threshold();
        let anomalous = score > threshold;
        let contributors = if anomalous {
            strongest(&credits(&self.forest, &row), &self.schema, self.max_contributors)
        } else {
            Vec::new()
        };
        let alert_score = score;
        Ok(Assessment { score, alert_score, threshold, anomalous, contributors })
    }

    /// The scores, 0–1, of `rows` of shape (rows, features); a value that is not finite is missing.
    ///
    /// # Errors
    /// Rows of another width than the schema.
    pub fn scores(&self, rows: ArrayView2<f32>) -> Result<Vec<f64>, DetectError> {
        let rows = rows.mapv(|v| if v.is_finite() { v } else { f32::NAN });
        Ok(self.forest.score_samples(self.scaler.transform(rows).view())?.mapv(|s| -s).to_vec())
    }

    /// The model as the bytes of a file: versioned, with a checksum.
    ///
    /// # Errors
    /// [`DetectError::Encoding`].
    pub fn save(&self) -> Result<Vec<u8>, DetectError> {
        file::seal(KIND, self)
    }

    /// Reads what [`Model::save`] wrote, for features of `schema`.
    ///
    /// # Errors
    /// Another kind of file, another version, a wrong length, a wrong checksum, other features.
    pub fn load(bytes: &[u8], schema: &Arc<Schema>) -> Result<Self, DetectError> {
        file::open::<Self>(KIND, bytes)?.adopted(KIND, schema)
    }

    /// A model as it came out of a file, once its parts fit together, so that no walk leaves its tree,
    /// and its features are those of `schema`.
    pub(super) fn adopted(
        mut self,
        kind: &'static str,
        schema: &Arc<Schema>,
    ) -> Result<Self, DetectError> {
        let width = self.schema.len();
        let widths_fit = self.scaler.width() == width && self.forest.n_features() == width;
        if !(widths_fit && self.forest.is_sound()) {
            return Err(DetectError::Damaged { kind, reason: "its parts do not fit together" });
        }
        same_schema(&self.schema, schema)?;
        self.schema = Arc::clone(schema);
        Ok(self)
    }

    fn check_schema(&self, other: &Arc<Schema>) -> Result<(), DetectError> {
        if Arc::ptr_eq(&self.schema, other) { Ok(()) } else { same_schema(&self.schema, other) }
    }
}

/// The rows sorted by their values, with one not-a-number for everything missing: subsampling and sums
/// then no longer depend on the order in which rows came.
fn in_canonical_order(rows: ArrayView2<f32>) -> Array2<f32> {
    let rows = rows.mapv(|v| if v.is_finite() { v } else { f32::NAN });
    let mut order: Vec<usize> = (0..rows.nrows()).collect();
    order.sort_unstable_by(|&a, &b| {
        let pairs = rows.row(a).into_iter().zip(rows.row(b));
        pairs.map(|(x, y)| x.total_cmp(y)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    rows.select(ndarray::Axis(0), &order)
}
