//! Quantities that every room shares: instants, durations and limits.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time, in milliseconds since the Unix epoch.
///
/// Time is always passed in: only `cli` and `scaler` read a clock.
/// On the wire (JSON) it is an RFC 3339 string in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `ms` milliseconds after the Unix epoch.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }

    /// The instant `seconds` after the Unix epoch, rounded to a millisecond.
    /// Not-a-number becomes the epoch; values out of range saturate.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds * 1000.0).round() as i64)
    }

    /// The instant in a file or on the command line: Unix seconds, RFC 3339, or a date with or without a time
    /// of day that is taken as UTC.
    ///
    /// # Errors
    /// A sentence that says what was expected and what was found.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fail = || format!("expected {}, found {text:?}", Self::NOTATIONS);
        if let Ok(seconds) = text.parse::<f64>() {
            return if seconds.is_finite() { Ok(Self::from_seconds(seconds)) } else { Err(fail()) };
        }
        let instant = text.parse::<jiff::Timestamp>().ok().or_else(|| {
            let civil: jiff::civil::DateTime = text.parse().ok()?;
            Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
        });
        instant.map(|instant| Self(instant.as_millisecond())).ok_or_else(fail)
    }

    /// What [`Timestamp::parse`] takes, for a person.
    pub const NOTATIONS: &str =
        "a time such as 2026-01-31T12:00:00Z, 2026-01-31 12:00:00 or Unix seconds";

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Seconds since the Unix epoch.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Time from `earlier` to `self`; zero where `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0) as u64)
    }

    /// The instant `by` later, saturating.
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// The instant `by` earlier, saturating.
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(millis(by)))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let parsed: jiff::Timestamp = text.parse().map_err(|_| {
            serde::de::Error::custom(format!(
                "expected an RFC 3339 time such as 2026-01-31T12:00:00Z, found {text:?}"
            ))
        })?;
        Ok(Self(parsed.as_millisecond()))
    }
}

/// A ceiling that may be absent. "No limit" is a value of its own, never a huge number.
///
/// On the wire: the string `"max"` or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub enum Limit<T> {
    /// A ceiling of this size.
    At(T),
    /// No ceiling.
    Max,
}

impl<T> Limit<T> {
    /// The size of the ceiling; `None` where there is none.
    pub fn value(self) -> Option<T> {
        match self {
            Self::At(v) => Some(v),
            Self::Max => None,
        }
    }
}

impl<T: Serialize> Serialize for Limit<T> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::At(v) => v.serialize(s),
            Self::Max => s.serialize_str("max"),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Limit<T> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a number or \"max\"")]
        enum Raw<T> {
            At(T),
            Text(String),
        }
        match Raw::deserialize(d)? {
            Raw::At(v) => Ok(Self::At(v)),
            Raw::Text(s) if s == "max" => Ok(Self::Max),
            Raw::Text(s) => {
                Err(serde::de::Error::custom(format!("expected a number or \"max\", found {s:?}")))
            }
        }
    }
}

/// Durations in Prometheus's own notation: `1h30m`, `15s`, `500ms`, `1d`.
///
/// For serde: `#[serde(with = "crate::units::duration")]`.
pub mod duration {
    use super::*;

    /// Units from the longest to the shortest, in milliseconds. A year is 365 days and a week 7,
    /// as in Prometheus (`model.ParseDuration`).
    const UNITS: [(&str, u64); 7] = [
        ("y", 365 * 24 * 3_600_000),
        ("w", 7 * 24 * 3_600_000),
        ("d", 24 * 3_600_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];

    /// Parses a duration. Units must come from long to short, each at most once; a bare `0` is zero.
    ///
    /// # Errors
    /// A sentence that says what was expected and what was found.
    pub fn parse(text: &str) -> Result<Duration, String> {
        let fail = || format!("expected a duration such as 30s, 5m or 1h30m, found {text:?}");
        if text == "0" {
            return Ok(Duration::ZERO);
        }
        let (mut rest, mut next_unit, mut total) = (text, 0, 0u64);
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let number: u64 = rest[..digits].parse().map_err(|_| fail())?;
            rest = &rest[digits..];
            let letters =
                rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
            let unit = &rest[..letters];
            rest = &rest[letters..];
            let index = UNITS.iter().position(|(name, _)| *name == unit).ok_or_else(fail)?;
            if index < next_unit {
                return Err(fail());
            }
            next_unit = index + 1;
            total = number
                .checked_mul(UNITS[index].1)
                .and_then(|ms| total.checked_add(ms))
                .ok_or_else(|| format!("the duration {text:?} is too long"))?;
        }
        if next_unit == 0 { Err(fail()) } else { Ok(Duration::from_millis(total)) }
    }

    /// The shortest exact notation of `duration`, to the millisecond: `90s` is `1m30s`.
    pub fn format(duration: Duration) -> String {
        let mut ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        if ms == 0 {
            return "0s".to_owned();
        }
        let mut text = String::new();
        // Years and weeks are read but not written: "365d" says more than "1y".
        for (name, size) in &UNITS[2..] {
            if ms >= *size {
                text.push_str(&format!("{}{name}", ms / size));
                ms %= size;
            }
        }
        text
    }

