//! Gradient boosting over histograms.

use ndarray::ArrayView2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::bins::Binned;
use super::ensemble::Ensemble;
use super::grow::{Grower, Sample, Shape, draw};
use super::loss::Loss;
use super::narrow_row;
use super::split::Rules;

/// How a model is boosted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// How many trees.
    pub trees: usize,
    /// How much of what a tree says is believed.
    pub rate: f64,
    /// The most leaves of a tree.
    pub leaves: usize,
    /// The fewest rows of a leaf.
    pub min_leaf: usize,
    /// Added to the weight of the rows of a node.
    pub l2: f64,
    /// The share of the rows that each tree sees.
    pub rows: f64,
    /// The share of the features that each tree sees.
    pub columns: f64,
    /// The most bins of a feature, that of missing values included; at most 256.
    pub bins: usize,
    /// The seed of what is drawn.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            trees: 100,
            rate: 0.07,
            leaves: 10,
            min_leaf: 30,
            l2: 1.0,
            rows: 0.8,
            columns: 0.5,
            bins: 32,
            seed: 42,
        }
    }
}

/// A sum of small trees, each fitted to what those before it left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boosting {
    loss: Loss,
    /// What is said before the first tree.
    base: f64,
    trees: Ensemble,
}

impl Boosting {
    /// Fits a model to `y` by `x` (rows × features). Not-a-number in `x` is missing, which is a value like
    /// others; rows without a `y` are left out. Values of `x` are compared as 32-bit floats.
    pub fn fit(x: ArrayView2<f64>, y: &[f64], loss: Loss, params: &Params) -> Self {
        let base = Self { loss, base: f64::NAN, trees: Ensemble::default() };
        Self::fit_all(x, y, None, &[loss], params).pop().unwrap_or(base)
    }

    /// Fits a model for each loss, with a weight for each row: the bins and the draws are shared.
    pub fn fit_all(
        x: ArrayView2<f64>,
        y: &[f64],
        weights: Option<&[f64]>,
        losses: &[Loss],
        params: &Params,
    ) -> Vec<Self> {
        let binned = Binned::new(x, params.bins);
        Fit::new(&binned, y, weights, params).models(losses)
    }

    /// The loss that it was fitted to.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// What is said of a row: as many values as `x` had columns; what is not there is missing.
    pub fn predict(&self, row: &[f64]) -> f64 {
        self.predict_narrow(&narrow_row(row))
    }

    /// The same, of a row that is narrowed already.
    pub(super) fn predict_narrow(&self, row: &[f32]) -> f64 {
        self.base + self.trees.sum(row)
    }

    /// What is said of a row with 0, 1, 2, … trees; the last is what [`Boosting::predict`] says.
    pub fn staged(&self, row: &[f64]) -> Vec<f64> {
        let row = narrow_row(row);
        let leaves = self.trees.leaves_of(&row).map(|leaf| self.trees.leaves[leaf]);
        let mut sum = 0.0;
        let sums = leaves.map(|leaf| {
            sum += leaf;
            self.base + sum
        });
        std::iter::once(self.base).chain(sums).collect()
    }

    /// How often each of `features` features is asked about: shares of 1, or all 0 where nothing is.
    pub fn importances(&self, features: usize) -> Vec<f64> {
        let mut asked = vec![0.0; features];
        for node in &self.trees.nodes {
            if let Some(count) = asked.get_mut(usize::from(node.feature)) {
                *count += 1.0;
            }
        }
        let total = self.trees.nodes.len().max(1) as f64;
        asked.iter_mut().for_each(|count| *count /= total);
        asked
    }
}

/// One run of boosting over rows in bins.
pub(super) struct Fit<'a> {
    binned: &'a Binned,
    y: &'a [f64],
    /// 1 on average.
    weights: Vec<f64>,
    /// The rows that count.
    rows: Vec<u32>,
    params: &'a Params,
    shape: Shape,
}

/// A model in the making.
struct Partial {
    model: Boosting,
    /// What it says of every row.
    said: Vec<f64>,
}

