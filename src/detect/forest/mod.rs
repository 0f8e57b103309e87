//! Isolation Forest (Liu, Ting, Zhou 2008) with scikit-learn's parameters and conventions.

pub(in crate::detect) mod key;
pub(in crate::detect) mod tree;
pub(in crate::detect) mod walk;

use std::ops::Range;

use ndarray::{Array1, ArrayView2};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use self::key::Key;
use self::tree::{Grower, Node, average_path_length};
use crate::config::Detection;
use crate::detect::DetectError;
use crate::features::quantile;

/// Nodes point at their children with 16 bits, and a tree of n rows has at most 2n - 1 nodes.
const LARGEST_MAX_SAMPLES: usize = 1 << 15;

/// How the threshold is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Contamination {
    /// `offset_` is -0.5, as in the original paper.
    Auto,
    /// This share of the training rows, in (0, 0.5], lies beyond the threshold.
    Share(f64),
}

/// A forest's parameters, with scikit-learn's names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// How many trees.
    pub n_estimators: usize,
    /// How many rows each tree sees; all where there are fewer. From 2 to 32 768.
    pub max_samples: usize,
    /// How the threshold is chosen.
    pub contamination: Contamination,
    /// The seed.
    pub random_state: u64,
}

impl From<&Detection> for Parameters {
    fn from(config: &Detection) -> Self {
        Self {
            n_estimators: config.n_estimators,
            max_samples: config.max_samples,
            contamination: Contamination::Share(config.contamination),
            random_state: config.random_state,
        }
    }
}

impl Parameters {
    /// Whether every parameter is in its range.
    ///
    /// # Errors
    /// [`DetectError::Parameter`].
    pub fn check(&self) -> Result<(), DetectError> {
        let fail = |name, expected, found| Err(DetectError::Parameter { name, expected, found });
        if self.n_estimators == 0 {
            return fail("n_estimators", "at least 1", self.n_estimators.to_string());
        }
        if !(2..=LARGEST_MAX_SAMPLES).contains(&self.max_samples) {
            return fail("max_samples", "2 to 32768", self.max_samples.to_string());
        }
        match self.contamination {
            Contamination::Share(share) if !(share > 0.0 && share <= 0.5) => {
                fail("contamination", "more than 0 and at most 0.5", share.to_string())
            }
            _ => Ok(()),
        }
    }
}

/// A fitted forest: all trees in one array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forest {
    pub(in crate::detect) n_features: usize,
    pub(in crate::detect) nodes: Vec<Node>,
    /// For each node, the expected path length of a row that reaches it.
    pub(in crate::detect) path_lengths: Vec<f32>,
    pub(in crate::detect) trees: Vec<TreeSpan>,
    /// `c(ψ)`: the mean path length in a tree of as many rows as each tree saw.
    pub(in crate::detect) normal_path_length: f64,
    offset: f64,
}

/// Where a tree begins in the arrays, and how deep it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::detect) struct TreeSpan {
    pub root: u32,
    pub depth: u16,
}

impl Forest {
    /// Fits a forest on `rows` of shape (rows, features). The result depends on the order of the rows;
    /// [`super::plain::Model::fit`] removes that.
    ///
    /// # Errors
    /// Fewer than two rows, no or more than 65 535 columns, a value that is not finite, a parameter out
    /// of range.
    pub fn fit(rows: ArrayView2<f32>, parameters: &Parameters) -> Result<Self, DetectError> {
        let mut forest = Self::grow(rows, parameters)?;
        if let Contamination::Share(share) = parameters.contamination {
            forest.set_contamination(share, &forest.score_samples(rows)?);
        }
        Ok(forest)
    }

    /// A forest whose offset is still that of [`Contamination::Auto`].
    pub(in crate::detect) fn grow(
        rows: ArrayView2<f32>,
        parameters: &Parameters,
    ) -> Result<Self, DetectError> {
        parameters.check()?;
        let (n_rows, n_features) = rows.dim();
        if n_rows < 2 {
            return Err(DetectError::TooFewRows { rows: n_rows, needed: 2 });
        }
        if n_features == 0 {
            return Err(DetectError::NoFeatures);
        }
        if n_features > usize::from(u16::MAX) {
            return Err(DetectError::Width { expected: usize::from(u16::MAX), found: n_features });
        }
        if !rows.iter().all(|value| value.is_finite()) {
            return Err(first_not_finite(rows));
        }

        let max_samples = parameters.max_samples.min(n_rows);
        let mut grower = Grower::new(rows, max_samples);
        let (mut nodes, mut path_lengths, mut trees) = (Vec::new(), Vec::new(), Vec::new());
        for tree in 0..parameters.n_estimators {
            // A stream of its own for each tree: a tree does not depend on those before it.
            let mut rng = ChaCha8Rng::seed_from_u64(parameters.random_state);
            rng.set_stream(tree as u64);
            let root = nodes.len() as u32;
            let depth = grower.grow(&mut rng, &mut nodes, &mut path_lengths) as u16;
            trees.push(TreeSpan { root, depth });
        }
        Ok(Self {
            n_features,
            nodes,
            path_lengths,
            trees,
            normal_path_length: average_path_length(max_samples),
            offset: -0.5,
        })
    }

