//! A network with the scales of what it reads and of what it says.

use std::ops::Range;

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::architecture::Architecture;
use super::failed;
use super::scale::Scale;
use super::sequences::Sequences;
use super::training::{Epoch, Network, Training, answers, train};
use super::weights::{Saved, Weights};
use crate::forecast::ForecastError;

/// Raised with every change of what is kept.
const VERSION: u32 = 1;

/// The share of each run, its newest rows, that is kept apart to judge by.
const APART: f64 = 0.2;

/// The fewest examples to learn from, and to judge by.
const FEWEST_LEARNT: usize = 64;
const FEWEST_APART: usize = 16;

/// What is to be learnt: rows in the order of time, run by run, and what is to be said after each.
#[derive(Clone, Debug)]
pub struct Lesson<'a> {
    /// One row a sample; what is not a number is not known.
    pub rows: ArrayView2<'a, f64>,
    /// The stretches of rows that belong together: of one service, without a gap. An example lies within
    /// one of them.
    pub runs: &'a [Range<usize>],
    /// One row a sample; after a row with one that is not a number nothing is learnt.
    pub targets: ArrayView2<'a, f64>,
}

/// A trained network.
pub struct Regressor {
    architecture: Architecture,
    weights: Weights,
    network: Box<dyn Network + Send + Sync>,
    inputs: Scale,
    targets: Scale,
}

/// A network as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    version: u32,
    architecture: Architecture,
    inputs: Scale,
    targets: Scale,
    weights: Saved,
}

/// A trained network, and what it says of the rows that were kept apart.
pub struct Trained {
    /// The network.
    pub regressor: Regressor,
    /// The rows that were kept apart, and what is said after each.
    pub apart: Vec<(usize, Vec<f64>)>,
}

impl Regressor {
    /// Trains a network. Says how each epoch went.
    ///
    /// # Errors
    /// There are too few examples: fewer than 64 to learn from, or than 16 to judge by.
    pub fn fit(
        architecture: Architecture,
        lesson: &Lesson<'_>,
        training: &Training,
        told: &mut dyn FnMut(&Epoch),
    ) -> Result<Trained, ForecastError> {
        let (learnt, apart) = examples(architecture.length(), lesson);
        if learnt.len() < FEWEST_LEARNT || apart.len() < FEWEST_APART {
            return Err(ForecastError::TooFewExamples {
                model: architecture.name(),
                needed: FEWEST_LEARNT + FEWEST_APART,
                found: learnt.len() + apart.len(),
            });
        }
        // What is kept apart does not scale what is learnt.
        let known = learnt.iter().map(|&row| lesson.rows.row(row).to_vec());
        let inputs = Scale::of(lesson.rows.ncols(), known);
        let known = learnt.iter().map(|&row| lesson.targets.row(row).to_vec());
        let targets = Scale::of(lesson.targets.ncols(), known);
        let ends: Vec<usize> = learnt.iter().chain(&apart).copied().collect();
        let sequences = Sequences {
            length: architecture.length(),
            width: inputs.width(),
            outputs: targets.width(),
            rows: scores(&inputs, lesson.rows, 0..lesson.rows.nrows()),
            targets: scores(&targets, lesson.targets, ends.iter().copied()),
            ends,
        };
        let weights = Weights::seeded(training.seed);
        let network =
            architecture.network(&weights, inputs.width(), targets.width()).map_err(failed)?;
        let mut regressor = Self { architecture, weights, network, inputs, targets };
        let apart = regressor.train(&sequences, learnt.len(), training, told).map_err(failed)?;
        Ok(Trained { regressor, apart })
    }

    fn train(
        &mut self,
        sequences: &Sequences,
        learnt: usize,
        training: &Training,
        told: &mut dyn FnMut(&Epoch),
    ) -> candle_core::Result<Vec<(usize, Vec<f64>)>> {
        let examples: Vec<usize> = (0..sequences.ends.len()).collect();
        let (learnt, apart) = examples.split_at(learnt);
        let network = self.network.as_ref();
        train(network, &self.weights, sequences, (learnt, apart), training, told)?;
        let said = answers(network, sequences, apart)?;
        let rows = apart.iter().map(|&example| sequences.ends[example]);
        Ok(rows.zip(said.iter().map(|scores| self.outside(scores))).collect())
    }

    /// What comes after these rows, of which the last ones count; not a number after fewer rows than the
    /// network is shown.
    pub fn predict(&self, rows: ArrayView2<'_, f64>) -> Vec<f64> {
        let length = self.architecture.length();
        let unknown = vec![f64::NAN; self.targets.width()];
        let Some(first) = rows.nrows().checked_sub(length) else { return unknown };
        let sequences = Sequences {
            length,
            width: self.inputs.width(),
            outputs: self.targets.width(),
            rows: scores(&self.inputs, rows, first..rows.nrows()),
            ends: vec![length - 1],
            targets: Vec::new(),
        };
        let said = answers(self.network.as_ref(), &sequences, &[0]).ok();
        let said = said.and_then(|said| said.into_iter().next());
        said.map_or(unknown, |scores| self.outside(&scores))
    }

    /// The network as it is kept.
    ///
    /// # Errors
    /// The weights cannot be read.
    pub fn keep(&self) -> Result<Kept, ForecastError> {
        Ok(Kept {
            version: VERSION,
            architecture: self.architecture,
            inputs: self.inputs.clone(),
            targets: self.targets.clone(),
            weights: self.weights.save().map_err(failed)?,
        })
    }

    fn outside(&self, scores: &[f32]) -> Vec<f64> {
        scores.iter().enumerate().map(|(i, score)| self.targets.outside(i, *score)).collect()
    }
}

impl Kept {
    /// The network again.
    ///
    /// # Errors
    /// It was kept by another version, or does not hold what its architecture needs.
    pub fn open(&self) -> Result<Regressor, ForecastError> {
        if self.version != VERSION {
            let text = format!("kept in version {}, this build reads {VERSION}", self.version);
            return Err(ForecastError::Network(text));
        }
        let weights = Weights::saved(&self.weights).map_err(failed)?;
        let network = self
            .architecture
            .network(&weights, self.inputs.width(), self.targets.width())
            .map_err(failed)?;
        let (inputs, targets) = (self.inputs.clone(), self.targets.clone());
        Ok(Regressor { architecture: self.architecture, weights, network, inputs, targets })
    }
}

/// The last rows of the examples to learn from, and of those to judge by: the newest of each run.
fn examples(length: usize, lesson: &Lesson<'_>) -> (Vec<usize>, Vec<usize>) {
    let (mut learnt, mut apart) = (Vec::new(), Vec::new());
    for run in lesson.runs {
        let newest = run.end - (run.len() as f64 * APART) as usize;
        for row in (run.start + length).saturating_sub(1)..run.end {
            if lesson.targets.row(row).iter().all(|target| target.is_finite()) {
                if row < newest { learnt.push(row) } else { apart.push(row) }
            }
        }
    }
    (learnt, apart)
}

fn scores(
    scale: &Scale,
    rows: ArrayView2<'_, f64>,
    which: impl Iterator<Item = usize>,
) -> Vec<f32> {
    let score = |row: usize| {
        let values = rows.row(row).to_vec();
        values.into_iter().enumerate().map(|(column, value)| scale.inside(column, value))
    };
    which.flat_map(score).collect()
}
