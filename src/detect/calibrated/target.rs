//! Everything that is remembered of one target.

use serde::{Deserialize, Serialize};

use super::alert::Alerts;
use super::joint::{Circumstances, Joint, Judgement};
use super::level::Level;
use super::recent::{FEATURES, Recent};
use super::surprise::Surprise;
use super::views::Views;
use crate::config::{Calibrated, View};
use crate::units::Timestamp;

/// Rows before the first fit of the joint model.
const JOINT_FIT_FROM_ROWS: u32 = 150;

/// A target with a model of its own lends one row in so many to the common one.
const LENT_ROWS: u32 = 16;

/// Of the joint scores of refused rows one in so many is learnt.
const REFUSED_LEARNT: u32 = 4;

/// Rows before a view's surprise means anything, and before the joint score's does.
const VIEWS_FROM_ROWS: u16 = 100;
const JOINT_FROM_ROWS: u16 = 160;

/// A row that is this far below the usual joint score is as unsurprising as can be.
const LOWEST_JOINT: f64 = -3.0;

/// How fast the time between rows is learnt, and how far one gap may move it.
const INTERVAL_RATE: f64 = 0.01;
const INTERVAL_CLIP: f64 = 4.0;

/// What is remembered of one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetState {
    signals: Vec<Option<Box<SignalState>>>,
    joint: Joint,
    joint_surprise: Surprise,
    alerts: Alerts,
    rows: u32,
    last_at: Option<Timestamp>,
    interval_seconds: Level,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SignalState {
    views: Views,
    surprise: Surprise,
    recent: Recent,
}

/// What one row looks like.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// How unusual, for ranking; not negative. `None` while too little is known.
    pub score: Option<f64>,
    /// What an alert would rest on; `None` while an earlier row of the episode holds it back.
    pub alert: Option<f64>,
    /// Each signal's part in the score.
    pub credits: Vec<f64>,
}

impl TargetState {
    /// Of a target with up to `signals` signals, of which nothing is known.
    pub fn new(signals: usize, phase: u32) -> Self {
        Self {
            signals: vec![None; signals],
            joint: Joint::new(signals, JOINT_FIT_FROM_ROWS, phase),
            joint_surprise: Surprise::new(1, JOINT_FROM_ROWS),
            alerts: Alerts::default(),
            rows: phase,
            last_at: None,
            interval_seconds: Level::default(),
        }
    }

    /// Whether it is one of `signals` signals: what a file must hold.
    pub fn is_sound(&self, signals: usize) -> bool {
        let whole = |s: &SignalState| s.views.is_sound() && s.surprise.is_sound(View::COUNT);
        self.signals.len() == signals
            && self.signals.iter().flatten().all(|signal| whole(signal))
            && self.joint.is_sound(signals)
            && self.joint_surprise.is_sound(1)
    }

    /// When its last row was.
    pub fn last_row(&self) -> Option<Timestamp> {
        self.last_at
    }

    /// Learns the time between rows; the last one where time does not advance.
    pub fn advance(&mut self, at: Timestamp) -> f64 {
        if let Some(last) = self.last_at.replace(at) {
            let seconds = at.since(last).as_secs_f64();
            if seconds > 0.0 {
                self.interval_seconds.push(seconds, INTERVAL_RATE, INTERVAL_CLIP, 1e-3);
            }
        }
        let mean = self.interval_seconds.mean();
        if mean > 0.0 { mean } else { 60.0 }
    }

