//! Growing one tree from gradients.

use std::ops::{Range, RangeInclusive};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::bins::{Binned, Bins};
use super::ensemble::{Child, Ensemble, Node};
use super::split::{Rules, Split};
use super::sum::{Sum, Units};

/// When a tree stops growing, and in which order it grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    pub rules: Rules,
    /// At most so many leaves, the most useful splits first.
    pub max_leaves: usize,
    /// At most so many questions on the way to a leaf.
    pub max_depth: usize,
    /// Nodes of less weight are not divided.
    pub min_split: f64,
    /// The share of the sample's features that each node looks at.
    pub columns: f64,
}

/// The rows and features that a tree sees, side by side.
#[derive(Debug, Default)]
pub(super) struct Sample {
    /// Rows of the matrix, rising.
    pub rows: Vec<u32>,
    /// Features of the matrix, rising.
    pub features: Vec<usize>,
    /// The codes of those features, row by row.
    codes: Vec<u16>,
}

impl Sample {
    /// Takes these rows and features.
    pub fn take(&mut self, binned: &Binned, rows: Vec<u32>, features: Vec<usize>) {
        (self.rows, self.features) = (rows, features);
        self.codes.clear();
        self.codes.reserve(self.rows.len() * self.features.len());
        for row in &self.rows {
            let codes = binned.row(*row as usize);
            self.codes.extend(self.features.iter().map(|feature| codes[*feature]));
        }
    }

    #[inline]
    fn codes(&self, place: u32) -> &[u16] {
        let width = self.features.len();
        &self.codes[place as usize * width..][..width]
    }
}

/// A leaf that may yet be divided.
#[derive(Clone, Debug)]
struct Leaf {
    /// Its rows, as a range of [`Grower::order`].
    rows: Range<usize>,
    sum: Sum,
    depth: usize,
    /// The node above it and the side of it.
    above: Option<(usize, usize)>,
    /// How it would be divided, with the histogram of its rows.
    split: Option<(Split, Vec<Sum>)>,
}

/// Grows trees; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub(super) struct Grower {
    /// Places in the sample; the rows of a leaf lie side by side.
    order: Vec<u32>,
    right: Vec<u32>,
    unused: Vec<Vec<Sum>>,
    /// What goes left at each question of the newest tree.
    left: Vec<RangeInclusive<u16>>,
    /// How much each feature of the matrix has lowered the loss, over all trees, doubled.
    pub gains: Vec<f64>,
}

impl Grower {
    /// Grows one tree at the end of `ensemble` and tells the rows of each new leaf, in the order of the
    /// leaves, as ranges of [`Grower::order`]. The caller says what the leaves say.
    ///
    /// `sums` has one entry a row of the sample.
    pub fn grow(
        &mut self,
        (binned, sample): (&Binned, &Sample),
        (sums, units): (&[Sum], Units),
        shape: &Shape,
        rng: &mut ChaCha8Rng,
        ensemble: &mut Ensemble,
    ) -> Vec<Range<usize>> {
        let mut tree = Growth { grower: self, binned, sample, sums, units, shape, rng };
        tree.grow(ensemble)
    }

    /// Places in the sample, leaf by leaf.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// The leaf of the newest tree, `ensemble`'s last, that a row falls into, by its place in the arrays.
    pub fn leaf_of(&self, codes: &[u16], ensemble: &Ensemble) -> usize {
        let first = ensemble.nodes.len() - self.left.len();
        let mut at = ensemble.roots[ensemble.roots.len() - 1];
        loop {
            let node = match at.place() {
                Ok(node) => node,
                Err(leaf) => return leaf,
            };
            let Node { feature, children, .. } = &ensemble.nodes[node];
            let left = self.left[node - first].contains(&codes[usize::from(*feature)]);
            at = children[usize::from(!left)];
        }
    }
}

struct Growth<'a> {
    grower: &'a mut Grower,
    binned: &'a Binned,
    sample: &'a Sample,
    sums: &'a [Sum],
    units: Units,
    shape: &'a Shape,
    rng: &'a mut ChaCha8Rng,
}

