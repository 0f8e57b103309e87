//! Many signals in groups: what is learnt and fitted grows with their number, not with its cube.

use serde::{Deserialize, Serialize};

use super::moments::Moments;
use super::recent::FEATURES;
use super::whitener::{Row, Whitener};

/// Signals that are whitened together. Containers have eight, servers in benchmarks up to 40; of a wider
/// table, columns that are further apart are taken to be unrelated.
const GROUP_COLUMNS: usize = 48 * FEATURES;

/// The moments of rows of any width.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupedMoments(Vec<Moments>);

/// The whitening of rows of any width.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupedWhitener(Vec<Whitener>);

impl GroupedMoments {
    /// Of no rows of `width` columns yet.
    pub fn new(width: usize) -> Self {
        Self(group_widths(width).map(Moments::new).collect())
    }

    /// Whether they are of rows of `width` columns: what a file must hold.
    pub fn is_sound(&self, width: usize) -> bool {
        let widths = group_widths(width);
        self.0.len() == widths.len()
            && self.0.iter().zip(widths).all(|(group, width)| group.is_sound(width))
    }

    /// How many rows the figures stand for.
    pub fn rows(&self) -> f64 {
        self.0.first().map_or(0.0, Moments::rows)
    }

    /// Takes in a row; not-a-number is missing.
    pub fn push(&mut self, row: &[f64]) {
        for (group, row) in self.0.iter_mut().zip(row.chunks(GROUP_COLUMNS)) {
            group.push(row);
        }
    }

    /// Takes in all rows of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (group, other) in self.0.iter_mut().zip(&other.0) {
            group.merge(other);
        }
    }

    /// The whitening of these rows. A signal's range is at least what `least_range` tells of it.
    pub fn whitener(&self, least_range: impl Fn(usize) -> f64) -> GroupedWhitener {
        let groups = self.0.iter().enumerate().map(|(g, moments)| {
            Whitener::new(moments, |column| {
                let value = column / FEATURES * FEATURES;
                let (range, level) = (moments.range(value), moments.mean()[value].abs());
                // A signal that never moved has no range of its own.
                let range = [range, level, 1.0].into_iter().find(|r| *r > 0.0).unwrap_or(1.0);
                range.max(least_range((g * GROUP_COLUMNS + column) / FEATURES))
            })
        });
        GroupedWhitener(groups.collect())
    }
}

impl GroupedWhitener {
    /// Whether it is of rows of `width` columns: what a file must hold.
    pub fn is_sound(&self, width: usize) -> bool {
        let widths = group_widths(width);
        self.0.len() == widths.len()
            && self.0.iter().zip(widths).all(|(group, width)| group.is_sound(width))
    }

    /// The whitened `row`. A missing value is taken to be at its mean.
    pub fn whiten(&self, row: impl Iterator<Item = f64>) -> Row {
        let row: Vec<f64> = row.collect();
        let mut whole = Row::default();
        for (group, part) in self.0.iter().zip(row.chunks(GROUP_COLUMNS)) {
            let part = group.whiten(part.iter().copied());
            whole.standardised.extend(part.standardised);
            whole.whitened.extend(part.whitened);
        }
        whole
    }
}

fn group_widths(width: usize) -> impl ExactSizeIterator<Item = usize> {
    let groups = width.div_ceil(GROUP_COLUMNS);
    (0..groups).map(move |group| GROUP_COLUMNS.min(width - group * GROUP_COLUMNS))
}
