//! A forest whose leaves know what rows of their kind look like.
//!
//! An Isolation Forest tells rows apart by how soon they are alone; on whitened rows that adds nothing to
//! the plain distance from the mean. Here trees part the *usual* rows into kinds (night and day, idle and
//! at work) by the signals' values, and a row is measured by its distance from its own kind.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::recent::FEATURES;
use super::whitener::Row;

/// Trees grow on the same rows and differ by the signals they draw.
const TREES: usize = 4;

/// Levels of splits.
const DEPTH: usize = 3;

/// Signals drawn at a node, with replacement; the one whose cut parts the rows best is taken.
const DRAWS: usize = 4;

/// A node with this many rows or fewer is a leaf.
const LEAF_ROWS: usize = 16;

/// Each side of a cut has at least this many rows, and this share of the node's.
const SIDE_ROWS: usize = 8;
const SIDE_SHARE: usize = 10;

/// A node's figures count as its rows do against this many of its parent's.
const PARENT_ROWS: f32 = 8.0;

/// Figures of leaves are kept to this; whitened columns have a variance of 1.
const STEP: f32 = 1.0 / 256.0;

/// Trees with profiles at their leaves, of one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileForest {
    /// All trees' nodes; the first [`TREES`] are the roots.
    nodes: Vec<Node>,
    /// All leaves' profiles, one after another: as many columns as the rows have.
    columns: Vec<Coded>,
    width: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Node {
    /// Rows with a lower standardised value of the signal go to the node `left`, others to the one after.
    Split { signal: u16, cut: f32, left: u16 },
    /// Where its profile begins.
    Leaf(u32),
}

/// What a whitened column is like in a node: its mean and its mean absolute deviation.
#[derive(Clone, Copy, Debug, Default)]
struct Column {
    mean: f32,
    deviation: f32,
}

/// The same in [`STEP`]s. There are thousands of targets, and each has about a thousand of these.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Coded {
    mean: i16,
    deviation: i16,
}

impl From<Column> for Coded {
    fn from(column: Column) -> Self {
        let [mean, deviation] = [column.mean, column.deviation].map(|v| (v / STEP).round() as i16);
        Self { mean, deviation }
    }
}

impl From<Coded> for Column {
    fn from(coded: Coded) -> Self {
        let [mean, deviation] = [coded.mean, coded.deviation].map(|steps| f32::from(steps) * STEP);
        Self { mean, deviation }
    }
}

impl ProfileForest {
    /// Grows the forest of usual rows, all of one width. `seed` decides which signals are drawn.
    pub fn grow(rows: &[Row], seed: u64) -> Self {
        let width = rows.first().map_or(0, |row| row.whitened.len());
        let mut grower = Grower {
            rng: ChaCha8Rng::seed_from_u64(seed),
            forest: Self { nodes: vec![Node::Leaf(0); TREES], columns: Vec::new(), width },
        };
        let all: Vec<&Row> = rows.iter().collect();
        let root = columns(&all);
        for tree in 0..TREES {
            grower.grow(tree, all.clone(), root.clone(), 0);
        }
        grower.forest
    }

    /// Whether every walk ends at a profile of rows of `width` columns: what a file must hold.
    pub fn is_sound(&self, width: usize) -> bool {
        let ends = |(at, node): (usize, &Node)| match *node {
            Node::Leaf(start) => start as usize + width <= self.columns.len(),
            // A walk goes ahead only, so it ends.
            Node::Split { signal, left, .. } => {
                usize::from(left) > at
                    && usize::from(left) + 1 < self.nodes.len()
                    && usize::from(signal) * FEATURES < width
            }
        };
        self.width == width && self.nodes.len() >= TREES && self.nodes.iter().enumerate().all(ends)
    }

