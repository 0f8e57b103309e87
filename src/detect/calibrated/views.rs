//! Several ways to look at one signal, each a number that is large when something is odd.

use serde::{Deserialize, Serialize};

use super::level::{Ewma, Level};
use super::season::Season;
use crate::config::View;
use crate::units::Timestamp;

/// A deviation is at least this share of the level: a last digit is no anomaly.
const RELATIVE_FLOOR: f64 = 1e-3;

/// What lifts the values of these views into the range of the histograms.
const RECORD_SCALE: f64 = 64.0;
const RESTLESSNESS_SCALE: f64 = 4.0;

const LONG_RATE: f64 = 1e-4;
const RECENT_RATE: f64 = 1.0 / 96.0;
const SLOW_RATE: f64 = 1e-3;
const SHIFT_RATE: f64 = 1.0 / 24.0;
const RESTLESS_FAST_RATE: f64 = 1.0 / 12.0;
const RESTLESS_SLOW_RATE: f64 = 1.0 / 576.0;

/// What the views of one signal remember.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Views {
    range: Option<(f64, f64)>,
    last: Option<f64>,
    long: Level,
    recent: Level,
    change: Ewma,
    season: Season,
    residuals: [f64; 2],
    shift_fast: Ewma,
    shift_slow: Ewma,
    shift_size: Ewma,
    smoothed: Level,
    restless_fast: Ewma,
    restless_slow: Ewma,
}

impl Views {
    /// Whether its parts are whole: what a file must hold.
    pub fn is_sound(&self) -> bool {
        self.season.is_sound()
    }

    /// What each view says of `value`, then takes it in. `floor` is the smallest change that matters, in
    /// the signal's unit; rows come every `interval_seconds`.
    pub fn push(
        &mut self,
        value: f64,
        at: Timestamp,
        interval_seconds: f64,
        floor: f64,
    ) -> [f64; View::COUNT] {
        let floor = RELATIVE_FLOOR * self.long.mean().abs() + floor;
        let (low, high) = self.range.unwrap_or((value, value));
        self.range = Some((low.min(value), high.max(value)));
        let record = (low - value).max(value - high).max(0.0) / (high - low + floor);

        let level = self.long.push(value, LONG_RATE, 6.0, floor);
        let recent_level = self.recent.push(value, RECENT_RATE, 4.0, floor);

        let change = self.last.map_or(0.0, |last| value - last);
        self.last = Some(value);
        let jump = change / (self.change.mean() + floor);
        self.change.push(change.abs(), SLOW_RATE);
        self.restless_fast.push(change.abs(), RESTLESS_FAST_RATE);
        self.restless_slow.push(change.abs(), RESTLESS_SLOW_RATE);
        let restlessness =
            ((self.restless_fast.mean() + floor) / (self.restless_slow.mean() + floor)).ln();

        let seasonal = self.season.push(value, at, interval_seconds, floor);
        let residual = seasonal.residual;
        let smoothed = (residual + self.residuals[0] + self.residuals[1]) / 3.0;
        self.residuals = [residual, self.residuals[0]];
        let smoothed_time_of_day = self.smoothed.push(smoothed, SLOW_RATE, 4.0, floor);
        self.shift_fast.push(residual, SHIFT_RATE);
        let shift =
            (self.shift_fast.mean() - self.shift_slow.mean()) / (self.shift_size.mean() + floor);
        self.shift_slow.push(residual, SLOW_RATE);
        self.shift_size.push(residual.abs(), SLOW_RATE);

        [
            RECORD_SCALE * record,
            level.abs(),
            recent_level.abs(),
            jump.abs(),
            seasonal.distance,
            shift.abs(),
            smoothed_time_of_day.abs(),
            RESTLESSNESS_SCALE * restlessness.abs(),
        ]
    }
}
