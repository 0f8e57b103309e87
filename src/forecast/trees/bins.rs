//! Values as few small numbers: what histograms are counted over.

use std::ops::Range;

use ndarray::ArrayView2;

/// The most bins of a feature, the one of missing values among them.
pub(super) const MOST_BINS: usize = 256;

/// Codes of all features together fit 16 bits.
const MOST_CODES: usize = 1 << 16;

/// With more features than this, not all of them would have a split. Those after it are left alone.
pub(super) const MOST_FEATURES: usize = MOST_CODES / 3;

/// Where the bins of one feature lie: among the codes of all features, and among its values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bins {
    /// The code of a missing value; the bins of values follow, the lowest first.
    pub first: usize,
    /// The highest value of every bin but the last.
    pub edges: Vec<f32>,
}

impl Bins {
    /// How many codes there are: missing, and one more than edges.
    pub fn len(&self) -> usize {
        self.edges.len() + 2
    }

    /// Its codes.
    pub fn codes(&self) -> Range<usize> {
        self.first..self.first + self.len()
    }

    fn code(&self, value: f32) -> u16 {
        let bin =
            if value.is_nan() { 0 } else { 1 + self.edges.partition_point(|edge| *edge < value) };
        (self.first + bin) as u16
    }
}

/// Rows of a matrix as codes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Binned {
    /// One a feature.
    pub features: Vec<Bins>,
    /// How many codes all features have together.
    pub n_codes: usize,
    pub n_rows: usize,
    /// Row by row, one a feature; a code belongs to one feature alone.
    codes: Vec<u16>,
}

impl Binned {
    /// Sorts the values of every feature of `x` (rows × features) into `most` bins at most.
    pub fn new(x: ArrayView2<f64>, most: usize) -> Self {
        let (n_rows, n_features) = (x.nrows(), x.ncols().min(MOST_FEATURES));
        let most = most.clamp(3, MOST_BINS).min(MOST_CODES / n_features.max(1));
        let (mut features, mut first) = (Vec::with_capacity(n_features), 0);
        let mut codes = vec![0; n_rows * n_features];
        let mut column = Vec::with_capacity(n_rows);
        for (feature, values) in x.columns().into_iter().take(n_features).enumerate() {
            column.clear();
            column.extend(values.iter().map(|value| narrow(*value)));
            let bins = Bins { first, edges: edges(&column, most - 1) };
            for (row, value) in column.iter().enumerate() {
                codes[row * n_features + feature] = bins.code(*value);
            }
            first += bins.len();
            features.push(bins);
        }
        Self { features, n_codes: first, n_rows, codes }
    }

    /// The codes of a row, one a feature.
    pub fn row(&self, row: usize) -> &[u16] {
        let width = self.features.len();
        &self.codes[row * width..][..width]
    }
}

/// A value as trees compare it: as a short float, and never infinite.
#[inline]
pub(super) fn narrow(value: f64) -> f32 {
    // A comparison with not-a-number leaves it as it is.
    (value as f32).clamp(f32::MIN, f32::MAX)
}

/// The highest value of every bin but the last, of `most` bins at most. Each value has a bin of its own
/// where there are few; otherwise bins hold about as many rows each.
fn edges(column: &[f32], most: usize) -> Vec<f32> {
    let mut sorted: Vec<f32> = column.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let mut distinct: Vec<(f32, usize)> = Vec::new();
    for value in &sorted {
        match distinct.last_mut() {
            Some((last, count)) if *last == *value => *count += 1,
            _ => distinct.push((*value, 1)),
        }
    }
    let few = distinct.len() <= most;
    let (mut edges, mut seen, mut left) = (Vec::new(), 0, sorted.len());
    for pair in distinct.windows(2) {
        seen += pair[0].1;
        let bins = most - edges.len();
        if bins > 1 && (few || seen * bins >= left) {
            edges.push(between(pair[0].0, pair[1].0));
            left -= seen;
            seen = 0;
        }
    }
    edges
}

/// The middle of two values, or the lower one where no float lies between them.
fn between(low: f32, high: f32) -> f32 {
    let middle = low / 2.0 + high / 2.0;
    if low <= middle && middle < high { middle } else { low }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use proptest::prelude::*;

    use super::*;

    fn column(values: Vec<f64>) -> Array2<f64> {
        Array2::from_shape_vec((values.len(), 1), values).unwrap()
    }

    proptest! {
        #[test]
        fn bins_keep_the_order_of_values(
            values in prop::collection::vec(prop::num::f64::ANY, 1..300),
            most in 0_usize..40,
        ) {
            let binned = Binned::new(column(values.clone()).view(), most);
            prop_assert!(binned.n_codes <= most.max(3));
            for (row, value) in values.iter().enumerate() {
                let code = binned.row(row)[0];
                prop_assert_eq!(code == 0, value.is_nan());
                for (other, value_other) in values.iter().enumerate() {
                    let theirs = binned.row(other)[0];
                    let rising = narrow(*value) <= narrow(*value_other);
                    prop_assert!(!rising || code <= theirs);
                }
            }
        }

        #[test]
        fn few_values_have_a_bin_each(
            values in prop::collection::vec(-5_i8..5, 1..100),
        ) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let binned = Binned::new(column(values.clone()).view(), 12);
            for (row, value) in values.iter().enumerate() {
                for (other, value_other) in values.iter().enumerate() {
                    let same = binned.row(row) == binned.row(other);
                    prop_assert_eq!(same, value == value_other);
                }
            }
        }
    }

    #[test]
    fn many_values_are_spread_evenly() {
        let binned = Binned::new(column((0..1000).map(f64::from).collect()).view(), 11);
        let mut counts = vec![0; binned.n_codes];
        (0..1000).for_each(|row| counts[usize::from(binned.row(row)[0])] += 1);
        assert_eq!(counts, [&[0][..], &[100; 10]].concat());
    }

    #[test]
    fn codes_of_different_features_differ() {
        let x = Array2::from_shape_fn((50, 3), |(row, column)| (row * column) as f64);
        let binned = Binned::new(x.view(), 20);
        assert_eq!(binned.n_codes, binned.features.iter().map(Bins::len).sum::<usize>());
        for (feature, bins) in binned.features.iter().enumerate() {
            let codes = bins.codes();
            assert!((0..50).all(|row| codes.contains(&binned.row(row)[feature].into())));
        }
    }
}
