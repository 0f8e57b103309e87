//! The column store behind [`Window`].

use crate::target::Signal;
use crate::units::Timestamp;
use crate::window::{Observation, Reading};

/// The last observations of one target: a ring of rows, one column a signal.
///
/// The latest row is exact. Older values are kept as `f32`, rounded up, so that a peak is never
/// understated: they may be one part in 8 million too high. Counts up to 16 777 216 and whole 4 KiB
/// pages up to 64 GiB stay exact; the start time does not (it is exact in [`Window::latest`] only).
///
/// A value counts as measured where its freshness allows growth. A stale value repeats a sample that
/// the window has seen, or never saw in time: its column says `None`, only [`Window::latest`] shows it.
///
/// A column that never held a value takes no memory; one that did takes 4 bytes a row.
#[derive(Clone, Debug)]
pub struct Window {
    capacity: usize,
    /// The slot of the oldest row.
    start: usize,
    times: Vec<Timestamp>,
    columns: [Option<Box<[f32]>>; Signal::COUNT],
    latest: Option<Observation>,
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
        Self {
            capacity: capacity.max(1),
            start: 0,
            times: Vec::new(),
            columns: Default::default(),
            latest: None,
        }
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
        let slot = if self.times.len() < self.capacity {
            // At once and exactly: growing by doubling would waste up to half.
            self.times.reserve_exact(self.capacity - self.times.len());
            self.times.push(observation.at);
            self.times.len() - 1
        } else {
            let oldest = self.start;
            self.times[oldest] = observation.at;
            self.start = (oldest + 1) % self.capacity;
            oldest
        };
        for (column, reading) in self.columns.iter_mut().zip(observation.readings) {
            match (column, measured(reading)) {
                (Some(values), value) => values[slot] = value.map_or(f32::NAN, rounded_up),
                (empty @ None, Some(value)) => {
                    let mut values = vec![f32::NAN; self.capacity].into_boxed_slice();
                    values[slot] = rounded_up(value);
                    *empty = Some(values);
                }
                (None, None) => {}
            }
        }
        self.latest = Some(observation.clone());
        Ok(())
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// How many rows there can be.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The latest row, exact, with the freshness of each value.
    pub fn latest(&self) -> Option<&Observation> {
        self.latest.as_ref()
    }

    /// The times of all rows, the oldest first.
    pub fn times(&self) -> impl DoubleEndedIterator<Item = Timestamp> + Clone + '_ {
        (0..self.len()).map(|row| self.times[self.slot(row)])
    }

    /// The measured values of `signal` in all rows, the oldest first.
    pub fn column(
        &self,
        signal: Signal,
    ) -> impl DoubleEndedIterator<Item = (Timestamp, Option<f64>)> + Clone + '_ {
        (0..self.len()).map(move |row| (self.times[self.slot(row)], self.value(signal, row)))
    }

    /// The last `n` rows of [`Window::column`], fewer where there are fewer.
    pub fn last_n(
        &self,
        signal: Signal,
        n: usize,
    ) -> impl DoubleEndedIterator<Item = (Timestamp, Option<f64>)> + Clone + '_ {
        (self.len().saturating_sub(n)..self.len())
            .map(move |row| (self.times[self.slot(row)], self.value(signal, row)))
    }

    /// The `n` rows of [`Window::column`] before the latest one, fewer where there are fewer.
    pub fn before_latest(
        &self,
        signal: Signal,
        n: usize,
    ) -> impl DoubleEndedIterator<Item = (Timestamp, Option<f64>)> + Clone + '_ {
        let end = self.len().saturating_sub(1);
        (end.saturating_sub(n)..end)
            .map(move |row| (self.times[self.slot(row)], self.value(signal, row)))
    }

    /// The largest measured value of `signal` at or after `since`; never less than the true one.
    pub fn peak(&self, signal: Signal, since: Timestamp) -> Option<f64> {
        self.column(signal)
            .rev()
            .take_while(|(at, _)| *at >= since)
            .filter_map(|(_, value)| value)
            .reduce(f64::max)
    }

    /// The memory of the rows, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let columns = self.columns.iter().flatten().count();
        columns * self.capacity * size_of::<f32>() + self.times.capacity() * size_of::<Timestamp>()
    }

    fn slot(&self, row: usize) -> usize {
        (self.start + row) % self.capacity
    }

    fn value(&self, signal: Signal, row: usize) -> Option<f64> {
        if row + 1 == self.len() {
            return self.latest.as_ref().and_then(|latest| measured(latest.reading(signal)));
        }
        let value = self.columns[signal.index()].as_ref()?[self.slot(row)];
        (!value.is_nan()).then_some(f64::from(value))
    }
}

/// The value of a reading that was taken at its tick.
fn measured(reading: Reading) -> Option<f64> {
    reading.value.filter(|value| value.is_finite() && reading.freshness.allows_growth())
}

/// The least `f32` that is not below `value`; the largest one for values beyond all.
fn rounded_up(value: f64) -> f32 {
    let nearest = value as f32;
    let up = if f64::from(nearest) < value { nearest.next_up() } else { nearest };
    up.clamp(f32::MIN, f32::MAX)
}
