//! All signals of a target at once: how far the row is from what they do together.

use serde::{Deserialize, Serialize};

use super::level::Spread;
use super::moments::Moments;
use super::recent::FEATURES;
use super::whitener::Whitener;
use crate::config::Calibrated;
use crate::detect::forest::Forest;

/// Rows after the first fit before scores can be compared with their past.
const FIRST_SCORES: u32 = 30;

/// The weight of a row in the mean and the deviation of the scores.
const SCORE_RATE: f64 = 1.0 / 2000.0;

/// Rows that the model refused become part of it once they are this share of what it knows; see
/// [`Calibrated::adapt_after`] for the most that is waited.
const REFUSED_SHARE: f64 = 0.25;

/// The whitened distance and the forest's score of one target's rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Joint {
    moments: Moments,
    whitener: Option<Whitener>,
    distance: Spread,
    isolation: Spread,
    rows: u32,
    first_rows: u32,
    /// Shifts the refits, so that not all targets are fitted at once.
    phase: u32,
    refused: Option<Box<Refused>>,
}

/// Rows that were too unusual to learn from. Where they go on for long, they are the new normal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Refused {
    moments: Moments,
    /// Rows since the first one that were not refused.
    accepted: f64,
}

/// What the whole row looks like.
#[derive(Clone, Copy, Debug)]
pub struct Judgement {
    /// How many standard deviations above a usual row's score this row's is: `J`.
    pub score: f64,
    /// Whether the row is left out of the model.
    pub refused: bool,
}

/// What the judgement of one row needs beside the row.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// The settings.
    pub config: &'a Calibrated,
    /// The forest of whitened rows, once there is one.
    pub forest: Option<&'a Forest>,
    /// Seconds from row to row.
    pub interval_seconds: f64,
    /// The smallest change that matters of each signal.
    pub floors: &'a [f64],
    /// Whether the row is known to be normal.
    pub training: bool,
}

impl Joint {
    /// For rows of `signals` signals. The first fit is after `first_rows` rows or up to twice as many, as
    /// `phase` says, which is any number of the target's own.
    pub fn new(signals: usize, first_rows: u32, phase: u32) -> Self {
        Self {
            moments: Moments::new(signals * FEATURES),
            whitener: None,
            distance: Spread::default(),
            isolation: Spread::default(),
            rows: 0,
            first_rows: first_rows.max(2),
            phase,
            refused: None,
        }
    }

    /// Whether it judges.
    pub fn is_ready(&self) -> bool {
        self.distance.rows() >= FIRST_SCORES
    }

    /// Judges `row` ([`FEATURES`] values a signal, not-a-number where missing) by the rows before it and
    /// learns it. `whitened` becomes the whitened row, empty before the first fit.
    pub fn push(
        &mut self,
        row: &[f64],
        with: &Circumstances,
        whitened: &mut Vec<f32>,
    ) -> Option<Judgement> {
        whitened.clear();
        let judgement = self.judge(row, with, whitened);
        let limit = with.config.exclude_above;
        let refused = !with.training && judgement.is_some_and(|(j, ..)| j > limit);
        self.learn(row, refused, with);
        if let Some((_, distance, isolation)) = judgement.filter(|_| !refused) {
            self.distance.push(distance, SCORE_RATE);
            if let Some(isolation) = isolation {
                self.isolation.push(isolation, SCORE_RATE);
            }
        }
        self.rows = self.rows.saturating_add(1);
        self.refit_if_due(with);
        let ready = self.is_ready();
        judgement.filter(|_| ready).map(|(score, ..)| Judgement { score, refused })
    }

    /// The score and its two parts as they are.
    fn judge(
        &self,
        row: &[f64],
        with: &Circumstances,
        whitened: &mut Vec<f32>,
    ) -> Option<(f64, f64, Option<f64>)> {
        self.whitener.as_ref()?.whiten(row, whitened);
        let distance = whitened.iter().map(|y| f64::from(y.abs())).sum();
        let forest = with.forest.filter(|_| with.config.forest_weight > 0.0);
        let isolation = forest.map(|forest| -forest.score_row(whitened));
        let far = self.distance.standardised(distance);
        let score = match isolation {
            Some(isolation) if self.isolation.rows() >= FIRST_SCORES => {
                let weight = with.config.forest_weight;
                (1.0 - weight) * far + weight * self.isolation.standardised(isolation)
            }
            _ => far,
        };
        let score = if self.is_ready() { score } else { 0.0 };
        Some((score, distance, isolation))
    }

    fn learn(&mut self, row: &[f64], refused: bool, with: &Circumstances) {
        if !refused {
            self.moments.push(row);
            if let Some(stretch) = &mut self.refused {
                stretch.accepted += 1.0;
                if stretch.accepted > stretch.moments.rows() {
                    self.refused = None;
                }
            }
            return;
        }
        let width = row.len();
        let stretch = self.refused.get_or_insert_with(|| {
            Box::new(Refused { moments: Moments::new(width), accepted: 0.0 })
        });
        stretch.moments.push(row);
        let longest = with.config.adapt_after.as_secs_f64() / with.interval_seconds.max(1e-3);
        if stretch.moments.rows() >= (REFUSED_SHARE * self.moments.rows()).min(longest) {
            self.moments.merge(&stretch.moments);
            self.refused = None;
            self.fit(with);
        }
    }

    fn refit_if_due(&mut self, with: &Circumstances) {
        let every = with.config.refit_rows.max(1);
        let due = match self.whitener {
            None => self.rows >= self.first_rows + self.phase % self.first_rows,
            Some(_) => (self.rows.wrapping_add(self.phase)).is_multiple_of(every),
        };
        if due {
            self.fit(with);
        }
    }

    fn fit(&mut self, with: &Circumstances) {
        let range = |column: usize| {
            let signal = column / FEATURES;
            let (range, floor) = (self.moments.range(signal * FEATURES), with.floors[signal]);
            let level = self.moments.mean()[signal * FEATURES].abs();
            // A signal that never moved has no range of its own.
            let range = if range > 0.0 {
                range
            } else if level > 0.0 {
                level
            } else {
                1.0
            };
            range.max(floor * 100.0)
        };
        self.whitener = Some(Whitener::new(&self.moments, range));
    }
}
