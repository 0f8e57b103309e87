//! Ticks of a time axis: round times of day, midnights, first days of months, in UTC.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::axis::Tick;

const DAY: i64 = 86_400;

/// Steps that divide a day, in seconds.
const WITHIN_A_DAY: [i64; 16] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600];

/// Steps of whole days, in days.
const DAYS: [i64; 5] = [1, 2, 4, 7, 14];

/// Steps of whole months, in months.
const MONTHS: [i64; 12] = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000];

/// At most `most` round instants within the range, which is in seconds since the epoch. None where the
/// calendar ends.
pub fn ticks((from, to): (f64, f64), most: usize) -> Vec<Tick> {
    let (first, last) = (from.ceil() as i64, to.floor() as i64);
    if Timestamp::from_second(first).is_err() {
        return Vec::new();
    }
    let rough = (to - from) / most.max(1) as f64;
    let within_a_day = WITHIN_A_DAY.into_iter().chain([43_200]).find(|s| *s as f64 >= rough);
    let days = DAYS.into_iter().find(|days| (days * DAY) as f64 >= rough);
    match (within_a_day, days) {
        (Some(step), _) => {
            let time = if step < 60 { "%H:%M:%S" } else { "%H:%M" };
            labelled(multiples(first, last, step, 0), time, "%Y-%m-%d")
        }
        (None, Some(days)) => {
            // The epoch was a Thursday: weeks begin with the Monday four days later.
            let offset = if days % 7 == 0 { 4 * DAY } else { 0 };
            labelled(multiples(first, last, days * DAY, offset), "%b %-d", "%Y")
        }
        (None, None) => months(first, last, rough),
    }
}

fn multiples(first: i64, last: i64, step: i64, offset: i64) -> Vec<i64> {
    let start = offset + (first - offset).div_euclid(step) * step;
    (0..).map(|i| start + i * step).skip_while(|t| *t < first).take_while(|t| *t <= last).collect()
}

fn months(first: i64, last: i64, rough: f64) -> Vec<Tick> {
    let month_seconds = 30.4 * DAY as f64;
    let step = MONTHS.into_iter().find(|m| *m as f64 * month_seconds >= rough).unwrap_or(24_000);
    let Ok(start) = Timestamp::from_second(first) else {
        return Vec::new();
    };
    let start = start.to_zoned(TimeZone::UTC).date();
    let number = i64::from(start.year()) * 12 + i64::from(start.month()) - 1;
    let start = number.div_euclid(step) * step;
    let at = |i: i64| {
        let number = start + i * step;
        let year = i16::try_from(number.div_euclid(12)).ok()?;
        let date = Date::new(year, (number.rem_euclid(12) + 1) as i8, 1).ok()?;
        Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
    };
    let places =
        (0..).map_while(at).skip_while(|t| *t < first).take_while(|t| *t <= last).collect();
    if step < 12 { labelled(places, "%b", "%Y") } else { labelled(places, "%Y", "") }
}

/// `format` at each place, and `below` at the first, with the time zone, and wherever it changes.
fn labelled(places: Vec<i64>, format: &str, below: &str) -> Vec<Tick> {
    let mut shown: Option<String> = None;
    let mut tick = |at: i64| {
        let time = Timestamp::from_second(at).ok()?;
        let text = time.strftime(below).to_string();
        let below = match &shown {
            None => Some(format!("{text} UTC").trim_start().to_owned()),
            Some(before) if *before != text => Some(text.clone()),
            Some(_) => None,
        };
        shown = Some(text);
        Some(Tick { at: at as f64, label: time.strftime(format).to_string(), below })
    };
    places.into_iter().filter_map(&mut tick).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(from: &str, to: &str) -> String {
        let seconds = |text: &str| text.parse::<Timestamp>().expect("a time").as_second() as f64;
        let tick = |tick: Tick| match tick.below {
            Some(below) => format!("{}/{below}", tick.label),
            None => tick.label,
        };
        let ticks = ticks((seconds(from), seconds(to)), 6);
        ticks.into_iter().map(tick).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn times_are_round_and_dates_stand_where_they_change() {
        for (from, to, expected) in [
            (
                "2026-01-31T21:10:00Z",
                "2026-02-01T02:50:00Z",
                "22:00/2026-01-31 UTC 23:00 00:00/2026-02-01 01:00 02:00",
            ),
            (
                "2026-01-31T21:10:07Z",
                "2026-01-31T21:10:30Z",
                "21:10:10/2026-01-31 UTC 21:10:15 21:10:20 21:10:25 21:10:30",
            ),
            (
                "2025-12-30T12:00:00Z",
                "2026-01-03T12:00:00Z",
                "Dec 31/2025 UTC Jan 1/2026 Jan 2 Jan 3",
            ),
            (
                "2026-01-01T00:00:00Z",
                "2026-02-05T00:00:00Z",
                "Jan 5/2026 UTC Jan 12 Jan 19 Jan 26 Feb 2",
            ),
            ("2025-09-15T00:00:00Z", "2026-02-05T00:00:00Z", "Oct/2025 UTC Nov Dec Jan/2026 Feb"),
            ("2000-09-15T00:00:00Z", "2026-02-05T00:00:00Z", "2005/UTC 2010 2015 2020 2025"),
        ] {
            assert_eq!(written(from, to), expected, "{from} {to}");
        }
    }

    proptest! {
        #[test]
        fn there_are_never_too_many(from in -1e12f64..1e12, span in 0f64..1e12) {
            let found = ticks((from, from + span), 8);
            prop_assert!(found.len() <= 10, "{found:?}");
            prop_assert!(found.iter().all(|tick| from <= tick.at && tick.at <= from + span));
        }
    }
}