    /// Sets the offset to the `share` quantile of the training rows' `scores`.
    pub(in crate::detect) fn set_contamination(&mut self, share: f64, scores: &Array1<f64>) {
        let mut sorted = scores.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        self.offset = quantile(&sorted, share);
    }

    /// How many features a row must have.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// scikit-learn's `offset_`: rows that score below it are anomalous.
    pub fn offset(&self) -> f64 {
        self.offset
    }

    /// scikit-learn's `score_samples` of `rows`, shape (rows, features): `-2^(-E[h]/c(ψ))`, from -1 to 0,
    /// the lower, the more unusual. A value that is not a number goes left at every split.
    ///
    /// # Errors
    /// Rows of another width than the training rows'.
    pub fn score_samples(&self, rows: ArrayView2<f32>) -> Result<Array1<f64>, DetectError> {
        if rows.ncols() != self.n_features {
            return Err(DetectError::Width { expected: self.n_features, found: rows.ncols() });
        }
        let rows = rows.as_standard_layout();
        // Standard layout is contiguous, so the slice is always there.
        let flat = rows.as_slice().unwrap_or_default();
        Ok(walk::path_lengths(self, flat).into_iter().map(|h| self.score(h)).collect())
    }

    /// [`Forest::score_samples`] less the offset: below 0 is anomalous.
    ///
    /// # Errors
    /// As [`Forest::score_samples`].
    pub fn decision_function(&self, rows: ArrayView2<f32>) -> Result<Array1<f64>, DetectError> {
        Ok(self.score_samples(rows)? - self.offset)
    }

    /// -1 for anomalous rows, 1 for the others.
    ///
    /// # Errors
    /// As [`Forest::score_samples`].
    pub fn predict(&self, rows: ArrayView2<f32>) -> Result<Array1<i8>, DetectError> {
        Ok(self.decision_function(rows)?.mapv(|d| if d < 0.0 { -1 } else { 1 }))
    }

    /// [`Forest::score_samples`] of one row of [`Forest::n_features`] values, without any allocation for up
    /// to 256 of them: for streams.
    pub fn score_row(&self, row: &[f32]) -> f64 {
        self.score(walk::path_length(self, row))
    }

    /// The score of a mean path length.
    fn score(&self, mean_path_length: f64) -> f64 {
        -(-mean_path_length / self.normal_path_length).exp2()
    }

    /// Where each tree's nodes are, and its depth.
    fn spans(&self) -> impl Iterator<Item = (Range<usize>, u16)> {
        let ends = self.trees.iter().skip(1).map(|next| next.root as usize);
        let ends = ends.chain([self.nodes.len()]);
        self.trees.iter().zip(ends).map(|(tree, end)| (tree.root as usize..end, tree.depth))
    }

    /// Whether every walk stays inside its tree: what a file must hold before it may be walked.
    pub(crate) fn is_sound(&self) -> bool {
        self.nodes.len() == self.path_lengths.len()
            && self.trees.first().is_some_and(|tree| tree.root == 0)
            && self.normal_path_length > 0.0
            && self.spans().all(|(Range { start, end }, _)| {
                start < end
                    && end <= self.nodes.len()
                    && (start..end).all(|i| {
                        let node = self.nodes[i];
                        usize::from(node.feature) < self.n_features
                            && if node.is_leaf() {
                                node.threshold == Key::INFINITY
                            } else {
                                i + usize::from(node.left) + 1 < end
                            }
                    })
            })
    }
}

fn first_not_finite(rows: ArrayView2<f32>) -> DetectError {
    let first = rows.indexed_iter().find(|(_, value)| !value.is_finite());
    let ((row, column), &value) = first.unwrap_or(((0, 0), &f32::NAN));
    DetectError::NotFinite { row, column, value }
}
