//! The features of a target's window.

use std::sync::{Arc, LazyLock};

use super::rolling::{self, describe, ratio, slope};
use super::{Features, Schema};
use crate::config::Detection;
use crate::target::Signal;
use crate::window::Window;

/// The two signals that are looked at over time.
const SERIES: [Signal; 2] = [Signal::CpuUsageCores, Signal::MemoryWorkingSetBytes];

/// The signals of which only the current value counts.
const VALUES: [Signal; 7] = [
    Signal::CpuThrottledRatio,
    Signal::CpuPressureRatio,
    Signal::MemoryPressureRatio,
    Signal::MemorySwapBytes,
    Signal::IoReadBytesPerSecond,
    Signal::IoWrittenBytesPerSecond,
    Signal::Tasks,
];

/// Relations between signals, and the time since the row before.
const RELATIONS: [&str; 6] = [
    "cpu_utilization_ratio",
    "memory_utilization_ratio",
    "cpu_cores_per_task",
    "memory_bytes_per_task",
    "cpu_cores_per_memory_gib",
    "time_diff_seconds",
];

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let mut names = Vec::new();
    for signal in SERIES {
        names.extend(rolling::names(signal.name()));
        names.push(format!("{signal}_trend_per_second"));
    }
    names.extend(VALUES.map(|signal| signal.name().to_owned()));
    names.extend(RELATIONS.map(str::to_owned));
    Arc::new(Schema::new(names))
});

/// The names of [`extract`]'s features, in order. It is the same for all targets.
pub fn schema() -> Arc<Schema> {
    Arc::clone(&SCHEMA)
}

/// The features of the window's latest row; `None` where that row holds no measured value at all.
///
/// A feature whose signals are missing is missing. The rolling statistics look at `rolling_window` rows,
/// whatever the length of the window; what they are is told at `rolling::describe`. A trend is the slope
/// of the least-squares line through those rows, in the signal's unit a second. A relation with a zero
/// denominator is 0.
pub fn extract(window: &Window, config: &Detection) -> Option<Features> {
    let now = |signal| window.last_n(signal, 1).next().and_then(|(_, value)| value);
    if Signal::ALL.into_iter().all(|signal| now(signal).is_none()) {
        return None;
    }
    let mut values = Vec::with_capacity(SCHEMA.len());
    for signal in SERIES {
        let recent: Vec<_> =
            window.last_n(signal, config.rolling_window.saturating_add(1)).collect();
        let samples: Vec<_> = recent.iter().map(|(_, value)| *value).collect();
        values.extend(describe(&samples, config.rolling_window, config.spike_threshold));
        let points: Vec<_> = recent
            .iter()
            .skip(recent.len().saturating_sub(config.rolling_window))
            .filter_map(|(at, value)| Some((at.since(recent[0].0).as_secs_f64(), (*value)?)))
            .collect();
        values.push(slope(&points));
    }
    values.extend(VALUES.map(now));

    let related = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| ratio(a, b));
    let cpu = now(Signal::CpuUsageCores);
    let memory = now(Signal::MemoryWorkingSetBytes);
    let tasks = now(Signal::Tasks);
    let memory_gib = memory.map(|bytes| bytes / f64::from(1 << 30));
    let mut last_times = window.times().rev();
    let interval = last_times.next().zip(last_times.next());
    values.extend([
        related(cpu, now(Signal::CpuLimitCores)),
        related(memory, now(Signal::MemoryLimitBytes)),
        related(cpu, tasks),
        related(memory, tasks),
        related(cpu, memory_gib),
        interval.map(|(last, before)| last.since(before).as_secs_f64()),
    ]);
    Some(Features::new(schema(), values))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::Timestamp;
    use crate::window::{Observation, Reading};

    fn window(rows: &[&[(Signal, f64)]]) -> Window {
        let mut window = Window::new(10);
        for (i, row) in rows.iter().enumerate() {
            let mut observation = Observation::empty(Timestamp::from_millis(i as i64 * 30_000));
            for (signal, value) in *row {
                observation.set(*signal, Reading::fresh(*value));
            }
            window.push(&observation).expect("in order");
        }
        window
    }

    #[test]
    fn relates_what_is_there_and_leaves_out_what_is_not() {
        use Signal::*;
        let row = [
            (CpuUsageCores, 0.5),
            (CpuLimitCores, 2.0),
            (MemoryWorkingSetBytes, 2147483648.0),
            (Tasks, 4.0),
        ];
        let features = extract(&window(&[&row, &row]), &Detection::default()).expect("features");
        assert_eq!(features.get("cpu_utilization_ratio"), Some(0.25));
        assert_eq!(features.get("cpu_cores_per_task"), Some(0.125));
        assert_eq!(features.get("memory_bytes_per_task"), Some(536870912.0));
        assert_eq!(features.get("cpu_cores_per_memory_gib"), Some(0.25));
        assert_eq!(features.get("time_diff_seconds"), Some(30.0));
        assert_eq!(features.get("memory_utilization_ratio"), None, "no limit");
        assert_eq!(features.get("cpu_pressure_ratio"), None, "not measured");
    }

    #[test]
    fn no_tasks_is_no_infinity() {
        let row = [(Signal::CpuUsageCores, 0.5), (Signal::Tasks, 0.0)];
        let features = extract(&window(&[&row]), &Detection::default()).expect("features");
        assert_eq!(features.get("cpu_cores_per_task"), Some(0.0));
    }

    #[test]
    fn trends_are_per_second() {
        let rows: Vec<_> = (0..8).map(|i| [(Signal::CpuUsageCores, f64::from(i) * 0.3)]).collect();
        let rows: Vec<&[_]> = rows.iter().map(|r| r.as_slice()).collect();
        let features = extract(&window(&rows), &Detection::default()).expect("features");
        let trend = features.get("cpu_usage_cores_trend_per_second").expect("trend");
        assert!((trend - 0.01).abs() < 1e-6, "{trend}");
    }

    #[test]
    fn a_window_that_says_nothing_has_no_features() {
        assert!(extract(&Window::new(5), &Detection::default()).is_none());
        let row = [(Signal::CpuUsageCores, 0.5)];
        assert!(extract(&window(&[&row, &[]]), &Detection::default()).is_none());
    }

    #[test]
    fn names_are_unique() {
        let schema = schema();
        let unique: std::collections::BTreeSet<_> = schema.names().iter().collect();
        assert_eq!(unique.len(), schema.len());
        assert_eq!(schema.fingerprint().len(), 16);
    }

    proptest! {
        #[test]
        fn features_are_finite_or_missing(
            cpu in prop::collection::vec(prop::option::of(prop::num::f64::ANY), 1..8),
            tasks in prop::option::of(prop::num::f64::ANY),
            rolling_window in 0usize..7,
        ) {
            let mut window = Window::new(10);
            for (i, value) in cpu.iter().enumerate() {
                let mut observation = Observation::empty(Timestamp::from_millis(i as i64));
                observation.set(Signal::StartTimeSeconds, Reading::fresh(1.0));
                for (signal, value) in [(Signal::CpuUsageCores, *value), (Signal::Tasks, tasks)] {
                    if let Some(value) = value {
                        observation.set(signal, Reading::fresh(value));
                    }
                }
                window.push(&observation).expect("in order");
            }
            let config = Detection { rolling_window, ..Detection::default() };
            let features = extract(&window, &config).expect("a start time");
            prop_assert_eq!(features.values().count(), schema().len());
            prop_assert!(features.values().flatten().all(f64::is_finite));
        }
    }
}
