//! One horizon of `auto`: what every model says of it → calibrated quantiles that are blended, corrected,
//! and held against what came.

use std::collections::VecDeque;

use ndarray::ArrayView1;

use super::blend::Blend;
use super::errors::{Errors, Memory, SCALES};
use super::record::Record;
use super::tracker::Tracker;

/// Experts a model gives: its own quantiles, where it knows a spread, and its point with the spread of
/// its errors in each scale.
pub(super) const EXPERTS: usize = 1 + SCALES;

/// The expert of the naive model that may be said in place of the blend: with the spread of the last hour.
const NAIVE_EXPERT: usize = 2;

/// What may be published: the blend, or the naive model.
pub(super) const CANDIDATES: usize = 2;
const BLEND: usize = 0;
const NAIVE: usize = 1;

/// What all horizons of one forecaster have in common.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) levels: Vec<f64>,
    /// The column of the median.
    pub(super) middle: usize,
    /// The columns of the 90 % interval.
    pub(super) interval: [usize; 2],
    pub(super) memory: Memory,
    /// Outcomes before the blend is judged by them.
    pub(super) judged_after: usize,
    /// The model to which the blend must not lose.
    pub(super) naive: Option<usize>,
}

/// One horizon.
#[derive(Clone, Debug)]
pub(super) struct Horizon {
    ahead: usize,
    errors: Vec<Errors>,
    blends: Vec<Blend>,
    trackers: [Tracker; CANDIDATES],
    /// What was said and has no outcome yet, the oldest first.
    waiting: VecDeque<Round>,
    record: Record,
}

/// What was said at one time.
#[derive(Clone, Debug)]
pub(super) struct Round {
    /// The point forecast of each model.
    points: Vec<f64>,
    /// The scales of each model's errors.
    scales: Vec<[f64; SCALES]>,
    /// What the experts said, level by level.
    pub(super) experts: Vec<f64>,
    /// The blend of the experts at each level.
    blended: Vec<f64>,
    /// What each candidate says at each level, corrected.
    pub(super) candidates: [Vec<f64>; CANDIDATES],
    /// The candidate that was published.
    published: usize,
}

impl Round {
    /// What was published at each level.
    pub(super) fn said(&self) -> &[f64] {
        &self.candidates[self.published]
    }
}

impl Horizon {
    pub(super) fn new(setting: &Setting, ahead: usize, models: usize) -> Self {
        let half_life = setting.memory.long;
        let prior = prior(models, setting.naive);
        let blend = |level: &f64| Blend::new(*level, &prior, half_life);
        Self {
            ahead,
            errors: vec![Errors::new(setting.memory); models],
            blends: setting.levels.iter().map(blend).collect(),
            trackers: std::array::from_fn(|_| Tracker::new(setting.levels.len())),
            waiting: VecDeque::with_capacity(ahead + 1),
            record: Record::new(models, half_life),
        }
    }

    /// Takes in the sample of now, of which the oldest round that waits had spoken.
    pub(super) fn learn(&mut self, setting: &Setting, outcome: f64) {
        if self.waiting.len() < self.ahead {
            return;
        }
        let Some(round) = self.waiting.pop_front() else { return };
        if !outcome.is_finite() {
            return;
        }
        for ((errors, point), scales) in
            self.errors.iter_mut().zip(&round.points).zip(&round.scales)
        {
            errors.learn(outcome - point, *scales);
        }
        let experts = self.errors.len() * EXPERTS;
        for ((blend, said), mean) in
            self.blends.iter_mut().zip(round.experts.chunks(experts)).zip(&round.blended)
        {
            blend.learn(said.iter().copied(), *mean, outcome);
        }
        let error = outcome - round.blended[setting.middle];
        for (tracker, said) in self.trackers.iter_mut().zip(&round.candidates) {
            tracker.learn(&setting.levels, said, error, outcome);
        }
        self.record.learn(setting, &round, outcome);
    }

    /// What is expected, from what each model says, one row a model: kept until its outcome is known.
    pub(super) fn say<'a>(
        &mut self,
        setting: &Setting,
        rows: impl Iterator<Item = ArrayView1<'a, f64>>,
    ) {
        let (mut points, mut scales) = (Vec::new(), Vec::new());
        let of_level = self.errors.len() * EXPERTS;
        let mut experts = vec![f64::NAN; setting.levels.len() * of_level];
        for (model, (row, errors)) in rows.zip(&self.errors).enumerate() {
            let place = |level: usize| level * of_level + model * EXPERTS;
            if row.first() != row.last() {
                for (level, value) in row.iter().enumerate() {
                    experts[place(level)] = *value;
                }
            }
            let point = row[setting.middle];
            errors.quantiles(point, &setting.levels, |scale, level, value| {
                experts[place(level) + 1 + scale] = value;
            });
            points.push(point);
            scales.push(errors.scales());
        }
        let said = self.blends.iter().zip(experts.chunks(of_level));
        let mut blended: Vec<f64> =
            said.map(|(blend, said)| blend.mean(said.iter().copied())).collect();
        blended.sort_by(f64::total_cmp);
        let naive = |level: usize| {
            let expert = |model: usize| experts[level * of_level + model * EXPERTS + NAIVE_EXPERT];
            setting.naive.map_or(f64::NAN, expert)
        };
        let naive: Vec<f64> = (0..setting.levels.len()).map(naive).collect();
        let candidates =
            [self.trackers[BLEND].corrected(&blended), self.trackers[NAIVE].corrected(&naive)];
        let demoted = self.record.loses(setting.judged_after, BLEND, NAIVE);
        let published = if demoted { NAIVE } else { BLEND };
        self.waiting.push_back(Round { points, scales, experts, blended, candidates, published });
    }

    /// Takes back what was said last.
    pub(super) fn take_back(&mut self) {
        self.waiting.pop_back();
    }

    /// What was said last, at each level.
    pub(super) fn newest(&self) -> Option<&[f64]> {
        self.waiting.back().map(Round::said)
    }

    /// How much each model weighs in the newest blend, on the mean over the levels; the sum is 1.
    pub(super) fn weights(&self) -> Vec<f64> {
        let models = self.errors.len();
        let mut sums = vec![0.0; models];
        if let Some(round) = self.waiting.back() {
            for (blend, said) in self.blends.iter().zip(round.experts.chunks(models * EXPERTS)) {
                for (expert, (weight, said)) in blend.weights().iter().zip(said).enumerate() {
                    sums[expert / EXPERTS] += if said.is_finite() { *weight } else { 0.0 };
                }
            }
        }
        let all: f64 = sums.iter().sum();
        sums.iter().map(|sum| if all > 0.0 { sum / all } else { 0.0 }).collect()
    }

    /// Whether the naive model is published, as the blend has lost to it.
    pub(super) fn is_demoted(&self) -> bool {
        self.waiting.back().is_some_and(|round| round.published == NAIVE)
    }

    /// How good it was.
    pub(super) fn record(&self) -> &Record {
        &self.record
    }
}

/// What experts weigh before anything is known of them: naive half of all, as it is never far off, the
/// others the same.
fn prior(models: usize, naive: Option<usize>) -> Vec<f64> {
    let of_model = |model: usize| match naive {
        Some(naive) if models > 1 && model == naive => 0.5,
        Some(_) if models > 1 => 0.5 / (models - 1) as f64,
        _ => 1.0 / models as f64,
    };
    (0..models * EXPERTS).map(|expert| of_model(expert / EXPERTS) / EXPERTS as f64).collect()
}
