//! The history played again, each day with what was known when it began: errors of days that were still
//! to come, as they will be when the model serves.

use std::time::Duration;

use super::basis::Basis;
use super::normal::NormalEquations;
use super::remainder::{Origin, Running};
use super::robust::{self, Fit};
use crate::forecast::Series;

/// The share of the history that is only learnt from.
const LEARNT_ONLY: f64 = 0.4;
/// No more than the newest days are played.
const MOST_DAYS: usize = 45;
/// So many parts a short history is played in, at least.
const PARTS: usize = 12;

const DAY: Duration = Duration::from_secs(86_400);

/// A history and what is to be learnt of it.
pub struct Rehearsal<'a> {
    /// Its times.
    pub history: &'a Series,
    /// Its values as they are fitted.
    pub targets: &'a [f64],
    /// The columns.
    pub basis: &'a Basis,
    /// What the columns' squares cost.
    pub penalties: &'a [f64],
    /// The fit of the whole, for how much each row counts.
    pub fit: &'a Fit,
    /// In steps, rising.
    pub horizons: &'a [usize],
}

impl Rehearsal<'_> {
    /// The running means after the last sample, left from the fit of the whole.
    pub fn running(&self) -> Running {
        let samples = self.targets.len();
        let from = samples.saturating_sub(2 * self.part());
        let mut running = Running::default();
        let end = self.history.at(samples.saturating_sub(1));
        let expected = self.expected(&self.fit.coefficients, from..samples, end);
        for (target, expected) in self.targets[from..].iter().zip(expected) {
            running.push(target - expected);
        }
        running
    }

    /// What came after each measured sample that was played.
    pub fn origins(&self) -> Vec<Origin> {
        let samples = self.targets.len();
        let part = self.part();
        let learnt_only = (samples as f64 * LEARNT_ONLY) as usize;
        let play_from = learnt_only.max(samples.saturating_sub(MOST_DAYS * part));
        let mut equations = NormalEquations::new(self.penalties.len());
        let mut origins = Vec::new();
        let mut learnt = 0;
        // Whole parts back from the end.
        let mut begin = samples % part;
        while begin < samples {
            self.learn(&mut equations, learnt..begin);
            learnt = begin;
            if begin > 0
                && begin >= play_from
                && let Some(coefficients) = equations.solve(self.penalties)
            {
                self.play(&coefficients, begin, &mut origins);
            }
            begin += part;
        }
        origins
    }

    /// How many samples are played with the same knowledge.
    fn part(&self) -> usize {
        self.history.steps(DAY).min(self.targets.len() / PARTS).max(1)
    }

    fn learn(&self, equations: &mut NormalEquations, range: std::ops::Range<usize>) {
        let mut row = vec![0.0; self.penalties.len()];
        for index in range {
            if self.targets[index].is_finite() {
                let at = self.history.at(index);
                self.basis.row(at, at, &mut row);
                let weight = self.fit.weight(self.targets[index] - self.fit.value(&row));
                equations.add(&row, self.targets[index], weight);
            }
        }
    }

    /// Plays the part that begins at an index, of which nothing is known yet.
    fn play(&self, coefficients: &[f64], begin: usize, origins: &mut Vec<Origin>) {
        let samples = self.targets.len();
        let far = self.horizons.last().copied().unwrap_or(0);
        let first = begin.saturating_sub(2 * self.part());
        let end = (begin + self.part()).min(samples);
        let last = end.saturating_add(far).min(samples);
        let expected = self.expected(coefficients, first..last, self.history.at(begin - 1));
        let mut running = Running::default();
        for index in first..end {
            running.push(self.targets[index] - expected[index - first]);
            if index + 1 >= begin && self.targets[index].is_finite() {
                let within = self.horizons.iter().map(|steps| index + steps);
                let after = within
                    .take_while(|ahead| *ahead < last)
                    .map(|ahead| (expected[ahead - first], self.targets[ahead]))
                    .map(|(expected, target)| (expected, target - expected))
                    .collect();
                origins.push(Origin { running: running.clone(), after });
            }
        }
    }

    fn expected(
        &self,
        coefficients: &[f64],
        range: std::ops::Range<usize>,
        known: crate::units::Timestamp,
    ) -> Vec<f64> {
        let mut row = vec![0.0; self.penalties.len()];
        range
            .map(|index| {
                let at = self.history.at(index);
                self.basis.row(at, known, &mut row);
                robust::dot(coefficients, &row)
            })
            .collect()
    }
}