    /// How far each whitened column of `row` lies beyond what is usual in its leaves, the mean of all
    /// trees. Their sum is the row's score.
    pub fn excess(&self, row: &Row) -> Vec<f32> {
        let mut excess = vec![0.0; self.width];
        for root in 0..TREES {
            for ((sum, y), column) in excess.iter_mut().zip(&row.whitened).zip(self.leaf(root, row))
            {
                let column = Column::from(*column);
                let beyond = (y - column.mean).abs() - column.deviation;
                *sum += beyond.max(0.0) / TREES as f32;
            }
        }
        excess
    }

    fn leaf(&self, root: usize, row: &Row) -> &[Coded] {
        let mut at = root;
        loop {
            match self.nodes[at] {
                Node::Leaf(start) => {
                    return &self.columns[start as usize..][..self.width];
                }
                Node::Split { signal, cut, left } => {
                    let below = value(row, usize::from(signal)) < cut;
                    at = usize::from(left) + usize::from(!below);
                }
            }
        }
    }
}

/// The standardised value of a signal.
fn value(row: &Row, signal: usize) -> f32 {
    row.standardised[signal * FEATURES]
}

struct Grower {
    rng: ChaCha8Rng,
    forest: ProfileForest,
}

impl Grower {
    /// Makes the node `at` of `rows`, of which `profile` tells, and all nodes below it.
    fn grow(&mut self, at: usize, rows: Vec<&Row>, profile: Vec<Column>, depth: usize) {
        let forest = &mut self.forest;
        let cut = if depth < DEPTH { best_cut(&rows, &mut self.rng) } else { None };
        let Some((signal, cut)) = cut else {
            forest.nodes[at] = Node::Leaf(forest.columns.len() as u32);
            forest.columns.extend(profile.into_iter().map(Coded::from));
            return;
        };
        let left = forest.nodes.len();
        forest.nodes[at] = Node::Split { signal: signal as u16, cut, left: left as u16 };
        forest.nodes.extend([Node::Leaf(0); 2]);
        let sides: (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| value(row, signal) < cut);
        for (at, side) in [(left, sides.0), (left + 1, sides.1)] {
            let own = shrunk(columns(&side), &profile, side.len());
            self.grow(at, side, own, depth + 1);
        }
    }
}

/// The signal and the cut that part `rows` best, of a few that are drawn.
fn best_cut(rows: &[&Row], rng: &mut ChaCha8Rng) -> Option<(usize, f32)> {
    if rows.len() <= LEAF_ROWS {
        return None;
    }
    let signals = rows[0].standardised.len() / FEATURES;
    let mut best = None;
    let mut highest = 0.0;
    for _ in 0..DRAWS {
        let signal = rng.random_range(0..signals);
        let mut values: Vec<f32> = rows.iter().map(|row| value(row, signal)).collect();
        values.sort_unstable_by(f32::total_cmp);
        if let Some((gain, cut)) = cut(&values).filter(|(gain, _)| *gain > highest) {
            (highest, best) = (gain, Some((signal, cut)));
        }
    }
    best
}

/// Where sorted `values` are best cut in two, and the share of their squared deviations that this takes
/// away.
fn cut(values: &[f32]) -> Option<(f32, f32)> {
    let n = values.len();
    let total: f32 = values.iter().sum();
    let mean = total / n as f32;
    let squares: f32 = values.iter().map(|v| (v - mean).powi(2)).sum();
    let side = SIDE_ROWS.max(n / SIDE_SHARE);
    let mut sum: f32 = values[..side.min(n)].iter().map(|v| v - mean).sum();
    let mut best: Option<(f32, f32)> = None;
    for left in side..(n + 1).saturating_sub(side) {
        let (low, high) = (values[left - 1], values[left]);
        // Between the sides: n_l m_l² + n_r m_r², with the sums of both sides being opposite.
        let between = sum * sum * (1.0 / left as f32 + 1.0 / (n - left) as f32);
        if high > low && best.is_none_or(|(highest, _)| between > highest) {
            best = Some((between, f32::midpoint(low, high)));
        }
        sum += high - mean;
    }
    best.map(|(between, cut)| (between / squares, cut))
}

