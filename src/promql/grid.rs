//! The instants of a range query, and how a long one is asked for in pieces.

use std::time::Duration;

use crate::units::Timestamp;

/// How many instants one range query asks for: Prometheus refuses more than 11 000.
pub(super) const MAX_STEPS: u64 = 10_000;

/// Instants at equal distances: those of a range query, however long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    start: Timestamp,
    step: Duration,
    steps: u64,
}

impl Grid {
    /// `start`, `start + step`, … up to `end` inclusive; none where `end` is earlier. Steps below a
    /// millisecond are one.
    pub fn new(start: Timestamp, end: Timestamp, step: Duration) -> Self {
        let step = step.max(Duration::from_millis(1));
        let steps = if end < start { 0 } else { span_steps(end.since(start), step) + 1 };
        Self { start, step, steps }
    }

    /// How many instants there are.
    pub fn len(&self) -> usize {
        usize::try_from(self.steps).unwrap_or(usize::MAX)
    }

    /// Whether there is no instant.
    pub fn is_empty(&self) -> bool {
        self.steps == 0
    }

    /// The distance of two instants.
    pub fn step(&self) -> Duration {
        self.step
    }

    /// The instant of row `index`.
    pub fn at(&self, index: u64) -> Timestamp {
        let ms = u64::try_from(self.step.as_millis()).unwrap_or(u64::MAX).saturating_mul(index);
        self.start.plus(Duration::from_millis(ms))
    }

    /// The row of the nearest instant: VictoriaMetrics may round the instants of its answer.
    pub(super) fn index(&self, at: Timestamp) -> Option<usize> {
        let at = at.plus(self.step / 2);
        let index = span_steps(at.since(self.start), self.step);
        usize::try_from(index).ok().filter(|_| at >= self.start)
    }
}

fn span_steps(span: Duration, step: Duration) -> u64 {
    u64::try_from(span.as_millis() / step.as_millis()).unwrap_or(u64::MAX)
}
