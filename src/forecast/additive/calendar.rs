//! Known events: sales, matches, maintenance.

use std::collections::BTreeMap;

use crate::config::Event;
use crate::units::Timestamp;

/// When events are on, name by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calendar {
    names: BTreeMap<String, Times>,
}

/// When the events of one name are on.
#[derive(Clone, Debug, Default, PartialEq)]
struct Times {
    /// Those that come once: the first instant of each and the first one after it, apart from each other,
    /// the earliest first.
    once: Vec<(Timestamp, Timestamp)>,
    /// Those that come again.
    again: Vec<Event>,
}

impl Calendar {
    /// A calendar of these events, in any order; those of one name that overlap are one.
    pub fn new(events: &[Event]) -> Self {
        let mut names: BTreeMap<String, Times> = BTreeMap::new();
        for event in events {
            let times = names.entry(event.name.clone()).or_default();
            match event.every {
                Some(_) => times.again.push(event.clone()),
                None => times.once.push((event.start, event.start.plus(event.length))),
            }
        }
        for times in names.values_mut() {
            times.once = apart(std::mem::take(&mut times.once));
        }
        Self { names }
    }

    /// How many names it has.
    pub fn names(&self) -> usize {
        self.names.len()
    }

    /// Whether an event is on, for each name in order.
    pub fn are_on(&self, at: Timestamp) -> impl Iterator<Item = bool> {
        self.names.values().map(move |times| times.is_on(at))
    }
}

/// The intervals without overlaps, the earliest first.
fn apart(mut intervals: Vec<(Timestamp, Timestamp)>) -> Vec<(Timestamp, Timestamp)> {
    intervals.sort_unstable();
    let mut apart: Vec<(Timestamp, Timestamp)> = Vec::with_capacity(intervals.len());
    for (from, to) in intervals {
        match apart.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => apart.push((from, to)),
        }
    }
    apart
}

impl Times {
    fn is_on(&self, at: Timestamp) -> bool {
        let begun = self.once.partition_point(|(from, _)| *from <= at);
        let once = begun > 0 && at < self.once[begun - 1].1;
        once || self.again.iter().any(|event| comes_again(event, at))
    }
}

/// Whether one of its times is now.
fn comes_again(event: &Event, at: Timestamp) -> bool {
    let every = event.every.map_or(0, |every| every.as_millis());
    let into = at.since(event.start).as_millis().checked_rem(every);
    at >= event.start && into.is_some_and(|into| into < event.length.as_millis())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn event(name: &str, from: i64, to: i64, every: Option<u64>) -> Event {
        Event::new(name.to_owned(), at(from), at(to), every.map(Duration::from_secs))
            .expect("a valid event")
    }

    /// The seconds at which each name is on.
    fn on(calendar: &Calendar) -> Vec<Vec<i64>> {
        let of = |name| (0..70).filter(|s| calendar.are_on(at(*s)).nth(name).unwrap()).collect();
        (0..calendar.names()).map(of).collect()
    }

    #[test]
    fn an_event_is_on_from_its_first_instant_to_the_one_after_its_last() {
        let calendar = Calendar::new(&[
            event("sale", 50, 60, None),
            event("sale", 10, 20, None),
            event("match", 12, 13, None),
            event("sale", 15, 30, None),
        ]);
        assert_eq!(on(&calendar), [vec![12], (10..30).chain(50..60).collect::<Vec<i64>>()]);
        assert_eq!(calendar.names["sale"].once.len(), 2, "what overlaps is one event");
        assert_eq!(Calendar::default().names(), 0);
    }

    #[test]
    fn an_event_may_come_again_from_its_start_on() {
        let calendar = Calendar::new(&[event("sale", 7, 9, Some(30)), event("sale", 65, 66, None)]);
        assert_eq!(on(&calendar), [vec![7, 8, 37, 38, 65, 67, 68]]);
        assert!(calendar.are_on(at(7 + 30 * 1_000_000)).all(|on| on));
        assert!(!calendar.are_on(at(7 - 30)).any(|on| on), "not before its start");
    }
}
