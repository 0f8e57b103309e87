//! What the guard remembers of one target and dimension.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::policy::Action;
use crate::units::{Limit, Timestamp};

/// What the guard remembers of one target and dimension from tick to tick.
///
/// The last confirmed changes survive a restart (the journal keeps them); the recommendations do not
/// need to: a window that begins anew allows no shrink before it is full.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardState {
    /// When the last growth was confirmed.
    pub last_growth: Option<Timestamp>,
    /// When the last shrink was confirmed.
    pub last_shrink: Option<Timestamp>,
    /// Whether a tick was seen at all.
    started: bool,
    /// The needs that can still be the highest of the window: oldest first, falling.
    /// `"max"` stands for a need that is not known.
    highest: VecDeque<Recommendation>,
    /// The needs that can still be the lowest of the window: oldest first, rising.
    lowest: VecDeque<Recommendation>,
}

/// A need at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recommendation {
    /// The tick.
    pub at: Timestamp,
    /// The size that was needed.
    pub size: Limit<f64>,
}

impl GuardState {
    /// Spends the cooldown: a change in this direction was made at `at` and read back.
    pub fn confirmed(&mut self, at: Timestamp, direction: Action) {
        match direction {
            Action::ScaleUp => self.last_growth = self.last_growth.max(Some(at)),
            Action::ScaleDown => self.last_shrink = self.last_shrink.max(Some(at)),
            Action::NoScaling => {}
        }
    }

    /// The last confirmed change in any direction.
    pub fn last_change(&self) -> Option<Timestamp> {
        self.last_growth.max(self.last_shrink)
    }

    /// Takes in the need of a tick: `need` is its size, `trusted` whether a shrink may rest on it.
    ///
    /// As in the Kubernetes HPA, the first tick also records the present size; what was needed before
    /// it is not known.
    pub(super) fn record(
        &mut self,
        guard: &config::Guard,
        at: Timestamp,
        current: Option<Limit<f64>>,
        need: Option<f64>,
        trusted: bool,
    ) {
        if !self.started {
            self.started = true;
            push(&mut self.highest, at, Limit::Max, |old, new| old <= new);
            if let Some(Limit::At(size)) = current {
                push(&mut self.lowest, at, Limit::At(size), |old, new| old >= new);
            }
        }
        let upper = need.filter(|_| trusted).map_or(Limit::Max, Limit::At);
        push(&mut self.highest, at, upper, |old, new| old <= new);
        if let Some(size) = need {
            push(&mut self.lowest, at, Limit::At(size), |old, new| old >= new);
        }
        prune(&mut self.highest, at, guard.stabilization_down);
        prune(&mut self.lowest, at, guard.stabilization_up);
    }

    /// The highest need of the window: `Some(Limit::Max)` where some of it is not known.
    pub(super) fn highest(&self) -> Option<Limit<f64>> {
        self.highest.front().map(|need| need.size)
    }

    /// The lowest known need of the window.
    pub(super) fn lowest(&self) -> Option<f64> {
        self.lowest.front().and_then(|need| need.size.value())
    }
}

/// Appends a need and drops those before it that it makes irrelevant, so that the first one is always
/// the extreme of the window.
fn push(
    window: &mut VecDeque<Recommendation>,
    at: Timestamp,
    size: Limit<f64>,
    covers: impl Fn(Limit<f64>, Limit<f64>) -> bool,
) {
    while window.back().is_some_and(|last| covers(last.size, size)) {
        window.pop_back();
    }
    window.push_back(Recommendation { at, size });
}

/// Drops the needs that are as old as the window or older.
fn prune(window: &mut VecDeque<Recommendation>, at: Timestamp, length: Duration) {
    while window.front().is_some_and(|first| at.since(first.at) >= length) {
        window.pop_front();
    }
}
