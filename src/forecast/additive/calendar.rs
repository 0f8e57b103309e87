//! Known events: sales, matches, maintenance.

use crate::units::Timestamp;

/// When an event is on: intervals, each with its first instant and the first instant after it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calendar {
    /// Apart from each other, the earliest first.
    intervals: Vec<(Timestamp, Timestamp)>,
}

impl Calendar {
    /// A calendar of these intervals, in any order; what overlaps is one event, what is empty is none.
    pub fn new(intervals: impl IntoIterator<Item = (Timestamp, Timestamp)>) -> Self {
        let mut sorted: Vec<_> = intervals.into_iter().filter(|(from, to)| from < to).collect();
        sorted.sort_unstable();
        let mut intervals: Vec<(Timestamp, Timestamp)> = Vec::with_capacity(sorted.len());
        for (from, to) in sorted {
            match intervals.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => intervals.push((from, to)),
            }
        }
        Self { intervals }
    }

    /// Whether it knows no event.
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// Whether an event is on.
    pub fn is_event(&self, at: Timestamp) -> bool {
        let begun = self.intervals.partition_point(|(from, _)| *from <= at);
        begun > 0 && at < self.intervals[begun - 1].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn an_event_is_on_from_its_first_instant_to_the_one_after_its_last() {
        let calendar =
            Calendar::new([(at(50), at(60)), (at(10), at(20)), (at(15), at(30)), (at(9), at(9))]);
        let on: Vec<i64> = (0..70).filter(|&s| calendar.is_event(at(s))).collect();
        assert_eq!(on, (10..30).chain(50..60).collect::<Vec<i64>>());
        assert_eq!(calendar.intervals.len(), 2, "what overlaps is one event");
        assert!(Calendar::default().is_empty() && !Calendar::default().is_event(at(0)));
    }
}
