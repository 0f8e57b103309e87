//! What the tests of the models share.

use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{Series, Task};
use crate::units::Timestamp;

pub const STEP: Duration = Duration::from_secs(1800);

/// Samples of a day.
pub const A_DAY: usize = 48;

pub fn task(horizons: &[usize], levels: &[f64]) -> Task {
    Task {
        step: STEP,
        horizons: horizons.to_vec(),
        levels: levels.to_vec(),
        seed: 42,
        events: Arc::default(),
    }
}

pub fn series(values: Vec<f64>) -> Series {
    Series { start: Timestamp::from_millis(0), step: STEP, values }
}

/// A wave a day, between 60 and 140.
pub fn wave(i: usize) -> f64 {
    100.0 + 40.0 * (TAU * i as f64 / A_DAY as f64).sin()
}

/// Waves with something added.
pub fn waves(samples: usize, added: impl FnMut(usize) -> f64) -> Series {
    let mut added = added;
    series((0..samples).map(|i| wave(i) + added(i)).collect())
}

/// Noise with a mean of 0 and a deviation of 1, nearly normal.
pub fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    move || {
        let mut uniform = || f64::from(random.next_u32()) / f64::from(u32::MAX);
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    }
}
