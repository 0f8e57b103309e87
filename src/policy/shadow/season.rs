//! How much the load rises at this time of the day.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Minutes of a day.
const DAY: usize = 1440;
/// How much of a day the profile believes.
const GAIN: f32 = 0.3;
/// Over how many minutes on each side the profile is averaged.
const REACH: i64 = 10;

/// The mean load of each minute of the day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Season {
    /// A minute that was not seen yet is below zero. Empty before the first.
    profile: Vec<f32>,
    /// What the profile does not hold yet, so that no day is compared with itself: minute and load.
    fresh: VecDeque<(i64, f32)>,
}

impl Season {
    /// Takes in the load of a minute since the epoch; the last one of a minute holds.
    pub(super) fn observe(&mut self, minute: i64, load: f64) {
        if self.fresh.back().is_some_and(|(newest, _)| *newest == minute) {
            self.fresh.pop_back();
        }
        self.fresh.push_back((minute, load as f32));
        self.profile.resize(DAY, -1.0);
        while let Some((old, load)) = self.fresh.front().copied().filter(|f| f.0 < minute - REACH) {
            self.fresh.pop_front();
            let mean = &mut self.profile[place(old)];
            *mean = if *mean < 0.0 { load } else { *mean + GAIN * (load - *mean) };
        }
    }

    /// By how much the load rises within `ahead` minutes of this one, as on the days before; never below
    /// zero, and zero on the first day.
    pub(super) fn rise(&self, minute: i64, ahead: i64) -> f64 {
        if self.profile.len() != DAY {
            return 0.0;
        }
        let (mut sum, mut count) = (0.0, 0.0);
        for near in minute - REACH..=minute + REACH {
            let (now, then) = (self.profile[place(near)], self.profile[place(near + ahead)]);
            if now >= 0.0 && then >= 0.0 {
                sum += f64::from(then - now);
                count += 1.0;
            }
        }
        if count > 0.0 { (sum / count).max(0.0) } else { 0.0 }
    }
}

fn place(minute: i64) -> usize {
    minute.rem_euclid(DAY as i64) as usize
}
