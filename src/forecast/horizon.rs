//! One horizon of `auto`: what every model says of it → calibrated quantiles that are blended, corrected,
//! and held against what came.

use std::collections::VecDeque;

use ndarray::ArrayView1;

use super::blend::Blend;
use super::errors::{Errors, Memory, SCALES};
use super::score::pinball_loss;
use super::tracker::Tracker;

/// Experts a model gives: its own quantiles, where it knows a spread, and its point with the spread of
/// its errors in each scale.
const EXPERTS: usize = 1 + SCALES;

/// What all horizons of one forecaster have in common.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) levels: Vec<f64>,
    /// The column of the median.
    pub(super) middle: usize,
    /// The columns of the 90 % interval.
    pub(super) interval: [usize; 2],
    pub(super) memory: Memory,
    /// Outcomes before a model is judged by them.
    pub(super) judged_after: usize,
    /// The model that none may lose to.
    pub(super) naive: Option<usize>,
}

/// One horizon.
#[derive(Clone, Debug)]
pub(super) struct Horizon {
    ahead: usize,
    errors: Vec<Errors>,
    blends: Vec<Blend>,
    tracker: Tracker,
    /// What was said and has no outcome yet, the oldest first.
    waiting: VecDeque<Round>,
    record: Record,
}

/// What was said at one time.
#[derive(Clone, Debug, Default)]
struct Round {
    /// The point forecast of each model.
    points: Vec<f64>,
    /// The scales of each model's errors.
    scales: Vec<[f64; SCALES]>,
    /// What the experts said, level by level.
    experts: Vec<f64>,
    /// The blend of the experts at each level.
    blended: Vec<f64>,
    /// What was published at each level.
    said: Vec<f64>,
}

/// How good it all was; sums that fade.
#[derive(Clone, Debug)]
struct Record {
    outcomes: usize,
    kept: f64,
    covered: f64,
    counted: f64,
    /// The pinball loss over all levels of what was published.
    said: f64,
    /// The same of each model, with the better of its spreads.
    models: Vec<f64>,
    /// The pinball loss of the blend, level by level.
    blended: Vec<f64>,
    /// The same of each expert of the naive model.
    naive: Vec<[f64; EXPERTS]>,
}

impl Horizon {
    pub(super) fn new(setting: &Setting, ahead: usize, models: usize) -> Self {
        let levels = setting.levels.len();
        let half_life = setting.memory.long;
        let blend = |level: &f64| Blend::new(*level, models * EXPERTS, half_life);
        Self {
            ahead,
            errors: vec![Errors::new(setting.memory); models],
            blends: setting.levels.iter().map(blend).collect(),
            tracker: Tracker::new(levels),
            waiting: VecDeque::with_capacity(ahead + 1),
            record: Record {
                outcomes: 0,
                kept: 0.5f64.powf(1.0 / half_life),
                covered: 0.0,
                counted: 0.0,
                said: 0.0,
                models: vec![0.0; models],
                blended: vec![0.0; levels],
                naive: vec![[0.0; EXPERTS]; levels],
            },
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
        self.tracker.learn(&setting.levels, &round.said, error, outcome);
        self.record.learn(setting, &round, outcome);
    }

    /// What is expected, from what each model says, one row a model: kept until its outcome is known.
    pub(super) fn say<'a>(
        &mut self,
        setting: &Setting,
        rows: impl Iterator<Item = ArrayView1<'a, f64>>,
    ) {
        let (models, levels) = (self.errors.len(), setting.levels.len());
        let experts = models * EXPERTS;
        let mut round = Round { experts: vec![f64::NAN; levels * experts], ..Round::default() };
        for (model, (row, errors)) in rows.zip(&self.errors).enumerate() {
            let point = row[setting.middle];
            round.points.push(point);
            round.scales.push(errors.scales());
            if row.first() != row.last() {
                for (level, value) in row.iter().enumerate() {
                    round.experts[level * experts + model * EXPERTS] = *value;
                }
            }
            errors.quantiles(point, &setting.levels, |scale, level, value| {
                round.experts[level * experts + model * EXPERTS + 1 + scale] = value;
            });
        }
        let said = self.blends.iter().zip(round.experts.chunks(experts));
        round.blended = said.map(|(blend, said)| blend.mean(said.iter().copied())).collect();
        round.blended.sort_by(f64::total_cmp);
        round.said = (0..levels)
            .map(|level| {
                let naive = self.record.better_naive(setting, level);
                let expert = naive.map(|expert| round.experts[level * experts + expert]);
                expert.unwrap_or(round.blended[level]) + self.tracker.offset(level)
            })
            .collect();
        round.said.sort_by(f64::total_cmp);
        self.waiting.push_back(round);
    }

