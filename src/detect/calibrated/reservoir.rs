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

    /// Whether it is one of rows of `width` values: what a file must hold.
    pub fn is_sound(&self, width: usize) -> bool {
        self.width == width
            && self.values.len().is_multiple_of(width.max(1))
            && self.values.len() <= self.capacity.saturating_mul(width)
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(capacity: usize, rows: std::ops::Range<u32>, memory: f64) -> Reservoir {
        let mut reservoir = Reservoir::new(2, capacity, 1);
        let from = rows.start;
        for i in rows {
            reservoir.push([i as f32, f32::NAN].into_iter(), f64::from(i - from + 1).min(memory));
        }
        reservoir
    }

    fn mean(reservoir: &Reservoir) -> f32 {
        reservoir.rows().map(|row| row[0]).sum::<f32>() / reservoir.rows().count() as f32
    }

    #[test]
    fn is_bounded_and_samples_evenly() {
        let reservoir = filled(200, 0..10_000, f64::INFINITY);
        assert_eq!(reservoir.rows().count(), 200);
        assert!((mean(&reservoir) - 5000.0).abs() < 700.0, "{}", mean(&reservoir));
    }

    #[test]
    fn old_rows_fade() {
        let reservoir = filled(200, 0..20_000, 1000.0);
        assert!((mean(&reservoir) - 19_000.0).abs() < 300.0, "{}", mean(&reservoir));
    }

    #[test]
    fn a_merged_sample_has_its_part() {
        let mut reservoir = filled(200, 0..1000, f64::INFINITY);
        reservoir.merge(&filled(50, 5000..5400, f64::INFINITY), 0.2);
        let newer = reservoir.rows().filter(|row| row[0] >= 5000.0).count();
        assert!((25..=50).contains(&newer), "{newer}");
    }
}
