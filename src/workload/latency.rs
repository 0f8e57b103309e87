//! Quantiles of any number of durations in little memory.

use std::time::Duration;

/// A count of durations in buckets, each 1 % wider than the last, from 10 µs on.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    buckets: Vec<u64>,
    count: u64,
}

const SMALLEST_SECONDS: f64 = 1e-5;
const GROWTH: f64 = 1.01;

impl Latencies {
    /// Adds one.
    pub fn record(&mut self, latency: Duration) {
        let above = (latency.as_secs_f64() / SMALLEST_SECONDS).max(1.0);
        let index = (above.ln() / GROWTH.ln()) as usize;
        if index >= self.buckets.len() {
            self.buckets.resize(index + 1, 0);
        }
        self.buckets[index] += 1;
        self.count += 1;
    }

    /// The duration that `quantile` (0–1) of all do not exceed, to 1 %; `None` where there are none.
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let rank = ((self.count as f64 * quantile).ceil() as u64).max(1);
        let mut seen = 0;
        let index = self.buckets.iter().position(|bucket| {
            seen += bucket;
            seen >= rank
        })?;
        Some(Duration::from_secs_f64(SMALLEST_SECONDS * GROWTH.powf(index as f64 + 0.5)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(Latencies::default().quantile(0.5), None);
    }

    proptest! {
        #[test]
        fn quantiles_are_exact_to_a_hundredth(
            mut values in prop::collection::vec(20u64..100_000_000, 1..200), quantile in 0.0..=1.0f64,
        ) {
            let mut latencies = Latencies::default();
            values.iter().for_each(|us| latencies.record(Duration::from_micros(*us)));
            values.sort_unstable();
            let rank = ((values.len() as f64 * quantile).ceil() as usize).max(1);
            let exact = values[rank - 1] as f64 / 1e6;
            let found = latencies.quantile(quantile).expect("there are some").as_secs_f64();
            prop_assert!((found / exact - 1.0).abs() <= 0.01, "{found} for {exact}");
        }
    }
}
