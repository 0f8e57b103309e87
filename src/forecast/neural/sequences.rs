//! Rows in the order of time, and the stretches of them that a network is shown.

use std::ops::Range;

use candle_core::{Device, Result, Tensor};

/// Examples: so many rows, and what came after them.
#[derive(Clone, Debug)]
pub struct Sequences {
    /// How many rows an example has.
    pub length: usize,
    /// How many numbers a row has.
    pub width: usize,
    /// How many numbers are to be foretold.
    pub outputs: usize,
    /// All rows, one after the other.
    pub rows: Vec<f32>,
    /// The last row of each example, the oldest first.
    pub ends: Vec<usize>,
    /// What came after each example.
    pub targets: Vec<f32>,
}

impl Sequences {
    /// These examples, as (example, row, number).
    pub fn inputs(&self, examples: &[usize]) -> Result<Tensor> {
        let mut values: Vec<f32> = Vec::with_capacity(examples.len() * self.length * self.width);
        for &example in examples {
            let end = self.ends[example] + 1;
            values.extend(&self.rows[(end - self.length) * self.width..end * self.width]);
        }
        Tensor::from_vec(values, (examples.len(), self.length, self.width), &Device::Cpu)
    }

    /// What came after these examples, as (example, number).
    pub fn targets(&self, examples: &[usize]) -> Result<Tensor> {
        let mut values: Vec<f32> = Vec::with_capacity(examples.len() * self.outputs);
        for &example in examples {
            values.extend(&self.targets[example * self.outputs..][..self.outputs]);
        }
        Tensor::from_vec(values, (examples.len(), self.outputs), &Device::Cpu)
    }
}

/// A missing sample counts as the one before it where no more than so many are missing in a row.
const BRIDGED: usize = 3;

/// The values with short gaps closed, and the stretches between the longer ones. A sample at a time would
/// close the same gaps in the same way: see [`Recent`].
pub fn bridge(values: &[f64]) -> (Vec<f64>, Vec<Range<usize>>) {
    let mut recent = Recent::new(usize::MAX);
    let mut bridged = Vec::with_capacity(values.len());
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (index, &value) in values.iter().enumerate() {
        recent.push(value);
        let newest = recent.values().last().copied();
        bridged.push(newest.unwrap_or(f64::NAN));
        match (newest, runs.last_mut()) {
            (Some(_), Some(run)) if run.end == index => run.end += 1,
            (Some(_), _) => runs.push(index..index + 1),
            (None, _) => {}
        }
    }
    (bridged, runs)
}

/// The newest samples since the last gap.
#[derive(Clone, Debug)]
pub struct Recent {
    capacity: usize,
    values: Vec<f64>,
    missing: usize,
}

impl Recent {
    /// Keeps so many samples.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, values: Vec::new(), missing: 0 }
    }

    /// Takes in a sample, which may be missing.
    pub fn push(&mut self, value: f64) {
        let next = if value.is_finite() {
            self.missing = 0;
            Some(value)
        } else {
            self.missing += 1;
            self.values.last().copied().filter(|_| self.missing <= BRIDGED)
        };
        match next {
            Some(value) => {
                if self.values.len() >= self.capacity {
                    self.values.remove(0);
                }
                self.values.push(value);
            }
            None => self.values.clear(),
        }
    }

    /// The samples, the oldest first; fewer than fit in after a gap.
    pub fn values(&self) -> &[f64] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_gaps_are_bridged_and_long_ones_part_the_runs() {
        const N: f64 = f64::NAN;
        let (values, runs) = bridge(&[N, 1.0, N, N, N, 2.0, N, N, N, N, N, 3.0, 4.0]);
        assert_eq!(runs, [1..9, 11..13]);
        assert_eq!(values[1..9], [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]);
        assert!(values[9].is_nan() && values[0].is_nan());
        let mut recent = Recent::new(2);
        [5.0, 6.0, N].into_iter().for_each(|value| recent.push(value));
        assert_eq!(recent.values(), [6.0, 6.0]);
    }

    #[test]
    fn examples_end_where_they_say() {
        let sequences = Sequences {
            length: 2,
            width: 2,
            outputs: 1,
            rows: (0..8u8).map(f32::from).collect(),
            ends: vec![1, 3],
            targets: vec![10.0, 30.0],
        };
        let inputs = sequences.inputs(&[1, 0]).unwrap();
        assert_eq!(inputs.to_vec3::<f32>().unwrap()[0], [[4.0, 5.0], [6.0, 7.0]]);
        assert_eq!(sequences.targets(&[1, 0]).unwrap().to_vec2::<f32>().unwrap(), [[30.0], [10.0]]);
    }
}