impl Growth<'_> {
    fn grow(&mut self, ensemble: &mut Ensemble) -> Vec<Range<usize>> {
        let (first_node, first_leaf) = (ensemble.nodes.len(), ensemble.leaves.len());
        let n_rows = self.sample.rows.len();
        self.grower.order.clear();
        self.grower.order.extend(0..n_rows as u32);
        self.grower.left.clear();
        self.grower.gains.resize(self.binned.features.len(), 0.0);
        let sum = self.sums.iter().fold(Sum::default(), |all, sum| all + *sum);
        let mut root = Leaf { rows: 0..n_rows, sum, depth: 0, above: None, split: None };
        if self.shape.max_leaves > 1 && self.may_split(&root) {
            let mut histogram = self.empty_histogram();
            self.count(&root.rows, &mut histogram);
            self.search(&mut root, histogram);
        }
        let mut open = Vec::from_iter(root.split.as_ref().map(|_| 0));
        let mut leaves = vec![root];
        while leaves.len() < self.shape.max_leaves {
            let Some(at) = self.take(&leaves, &mut open) else { break };
            let Some((split, histogram)) = leaves[at].split.take() else { break };
            let node = ensemble.nodes.len();
            self.grower.gains[self.sample.features[split.feature]] += split.gain;
            ensemble.nodes.push(self.node(&split, [at, leaves.len()].map(|l| first_leaf + l)));
            if let Some((above, side)) = leaves[at].above {
                ensemble.nodes[above].children[side] = Child::node(node);
            }
            let last = leaves.len() + 1 == self.shape.max_leaves;
            let [left, right] = self.divide(&leaves[at], node, &split, histogram, last);
            for (at, leaf) in [(at, &left), (leaves.len(), &right)] {
                open.extend(leaf.split.as_ref().map(|_| at));
            }
            leaves[at] = left;
            leaves.push(right);
        }
        ensemble.roots.push(match leaves.len() {
            1 => Child::leaf(first_leaf),
            _ => Child::node(first_node),
        });
        ensemble.leaves.resize(first_leaf + leaves.len(), 0.0);
        leaves
            .into_iter()
            .map(|leaf| {
                self.grower.unused.extend(leaf.split.map(|(_, histogram)| histogram));
                leaf.rows
            })
            .collect()
    }

    /// The open leaf to divide next: the one whose division helps most, the first of equals. Where every
    /// leaf will be divided, the newest, so that few histograms are kept.
    fn take(&self, leaves: &[Leaf], open: &mut Vec<usize>) -> Option<usize> {
        if self.shape.max_leaves == usize::MAX {
            return open.pop();
        }
        let gain = |at: usize| leaves[at].split.as_ref().map_or(0.0, |(split, _)| split.gain);
        let better = |best: usize, at| if gain(open[at]) > gain(open[best]) { at } else { best };
        let best = (0..open.len()).reduce(better)?;
        Some(open.swap_remove(best))
    }

    fn node(&self, split: &Split, leaves: [usize; 2]) -> Node {
        let feature = self.sample.features[split.feature];
        // Bin 0 is that of missing values: where it goes left alone, no value does.
        let edge = split.bin.checked_sub(1).map(|edge| self.binned.features[feature].edges[edge]);
        Node {
            threshold: edge.unwrap_or(f32::NEG_INFINITY),
            feature: feature as u16,
            missing_left: split.missing_left,
            children: leaves.map(Child::leaf),
        }
    }

    /// The two leaves that a leaf becomes. The smaller one is counted anew, the larger one has the rest.
    fn divide(
        &mut self,
        leaf: &Leaf,
        node: usize,
        split: &Split,
        mut histogram: Vec<Sum>,
        last: bool,
    ) -> [Leaf; 2] {
        let middle = self.partition(&leaf.rows, split);
        let child = |rows: Range<usize>, sum, side| {
            let above = Some((node, side));
            Leaf { rows, sum, depth: leaf.depth + 1, above, split: None }
        };
        let mut children = [
            child(leaf.rows.start..middle, split.left, 0),
            child(middle..leaf.rows.end, leaf.sum - split.left, 1),
        ];
        let open = children.each_ref().map(|child| !last && self.may_split(child));
        if open == [false, false] {
            self.grower.unused.push(histogram);
            return children;
        }
        let small = usize::from(children[0].rows.len() > children[1].rows.len());
        let mut counted = self.empty_histogram();
        self.count(&children[small].rows, &mut counted);
        for feature in &self.sample.features {
            let codes = self.binned.features[*feature].codes();
            for (all, part) in histogram[codes.clone()].iter_mut().zip(&counted[codes]) {
                *all = *all - *part;
            }
        }
        let mut histograms = if small == 0 { [counted, histogram] } else { [histogram, counted] };
        for side in 0..2 {
            let histogram = std::mem::take(&mut histograms[side]);
            if open[side] {
                self.search(&mut children[side], histogram);
            } else {
                self.grower.unused.push(histogram);
            }
        }
        children
    }

    fn may_split(&self, leaf: &Leaf) -> bool {
        let (_, weight) = self.units.unpack(leaf.sum);
        let least = self.shape.min_split.max(2.0 * self.shape.rules.min_leaf);
        leaf.depth < self.shape.max_depth && leaf.rows.len() > 1 && weight >= least
    }

    fn empty_histogram(&mut self) -> Vec<Sum> {
        let mut histogram = self.grower.unused.pop().unwrap_or_default();
        histogram.clear();
        histogram.resize(self.binned.n_codes, Sum::default());
        histogram
    }

    fn count(&self, rows: &Range<usize>, histogram: &mut [Sum]) {
        for place in &self.grower.order[rows.clone()] {
            let sum = self.sums[*place as usize];
            for code in self.sample.codes(*place) {
                histogram[usize::from(*code)] += sum;
            }
        }
    }

    fn search(&mut self, leaf: &mut Leaf, histogram: Vec<Sum>) {
        let mut best = None;
        let looked_at = draw(self.sample.features.len(), self.shape.columns, self.rng);
        for at in looked_at {
            let bins: &Bins = &self.binned.features[self.sample.features[at]];
            let part = &histogram[bins.codes()];
            self.shape.rules.search((at, bins), part, (leaf.sum, self.units), &mut best);
        }
        match best {
            Some(split) => leaf.split = Some((split, histogram)),
            None => self.grower.unused.push(histogram),
        }
    }

    /// Brings the rows that go left before the others, each in their order; tells where the others begin.
    fn partition(&mut self, rows: &Range<usize>, split: &Split) -> usize {
        let first = self.binned.features[self.sample.features[split.feature]].first;
        let lowest = first + usize::from(!split.missing_left);
        let left = lowest as u16..=(first + split.bin) as u16;
        self.grower.left.push(left.clone());
        let Grower { order, right, .. } = &mut *self.grower;
        right.resize(rows.len(), 0);
        let (mut middle, mut others) = (rows.start, 0);
        for at in rows.clone() {
            // Written to both sides: a branch would be mistaken half of the time.
            let place = order[at];
            let left = left.contains(&self.sample.codes(place)[split.feature]);
            order[middle] = place;
            right[others] = place;
            middle += usize::from(left);
            others += usize::from(!left);
        }
        order[middle..rows.end].copy_from_slice(&right[..others]);
        middle
    }
}

/// A share of `0..count`, at least one, rising.
pub(super) fn draw(count: usize, share: f64, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let wanted = ((count as f64 * share).ceil() as usize).clamp(1.min(count), count);
    let mut all: Vec<usize> = (0..count).collect();
    if wanted < count {
        for at in 0..wanted {
            let other = rng.random_range(at..count);
            all.swap(at, other);
        }
        all.truncate(wanted);
        all.sort_unstable();
    }
    all
}
