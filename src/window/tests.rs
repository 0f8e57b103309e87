use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

fn observed(second: i64, signal: Signal, value: f64) -> Observation {
    let mut observation = Observation::empty(at(second));
    observation.set(signal, Reading::fresh(value));
    observation
}

#[test]
fn keeps_the_last_rows_in_order() {
    let mut window = Window::new(3);
    for second in 1..=5 {
        window.push(&observed(second, Signal::Tasks, second as f64)).expect("in order");
    }
    assert_eq!(window.len(), 3);
    let rows: Vec<_> = window.column(Signal::Tasks).collect();
    assert_eq!(rows, [(at(3), Some(3.0)), (at(4), Some(4.0)), (at(5), Some(5.0))]);
    assert_eq!(window.last_n(Signal::Tasks, 2).collect::<Vec<_>>(), rows[1..]);
    assert_eq!(window.before_latest(Signal::Tasks, 1).collect::<Vec<_>>(), rows[1..2]);
    assert_eq!(window.before_latest(Signal::Tasks, 9).collect::<Vec<_>>(), rows[..2]);
    assert_eq!(window.latest().map(|o| o.at), Some(at(5)));
}

#[test]
fn refuses_time_that_does_not_advance() {
    let mut window = Window::new(3);
    window.push(&observed(2, Signal::Tasks, 2.0)).expect("first");
    for second in [1, 2] {
        let error = window.push(&observed(second, Signal::Tasks, 9.0)).expect_err("not later");
        assert_eq!(error, OutOfOrder { at: at(second), latest: at(2) });
    }
    assert_eq!(window.column(Signal::Tasks).collect::<Vec<_>>(), [(at(2), Some(2.0))]);
}

#[test]
fn a_missing_value_is_none_and_a_stale_one_is_no_measurement() {
    let mut window = Window::new(4);
    window.push(&observed(1, Signal::Tasks, 7.0)).expect("in order");
    window.push(&Observation::empty(at(2))).expect("in order");
    let mut stale = Observation::empty(at(3));
    stale.set(Signal::Tasks, Reading { value: Some(99.0), freshness: Freshness::Stale });
    window.push(&stale).expect("in order");
    let values: Vec<_> = window.column(Signal::Tasks).map(|(_, v)| v).collect();
    assert_eq!(values, [Some(7.0), None, None]);
    assert_eq!(window.peak(Signal::Tasks, at(0)), Some(7.0));
    assert_eq!(window.latest().and_then(|o| o.value(Signal::Tasks)), Some(99.0));
}

#[test]
fn columns_without_values_cost_nothing() {
    let mut window = Window::new(1440);
    window.push(&observed(1, Signal::CpuUsageCores, 0.25)).expect("in order");
    let one = window.memory_bytes();
    window.push(&observed(2, Signal::MemoryWorkingSetBytes, 1e9)).expect("in order");
    assert_eq!(window.memory_bytes() - one, 1440 * 4);
    assert_eq!(one, 1440 * (4 + 8), "one column and the time axis");
}

#[test]
fn a_peak_looks_no_further_back_than_asked() {
    let mut window = Window::new(4);
    for (second, value) in [(1, 9.0), (2, 1.0), (3, 4.0), (4, 2.0)] {
        window.push(&observed(second, Signal::CpuUsageCores, value)).expect("in order");
    }
    assert_eq!(window.peak(Signal::CpuUsageCores, at(2)), Some(4.0));
    assert_eq!(window.peak(Signal::CpuUsageCores, at(5)), None);
    assert_eq!(window.peak(Signal::Tasks, at(0)), None);
}

proptest! {
    #[test]
    fn a_peak_is_never_understated(values in prop::collection::vec(0.0f64..1e13, 1..20), capacity in 1usize..8) {
        let mut window = Window::new(capacity);
        for (second, value) in values.iter().enumerate() {
            window.push(&observed(second as i64, Signal::MemoryWorkingSetBytes, *value)).expect("in order");
        }
        let kept = &values[values.len().saturating_sub(capacity)..];
        let truth = kept.iter().copied().fold(0.0, f64::max);
        let peak = window.peak(Signal::MemoryWorkingSetBytes, at(0)).expect("values");
        prop_assert!(peak >= truth && peak <= truth * (1.0 + 1.3e-7));
        prop_assert_eq!(window.column(Signal::MemoryWorkingSetBytes).count(), kept.len());
    }
}
