//! Samples that come when they come, averaged to steps.

use std::time::Duration;

use crate::units::Timestamp;

/// After a gap of more steps than this, such as a clock that was set, everything begins anew.
pub(super) const LONGEST_GAP: u128 = 10_000;

/// Averages samples to steps whose boundaries are multiples of the step since the epoch.
pub(super) struct Ticks {
    step: Duration,
    current: Option<Current>,
}

/// The step under way.
#[derive(Clone, Copy)]
struct Current {
    start: Timestamp,
    sum: f64,
    count: u32,
}

/// A step that is over.
pub(super) struct Finished {
    /// When it began.
    pub start: Timestamp,
    /// The mean of its samples; not a number where it had none.
    pub mean: f64,
    /// How many steps later the one under way began: more than one where some passed without a sample.
    pub passed: u128,
}

impl Ticks {
    pub(super) fn new(step: Duration) -> Self {
        Self { step, current: None }
    }

    /// Takes in a sample; tells of the step that it ended. One of a step that is over is left out.
    pub(super) fn observe(&mut self, at: Timestamp, value: Option<f64>) -> Option<Finished> {
        let start = self.start_of(at);
        let finished = match self.current {
            Some(current) if start < current.start => return None,
            Some(current) if start > current.start => {
                self.current = None;
                Some(self.finished(current, start))
            }
            Some(_) | None => None,
        };
        let current = self.current.get_or_insert(Current { start, sum: 0.0, count: 0 });
        if let Some(value) = value.filter(|value| value.is_finite()) {
            current.sum += value;
            current.count += 1;
        }
        finished
    }

    fn start_of(&self, at: Timestamp) -> Timestamp {
        let step = i64::try_from(self.step.as_millis()).unwrap_or(i64::MAX).max(1);
        Timestamp::from_millis(at.millis().div_euclid(step).saturating_mul(step))
    }

    fn finished(&self, current: Current, next: Timestamp) -> Finished {
        let Current { start, sum, count } = current;
        let mean = if count == 0 { f64::NAN } else { sum / f64::from(count) };
        let passed = next.since(start).as_millis() / self.step.as_millis().max(1);
        Finished { start, mean, passed }
    }
}
