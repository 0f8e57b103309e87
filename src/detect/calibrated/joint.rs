//! All signals of a target at once: how far the row is from what they do together.

use serde::{Deserialize, Serialize};

use super::groups::{GroupedMoments, GroupedWhitener};
use super::level::Spread;
use super::profile::ProfileForest;
use super::recent::FEATURES;
use super::reservoir::Reservoir;
use super::whitener::Row;
use crate::config::Calibrated;

/// How many scores there must be before one can be compared with its past: a share of the rows before the
/// first fit.
const FIRST_SCORES_SHARE: u32 = 5;
const FEWEST_FIRST_SCORES: u32 = 10;

/// The weight of a row in the mean and the deviation of the scores.
const SCORE_RATE: f64 = 1.0 / 2000.0;

/// Rows that the model refused become part of it once they are this share of what it knows; see
/// [`Calibrated::adapt_after`] for the most that is waited.
const REFUSED_SHARE: f64 = 0.25;

/// The mean size of a whitened column where all is normal and Gaussian: √(2/π).
const USUAL: f64 = 0.8;

/// A model is fitted anew once this share of what it knows has come in since.
const REFIT_SHARE: f64 = 1.0 / 8.0;

/// Rows that a forest grows on, and those that are kept of a stretch of refused ones.
const SAMPLE_ROWS: usize = 128;
const REFUSED_SAMPLE_ROWS: usize = SAMPLE_ROWS / 4;

/// The whitened distance and the profile forest's score of one target's rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Joint {
    moments: GroupedMoments,
    whitener: Option<GroupedWhitener>,
    /// What the forest grows on.
    sample: Reservoir,
    forest: Option<ProfileForest>,
    distance: Spread,
    excess: Spread,
    rows: u32,
    first_rows: u32,
    next_fit: u32,
    /// Shifts the fits, so that not all targets are fitted at once.
    phase: u32,
    refused: Option<Box<Refused>>,
}

/// Rows that were too unusual to learn from. Where they go on for long, they are the new normal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Refused {
    moments: GroupedMoments,
    sample: Reservoir,
    /// Rows since the first one that were not refused.
    accepted: f64,
}

/// What the whole row looks like.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// How many standard deviations above a usual row's score this row's is: `J`.
    pub score: f64,
    /// Each column's part in what is beyond the usual, in the same unit.
    pub parts: Vec<f64>,
    /// Whether the row is left out of the model.
    pub refused: bool,
}

/// The sums that are compared with their past.
#[derive(Clone, Copy)]
struct Sums {
    distance: f64,
    excess: Option<f64>,
}

