//! Training rows in bounded memory.

use ndarray::ArrayView2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::detect::DetectError;

/// A random sample of the rows seen, of at most `capacity` rows (Vitter's algorithm R), that slowly
/// forgets: see [`Pool::forget`]. Which rows it holds depends on the seed and the rows alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pool {
    width: usize,
    capacity: usize,
    /// The rows, one after another.
    values: Vec<f32>,
    /// How many rows the sample stands for.
    stands_for: u64,
    rng: ChaCha8Rng,
}

impl Pool {
    /// An empty pool for rows of `width` values.
    pub fn new(width: usize, capacity: usize, seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { width, capacity, values: Vec::new(), stands_for: 0, rng }
    }

    /// How many rows it holds.
    pub fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// Offers a row of the pool's width.
    pub fn push(&mut self, row: &[f32]) {
        self.stands_for += 1;
        if self.len() < self.capacity {
            self.values.extend_from_slice(row);
            return;
        }
        let place = self.rng.random_range(0..self.stands_for) as usize;
        if place < self.capacity {
            self.values[place * self.width..][..self.width].copy_from_slice(row);
        }
    }

    /// Lets the sample stand for fewer rows by one part in `life`, so that newer rows enter more easily.
    /// Called once an interval, the sample reflects about the last `life` intervals.
    pub fn forget(&mut self, life: u64) {
        self.stands_for = (self.stands_for - self.stands_for / life).max(self.len() as u64);
    }

    /// The rows, shape (rows, width).
    ///
    /// # Errors
    /// [`DetectError::Width`] where a row of another width was pushed.
    pub fn rows(&self) -> Result<ArrayView2<'_, f32>, DetectError> {
        ArrayView2::from_shape((self.len(), self.width), &self.values)
            .map_err(|_| DetectError::Width { expected: self.width, found: self.values.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(pool: &mut Pool, range: std::ops::Range<u32>) {
        for i in range {
            pool.push(&[i as f32, 0.0]);
        }
    }

    fn mean(pool: &Pool) -> f32 {
        pool.rows().expect("rows").column(0).sum() / pool.len() as f32
    }

    #[test]
    fn is_bounded_and_samples_evenly() {
        let mut pool = Pool::new(2, 500, 1);
        fill(&mut pool, 0..400);
        assert_eq!(pool.len(), 400);
        fill(&mut pool, 400..20_000);
        assert_eq!(pool.rows().expect("rows").dim(), (500, 2));
        assert!((mean(&pool) - 10_000.0).abs() < 1_000.0, "{}", mean(&pool));
    }

    #[test]
    fn forgets_what_is_long_past() {
        let mut pool = Pool::new(2, 100, 1);
        for interval in 0..60 {
            fill(&mut pool, interval * 1000..(interval + 1) * 1000);
            pool.forget(6);
        }
        assert!(mean(&pool) > 50_000.0, "{}", mean(&pool));
    }

    #[test]
    fn the_same_seed_keeps_the_same_rows() {
        let kept = |seed| {
            let mut pool = Pool::new(2, 10, seed);
            fill(&mut pool, 0..1000);
            pool.rows().expect("rows").to_owned()
        };
        assert_eq!(kept(1), kept(1));
        assert_ne!(kept(1), kept(2));
    }
}
