//! One isolation tree: random splits until every row stands alone.

use std::ops::Range;

use ndarray::ArrayView2;
use rand::RngExt;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::key::Key;

/// One node. A row goes `left` nodes ahead where its `feature` is at most `threshold`, else one further.
/// A leaf has `left` 0 and an infinite threshold, so that a walk past it stays on it: all rows can take
/// the same number of steps without asking.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub threshold: Key,
    pub feature: u16,
    pub left: u16,
}

impl Node {
    const LEAF: Self = Self { threshold: Key::INFINITY, feature: 0, left: 0 };

    pub fn is_leaf(self) -> bool {
        self.left == 0
    }
}

/// The mean path length of an unsuccessful search in a binary search tree of `n` rows: `c(n)` of
/// Liu, Ting, Zhou 2008, with the two exact values that scikit-learn puts first.
pub fn average_path_length(n: usize) -> f64 {
    const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = n as f64;
            2.0 * ((n - 1.0).ln() + EULER_GAMMA) - 2.0 * (n - 1.0) / n
        }
    }
}

/// Grows trees from one matrix; keeps the scratch memory between trees.
pub struct Grower<'a> {
    /// Shape (rows, features).
    rows: ArrayView2<'a, f32>,
    max_samples: usize,
    max_depth: usize,
    /// The drawn rows, column by column.
    columns: Vec<f32>,
    /// Places in `columns`, grouped by the node that holds them.
    samples: Vec<u16>,
    /// All features; each node knows how many at the front may still vary below it.
    features: Vec<u16>,
    stack: Vec<Task>,
}

struct Task {
    node: usize,
    samples: Range<usize>,
    depth: usize,
    /// How many of the features may vary; those behind are constant in this node.
    varying: usize,
}

struct Split {
    feature: u16,
    threshold: f32,
}

impl<'a> Grower<'a> {
    /// For `rows` of shape (rows, features), with `max_samples` of them to a tree.
    pub fn new(rows: ArrayView2<'a, f32>, max_samples: usize) -> Self {
        Self {
            rows,
            max_samples,
            max_depth: (max_samples as f64).log2().ceil() as usize,
            columns: vec![0.0; max_samples * rows.ncols()],
            samples: Vec::new(),
            features: Vec::new(),
            stack: Vec::new(),
        }
    }

    /// Adds one tree's nodes to `nodes` and, for each, the expected path length of a row that reaches it
    /// (its depth plus `c` of the rows in it) to `path_lengths`. Returns the tree's depth.
    pub fn grow(
        &mut self,
        rng: &mut ChaCha8Rng,
        nodes: &mut Vec<Node>,
        path_lengths: &mut Vec<f32>,
    ) -> usize {
        self.draw(rng);
        self.features = (0..self.rows.ncols() as u16).collect();
        let mut deepest = 0;
        let root = nodes.len();
        nodes.push(Node::LEAF);
        path_lengths.push(0.0);
        self.stack.push(Task {
            node: root,
            samples: 0..self.max_samples,
            depth: 0,
            varying: self.features.len(),
        });
        while let Some(mut task) = self.stack.pop() {
            deepest = deepest.max(task.depth);
            let n = task.samples.len();
            path_lengths[task.node] = (task.depth as f64 + average_path_length(n)) as f32;
            if n <= 1 || task.depth == self.max_depth {
                continue;
            }
            let Some(split) = self.split(&mut task, rng) else { continue };
            let middle = self.partition(task.samples.clone(), &split);
            let left = nodes.len();
            nodes.extend([Node::LEAF; 2]);
            path_lengths.extend([0.0; 2]);
            nodes[task.node] = Node {
                threshold: split.threshold.into(),
                feature: split.feature,
                left: (left - task.node) as u16,
            };
            let (depth, varying) = (task.depth + 1, task.varying);
            let below = [(left + 1, middle..task.samples.end), (left, task.samples.start..middle)];
            self.stack.extend(below.map(|(node, samples)| Task { node, samples, depth, varying }));
        }
        deepest
    }

    /// Draws the tree's rows without replacement.
    fn draw(&mut self, rng: &mut ChaCha8Rng) {
        let drawn = index::sample(rng, self.rows.nrows(), self.max_samples);
        for (place, row) in drawn.into_iter().enumerate() {
            for (feature, value) in self.rows.row(row).iter().enumerate() {
                self.columns[feature * self.max_samples + place] = *value;
            }
        }
        self.samples = (0..self.max_samples as u16).collect();
    }

    /// A uniformly drawn feature among those that vary in the node, and a uniform threshold in its range.
    /// Features found constant leave the node's and its children's choice.
    fn split(&mut self, task: &mut Task, rng: &mut ChaCha8Rng) -> Option<Split> {
        while task.varying > 0 {
            let choice = rng.random_range(0..task.varying);
            let feature = self.features[choice];
            let column = self.column(feature);
            let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
            for place in &self.samples[task.samples.clone()] {
                let value = column[usize::from(*place)];
                min = min.min(value);
                max = max.max(value);
            }
            if min < max {
                let (low, high) = (f64::from(min), f64::from(max));
                let threshold = (low + rng.random::<f64>() * (high - low)) as f32;
                // Rounding may reach the maximum, which would leave the right side empty.
                let threshold = if threshold < max { threshold } else { min };
                return Some(Split { feature, threshold });
            }
            task.varying -= 1;
            self.features.swap(choice, task.varying);
        }
        None
    }

    /// Moves the places of rows at most the threshold to the front; returns where the others begin.
    fn partition(&mut self, range: Range<usize>, split: &Split) -> usize {
        let start = usize::from(split.feature) * self.max_samples;
        let column = &self.columns[start..start + self.max_samples];
        let samples = &mut self.samples[range.clone()];
        let mut left = 0;
        for i in 0..samples.len() {
            if column[usize::from(samples[i])] <= split.threshold {
                samples.swap(i, left);
                left += 1;
            }
        }
        range.start + left
    }

    fn column(&self, feature: u16) -> &[f32] {
        &self.columns[usize::from(feature) * self.max_samples..][..self.max_samples]
    }
}
