//! `rate_limit`: one token bucket for all clients.

use tokio::time::Instant;

use crate::config::RateLimit;

/// Full at first. A request takes one token; each interval brings one back, up to the burst.
pub(super) struct Bucket {
    limit: RateLimit,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket at the instant `now`.
    pub fn new(limit: RateLimit, now: Instant) -> Self {
        Self { limit, tokens: f64::from(limit.burst), at: now }
    }

    /// Whether one more request may be answered at the instant `now`. A limit other than before begins
    /// with a full bucket.
    pub fn take(&mut self, limit: RateLimit, now: Instant) -> bool {
        if limit.interval.is_zero() {
            return true;
        }
        if limit != self.limit {
            *self = Self::new(limit, now);
        }
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        let gained = elapsed / limit.interval.as_secs_f64();
        self.tokens = (self.tokens + gained).min(f64::from(limit.burst));
        self.at = now;
        let taken = self.tokens >= 1.0;
        if taken {
            self.tokens -= 1.0;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn limit(interval_ms: u64, burst: u32) -> RateLimit {
        RateLimit { interval: Duration::from_millis(interval_ms), burst }
    }

    #[test]
    fn a_burst_then_one_an_interval() {
        let (start, limit) = (Instant::now(), limit(1000, 3));
        let mut bucket = Bucket::new(limit, start);
        let mut at = |ms| bucket.take(limit, start + Duration::from_millis(ms));
        let answers: Vec<bool> = [0, 0, 0, 0, 999, 1001, 1002, 2001].map(&mut at).to_vec();
        assert_eq!(answers, [true, true, true, false, false, true, false, true]);
        let after_a_pause: Vec<bool> = [60_000; 4].map(&mut at).to_vec();
        assert_eq!(after_a_pause, [true, true, true, false]);
    }

    #[test]
    fn another_limit_counts_at_once() {
        let now = Instant::now();
        let mut bucket = Bucket::new(limit(1000, 1), now);
        assert!(bucket.take(limit(1000, 1), now));
        assert!(!bucket.take(limit(1000, 1), now));
        assert!(bucket.take(limit(1000, 2), now));
        assert!(bucket.take(limit(0, 0), now));
        assert!(!bucket.take(limit(1000, 0), now));
    }

    proptest! {
        /// Never more than the burst and what the time has brought.
        #[test]
        fn the_limit_holds(
            interval_ms in 1u64..1000,
            burst in 0u32..20,
            pauses_ms in proptest::collection::vec(0u64..500, 0..100),
        ) {
            let (start, limit) = (Instant::now(), limit(interval_ms, burst));
            let mut bucket = Bucket::new(limit, start);
            let (mut passed_ms, mut answered) = (0, 0u64);
            for pause in pauses_ms {
                passed_ms += pause;
                answered += u64::from(bucket.take(limit, start + Duration::from_millis(passed_ms)));
                let most = u64::from(burst) + passed_ms / interval_ms;
                prop_assert!(answered <= most, "{answered} of {most}");
            }
        }
    }
}