    /// Judges a row by the rows before it, and learns it. While the target has no joint model of its own
    /// the `common` one speaks for it.
    pub fn push(
        &mut self,
        values: &[Option<f64>],
        at: Timestamp,
        with: &Circumstances,
        common: &mut Joint,
    ) -> Verdict {
        let config = with.config;
        let mut surprises = vec![None; values.len()];
        let mut features = vec![f64::NAN; values.len() * FEATURES];
        for (i, value) in values.iter().enumerate() {
            let Some(value) = *value else { continue };
            let signal = self.signals[i].get_or_insert_with(Box::default);
            let raw = signal.views.push(value, at, with.interval_seconds, with.floors[i]);
            surprises[i] = signal.surprise.push(raw);
            let recent = signal.recent.push(value, at, with.interval_seconds);
            features[i * FEATURES..][..FEATURES].copy_from_slice(&recent);
        }
        let lent = self.lent_judgement(&features, with, common);
        let own = self.joint.push(&features, with);
        let joint_surprise = own.as_ref().and_then(|own| self.joint_surprise(own));
        let judgement = own.or(lent);
        let joint = judgement
            .as_ref()
            .map(|j| config.joint_weight * (1.0 + (j.score + 1.0).max(0.0)).log2());

        let known = self.signals.iter().flatten().count();
        let units: Vec<f64> =
            surprises.iter().map(|s| s.map_or(0.0, |s| unit(config, &s))).collect();
        let mean_unit = units.iter().sum::<f64>() / known.max(1) as f64;
        let told = surprises.iter().any(Option::is_some);
        let (score, surprise) = if known <= 1 && told {
            (Some(mean_unit), mean_unit)
        } else {
            let score = joint.map(|joint| joint + config.views_weight * mean_unit);
            (score, joint_surprise.unwrap_or(mean_unit))
        };
        let alert = if told { self.alerts.push(surprise, config) } else { None };
        let joint = joint.unwrap_or(0.0);
        let parts = judgement.map_or_else(Vec::new, |j| j.parts);
        let credits = credits(&parts, joint, &units, config.views_weight / known.max(1) as f64);
        Verdict { score, alert, credits }
    }

    /// How surprising the joint score is. Of the rows that the model refuses only a few are learnt: the
    /// next fault must surprise too.
    fn joint_surprise(&mut self, own: &Judgement) -> Option<f64> {
        let value = [(own.score - LOWEST_JOINT).max(0.0)];
        let told = self.joint_surprise.tell(value);
        if !own.refused || self.rows.is_multiple_of(REFUSED_LEARNT) {
            self.joint_surprise.learn(value);
        }
        told.map(|[surprise]| surprise)
    }

    /// The common model's word on a row. It learns the rows of targets that need it, and a few of all
    /// others.
    fn lent_judgement(
        &mut self,
        features: &[f64],
        with: &Circumstances,
        common: &mut Joint,
    ) -> Option<Judgement> {
        self.rows = self.rows.wrapping_add(1);
        if self.joint.is_ready() && !self.rows.is_multiple_of(LENT_ROWS) {
            return None;
        }
        let with = Circumstances { training: true, ..*with };
        common.push(features, &with)
    }
}

impl Default for SignalState {
    fn default() -> Self {
        Self {
            views: Views::default(),
            surprise: Surprise::new(View::COUNT, VIEWS_FROM_ROWS),
            recent: Recent::default(),
        }
    }
}

/// The surprise of one signal: the mean of its most surprising views.
fn unit(config: &Calibrated, views: &[f64; View::COUNT]) -> f64 {
    let mut all: Vec<f64> = config.views.iter().map(|view| views[*view as usize]).collect();
    let top = config.top_views.min(all.len());
    all.sort_unstable_by(|a, b| b.total_cmp(a));
    all[..top].iter().sum::<f64>() / top.max(1) as f64
}

/// Each signal's part in a score: of the joint part as its columns' `parts` are, and what its own views
/// add.
fn credits(parts: &[f64], joint: f64, units: &[f64], unit_weight: f64) -> Vec<f64> {
    let total = parts.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let shares = parts.chunks_exact(FEATURES).map(|columns| columns.iter().sum::<f64>() / total);
    units
        .iter()
        .zip(shares.chain(std::iter::repeat(0.0)))
        .map(|(unit, share)| joint * share + unit_weight * unit)
        .collect()
}
