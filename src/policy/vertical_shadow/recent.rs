//! The need of the last seven days, the highest of each five minutes, two bytes each.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::units::Timestamp;

/// A span of time in which only the highest need counts.
pub(super) const SPAN_MILLIS: i64 = 300_000;
/// Spans of an hour, a day and a week.
pub(super) const HOUR: usize = 12;
pub(super) const DAY: usize = 288;
pub(super) const WEEK: usize = 7 * DAY;
/// What is remembered: an hour more than a week, as the same time of day a week ago begins an hour before.
const LENGTH: usize = WEEK + HOUR + 1;

/// The amount of code 1. Code 0 stands for a span of which nothing is known.
const LEAST: f64 = 1e-6;
/// More than that is never remembered.
pub(super) const MOST: f64 = 1e18;
/// The logarithm of the step from code to code: 65 535 codes reach to 1e18.
const STEP: f64 = 55.3 / 65_534.0;

/// The code of an amount; what it stands for is never less.
fn encode(amount: f64) -> u16 {
    let code = ((amount.max(LEAST) / LEAST).ln() / STEP - 1e-6).ceil();
    1 + code.clamp(0.0, 65_534.0) as u16
}

/// What a code stands for; zero for a span of which nothing is known.
pub(super) fn decode(code: u16) -> f64 {
    code.checked_sub(1).map_or(0.0, |code| LEAST * (f64::from(code) * STEP).exp())
}

/// Which span a moment falls into.
pub(super) fn span(at: Timestamp) -> i64 {
    at.millis().div_euclid(SPAN_MILLIS)
}

/// The highest need of each span, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Recent {
    /// The span of the last code.
    last: Option<i64>,
    codes: VecDeque<u16>,
}

/// What a sample is to its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Push {
    /// The first of a new span.
    New,
    /// The highest of its span so far.
    Higher,
    /// Neither, or of a span that is over.
    Nothing,
}

impl Recent {
    /// Takes in what was needed at a moment. A gap of two days or more counts as one of less, with the same
    /// time of day at its end: who comes back is who went.
    pub(super) fn push(&mut self, at: Timestamp, amount: f64) -> Push {
        let (span, code) = (span(at), encode(amount));
        let passed = self.last.map_or(1, |last| span.saturating_sub(last));
        match (passed, self.codes.back_mut()) {
            (0, Some(highest)) if code > *highest => {
                *highest = code;
                Push::Higher
            }
            (..=0, _) => Push::Nothing,
            _ => {
                let gap = usize::try_from(passed - 1).unwrap_or_default();
                let gap = if gap < 2 * DAY { gap } else { DAY + gap % DAY };
                let kept = LENGTH - 1 - gap;
                self.codes.drain(..self.codes.len().saturating_sub(kept));
                self.codes.extend(std::iter::repeat_n(0, gap));
                self.codes.push_back(code);
                self.last = Some(span);
                Push::New
            }
        }
    }

    /// Whether the last hour is wholly known.
    pub(super) fn is_settled(&self) -> bool {
        self.newest(HOUR).filter(|code| *code > 0).count() == HOUR
    }

    /// The codes of the last `spans` spans.
    fn newest(&self, spans: usize) -> impl Iterator<Item = u16> {
        self.codes.range(self.codes.len().saturating_sub(spans)..).copied()
    }

    /// The peak of the last `spans` spans; zero where nothing is known of them.
    pub(super) fn peak(&self, spans: usize) -> f64 {
        decode(self.newest(spans).max().unwrap_or(0))
    }

    /// The peak of the last hour, and of an hour before to three hours after this time of day on each of
    /// the last `days` days.
    pub(super) fn same_time(&self, days: usize) -> f64 {
        let of_day = |day: usize| {
            let now = self.codes.len().checked_sub(1 + day * DAY)?;
            let until = (now + 3 * HOUR).min(self.codes.len() - 1);
            self.codes.range(now.saturating_sub(HOUR)..=until).copied().max()
        };
        let highest = (1..=days).filter_map(of_day).max().unwrap_or(0);
        decode(highest.max(self.newest(HOUR).max().unwrap_or(0)))
    }

