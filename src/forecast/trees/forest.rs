//! A random forest for numbers.

use ndarray::ArrayView2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::bins::Binned;
use super::ensemble::Ensemble;
use super::grow::{Grower, Sample, Shape};
use super::loss::Loss;
use super::narrow_row;
use super::split::Rules;

/// A forest's parameters, with scikit-learn's names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForestParams {
    /// How many trees.
    pub n_estimators: usize,
    /// The most questions on the way to a leaf.
    pub max_depth: usize,
    /// Nodes of fewer rows are not divided. A row that was drawn twice counts twice.
    pub min_samples_split: usize,
    /// The fewest rows of a leaf. A row that was drawn twice counts twice.
    pub min_samples_leaf: usize,
    /// The share of the features that each node looks at.
    pub max_features: f64,
    /// How many rows are drawn for a tree, with replacement, as a share of all.
    pub max_samples: f64,
    /// The most bins of a feature, that of missing values included; at most 256.
    pub max_bins: usize,
    /// The seed.
    pub random_state: u64,
}

impl Default for ForestParams {
    fn default() -> Self {
        Self {
            n_estimators: 200,
            max_depth: 15,
            min_samples_split: 10,
            min_samples_leaf: 4,
            max_features: 1.0,
            max_samples: 1.0,
            max_bins: 256,
            random_state: 42,
        }
    }
}

/// The mean of many trees, each grown from rows drawn anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomForest {
    trees: Ensemble,
    importances: Vec<f64>,
}

impl RandomForest {
    /// Fits a forest to `y` by `x` (rows × features). Not-a-number in `x` is missing, which is a value like
    /// others; rows without a `y` are left out. Values of `x` are compared as 32-bit floats.
    pub fn fit(x: ArrayView2<f64>, y: &[f64], params: &ForestParams) -> Self {
        Self::fit_out_of_bag(x, y, params).0
    }

    /// The same, and for each row what the trees say that have not seen it; not a number where there is
    /// none.
    pub fn fit_out_of_bag(
        x: ArrayView2<f64>,
        y: &[f64],
        params: &ForestParams,
    ) -> (Self, Vec<f64>) {
        let binned = Binned::new(x, params.max_bins);
        Self::grow(&binned, y, params)
    }

    fn grow(binned: &Binned, y: &[f64], params: &ForestParams) -> (Self, Vec<f64>) {
        let n_rows = binned.n_rows.min(y.len());
        let rows: Vec<u32> = (0..n_rows as u32).filter(|r| y[*r as usize].is_finite()).collect();
        let mut outside = OutOfBag::new(y.len());
        let mut trees = Ensemble::default();
        let (mut grower, mut sample) = (Grower::default(), Sample::default());
        if rows.is_empty() {
            return (
                Self { trees, importances: vec![0.0; binned.features.len()] },
                outside.means(),
            );
        }
        let mean = rows.iter().map(|row| y[*row as usize]).sum::<f64>() / rows.len() as f64;
        let shape = params.shape();
        for tree in 0..params.n_estimators {
            // A stream of its own for each tree: a tree does not depend on those before it.
            let mut rng = ChaCha8Rng::seed_from_u64(params.random_state);
            rng.set_stream(tree as u64);
            let times = draw(rows.len(), params.max_samples, &mut rng);
            let drawn = || rows.iter().zip(&times).filter(|(_, times)| **times > 0);
            sample.take(
                binned,
                drawn().map(|(row, _)| *row).collect(),
                (0..binned.features.len()).collect(),
            );
            let residuals: Vec<(f64, f64)> =
                drawn().map(|(row, times)| (y[*row as usize] - mean, f64::from(*times))).collect();
            let (sums, units) = Loss::Squared.pack(&residuals);
            let first = trees.leaves.len();
            let leaves =
                grower.grow((binned, &sample), (&sums, units), &shape, &mut rng, &mut trees);
            for (leaf, range) in leaves.into_iter().enumerate() {
                let places = grower.order()[range].iter();
                let mut inside: Vec<_> = places.map(|place| residuals[*place as usize]).collect();
                trees.leaves[first + leaf] = mean + Loss::Squared.constant(&mut inside, 0.0);
            }
            for (row, _) in rows.iter().zip(&times).filter(|(_, times)| **times == 0) {
                let leaf = grower.leaf_of(binned.row(*row as usize), &trees);
                outside.add(*row as usize, trees.leaves[leaf]);
            }
        }
        (Self { trees, importances: shares(grower.gains) }, outside.means())
    }

    /// What is said of a row: as many values as `x` had columns; what is not there is missing. Not a
    /// number where the forest was fitted to nothing.
    pub fn predict(&self, row: &[f64]) -> f64 {
        self.predict_narrow(&narrow_row(row))
    }

    /// The same, of a row that is narrowed already.
    pub(super) fn predict_narrow(&self, row: &[f32]) -> f64 {
        self.trees.sum(row) / self.trees.roots.len() as f64
    }

    /// How much each feature has lowered the squared error: shares of 1, or all 0 where nothing has.
    pub fn importances(&self) -> &[f64] {
        &self.importances
    }
}

impl ForestParams {
    fn shape(&self) -> Shape {
        Shape {
            rules: Rules { min_leaf: self.min_samples_leaf.max(1) as f64, l2: 0.0 },
            max_leaves: usize::MAX,
            max_depth: self.max_depth,
            min_split: self.min_samples_split as f64,
            columns: self.max_features,
        }
    }
}

/// How many times each of `count` rows is drawn.
fn draw(count: usize, share: f64, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut times = vec![0; count];
    for _ in 0..((count as f64 * share).round() as usize).max(1) {
        times[rng.random_range(0..count)] += 1;
    }
    times
}

fn shares(mut gains: Vec<f64>) -> Vec<f64> {
    let total: f64 = gains.iter().sum();
    if total > 0.0 {
        gains.iter_mut().for_each(|gain| *gain /= total);
    }
    gains
}

/// What trees say of rows that they have not seen.
struct OutOfBag(Vec<(f64, u32)>);

impl OutOfBag {
    fn new(rows: usize) -> Self {
        Self(vec![(0.0, 0); rows])
    }

    fn add(&mut self, row: usize, value: f64) {
        let (sum, count) = &mut self.0[row];
        *sum += value;
        *count += 1;
    }

    fn means(self) -> Vec<f64> {
        self.0.into_iter().map(|(sum, count)| sum / f64::from(count)).collect()
    }
}
