//! The rows of a window that are no longer recent, in little memory.

use std::collections::VecDeque;

use super::rounded::Rounded;
use crate::target::Signal;
use crate::units::Timestamp;

/// A row seems to be later than it was by less than this.
const MOST_LATE_MILLIS: i64 = 2000;

/// A ring of rounded rows: 2 bytes a value, and next to nothing for their times where rows come at a
/// steady pace, or for a column whose values never differed.
#[derive(Clone, Debug)]
pub struct Past {
    capacity: usize,
    len: usize,
    /// The number of the next row, counted from the first one ever.
    next: u64,
    columns: [Column; Signal::COUNT],
    paces: VecDeque<Pace>,
}

/// The values of one signal, by slot.
#[derive(Clone, Debug)]
enum Column {
    /// All rows so far have this one.
    Same(Rounded),
    Each(Box<[Rounded]>),
}

/// Rows that follow each other at one pace.
#[derive(Clone, Debug)]
struct Pace {
    /// The number of the first of them.
    first: u64,
    at_millis: i64,
    step_millis: i64,
}

impl Past {
    /// Without rows; keeps the last `capacity` of them.
    pub fn new(capacity: usize) -> Self {
        let columns = [const { Column::Same(Rounded::NONE) }; Signal::COUNT];
        Self { capacity, len: 0, next: 0, columns, paces: VecDeque::new() }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds a row that is later than all others; the oldest one leaves where there is no room. What is
    /// not a number is no value.
    pub fn push(&mut self, at: Timestamp, values: &[f32; Signal::COUNT]) {
        if self.capacity == 0 {
            return;
        }
        let slot = self.slot(self.next);
        for (column, value) in self.columns.iter_mut().zip(values) {
            let value = Rounded::up(*value);
            match column {
                Column::Same(same) if self.next == 0 => *same = value,
                _ => column.set(slot, value, self.capacity),
            }
        }
        self.keep_time(at.millis());
        self.next += 1;
        self.len = (self.len + 1).min(self.capacity);
        let oldest = self.next - self.len as u64;
        while self.paces.get(1).is_some_and(|second| second.first <= oldest) {
            self.paces.pop_front();
        }
    }

    /// The time of a row, counted from the oldest: never earlier than it was, and less than 2 seconds
    /// later. Rows keep their order.
    pub fn at(&self, row: usize) -> Timestamp {
        let number = self.number(row);
        let after = self.paces.partition_point(|pace| pace.first <= number);
        let pace = after.checked_sub(1).and_then(|place| self.paces.get(place));
        Timestamp::from_millis(pace.map_or(0, |pace| pace.at_millis(number)))
    }

    /// The value of a row, counted from the oldest.
    pub fn value(&self, signal: Signal, row: usize) -> Option<f64> {
        match &self.columns[signal.index()] {
            Column::Same(value) => value.value(),
            Column::Each(values) => values[self.slot(self.number(row))].value(),
        }
    }

    /// The largest value of `signal` in the rows that seem to be of `since` or later.
    pub fn peak(&self, signal: Signal, since: Timestamp) -> Option<f64> {
        let (mut first, mut end) = (0, self.len);
        while first < end {
            let middle = usize::midpoint(first, end);
            if self.at(middle) < since {
                first = middle + 1;
            } else {
                end = middle;
            }
        }
        match &self.columns[signal.index()] {
            Column::Same(value) => value.value().filter(|_| first < self.len),
            Column::Each(values) => {
                let rows = (first..self.len).map(|row| values[self.slot(self.number(row))]);
                rows.filter(|value| *value != Rounded::NONE).max().and_then(Rounded::value)
            }
        }
    }

    /// Whether some row has a value of `signal`.
    pub fn has(&self, signal: Signal) -> bool {
        match &self.columns[signal.index()] {
            Column::Same(value) => self.len > 0 && *value != Rounded::NONE,
            Column::Each(values) => values[..self.len].iter().any(|value| *value != Rounded::NONE),
        }
    }

    /// The memory of the rows, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let values = self.columns.iter().map(|column| match column {
            Column::Same(_) => 0,
            Column::Each(values) => size_of_val::<[Rounded]>(values),
        });
        values.sum::<usize>() + self.paces.capacity() * size_of::<Pace>()
    }

    fn number(&self, row: usize) -> u64 {
        self.next - (self.len - row) as u64
    }

    fn slot(&self, number: u64) -> usize {
        (number % self.capacity as u64) as usize
    }

    /// Notes the time of the next row. A pace bears with ticks that are a little off, so that the times
    /// of a clock that is not quite steady still take no memory: it begins half-way between too early
    /// and too late, and learns from the pace before it.
    fn keep_time(&mut self, at: i64) {
        let (mut seeming, mut step_millis) = (at.saturating_add(MOST_LATE_MILLIS / 2), 0);
        if let Some(pace) = self.paces.back_mut() {
            let expected = pace.at_millis(self.next);
            if expected >= at && expected.saturating_sub(at) < MOST_LATE_MILLIS {
                return;
            }
            seeming = seeming.max(pace.at_millis(self.next - 1));
            let rows = (self.next - pace.first) as i64;
            let mean_step = seeming.saturating_sub(pace.at_millis) / rows;
            if rows == 1 {
                pace.step_millis = mean_step;
                return;
            }
            let slipped = expected.saturating_sub(at).saturating_abs() < 2 * MOST_LATE_MILLIS;
            step_millis = if slipped { mean_step } else { pace.step_millis };
        }
        self.paces.push_back(Pace { first: self.next, at_millis: seeming, step_millis });
    }
}

impl Column {
    fn set(&mut self, slot: usize, value: Rounded, capacity: usize) {
        match self {
            Self::Same(same) if *same == value => {}
            Self::Same(same) => {
                let mut values = vec![*same; capacity].into_boxed_slice();
                values[slot] = value;
                *self = Self::Each(values);
            }
            Self::Each(values) => values[slot] = value,
        }
    }
}

impl Pace {
    fn at_millis(&self, number: u64) -> i64 {
        let since = ((number - self.first) as i64).saturating_mul(self.step_millis);
        self.at_millis.saturating_add(since)
    }
}
