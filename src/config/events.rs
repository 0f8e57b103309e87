//! Known events, which forecasts can count on: sales, matches, maintenance.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::units::{Timestamp, duration};

/// Each name is something to be learnt; more than these are no kinds of events but a mistake.
const MOST_NAMES: usize = 50;

/// A known event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Event {
    /// What it is called. Events of one name do the same to a load.
    pub name: String,
    /// Its first instant.
    pub start: Timestamp,
    /// How long it lasts; not zero.
    pub length: Duration,
    /// The time from one beginning to the next where it comes again; at least its length.
    pub every: Option<Duration>,
}

impl Event {
    /// The model that knows of events, by its name.
    pub const MODEL: &str = "prophet";

    /// An event from `start` to the first instant after it, `end`.
    ///
    /// # Errors
    /// A sentence that says what was expected and what was found.
    pub fn new(
        name: String,
        start: Timestamp,
        end: Timestamp,
        every: Option<Duration>,
    ) -> Result<Self, String> {
        if name.trim().is_empty() {
            return Err("expected a name, found none".to_owned());
        }
        if end <= start {
            return Err(format!("expected an end after the start ({start}), found {end}"));
        }
        let length = end.since(start);
        if let Some(every) = every.filter(|every| *every < length) {
            return Err(format!(
                "expected every to be at least as long as the event ({}), found {}",
                duration::format(length),
                duration::format(every)
            ));
        }
        Ok(Self { name, start, length, every })
    }

    /// What is wrong with all of them together.
    pub fn problem(events: &[Self]) -> Option<String> {
        let names: BTreeSet<&str> = events.iter().map(|event| event.name.as_str()).collect();
        (names.len() > MOST_NAMES).then(|| {
            format!(
                "expected at most {MOST_NAMES} names, found {}: events that do the same to a load \
                 share one",
                names.len()
            )
        })
    }
}

/// An event as it is written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    start: Moment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration: Option<Length>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<Length>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Length(#[serde(with = "duration")] Duration);

/// A time in any notation of the command line.
#[derive(Clone, Copy)]
struct Moment(Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Timestamp::parse(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl TryFrom<Written> for Event {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { name, start: Moment(start), end, duration, every } = written;
        let end = match (end, duration) {
            (Some(Moment(end)), None) => end,
            (None, Some(Length(length))) => start.plus(length),
            (Some(_), Some(_)) => return Err("expected one of end and duration, found both".into()),
            (None, None) => return Err("expected one of end and duration, found neither".into()),
        };
        Self::new(name, start, end, every.map(|Length(every)| every))
    }
}

impl From<Event> for Written {
    fn from(event: Event) -> Self {
        Self {
            name: event.name,
            start: Moment(event.start),
            end: None,
            duration: Some(Length(event.length)),
            every: event.every.map(Length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Event, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn an_event_has_an_end_or_a_duration_and_is_written_as_it_is_read() {
        let end = read(r#"{"name":"a","start":"2026-01-31","end":"2026-01-31T06:00:00Z"}"#);
        let length = read(r#"{"name":"a","start":"1769817600","duration":"6h"}"#);
        assert_eq!(end, length);
        let weekly = read(r#"{"name":"a","start":"2026-01-31","duration":"6h","every":"1w"}"#);
        let weekly = weekly.expect("valid");
        assert_eq!(weekly.every, Some(Duration::from_secs(7 * 86_400)));
        let written = serde_json::to_string(&weekly).expect("JSON");
        assert_eq!(read(&written), Ok(weekly));
    }

    #[test]
    fn kinds_of_events_are_few() {
        let start = Timestamp::from_millis(0);
        let event = |name: usize| {
            let end = start.plus(Duration::from_secs(60));
            Event::new(name.to_string(), start, end, None).expect("valid")
        };
        let most: Vec<Event> = (0..MOST_NAMES).chain(0..MOST_NAMES).map(event).collect();
        assert_eq!(Event::problem(&most), None);
        let more: Vec<Event> = (0..=MOST_NAMES).map(event).collect();
        assert!(Event::problem(&more).is_some_and(|text| text.contains("found 51")));
    }
}