/// Mean and mean absolute deviation of each whitened column.
fn columns(rows: &[&Row]) -> Vec<Column> {
    let width = rows.first().map_or(0, |row| row.whitened.len());
    let mut columns = vec![Column::default(); width];
    let weight = 1.0 / rows.len() as f32;
    for row in rows {
        for (column, y) in columns.iter_mut().zip(&row.whitened) {
            column.mean += weight * y;
        }
    }
    for row in rows {
        for (column, y) in columns.iter_mut().zip(&row.whitened) {
            column.deviation += weight * (y - column.mean).abs();
        }
    }
    columns
}

/// The figures of a node with `rows` rows, drawn towards its `parent`'s.
fn shrunk(mut own: Vec<Column>, parent: &[Column], rows: usize) -> Vec<Column> {
    let share = rows as f32 / (rows as f32 + PARENT_ROWS);
    for (own, parent) in own.iter_mut().zip(parent) {
        own.mean = parent.mean + share * (own.mean - parent.mean);
        own.deviation = parent.deviation + share * (own.deviation - parent.deviation);
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two signals that are both low or both high. Each row also has a little noise of its own.
    fn kinds(n: usize) -> Vec<Row> {
        (0..n)
            .map(|i| {
                let level = if i % 3 == 0 { 1.5 } else { -0.75 };
                let noise = |k: usize| ((i * 37 + k * 11) % 17) as f32 / 170.0;
                row([level + noise(1), level + noise(2)])
            })
            .collect()
    }

    fn row(values: [f32; 2]) -> Row {
        let all: Vec<f32> = values.iter().flat_map(|v| [*v; FEATURES]).collect();
        Row { standardised: all.clone(), whitened: all }
    }

    fn score(forest: &ProfileForest, values: [f32; 2]) -> f32 {
        forest.excess(&row(values)).iter().sum()
    }

    #[test]
    fn a_row_is_measured_by_its_own_kind() {
        let forest = ProfileForest::grow(&kinds(128), 1);
        let (low, high) = (score(&forest, [-0.7, -0.7]), score(&forest, [1.55, 1.55]));
        assert!(low < 1.0 && high < 1.0, "{low} {high}");
        // Nearer to the mean of all rows than either kind, and like none.
        assert!(score(&forest, [0.0, 0.0]) > 2.0 * low.max(high));
        assert!(score(&forest, [1.55, -0.7]) > 2.0 * low.max(high));
    }

    #[test]
    fn the_excess_is_the_odd_columns() {
        let forest = ProfileForest::grow(&kinds(128), 1);
        let excess = forest.excess(&row([-0.7, -3.0]));
        let (usual, odd) = excess.split_at(FEATURES);
        assert!(odd.iter().sum::<f32>() > 10.0 * usual.iter().sum::<f32>(), "{excess:?}");
    }

    #[test]
    fn the_same_rows_and_seed_grow_the_same_forest() {
        let rows = kinds(128);
        assert_eq!(ProfileForest::grow(&rows, 1), ProfileForest::grow(&rows, 1));
        assert_ne!(ProfileForest::grow(&rows, 1), ProfileForest::grow(&rows, 2));
    }

    #[test]
    fn few_rows_and_equal_rows_make_single_leaves() {
        let equal = vec![row([1.0, 1.0]); 100];
        for rows in [&kinds(1)[..], &kinds(LEAF_ROWS), &equal] {
            let forest = ProfileForest::grow(rows, 1);
            assert_eq!(forest.nodes.len(), TREES);
            assert!(score(&forest, [9.0, 1e6]).is_finite());
        }
    }

    #[test]
    fn a_cut_lies_between_the_heaps_and_leaves_enough_on_both_sides() {
        let mut values = vec![0.0; 30];
        values.extend([5.0; 20]);
        let (gain, at) = cut(&values).expect("a cut");
        assert!((gain - 1.0).abs() < 1e-6 && (at - 2.5).abs() < 1e-6);
        let mut lonely = vec![0.0; 49];
        lonely.push(5.0);
        assert_eq!(cut(&lonely), None);
    }
}
