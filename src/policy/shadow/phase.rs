//! How far the load has leapt at this minute of the hour: where timers fire, it leaps again.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Minutes of an hour.
const HOUR: usize = 60;
/// How many errors of one minute of the hour are kept: a week's.
const KEPT: usize = 168;
/// The share of errors that stay below.
const LEVEL: f64 = 0.95;
/// The fewest errors that tell.
const FEWEST: usize = 10;

/// The errors of each minute of the hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Phase {
    /// The oldest first. Empty before the first error.
    errors: Vec<VecDeque<f32>>,
    /// The minute of the newest error.
    newest: i64,
}

impl Phase {
    /// Takes in by how much the load of a minute since the epoch was above what was expected; of several
    /// within a minute the highest.
    pub(super) fn observe(&mut self, minute: i64, error: f64) {
        self.errors.resize_with(HOUR, VecDeque::new);
        let ring = &mut self.errors[place(minute)];
        let mut error = error as f32;
        if self.newest == minute
            && let Some(before) = ring.pop_back()
        {
            error = error.max(before);
        }
        while ring.len() >= KEPT {
            ring.pop_front();
        }
        ring.push_back(error);
        self.newest = minute;
    }

    /// What 95 % of the errors around that minute of the hour stay below; `None` while there are few.
    pub(super) fn quantile(&self, minute: i64) -> Option<f64> {
        let mut pool = [0.0; 3 * KEPT];
        let mut count = 0;
        for near in minute - 1..=minute + 1 {
            for error in self.errors.get(place(near))?.iter().take(KEPT) {
                pool[count] = *error;
                count += 1;
            }
        }
        if count < FEWEST {
            return None;
        }
        let rank = ((LEVEL * (count + 1) as f64).ceil() as usize).clamp(1, count);
        let (_, error, _) = pool[..count].select_nth_unstable_by(rank - 1, f32::total_cmp);
        Some(f64::from(*error))
    }
}

fn place(minute: i64) -> usize {
    minute.rem_euclid(HOUR as i64) as usize
}