    /// Serde: writes [`format`]'s notation.
    pub fn serialize<S: serde::Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&format(*d))
    }

    /// Serde: reads [`parse`]'s notation.
    pub fn deserialize<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        parse(&String::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

/// Amounts of a resource: a plain number, or a number with a unit of bytes (`512MiB`, `1GB`, `64k`).
///
/// For serde: `#[serde(with = "crate::units::amount")]`.
pub mod amount {
    use std::fmt;

    const UNITS: [(&str, f64); 13] = [
        ("KiB", 1024.0),
        ("MiB", 1048576.0),
        ("GiB", 1073741824.0),
        ("TiB", 1099511627776.0),
        ("kB", 1e3),
        ("KB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("TB", 1e12),
        ("k", 1024.0),
        ("M", 1048576.0),
        ("G", 1073741824.0),
        ("B", 1.0),
    ];

    /// Parses an amount: finite and not negative. `k`, `M`, `G` alone are powers of 1024, as in Docker.
    ///
    /// # Errors
    /// A sentence that says what was expected and what was found.
    pub fn parse(text: &str) -> Result<f64, String> {
        let fail = || format!("expected a number, or bytes such as 512MiB, found {text:?}");
        let unit = UNITS.iter().find(|(name, _)| text.ends_with(name));
        let (digits, factor) = match unit {
            Some((name, factor)) => (&text[..text.len() - name.len()], *factor),
            None => (text, 1.0),
        };
        let number: f64 = digits.trim_end().parse().map_err(|_| fail())?;
        let value = number * factor;
        if value.is_finite() && value >= 0.0 { Ok(value) } else { Err(fail()) }
    }

    /// Serde: writes the plain number.
    pub fn serialize<S: serde::Serializer>(v: &f64, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64(*v)
    }

    /// Serde: reads a number or [`parse`]'s notation.
    pub fn deserialize<'de, D: serde::Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        d.deserialize_any(AmountVisitor)
    }

    struct AmountVisitor;

    impl serde::de::Visitor<'_> for AmountVisitor {
        type Value = f64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number, or bytes such as 512MiB")
        }

        fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<f64, E> {
            if number.is_finite() && number >= 0.0 {
                return Ok(number);
            }
            Err(E::custom(format!("expected a number that is not negative, found {number}")))
        }

        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<f64, E> {
            self.visit_f64(number as f64)
        }

        fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<f64, E> {
            self.visit_f64(number as f64)
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<f64, E> {
            parse(text).map_err(E::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_read_as_they_come() {
        let noon = Ok(Timestamp::from_millis(1_769_860_800_000));
        for text in [
            "2026-01-31T12:00:00Z",
            "2026-01-31 12:00:00",
            "2026-01-31T13:00:00+01:00",
            "1769860800",
        ] {
            assert_eq!(Timestamp::parse(text), noon, "{text}");
        }
        let midnight = Timestamp::from_millis(1_769_817_600_000);
        assert_eq!(Timestamp::parse("2026-01-31"), Ok(midnight));
        for text in ["", "yesterday", "NaN", "2026-13-01 00:00:00"] {
            let expected = format!("expected {}, found {text:?}", Timestamp::NOTATIONS);
            assert_eq!(Timestamp::parse(text), Err(expected));
        }
    }

    #[test]
    fn durations_follow_prometheus() {
        let ms = |text: &str| duration::parse(text).map(|d| d.as_millis());
        assert_eq!(ms("1h30m"), Ok(5_400_000));
        assert_eq!(ms("500ms"), Ok(500));
        assert_eq!(ms("1y1w"), Ok((365 + 7) * 24 * 3_600_000));
        assert_eq!(ms("0"), Ok(0));
        for bad in [
            "",
            "5",
            "m",
            "1m1h",
            "1s1s",
            "-1s",
            "1.5h",
            "1 m",
            "5x",
            "99999999999999999999s",
            "9999999999999999y",
        ] {
            assert!(duration::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn amounts_take_units() {
        assert_eq!(amount::parse("0.5"), Ok(0.5));
        assert_eq!(amount::parse("512MiB"), Ok(512.0 * 1048576.0));
        assert_eq!(amount::parse("1 GB"), Ok(1e9));
        assert_eq!(amount::parse("64M"), Ok(64.0 * 1048576.0));
        for bad in ["", "MiB", "-1", "inf", "NaN", "12 parsecs"] {
            assert!(amount::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn limits_on_the_wire() {
        let limits: Vec<Limit<f64>> = serde_json::from_str(r#"["max", 0.5]"#).expect("valid");
        assert_eq!(limits, [Limit::Max, Limit::At(0.5)]);
        assert_eq!(serde_json::to_string(&limits).expect("json"), r#"["max",0.5]"#);
        assert!(serde_json::from_str::<Limit<f64>>(r#""maximum""#).is_err());
    }

    #[test]
    fn timestamps_on_the_wire() {
        let at = Timestamp::from_millis(1_767_225_600_250);
        let json = serde_json::to_string(&at).expect("json");
        assert_eq!(json, r#""2026-01-01T00:00:00.250Z""#);
        assert_eq!(serde_json::from_str::<Timestamp>(&json).expect("parses"), at);
    }

    proptest! {
        #[test]
        fn durations_survive_a_round_trip(ms in 0u64..10_000_000_000_000) {
            let d = Duration::from_millis(ms);
            prop_assert_eq!(duration::parse(&duration::format(d)), Ok(d));
        }

        #[test]
        fn any_text_parses_or_is_refused(text in ".{0,20}") {
            let _ = duration::parse(&text);
        }
    }
}
