//! A sample of a target's usual rows.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// A random sample of the rows seen. Once it is full, a row that comes in takes the place of any other,
/// so that old rows fade as those of [`super::moments::Moments`] do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reservoir {
    width: usize,
    capacity: usize,
    /// The rows, one after another; not-a-number is missing.
    values: Vec<f32>,
    /// Rows offered.
    offered: u64,
    seed: u64,
}

impl Reservoir {
    /// For up to `capacity` rows of `width` values. `seed` decides which rows stay.
    pub fn new(width: usize, capacity: usize, seed: u64) -> Self {
        Self { width, capacity, values: Vec::new(), offered: 0, seed }
    }

    /// Offers a row to a sample that stands for `stands_for` rows, this one among them.
    pub fn push(&mut self, row: impl Iterator<Item = f32>, stands_for: f64) {
        self.offered += 1;
        if self.values.len() < self.capacity * self.width {
            self.values.extend(row);
            return;
        }
        // A generator of this row's own: nothing to be kept, and the same after a restart.
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ self.offered);
        let place = rng.random_range(0.0..stands_for.max(self.capacity as f64)) as usize;
        if place < self.capacity {
            let old = &mut self.values[place * self.width..][..self.width];
            old.iter_mut().zip(row).for_each(|(old, new)| *old = new);
        }
    }

    /// Takes in the sample of `part` of all rows that both stand for then.
    pub fn merge(&mut self, other: &Self, part: f64) {
        let stands_for = other.rows().count() as f64 / part;
        for row in other.rows() {
            self.push(row.iter().copied(), stands_for);
        }
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }
}