/// What the judgement of one row needs beside the row.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// The settings.
    pub config: &'a Calibrated,
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
        let width = signals * FEATURES;
        Self {
            moments: GroupedMoments::new(width),
            whitener: None,
            sample: Reservoir::new(width, SAMPLE_ROWS, phase.into()),
            forest: None,
            distance: Spread::default(),
            excess: Spread::default(),
            rows: 0,
            first_rows: first_rows.max(2),
            next_fit: 0,
            phase,
            refused: None,
        }
    }

    /// Whether it is one of rows of `signals` signals: what a file must hold.
    pub fn is_sound(&self, signals: usize) -> bool {
        let width = signals * FEATURES;
        let refused = self.refused.as_ref();
        self.first_rows > 0
            && self.moments.is_sound(width)
            && self.sample.is_sound(width)
            && self.whitener.as_ref().is_none_or(|whitener| whitener.is_sound(width))
            && self.forest.as_ref().is_none_or(|forest| forest.is_sound(width))
            && refused.is_none_or(|r| r.moments.is_sound(width) && r.sample.is_sound(width))
    }

    /// Whether it judges.
    pub fn is_ready(&self) -> bool {
        self.distance.rows() >= self.first_scores()
    }

    fn first_scores(&self) -> u32 {
        (self.first_rows / FIRST_SCORES_SHARE).max(FEWEST_FIRST_SCORES)
    }

    /// Judges `row` ([`FEATURES`] values a signal, not-a-number where missing) by the rows before it and
    /// learns it.
    pub fn push(&mut self, row: &[f64], with: &Circumstances) -> Option<Judgement> {
        let (judgement, sums) = self.judge(row, with).unzip();
        let judgement = judgement.filter(|_| self.is_ready());
        let refused = judgement.as_ref().is_some_and(|judgement| judgement.refused);
        self.learn(row, refused, with);
        if let Some(sums) = sums.filter(|_| !refused) {
            self.distance.push(sums.distance, SCORE_RATE);
            if let Some(excess) = sums.excess {
                self.excess.push(excess, SCORE_RATE);
            }
        }
        self.rows = self.rows.saturating_add(1);
        self.refit_if_due(with);
        judgement
    }

    fn judge(&self, row: &[f64], with: &Circumstances) -> Option<(Judgement, Sums)> {
        let row = self.whitener.as_ref()?.whiten(row.iter().copied());
        let sizes: Vec<f64> = row.whitened.iter().map(|y| f64::from(y.abs())).collect();
        let excess = self.forest.as_ref().map(|forest| forest.excess(&row));
        let sums = Sums {
            distance: sizes.iter().sum(),
            excess: excess.as_ref().map(|columns| columns.iter().copied().map(f64::from).sum()),
        };
        let ready = self.excess.rows() >= self.first_scores();
        let forest_weight = if ready { with.config.forest_weight } else { 0.0 };
        let weight = 1.0 - forest_weight;
        let mut score = weight * self.distance.standardised(sums.distance);
        let each = weight / self.distance.deviation();
        let mut parts: Vec<f64> = sizes.iter().map(|size| each * (size - USUAL).max(0.0)).collect();
        if let (Some(sum), Some(columns)) = (sums.excess, excess) {
            score += forest_weight * self.excess.standardised(sum);
            let each = forest_weight / self.excess.deviation();
            parts.iter_mut().zip(columns).for_each(|(part, more)| *part += each * f64::from(more));
        }
        let refused = !with.training && score > with.config.exclude_above;
        Some((Judgement { score, parts, refused }, sums))
    }

    fn learn(&mut self, row: &[f64], refused: bool, with: &Circumstances) {
        if !refused {
            self.moments.push(row);
            if self.wants_forest(with) {
                self.sample.push(row.iter().map(|v| *v as f32), self.moments.rows());
            }
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
            let sample = Reservoir::new(width, REFUSED_SAMPLE_ROWS, self.phase.into());
            Box::new(Refused { moments: GroupedMoments::new(width), sample, accepted: 0.0 })
        });
        stretch.moments.push(row);
        stretch.sample.push(row.iter().map(|v| *v as f32), stretch.moments.rows());
        let longest = with.config.adapt_after.as_secs_f64() / with.interval_seconds.max(1e-3);
        if stretch.moments.rows() >= (REFUSED_SHARE * self.moments.rows()).min(longest) {
            self.moments.merge(&stretch.moments);
            self.sample.merge(&stretch.sample, stretch.moments.rows() / self.moments.rows());
            self.refused = None;
            self.fit(with);
        }
    }

    /// Trees over a single signal would all be the same, and its distance alone is the better score.
    fn wants_forest(&self, with: &Circumstances) -> bool {
        with.config.forest_weight > 0.0 && with.floors.len() > 1
    }

    fn refit_if_due(&mut self, with: &Circumstances) {
        let due = match self.whitener {
            None => self.rows >= self.first_rows + self.phase % self.first_rows,
            Some(_) => self.rows >= self.next_fit,
        };
        if due {
            self.fit(with);
        }
    }

    fn fit(&mut self, with: &Circumstances) {
        // A deviation is floored at a hundredth of the range.
        let whitener = self.moments.whitener(|signal| 100.0 * with.floors[signal]);
        let whiten = |row: &[f32]| whitener.whiten(row.iter().copied().map(f64::from));
        let rows: Vec<Row> = self.sample.rows().map(whiten).collect();
        let seed = u64::from(self.phase) << 32 | u64::from(self.rows);
        let wanted = self.wants_forest(with) && !rows.is_empty();
        self.forest = wanted.then(|| ProfileForest::grow(&rows, seed));
        self.whitener = Some(whitener);
        let new_rows = (REFIT_SHARE * self.moments.rows()) as u32;
        self.next_fit = self.rows.saturating_add(new_rows.max(with.config.refit_rows));
    }
}