    /// Takes back what was said last.
    pub(super) fn take_back(&mut self) {
        self.waiting.pop_back();
    }

    /// What was said last, at each level.
    pub(super) fn newest(&self) -> Option<&[f64]> {
        self.waiting.back().map(|round| round.said.as_slice())
    }

    /// How much each model weighs, on the mean over the levels; the sum is 1.
    pub(super) fn weights(&self) -> Vec<f64> {
        let of_model = |model: usize| {
            let of_level =
                |blend: &Blend| blend.weights()[model * EXPERTS..][..EXPERTS].iter().sum::<f64>();
            self.blends.iter().map(of_level).sum::<f64>() / self.blends.len() as f64
        };
        (0..self.errors.len()).map(of_model).collect()
    }

    /// The share of the last outcomes within the 90 % interval.
    pub(super) fn coverage(&self) -> Option<f64> {
        (self.record.outcomes > 0).then(|| self.record.covered / self.record.counted)
    }

    /// The loss of each model, and last of what was published, over that of the naive model.
    pub(super) fn losses(&self, setting: &Setting) -> Option<Vec<f64>> {
        let naive = self.record.models[setting.naive?];
        let all = self.record.models.iter().chain([&self.record.said]);
        (naive > 0.0).then(|| all.map(|loss| loss / naive).collect())
    }
}

impl Record {
    fn learn(&mut self, setting: &Setting, round: &Round, outcome: f64) {
        self.outcomes += 1;
        let [low, high] = setting.interval.map(|column| round.said[column]);
        let inside = low <= outcome && outcome <= high;
        self.covered = self.kept * self.covered + if inside { 1.0 } else { 0.0 };
        self.counted = self.kept * self.counted + 1.0;
        let models = self.models.len();
        self.said *= self.kept;
        self.models.iter_mut().for_each(|loss| *loss *= self.kept);
        for (column, level) in setting.levels.iter().enumerate() {
            let loss = |quantile: f64| {
                Some(pinball_loss(*level, quantile, outcome)).filter(|loss| loss.is_finite())
            };
            let experts = &round.experts[column * models * EXPERTS..];
            self.said += loss(round.said[column]).unwrap_or(0.0);
            for (model, sum) in self.models.iter_mut().enumerate() {
                let [own, calm] = [0, 1].map(|expert| loss(experts[model * EXPERTS + expert]));
                // A model that said nothing has lost as much as one that is always wrong.
                *sum += own.or(calm).unwrap_or(f64::INFINITY);
            }
            self.blended[column] =
                self.kept * self.blended[column] + loss(round.blended[column]).unwrap_or(0.0);
            for (expert, sum) in self.naive[column].iter_mut().enumerate() {
                let said = setting.naive.map(|model| experts[model * EXPERTS + expert]);
                *sum = self.kept * *sum + said.and_then(loss).unwrap_or(f64::INFINITY);
            }
        }
    }

    /// The expert of the naive model that did better at this level than the blend, after enough outcomes.
    fn better_naive(&self, setting: &Setting, level: usize) -> Option<usize> {
        let model = setting.naive?;
        if self.outcomes < setting.judged_after {
            return None;
        }
        let (expert, loss) =
            self.naive[level].iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1))?;
        (*loss < self.blended[level]).then_some(model * EXPERTS + expert)
    }
}
