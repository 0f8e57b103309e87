//! The feature set `cloud`: what an instance's CPU, memory and disk say of its CPU a little later.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::sync::{Arc, LazyLock};

use super::kubernetes::hour_of_day;
use super::pace::{Follows, OutOfOrder, Pace};
use super::rolling::{deviation, quantile};
use super::{Features, Schema};
use crate::units::Timestamp;

/// The columns of a CSV file of samples.
pub const COLUMNS: [&str; 4] = ["timestamp", "cpu", "ram", "disk"];

/// How many samples before the current one are looked at. While there are fewer, there are no features.
pub const PAST: usize = 60;

const LAGS: [usize; 5] = [1, 2, 3, 6, 12];
const WINDOWS: [(&str, usize); 3] = [("short", 3), ("med", 12), ("long", PAST)];
/// The weight of the newest sample in a mean over a span of 30.
const EWM_WEIGHT: f64 = 2.0 / 31.0;
/// From this many deviations on a sample is an anomaly.
const ANOMALOUS_Z: f64 = 3.0;

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let series = &COLUMNS[1..];
    let mut names: Vec<String> = series.iter().map(|name| (*name).to_owned()).collect();
    names.extend(["hour", "minute", "dayofweek", "hour_sin", "hour_cos"].map(str::to_owned));
    for lag in LAGS {
        names.extend(series.iter().map(|name| format!("{name}_lag_{lag}")));
    }
    for (window, _) in WINDOWS {
        names.extend(series.iter().map(|name| format!("{name}_roll_mean_{window}")));
        names.push(format!("cpu_roll_std_{window}"));
    }
    names.extend(
        [
            "cpu_ewm_30",
            "cpu_x_ram",
            "cpu_roll_median_past",
            "cpu_roll_std_past",
            "cpu_zscore_past",
            "is_anomaly_z",
            "is_anomaly_iso",
            "anomaly_severity",
        ]
        .map(str::to_owned),
    );
    Arc::new(Schema::new(names))
});

/// The names of the features.
pub fn schema() -> Arc<Schema> {
    Arc::clone(&SCHEMA)
}

/// One row: what was measured of an instance at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The moment.
    pub at: Timestamp,
    /// CPU in use, in percent.
    pub cpu: Option<f64>,
    /// Memory in use, in percent.
    pub ram: Option<f64>,
    /// Bytes read and written a second.
    pub disk: Option<f64>,
}

impl Sample {
    fn series(&self) -> [Option<f64>; 3] {
        [self.cpu, self.ram, self.disk]
    }

    /// What an Isolation Forest is shown of it.
    pub fn to_f32(&self) -> [f32; 3] {
        self.series().map(|value| value.map_or(f32::NAN, |value| value as f32))
    }
}

/// The samples of one instance → feature vectors, looking at the past only: every rolling figure ends at
/// the sample before the current one. After a pause everything starts anew.
#[derive(Clone, Debug, Default)]
pub struct Extractor {
    pace: Pace,
    /// The last [`PAST`] samples before the current one, and that one last.
    recent: VecDeque<Sample>,
    /// The exponentially weighted CPU before the current sample.
    ewm_before: Option<f64>,
    /// The same, with the current sample.
    ewm: Option<f64>,
}

impl Extractor {
    /// The features of the next sample; `isolated` tells whether an Isolation Forest finds it anomalous.
    /// `None` while there are fewer than [`PAST`] samples before it. A sample of the same instant as the
    /// one before replaces it.
    ///
    /// # Errors
    /// A sample older than the one before it; then nothing has changed.
    pub fn push(
        &mut self,
        sample: Sample,
        isolated: Option<bool>,
    ) -> Result<Option<Features>, OutOfOrder> {
        match self.pace.step(sample.at)? {
            Follows::Anew => *self = Self { pace: self.pace, ..Self::default() },
            Follows::Again => {
                self.recent.pop_back();
                self.ewm = self.ewm_before;
            }
            Follows::Next if self.recent.len() > PAST => drop(self.recent.pop_front()),
            Follows::Next => {}
        }
        self.ewm_before = self.ewm;
        self.ewm = match (self.ewm, sample.cpu) {
            (Some(mean), Some(cpu)) => Some(mean + EWM_WEIGHT * (cpu - mean)),
            (mean, cpu) => mean.or(cpu),
        };
        self.recent.push_back(sample);
        Ok((self.recent.len() > PAST).then(|| self.features(&sample, isolated)))
    }

    /// The newest values before the current one of series `place`, at most `count`, the newest first.
    fn past(&self, place: usize, count: usize) -> Vec<f64> {
        let before = self.recent.iter().rev().skip(1).take(count);
        before.filter_map(|sample| sample.series()[place]).collect()
    }

    fn features(&self, sample: &Sample, isolated: Option<bool>) -> Features {
        let hour = hour_of_day(sample.at);
        let minute = sample.at.millis().div_euclid(60_000).rem_euclid(60) as f64;
        // The epoch was a Thursday; Monday is 0.
        let weekday = (sample.at.millis().div_euclid(86_400_000) + 3).rem_euclid(7) as f64;
        let angle = TAU * hour / 24.0;
        let mut values: Vec<Option<f64>> = sample.series().to_vec();
        values.extend([hour, minute, weekday, angle.sin(), angle.cos()].map(Some));
        for lag in LAGS {
            let then = self.recent.len().checked_sub(lag + 1).map(|place| self.recent[place]);
            values.extend(then.map_or([None; 3], |then| then.series()));
        }
        for (_, window) in WINDOWS {
            values.extend((0..3).map(|place| mean(&self.past(place, window))));
            values.push(deviation(&self.past(0, window)));
        }
        values.push(self.ewm_before);
        values.push(sample.cpu.zip(sample.ram).map(|(cpu, ram)| cpu * ram));
        values.extend(self.anomaly(sample.cpu, isolated));
        Features::new(schema(), values)
    }

