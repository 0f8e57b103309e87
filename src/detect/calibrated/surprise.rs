//! How rare a value is among those that came before, on one scale for everything.

use serde::{Deserialize, Serialize};

/// Bins an octave.
const BINS_PER_OCTAVE: f64 = 8.0;
const BINS: usize = 64;
/// What lies below falls into the first bin.
const LOWEST_LOG2: f64 = -1.0;

/// The weight of old rows falls by this share with every row.
const FORGET: f64 = 1e-4;

/// Below this share of rows above a value, how far it lies beyond the rest counts too.
const TAIL: f32 = 0.01;
/// What an octave beyond the tail adds.
const OCTAVE_BONUS: f64 = 0.4;

/// Weights are scaled down before they leave the exact range of `f32` sums.
const LARGEST_WEIGHT: f32 = 1e6;

/// Histograms of several values that are measured together, each on a logarithmic scale, with a slowly
/// fading memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Surprise {
    /// One histogram after another.
    bins: Vec<f32>,
    /// The weight of the newest row. It grows instead of all others shrinking.
    weight: f32,
    /// The weights of all rows.
    total: f32,
    rows: u32,
    first_rows: u32,
}

impl Surprise {
    /// Of `values` values at a time. The first surprise is told after `first_rows` rows.
    pub fn new(values: usize, first_rows: u32) -> Self {
        Self { bins: vec![0.0; values * BINS], weight: 1.0, total: 0.0, rows: 0, first_rows }
    }

    /// How surprising each of `values` (not negative) is, in powers of ten: 2 means that one row in a
    /// hundred was as high. Then they are learnt. `None` while there are too few rows to tell.
    pub fn push<const N: usize>(&mut self, values: [f64; N]) -> Option<[f64; N]> {
        let places = values.map(bin);
        let histograms = self.bins.chunks_exact(BINS);
        let told = (self.rows >= self.first_rows).then(|| {
            let mut told = [0.0; N];
            for ((told, histogram), &place) in told.iter_mut().zip(histograms).zip(&places) {
                *told = surprise(histogram, place, self.weight, self.total);
            }
            told
        });
        for (histogram, place) in self.bins.chunks_exact_mut(BINS).zip(places) {
            histogram[place] += self.weight;
        }
        self.total += self.weight;
        self.weight /= (1.0 - FORGET) as f32;
        self.rows = self.rows.saturating_add(1);
        if self.weight > LARGEST_WEIGHT {
            let scale = self.weight.recip();
            self.bins.iter_mut().for_each(|bin| *bin *= scale);
            (self.weight, self.total) = (1.0, self.total * scale);
        }
        told
    }
}

/// The surprise of a value in the bin `place`: -log10 of the share of rows above it, and a bonus for how
/// far it lies beyond the hundredth part of rows that is highest.
fn surprise(histogram: &[f32], place: usize, weight: f32, total: f32) -> f64 {
    let above = histogram[place + 1..].iter().sum::<f32>() + 0.5 * histogram[place];
    let share = (above / weight + 0.5) / (total / weight + 1.0);
    let rarity = -f64::from(share).log10();
    if above >= TAIL * total {
        return rarity;
    }
    let mut tail = 0.0;
    let inside = histogram.iter().rposition(|bin| {
        tail += bin;
        tail > TAIL * total
    });
    rarity + OCTAVE_BONUS * place.saturating_sub(inside.unwrap_or(0)) as f64 / BINS_PER_OCTAVE
}

fn bin(value: f64) -> usize {
    // A cast takes what is not a number to 0, and what is too large to the largest.
    (((value.log2() - LOWEST_LOG2) * BINS_PER_OCTAVE) as usize).min(BINS - 1)
}
