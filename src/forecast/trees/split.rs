//! The best way to divide the rows of a node.

use super::bins::Bins;
use super::sum::{Sum, Units};

/// Which divisions are allowed, and how they are judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rules {
    /// The least weight of either side.
    pub min_leaf: f64,
    /// Added to the weight of a side: trusts few rows less.
    pub l2: f64,
}

/// A division of the rows of a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    /// How much it lowers the loss, doubled.
    pub gain: f64,
    /// Which of the features looked at.
    pub feature: usize,
    /// The last bin that goes left; bin 0 is that of missing values.
    pub bin: usize,
    /// Whether missing values go left.
    pub missing_left: bool,
    /// The sum of what goes left.
    pub left: Sum,
}

impl Rules {
    /// The best division by one feature, whose share of the node's histogram is `histogram`; only one
    /// that is better than `best`. Of equals the first stands.
    pub fn search(
        &self,
        (feature, bins): (usize, &Bins),
        histogram: &[Sum],
        (node, units): (Sum, Units),
        best: &mut Option<Split>,
    ) {
        let n_bins = bins.len();
        let missing = histogram[0];
        let has_missing = missing != Sum::default();
        let part = |sum: Sum| {
            let (gradient, weight) = units.unpack(sum);
            (gradient * gradient, weight, weight + self.l2)
        };
        let (square, _, trusted) = part(node);
        let before = square / trusted;
        let mut least = best.map_or(0.0, |split| split.gain) + before;
        let mut look = |bin: usize, left: Sum, missing_left: Option<bool>| {
            let (a, left_weight, left_trusted) = part(left);
            let (b, right_weight, right_trusted) = part(node - left);
            // The sum of both fractions, with one division.
            let both = (a * right_trusted + b * left_trusted) / (left_trusted * right_trusted);
            let allowed = left_weight >= self.min_leaf && right_weight >= self.min_leaf;
            if both > least && allowed {
                least = both;
                // Where none is missing, those that come later go with the many.
                let missing_left = missing_left.unwrap_or(left_weight >= right_weight);
                *best = Some(Split { gain: both - before, feature, bin, missing_left, left });
            }
        };
        let mut left = Sum::default();
        for (bin, sum) in histogram.iter().enumerate().take(n_bins - 1).skip(1) {
            left += *sum;
            look(bin, left, has_missing.then_some(false));
        }
        if has_missing {
            let mut left = Sum::default();
            for (bin, sum) in histogram.iter().enumerate().take(n_bins - 1) {
                left += *sum;
                look(bin, left, Some(true));
            }
        }
    }
}
