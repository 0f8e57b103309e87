//! The column store behind [`Window`].

use std::collections::VecDeque;
use std::ops::Range;

use super::past::Past;
use crate::target::Signal;
use crate::units::Timestamp;
use crate::window::{Observation, Reading};

/// How many rows are kept as they came.
const RECENT_ROWS: usize = 24;

/// The last observations of one target: a ring of rows, one column a signal.
///
/// The latest row is exact. The 23 before it are kept as `f32`: counts up to 16 777 216 and whole 4 KiB
/// pages up to 64 GiB stay exact. Older values have 9 significant bits: counts up to 512 stay exact. Both
/// are rounded up, so that a peak is never understated, by less than one part in 8 million and one in 256
/// (0.4 %). The order of values stays. The times of the older rows are up to 2 seconds late.
///
/// A value counts as measured where its freshness allows growth and it is not negative. A stale value
/// repeats a sample that the window has seen, or never saw in time: its column says `None`, only
/// [`Window::latest`] shows it.
///
/// An older row takes 2 bytes a signal, but nothing for a signal whose values are the same in all of them
/// (a limit, a count of none, no value), and nothing for a time that follows the pace of those before it;
/// every other row out of step takes 24 bytes. With 8 signals that differ, 1440 rows take 25 KB.
#[derive(Clone, Debug)]
pub struct Window {
    capacity: usize,
    past: Past,
    /// The rows after those of the past, with the latest.
    recent: VecDeque<Row>,
    latest: Option<Observation>,
}

#[derive(Clone, Debug)]
struct Row {
    at: Timestamp,
    /// Not a number where nothing was measured.
    values: [f32; Signal::COUNT],
}

/// An observation that is not later than the latest one. The window is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an observation of {at} came after that of {latest}: expected a later one")]
pub struct OutOfOrder {
    /// The refused observation's time.
    pub at: Timestamp,
    /// The latest observation's time.
    pub latest: Timestamp,
}

impl Window {
    /// An empty window that keeps the last `capacity` rows, at least one.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let past = Past::new(capacity.saturating_sub(RECENT_ROWS));
        Self { capacity, past, recent: VecDeque::new(), latest: None }
    }

    /// Adds a row; the oldest one leaves a full window.
    ///
    /// # Errors
    /// [`OutOfOrder`] where `observation` is not later than the latest one.
    pub fn push(&mut self, observation: &Observation) -> Result<(), OutOfOrder> {
        if let Some(latest) = &self.latest
            && observation.at <= latest.at
        {
            return Err(OutOfOrder { at: observation.at, latest: latest.at });
        }
        let most = self.capacity.min(RECENT_ROWS);
        if self.recent.len() < most {
            // At once and exactly: growing by doubling would waste a quarter.
            self.recent.reserve_exact(most - self.recent.len());
        } else if let Some(row) = self.recent.pop_front() {
            self.past.push(row.at, &row.values);
        }
        let value = |reading| measured(reading).map_or(f32::NAN, rounded_up);
        self.recent.push_back(Row { at: observation.at, values: observation.readings.map(value) });
        self.latest = Some(observation.clone());
        Ok(())
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.past.len() + self.recent.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.recent.is_empty()
    }

    /// How many rows there can be.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The latest row, exact, with the freshness of each value.
    pub fn latest(&self) -> Option<&Observation> {
        self.latest.as_ref()
    }

    /// The times of all rows, the oldest first. They never fall.
    pub fn times(&self) -> impl DoubleEndedIterator<Item = Timestamp> + Clone + '_ {
        (0..self.len()).map(|row| self.at(row))
    }

    /// The measured values of `signal` in all rows, the oldest first.
    pub fn column(
        &self,
        signal: Signal,
    ) -> impl DoubleEndedIterator<Item = (Timestamp, Option<f64>)> + Clone + '_ {
        self.rows(signal, 0..self.len())
    }

    /// The last `n` rows of [`Window::column`], fewer where there are fewer.
    pub fn last_n(
        &self,
        signal: Signal,
        n: usize,
    ) -> impl DoubleEndedIterator<Item = (Timestamp, Option<f64>)> + Clone + '_ {
        self.rows(signal, self.len().saturating_sub(n)..self.len())
    }

    /// The `n` rows of [`Window::column`] before the latest one, fewer where there are fewer.
    pub fn before_latest(
        &self,
        signal: Signal,
        n: usize,
    ) -> impl DoubleEndedIterator<Item = (Timestamp, Option<f64>)> + Clone + '_ {
        let end = self.len().saturating_sub(1);
        self.rows(signal, end.saturating_sub(n)..end)
    }

    /// Whether `signal` was measured in any row.
    pub fn has(&self, signal: Signal) -> bool {
        let recent = self.recent.iter().any(|row| !row.values[signal.index()].is_nan());
        recent || self.past.has(signal)
    }

    /// The largest measured value of `signal` at or after `since`; never less than the true one.
    pub fn peak(&self, signal: Signal, since: Timestamp) -> Option<f64> {
        let recent = self.last_n(signal, self.recent.len()).rev();
        let recent = recent.take_while(|(at, _)| *at >= since).filter_map(|(_, value)| value);
        let reaches_past = self.recent.front().is_some_and(|first| first.at >= since);
        let past = reaches_past.then(|| self.past.peak(signal, since)).flatten();
        recent.chain(past).reduce(f64::max)
    }

    /// Its memory in bytes.
    pub fn memory_bytes(&self) -> usize {
        let recent = self.recent.capacity() * size_of::<Row>();
        size_of::<Self>() + self.past.memory_bytes() + recent
    }

    fn rows(
        &self,
        signal: Signal,
        rows: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = (Timestamp, Option<f64>)> + Clone + '_ {
        rows.map(move |row| (self.at(row), self.value(signal, row)))
    }

    fn at(&self, row: usize) -> Timestamp {
        match row.checked_sub(self.past.len()) {
            Some(recent) => self.recent[recent].at,
            // What is up to 2 seconds late may not overtake what is not.
            None => self.past.at(row).min(self.recent[0].at),
        }
    }

    fn value(&self, signal: Signal, row: usize) -> Option<f64> {
        if row + 1 == self.len() {
            return self.latest.as_ref().and_then(|latest| measured(latest.reading(signal)));
        }
        let Some(recent) = row.checked_sub(self.past.len()) else {
            return self.past.value(signal, row);
        };
        let value = self.recent[recent].values[signal.index()];
        (!value.is_nan()).then_some(f64::from(value))
    }
}

/// The value of a reading that was taken at its tick.
fn measured(reading: Reading) -> Option<f64> {
    let is_amount = |value: &f64| value.is_finite() && *value >= 0.0;
    reading.value.filter(|value| is_amount(value) && reading.freshness.allows_growth())
}

/// The least `f32` that is not below `value`; the largest one for values beyond all.
fn rounded_up(value: f64) -> f32 {
    let nearest = value as f32;
    let up = if f64::from(nearest) < value { nearest.next_up() } else { nearest };
    up.min(f32::MAX)
}