    /// Quantiles of the known needs of the last `spans` spans; zero where there is none.
    pub(super) fn quantiles<const N: usize>(&self, spans: usize, levels: [f64; N]) -> [f64; N] {
        let mut codes: Vec<u16> = self.newest(spans).filter(|code| *code > 0).collect();
        codes.sort_unstable();
        levels.map(|level| {
            let rank = (level * codes.len() as f64).ceil() as usize;
            decode(codes.get(rank.saturating_sub(1)).copied().unwrap_or(0))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::fixtures::START;
    use super::*;

    fn at(spans: u32) -> Timestamp {
        START.plus(Duration::from_millis(SPAN_MILLIS as u64) * spans)
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-3 * b
    }

    #[test]
    fn codes_are_near_and_never_below() {
        for amount in [1e-6, 0.007, 0.5, 1.0, 37.5, 1e9, 8e11, 1e17] {
            let decoded = decode(encode(amount));
            assert!(
                decoded >= amount * (1.0 - 1e-8) && near(decoded, amount),
                "{amount}: {decoded}"
            );
            assert_eq!(encode(decoded), encode(amount));
        }
        assert_eq!((encode(0.0), encode(f64::MAX)), (1, 65_535));
    }

    #[test]
    fn the_highest_of_a_span_counts() {
        let mut recent = Recent::default();
        let half = Duration::from_secs(30);
        assert_eq!(recent.push(at(0), 1.0), Push::New);
        assert_eq!(recent.push(at(0).plus(half), 3.0), Push::Higher);
        assert_eq!(recent.push(at(0).plus(half * 2), 2.0), Push::Nothing);
        assert!(near(recent.peak(1), 3.0));
        assert_eq!(recent.push(at(1), 2.0), Push::New);
        assert_eq!(recent.push(at(0), 9.0), Push::Nothing, "a clock that was set back");
        assert!(near(recent.peak(1), 2.0) && near(recent.peak(2), 3.0));
    }

    #[test]
    fn a_gap_is_a_gap_and_a_long_one_forgets_nothing() {
        let mut recent = Recent::default();
        recent.push(at(0), 5.0);
        recent.push(at(10), 1.0);
        assert_eq!(recent.codes.len(), 11);
        assert!(near(recent.peak(10), 1.0) && near(recent.peak(11), 5.0));
        assert!(near(recent.quantiles(11, [0.5])[0], 1.0));
        recent.push(at(10 + 20 * DAY as u32 + 5), 2.0);
        assert_eq!(recent.codes.len(), 11 + DAY + 5, "the time of day is kept");
        assert!(near(recent.peak(WEEK), 5.0) && !recent.is_settled());
        for span in 10_001..13_000 {
            recent.push(at(span), 2.0);
        }
        assert_eq!(recent.codes.len(), LENGTH);
        assert!(near(recent.peak(WEEK), 2.0) && recent.is_settled());
    }

    #[test]
    fn the_same_time_of_day_looks_ahead() {
        let mut recent = Recent::default();
        for span in 0..3 * DAY as u32 {
            // A job at noon of each day; the last sample is of midnight.
            let noon = span as usize % DAY == DAY / 2;
            recent.push(at(span), if noon { 9.0 } else { 1.0 });
        }
        assert!(near(recent.same_time(2), 1.0));
        // From nine o'clock on yesterday's noon counts, until one o'clock.
        let mut seen = Vec::new();
        for span in 0..DAY as u32 {
            recent.push(at(3 * DAY as u32 + span), 1.0);
            seen.push(recent.same_time(1) > 5.0);
        }
        let first = seen.iter().position(|high| *high).unwrap();
        let last = seen.iter().rposition(|high| *high).unwrap();
        assert_eq!((first, last), (DAY / 2 - 3 * HOUR, DAY / 2 + HOUR));
    }

    #[test]
    fn quantiles_are_of_what_is_known() {
        let mut recent = Recent::default();
        assert_eq!(recent.quantiles(DAY, [0.9]), [0.0]);
        for span in 0..100 {
            recent.push(at(span), f64::from(span + 1));
        }
        let [low, middle, high] = recent.quantiles(100, [0.01, 0.5, 1.0]);
        assert!(near(low, 1.0) && near(middle, 50.0) && near(high, 100.0));
    }
}
