use proptest::prelude::*;

use super::*;

/// A record `step` half minutes after 2026-01-31 06:00 UTC.
fn record(step: i64, metrics: &[(Metric, f64)]) -> Record {
    let at = Timestamp::from_millis(1_769_839_200_000 + step * 30_000);
    let mut record = Record::empty(at, "shop".into());
    for (metric, value) in metrics {
        record.set(*metric, *value);
    }
    record
}

fn close(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| (found - expected).abs() < 1e-9)
}

#[test]
fn there_are_23_columns_and_33_features() {
    assert_eq!(schema().len(), 33);
    assert_eq!(&COLUMNS[..3], ["timestamp", "service_name", "cpu_usage_percent"]);
    assert_eq!(
        &COLUMNS[19..],
        ["node_memory_pressure_flag", "replica_count", "is_holiday", "is_weekend"]
    );
    for (place, metric) in
        [(8, Metric::ResponseTime), (14, Metric::ErrorRate), (17, Metric::NodeMemoryPressure)]
    {
        assert_eq!(metric as usize, place);
    }
}

#[test]
fn a_worked_example() {
    use Metric::*;
    let mut extractor = Extractor::default();
    for (step, cpu) in [10.0, 20.0, 60.0].into_iter().enumerate() {
        let row = [(Cpu, cpu), (Requests, cpu * 2.0), (ResponseTime, 100.0 * cpu)];
        extractor.push(record(step as i64, &row)).expect("in order");
    }
    let mut last = record(
        3,
        &[
            (Cpu, 90.0),
            (Ram, 80.0),
            (Requests, 30.0),
            (ResponseTime, 400.0),
            (CpuLimit, 2.0),
            (RamLimit, 0.0),
            (ErrorRate, 0.06),
            (NodeCpuPressure, 1.0),
        ],
    );
    last.replicas = Some(2.0);
    let features = extractor.push(last).expect("in order");
    for (name, expected) in [
        ("cpu_usage_percent_last_5_min", 45.0),
        // x 0..3 around 1.5, y 10, 20, 60, 90: (-1.5·-35 + -.5·-25 + .5·15 + 1.5·45) / 5
        ("cpu_usage_percent_slope", 28.0),
        ("request_count_per_second_last_5_min", 52.5),
        ("hour_sin", 1.0),
        ("hour_cos", 0.0),
        ("cpu_utilization_ratio", 90.0 / 2.000001),
        ("cpu_change_rate", 30.0),
        ("request_change_rate", -90.0),
        // deviations -35, -25, 15, 45: squares 1225 + 625 + 225 + 2025 over 3
        ("cpu_rolling_std", (4100.0f64 / 3.0).sqrt()),
        ("request_rolling_max", 120.0),
        // sorted 400, 1000, 2000, 6000: place 2.85
        ("response_time_rolling_p95", 5400.0),
        ("cpu_per_replica", 30.0),
        ("ram_per_replica", 80.0 / 3.0),
        ("requests_per_replica", 10.0),
        // CPU, memory, errors and the node's flag
        ("system_pressure", 4.0),
    ] {
        assert!(close(features.get(name), expected), "{name}: {:?}", features.get(name));
    }
    for name in ["ram_utilization_ratio", "ram_change_rate", "ram_rolling_std", "queue_length"] {
        assert_eq!(features.get(name), None, "{name}");
    }
}

#[test]
fn what_a_record_brings_along_counts() {
    let mut extractor = Extractor::default();
    extractor.push(record(0, &[(Metric::Cpu, 10.0)])).expect("in order");
    let row = [(Metric::Cpu, 20.0), (Metric::CpuMean, 99.0)];
    let features = extractor.push(record(1, &row)).expect("in order");
    assert_eq!(features.get("cpu_usage_percent_last_5_min"), Some(99.0));
    assert_eq!(features.get("cpu_usage_percent_slope"), Some(10.0));
}

#[test]
fn the_windows_hold_ten_records_and_end_at_a_pause() {
    let mut extractor = Extractor::default();
    let mut push = |step: i64| {
        let features = extractor.push(record(step, &[(Metric::Requests, -(step as f64))]));
        features.expect("in order").get("request_rolling_max")
    };
    for step in 0..10 {
        assert_eq!(push(step), Some(0.0));
    }
    assert_eq!(push(10), Some(-1.0));
    assert_eq!(push(30), Some(-30.0), "after a pause");
}

#[test]
fn a_record_told_again_replaces_itself_and_an_older_one_is_refused() {
    let mut extractor = Extractor::default();
    extractor.push(record(0, &[(Metric::Cpu, 1.0)])).expect("in order");
    extractor.push(record(1, &[(Metric::Cpu, 50.0)])).expect("in order");
    let again = extractor.push(record(1, &[(Metric::Cpu, 3.0)])).expect("told again");
    assert_eq!(again.get("cpu_change_rate"), Some(2.0));
    assert!(extractor.push(record(0, &[])).is_err());
}

/// Steps since the record before, metrics, replicas.
type Step = (i64, [Option<f64>; METRICS.len()], Option<f64>);

fn any_record() -> impl Strategy<Value = Step> {
    let metric = prop::option::weighted(0.8, -10.0..1000.0f64);
    (1i64..25, prop::array::uniform18(metric), prop::option::of(0.0..20.0f64))
}

fn records(steps: &[Step]) -> Vec<Record> {
    let mut place = 0;
    let built = steps.iter().map(|(step, metrics, replicas)| {
        place += step;
        Record { metrics: *metrics, replicas: *replicas, ..record(place, &[]) }
    });
    built.collect()
}

fn all(records: &[Record]) -> Vec<Vec<Option<f64>>> {
    let mut extractor = Extractor::default();
    let push = |record: &Record| {
        let features = extractor.push(record.clone()).expect("in order");
        features.values().collect()
    };
    records.iter().map(push).collect()
}

proptest! {
    /// The past does not change when the future comes, and only the last records matter.
    #[test]
    fn features_look_back_only(steps in prop::collection::vec(any_record(), 1..30), cut in 0usize..30) {
        let records = records(&steps);
        let whole = all(&records);
        let cut = cut.min(records.len());
        prop_assert_eq!(&all(&records[..cut])[..], &whole[..cut]);
    }

    #[test]
    fn features_are_finite_or_missing(steps in prop::collection::vec(any_record(), 1..30)) {
        for row in all(&records(&steps)) {
            prop_assert_eq!(row.len(), 33);
            prop_assert!(row.into_iter().flatten().all(f64::is_finite));
        }
    }
}