impl<'a> Fit<'a> {
    pub fn new(
        binned: &'a Binned,
        y: &'a [f64],
        weights: Option<&[f64]>,
        params: &'a Params,
    ) -> Self {
        let n_rows = binned.n_rows.min(y.len());
        let weight = |row: usize| weights.map_or(1.0, |w| w.get(row).copied().unwrap_or(0.0));
        let mut weights: Vec<f64> = (0..n_rows).map(weight).collect();
        let counts = |row: &u32| y[*row as usize].is_finite() && weights[*row as usize] > 0.0;
        let rows: Vec<u32> = (0..n_rows as u32).filter(counts).collect();
        let total: f64 = rows.iter().map(|row| weights[*row as usize]).sum();
        let mean = total / rows.len() as f64;
        weights.iter_mut().for_each(|weight| *weight /= mean);
        let rules = Rules { min_leaf: params.min_leaf.max(1) as f64, l2: params.l2 };
        let shape = Shape {
            rules,
            max_leaves: params.leaves,
            max_depth: usize::MAX,
            min_split: 0.0,
            columns: 1.0,
        };
        Self { binned, y, weights, rows, params, shape }
    }

    /// A model for each loss.
    pub fn models(&self, losses: &[Loss]) -> Vec<Boosting> {
        let mut partials: Vec<Partial> = losses.iter().map(|loss| self.begin(*loss)).collect();
        let (mut grower, mut sample) = (Grower::default(), Sample::default());
        for tree in 0..self.params.trees {
            // A stream of its own for each tree: what is drawn does not depend on the trees before.
            let mut rng = ChaCha8Rng::seed_from_u64(self.params.seed);
            rng.set_stream(tree as u64);
            let features = draw(self.binned.features.len(), self.params.columns, &mut rng);
            sample.take(self.binned, self.draw_rows(&mut rng), features);
            for partial in &mut partials {
                self.add_tree(&mut grower, &sample, &mut rng, partial);
            }
        }
        partials.into_iter().map(|partial| partial.model).collect()
    }

    fn begin(&self, loss: Loss) -> Partial {
        let mut all: Vec<(f64, f64)> =
            self.rows.iter().map(|row| self.weighted(*row, 0.0)).collect();
        let base = if all.is_empty() { f64::NAN } else { loss.constant(&mut all, 0.0) };
        let model = Boosting { loss, base, trees: Ensemble::default() };
        Partial { model, said: vec![base; self.y.len()] }
    }

    /// The residual and the weight of a row.
    fn weighted(&self, row: u32, said: f64) -> (f64, f64) {
        (self.y[row as usize] - said, self.weights[row as usize])
    }

    fn draw_rows(&self, rng: &mut ChaCha8Rng) -> Vec<u32> {
        if self.params.rows >= 1.0 {
            return self.rows.clone();
        }
        self.rows.iter().copied().filter(|_| rng.random::<f64>() < self.params.rows).collect()
    }

    fn add_tree(
        &self,
        grower: &mut Grower,
        sample: &Sample,
        rng: &mut ChaCha8Rng,
        Partial { model, said }: &mut Partial,
    ) {
        let residuals: Vec<(f64, f64)> =
            sample.rows.iter().map(|row| self.weighted(*row, said[*row as usize])).collect();
        let (sums, units) = model.loss.pack(&residuals);
        let first = model.trees.leaves.len();
        let leaves =
            grower.grow((self.binned, sample), (&sums, units), &self.shape, rng, &mut model.trees);
        let mut inside = Vec::new();
        for (leaf, range) in leaves.into_iter().enumerate() {
            inside.clear();
            let places = &grower.order()[range];
            inside.extend(places.iter().map(|place| residuals[*place as usize]));
            let value = model.loss.constant(&mut inside, self.params.l2) * self.params.rate;
            model.trees.leaves[first + leaf] = value;
            for place in places {
                said[sample.rows[*place as usize] as usize] += value;
            }
        }
        let mut drawn = sample.rows.iter().copied().peekable();
        for row in &self.rows {
            if drawn.next_if_eq(row).is_none() {
                let leaf = grower.leaf_of(self.binned.row(*row as usize), &model.trees);
                said[*row as usize] += model.trees.leaves[leaf];
            }
        }
    }
}
