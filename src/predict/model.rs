//! Models of replica counts, with everything that must travel with them.

use ndarray::Axis;
use serde::{Deserialize, Serialize};

use super::dataset::{Dataset, Inputs, Split};
use super::early::boost;
use super::scores::Scores;
use crate::detect::DetectError;
use crate::detect::file;
use crate::features::kubernetes::schema;
use crate::forecast::trees::{Boosting, ForestParams, RandomForest};
use crate::units::Timestamp;

const KIND: &str = "replica";

/// A model by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// The mean of 200 trees.
    RandomForest,
    /// A sum of small trees, each mending what those before it left.
    Boosting,
}

impl ModelKind {
    /// Every model of this build.
    pub const ALL: [Self; 2] = [Self::RandomForest, Self::Boosting];

    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RandomForest => "random_forest",
            Self::Boosting => "boosting",
        }
    }

    /// The model of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What turns rows into numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Core {
    RandomForest(RandomForest),
    Boosting(Boosting),
}

/// What a model has learnt from, and how well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// How many rows it has learnt from.
    pub rows: usize,
    /// The first moment of them.
    pub from: Timestamp,
    /// The last moment that it knows of.
    pub until: Timestamp,
    /// How good it is on the rows after that.
    pub scores: Scores,
}

/// A model of how many replicas a service needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplicaModel {
    kind: ModelKind,
    inputs: Inputs,
    core: Core,
    training: Option<Training>,
}

impl ReplicaModel {
    /// Fits a model on the rows before the test part, the same each time.
    pub fn fit(kind: ModelKind, data: &Dataset, split: &Split, seed: u64) -> Self {
        let core = match kind {
            ModelKind::RandomForest => {
                let params = ForestParams { random_state: seed, ..ForestParams::default() };
                let known = known(split);
                let rows = data.rows.select(Axis(0), &known);
                Core::RandomForest(RandomForest::fit(rows.view(), &data.labels(&known), &params))
            }
            ModelKind::Boosting => {
                let part = |rows: &[usize]| (data.rows.select(Axis(0), rows), data.labels(rows));
                let (rows, labels) = part(&split.fit);
                let stop = part(&split.stop);
                Core::Boosting(boost(rows.view(), &labels, None, (stop.0.view(), &stop.1), seed))
            }
        };
        Self { kind, inputs: data.inputs.clone(), core, training: None }
    }

    /// Judges the model on the test part and remembers what it was fitted on. `None` where there is
    /// nothing to judge by.
    pub fn judged(mut self, data: &Dataset, split: &Split) -> Option<Self> {
        let known = known(split);
        let labels = known.iter().filter_map(|row| data.examples[*row].label);
        let until = labels.map(|(_, until)| until).max()?;
        let from = known.iter().map(|row| data.examples[*row].at).min()?;
        let scores = Scores::of(&self.predict_rows(data, &split.test), &data.labels(&split.test))?;
        self.training = Some(Training { rows: known.len(), from, until, scores });
        Some(self)
    }

    /// Its kind.
    pub fn kind(&self) -> ModelKind {
        self.kind
    }

    /// What a row means.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// What it was fitted on; `None` until it is judged.
    pub fn training(&self) -> Option<&Training> {
        self.training.as_ref()
    }

    /// The replicas needed, not rounded, by the newest row of a service: the columns of [`Inputs::names`],
    /// not a number where a value is missing.
    pub fn predict(&self, row: &[f64]) -> f64 {
        match &self.core {
            Core::RandomForest(forest) => forest.predict(row),
            Core::Boosting(model) => model.predict(row),
        }
    }

    /// What is said of these rows of `data`, whose inputs are the model's.
    pub fn predict_rows(&self, data: &Dataset, rows: &[usize]) -> Vec<f64> {
        let row = |row: &usize| self.predict(&data.rows.row(*row).to_vec());
        rows.iter().map(row).collect()
    }

    /// How much each column of a row counts: shares of 1, the largest first. Of a forest by how much it
    /// lowers the error, of boosting by how often it is asked about.
    pub fn importances(&self) -> Vec<(String, f64)> {
        let names = self.inputs.names();
        let shares = match &self.core {
            Core::RandomForest(forest) => forest.importances().to_vec(),
            Core::Boosting(model) => model.importances(names.len()),
        };
        let mut named: Vec<(String, f64)> = names.into_iter().zip(shares).collect();
        named.sort_by(|a, b| b.1.total_cmp(&a.1));
        named
    }

    /// The model as the bytes of a file: versioned, with a checksum.
    ///
    /// # Errors
    /// [`DetectError::Encoding`].
    pub fn save(&self) -> Result<Vec<u8>, DetectError> {
        file::seal(KIND, self)
    }

    /// Reads what [`ReplicaModel::save`] wrote.
    ///
    /// # Errors
    /// Another kind of file, another version, a wrong length, a wrong checksum, features that are not
    /// computed now.
    pub fn load(bytes: &[u8]) -> Result<Self, DetectError> {
        let model: Self = file::open(KIND, bytes)?;
        crate::detect::same_schema(model.inputs.features(), &schema())?;
        Ok(model)
    }
}

/// The rows before the test part.
fn known(split: &Split) -> Vec<usize> {
    split.fit.iter().chain(&split.stop).copied().collect()
}
