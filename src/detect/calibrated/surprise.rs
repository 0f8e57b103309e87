//! How rare a value is among those that came before, on one scale for everything.

use serde::{Deserialize, Serialize};

/// The scale of a histogram: eight bins an octave, from 1/2 to 2048. What lies beyond falls into the
/// first or the last bin.
const BINS_PER_OCTAVE: f64 = 8.0;
const BINS: usize = 96;
const LOWEST_LOG2: f64 = -1.0;

/// Once there are this many rows, each counts half: the memory is 6 000 to 12 000 rows.
const MOST_ROWS: u16 = 12000;

/// Below this share of rows above a value, how far it lies beyond the rest counts too.
const TAIL: f64 = 0.02;
/// What an octave beyond the tail adds.
const OCTAVE_BONUS: f64 = 0.7;

/// Histograms of several values that are measured together, each on a logarithmic scale, with a slowly
/// fading memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Surprise {
    /// One histogram after another.
    bins: Vec<u16>,
    rows: u16,
    /// How many rows came before the first surprise is told.
    first_rows: u16,
    halvings: u32,
}

impl Surprise {
    /// Of `values` values at a time. The first surprise is told after `first_rows` rows.
    pub fn new(values: usize, first_rows: u16) -> Self {
        Self { bins: vec![0; values * BINS], rows: 0, first_rows, halvings: 0 }
    }

    /// How surprising each of `values` (not negative) is, in powers of ten: 2 means that one row in a
    /// hundred was as high. Then they are learnt. `None` while there are too few rows to tell.
    pub fn push<const N: usize>(&mut self, values: [f64; N]) -> Option<[f64; N]> {
        let told = self.tell(values);
        self.learn(values);
        told
    }

    /// As [`Surprise::push`], without learning.
    pub fn tell<const N: usize>(&self, values: [f64; N]) -> Option<[f64; N]> {
        if self.rows < self.first_rows {
            return None;
        }
        let mut told = [0.0; N];
        let histograms = self.bins.chunks_exact(BINS);
        for ((told, histogram), value) in told.iter_mut().zip(histograms).zip(values) {
            *told = surprise(histogram, bin(value), f64::from(self.rows));
        }
        Some(told)
    }

    /// Takes in a row.
    pub fn learn<const N: usize>(&mut self, values: [f64; N]) {
        for (histogram, value) in self.bins.chunks_exact_mut(BINS).zip(values) {
            histogram[bin(value)] += 1;
        }
        self.rows += 1;
        if self.rows >= MOST_ROWS {
            self.halve();
        }
    }

    /// Whether it is one of `values` values: what a file must hold.
    pub fn is_sound(&self, values: usize) -> bool {
        self.bins.len() == values * BINS && self.rows < MOST_ROWS
    }

    /// Every other bin rounds up, so that lone rows fade too.
    fn halve(&mut self) {
        self.halvings = self.halvings.wrapping_add(1);
        for (i, bin) in self.bins.iter_mut().enumerate() {
            *bin = (*bin + (i as u32 + self.halvings) as u16 % 2) / 2;
        }
        self.rows /= 2;
    }
}

/// The surprise of a value in the bin `place`: -log10 of the share of rows above it, and a bonus for how
/// far it lies beyond all but the highest few.
fn surprise(histogram: &[u16], place: usize, rows: f64) -> f64 {
    let above: u32 = histogram[place + 1..].iter().map(|&bin| u32::from(bin)).sum();
    let above = f64::from(above) + 0.5 * f64::from(histogram[place]);
    let rarity = -((above + 0.5) / (rows + 1.0)).log10();
    let most = TAIL * rows;
    if above >= most {
        return rarity;
    }
    let mut tail = 0.0;
    let inside = histogram.iter().rposition(|&bin| {
        tail += f64::from(bin);
        tail > most
    });
    let beyond = place.saturating_sub(inside.unwrap_or(0)) as f64 / BINS_PER_OCTAVE;
    rarity + OCTAVE_BONUS * beyond
}

fn bin(value: f64) -> usize {
    // A cast takes what is not a number to 0, and what is too large to the largest.
    (((value.log2() - LOWEST_LOG2) * BINS_PER_OCTAVE) as usize).min(BINS - 1)
}
