//! Models of replica counts, with everything that must travel with them.

use ndarray::Axis;
use serde::{Deserialize, Serialize};

use super::by_share;
use super::dataset::{Dataset, Inputs, Split};
use super::early::boost;
use super::scores::Scores;
use crate::detect::DetectError;
use crate::detect::file;
use crate::features::kubernetes::schema;
use crate::forecast::ForecastError;
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
    /// A network of two branches over the last 12 rows.
    #[cfg(feature = "neural")]
    LstmCnn,
}

impl ModelKind {
    /// Every model of this build.
    pub const ALL: &[Self] = &[
        Self::RandomForest,
        Self::Boosting,
        #[cfg(feature = "neural")]
        Self::LstmCnn,
    ];

    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RandomForest => "random_forest",
            Self::Boosting => "boosting",
            #[cfg(feature = "neural")]
            Self::LstmCnn => "lstm_cnn",
        }
    }

    /// How many rows of a service it looks at.
    pub const fn rows(self) -> usize {
        match self {
            Self::RandomForest | Self::Boosting => 1,
            #[cfg(feature = "neural")]
            Self::LstmCnn => super::network::ROWS,
        }
    }

    /// The model of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// What turns rows into numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Core {
    RandomForest(RandomForest),
    Boosting(Boosting),
    #[cfg(feature = "neural")]
    LstmCnn(super::network::TwoBranches),
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
    ///
    /// # Errors
    /// Too few rows in a row, of a model that looks at more than one.
    pub fn fit(
        kind: ModelKind,
        data: &Dataset,
        split: &Split,
        seed: u64,
    ) -> Result<Self, ForecastError> {
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
            #[cfg(feature = "neural")]
            ModelKind::LstmCnn => {
                Core::LstmCnn(super::network::TwoBranches::fit(data, split, seed, &mut |_| {})?)
            }
        };
        Ok(Self { kind, inputs: data.inputs.clone(), core, training: None })
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

    /// The replicas needed, not rounded, by the last rows of a service, the newest last: the columns of
    /// [`Inputs::names`], not a number where a value is missing. `None` after fewer rows than
    /// [`ModelKind::rows`].
    pub fn predict(&self, rows: &[Vec<f64>]) -> Option<f64> {
        let said = match &self.core {
            Core::RandomForest(forest) => forest.predict(rows.last()?),
            Core::Boosting(model) => model.predict(rows.last()?),
            #[cfg(feature = "neural")]
            Core::LstmCnn(network) => network.predict(rows)?,
        };
        Some(said).filter(|count| count.is_finite())
    }

    /// What is said of these rows of `data`, whose inputs are the model's: as many replicas as there are
    /// where nothing can be said.
    pub fn predict_rows(&self, data: &Dataset, rows: &[usize]) -> Vec<f64> {
        let said = |row: &usize| {
            let said = self.predict(&data.last_rows(*row, self.kind.rows()));
            said.or(data.examples[*row].current).unwrap_or(f64::NAN)
        };
        rows.iter().map(said).collect()
    }

    /// How much each column of a row counts: shares of 1, the largest first. Of a forest by how much it
    /// lowers the error, of boosting by how often it is asked about; nothing is told of a network.
    pub fn importances(&self) -> Vec<(String, f64)> {
        let names = self.inputs.names();
        let shares = match &self.core {
            Core::RandomForest(forest) => forest.importances().to_vec(),
            Core::Boosting(model) => model.importances(names.len()),
            #[cfg(feature = "neural")]
            Core::LstmCnn(_) => Vec::new(),
        };
        by_share(names, shares)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predict::fixtures::wave;

    fn data() -> (Dataset, Split) {
        let mut records = wave("a", 500);
        records.extend(wave("b", 250));
        let data = Dataset::new(&records).expect("sorted");
        let split = data.split().expect("enough rows");
        (data, split)
    }

    fn fitted(kind: ModelKind, (data, split): &(Dataset, Split)) -> ReplicaModel {
        let model = ReplicaModel::fit(kind, data, split, 42).expect("enough rows");
        model.judged(data, split).expect("rows to judge by")
    }

    #[test]
    fn models_beat_the_rules_where_the_metrics_tell_what_comes() {
        let rows = data();
        let (data, split) = &rows;
        let by = |of: fn(&crate::predict::dataset::Example) -> Option<f64>| {
            let said: Vec<f64> =
                split.test.iter().filter_map(|row| of(&data.examples[*row])).collect();
            Scores::of(&said, &data.labels(&split.test)).expect("rows")
        };
        let rules = [by(|example| example.current), by(|example| example.by_thresholds)];
        for kind in ModelKind::ALL.iter().copied() {
            let model = fitted(kind, &rows);
            let Training { scores, until, from, .. } = model.training().expect("judged");
            assert!(*until < split.test_from && from < until, "{kind:?}");
            assert!(scores.exact_accuracy > 0.85, "{kind:?}: {scores:?}");
            for rule in &rules {
                assert!(scores.rmse < 0.7 * rule.rmse, "{kind:?}: {scores:?}, {rule:?}");
            }
            let importances = model.importances();
            if importances.is_empty() {
                continue;
            }
            let sum: f64 = importances.iter().map(|(_, share)| share).sum();
            assert!((sum - 1.0).abs() < 1e-9 && importances.is_sorted_by(|a, b| a.1 >= b.1));
        }
    }

    #[test]
    fn a_file_gives_the_model_back_and_anything_else_is_refused() {
        let rows = data();
        let model = fitted(ModelKind::Boosting, &rows);
        assert_eq!(fitted(ModelKind::Boosting, &rows), model, "the same rows, the same model");
        let bytes = model.save().expect("bytes");
        let again = ReplicaModel::load(&bytes).expect("a file");
        assert_eq!(again, model);
        let mut damaged = bytes.clone();
        damaged[bytes.len() / 2] ^= 1;
        assert!(matches!(ReplicaModel::load(&damaged), Err(DetectError::Damaged { .. })));
        assert!(matches!(ReplicaModel::load(b"else"), Err(DetectError::NotThisKind { .. })));
        let mut skewed = model;
        let mut names = schema().names().to_vec();
        names.swap(0, 1);
        skewed.inputs = Inputs::new(
            crate::features::Schema::new(names),
            skewed.inputs.services().to_vec(),
            Default::default(),
        );
        let bytes = skewed.save().expect("bytes");
        assert!(matches!(ReplicaModel::load(&bytes), Err(DetectError::Schema { .. })));
    }

    #[test]
    fn names_lead_back_to_models() {
        for kind in ModelKind::ALL.iter().copied() {
            assert_eq!(ModelKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(ModelKind::from_name("oracle"), None);
    }
}