    /// Median and deviation of the past, how many deviations `cpu` is from that median, and what follows.
    ///
    /// The deviation counts as at least a thousandth of the median, so that after a flat stretch not
    /// every last digit is an anomaly.
    fn anomaly(&self, cpu: Option<f64>, isolated: Option<bool>) -> [Option<f64>; 6] {
        let mut past = self.past(0, PAST);
        let spread = deviation(&past);
        past.sort_unstable_by(f64::total_cmp);
        let median = (!past.is_empty()).then(|| quantile(&past, 0.5));
        let z = cpu.zip(median).zip(spread).map(|((cpu, median), spread)| {
            (cpu - median) / spread.max(1e-3 * median.abs()).max(1e-6)
        });
        let by_z = z.map(|z| f64::from(z.abs() > ANOMALOUS_Z));
        let by_forest = isolated.map(f64::from);
        let severity = by_z.zip(z).zip(by_forest).map(|((by_z, z), iso)| by_z * z.abs() + iso);
        [median, spread, z, by_z, by_forest, severity]
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(step: usize, cpu: Option<f64>) -> Sample {
        // 2026-01-31 12:34:00 UTC, a Saturday.
        let at = Timestamp::from_millis(1_769_862_840_000 + step as i64 * 5_000);
        Sample { at, cpu, ram: Some(50.0), disk: Some(step as f64) }
    }

    fn push(extractor: &mut Extractor, step: usize, cpu: f64) -> Option<Features> {
        extractor.push(sample(step, Some(cpu)), Some(false)).expect("in order")
    }

    #[test]
    fn sixty_one_samples_are_needed() {
        let mut extractor = Extractor::default();
        for step in 0..60 {
            assert!(push(&mut extractor, step, 10.0).is_none(), "{step}");
        }
        assert!(push(&mut extractor, 60, 10.0).is_some());
        assert!(push(&mut extractor, 61, 10.0).is_some());
        assert!(push(&mut extractor, 200, 10.0).is_none(), "after a pause");
    }

    #[test]
    fn a_worked_example() {
        let mut extractor = Extractor::default();
        for step in 0..60 {
            push(&mut extractor, step, if step % 2 == 0 { 10.0 } else { 20.0 });
        }
        let iso = extractor.push(sample(60, Some(40.0)), Some(true)).expect("in order");
        let features = iso.expect("enough of the past");
        let spread = (60.0f64 * 25.0 / 59.0).sqrt();
        // From 10 on, each sample moves the mean by 2/31 of its distance.
        let ewm = (1..60).fold(10.0, |mean, step| {
            let cpu = if step % 2 == 0 { 10.0 } else { 20.0 };
            mean * 29.0 / 31.0 + cpu * 2.0 / 31.0
        });
        for (name, expected) in [
            ("cpu", 40.0),
            ("hour", 12.0),
            ("minute", 39.0),
            ("dayofweek", 5.0),
            ("hour_sin", 0.0),
            ("hour_cos", -1.0),
            ("cpu_lag_1", 20.0),
            ("cpu_lag_2", 10.0),
            ("disk_lag_12", 48.0),
            ("cpu_roll_mean_short", 50.0 / 3.0),
            ("disk_roll_mean_med", 53.5),
            ("cpu_roll_mean_long", 15.0),
            ("cpu_roll_std_long", spread),
            ("cpu_ewm_30", ewm),
            ("cpu_x_ram", 2000.0),
            ("cpu_roll_median_past", 15.0),
            ("cpu_zscore_past", 25.0 / spread),
            ("is_anomaly_z", 1.0),
            ("is_anomaly_iso", 1.0),
            ("anomaly_severity", 25.0 / spread + 1.0),
        ] {
            let found = features.get(name).expect(name);
            assert!((found - expected).abs() < 1e-9, "{name}: {found} for {expected}");
        }
    }

    #[test]
    fn a_last_digit_after_a_flat_stretch_is_no_anomaly() {
        let mut extractor = Extractor::default();
        for step in 0..60 {
            push(&mut extractor, step, 50.0);
        }
        let features = push(&mut extractor, 60, 50.1).expect("enough of the past");
        assert_eq!(features.get("is_anomaly_z"), Some(0.0));
        assert_eq!(features.get("anomaly_severity"), Some(0.0));
        assert_eq!(features.get("cpu_roll_std_past"), Some(0.0));
    }

    proptest! {
        /// The past does not change when the future comes, and a sample told again replaces itself.
        #[test]
        fn features_look_back_only(
            cpu in prop::collection::vec(prop::option::weighted(0.9, 0.0..100.0f64), 62..90),
            cut in 61usize..90,
        ) {
            let all = |cpu: &[Option<f64>], twice: bool| -> Vec<Vec<Option<f64>>> {
                let mut extractor = Extractor::default();
                let mut push = |(step, cpu): (usize, &Option<f64>)| {
                    if twice {
                        extractor.push(sample(step, Some(77.0)), None).expect("in order");
                    }
                    let features = extractor.push(sample(step, *cpu), None).expect("in order");
                    features.map_or_else(Vec::new, |features| features.values().collect())
                };
                cpu.iter().enumerate().map(&mut push).collect()
            };
            let whole = all(&cpu, false);
            let cut = cut.min(cpu.len());
            prop_assert_eq!(&all(&cpu[..cut], false)[..], &whole[..cut]);
            prop_assert_eq!(&all(&cpu, true), &whole);
            prop_assert!(whole.iter().flatten().flatten().all(|value| value.is_finite()));
        }
    }
}
