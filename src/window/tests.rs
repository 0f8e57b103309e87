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
fn a_negative_amount_is_no_measurement() {
    let mut window = Window::new(4);
    for (second, value) in [(1, 3.0), (2, -3.0)] {
        window.push(&observed(second, Signal::CpuUsageCores, value)).expect("in order");
    }
    let values: Vec<_> = window.column(Signal::CpuUsageCores).map(|(_, v)| v).collect();
    assert_eq!(values, [Some(3.0), None]);
    assert_eq!(window.latest().and_then(|o| o.value(Signal::CpuUsageCores)), Some(-3.0));
}

#[test]
fn has_a_signal_as_long_as_a_row_has_it() {
    let mut window = Window::new(40);
    assert!(!window.has(Signal::Tasks));
    window.push(&observed(0, Signal::Tasks, 1.0)).expect("in order");
    for second in 1..40 {
        window.push(&Observation::empty(at(second))).expect("in order");
        assert!(window.has(Signal::Tasks), "after {second}");
    }
    window.push(&Observation::empty(at(40))).expect("in order");
    assert!(!window.has(Signal::Tasks));
    assert!(!window.has(Signal::CpuUsageCores));
}

/// A day of a row a minute, with a tick in between every `extra` rows, and `signals` that differ.
fn day(signals: usize, extra: i64) -> Window {
    let mut window = Window::new(1440);
    for minute in 0..2000i64 {
        let mut observation = Observation::empty(at(minute * 60));
        for (place, signal) in Signal::ALL.into_iter().enumerate() {
            let value = if place < signals { (minute + 1) as f64 } else { 7.0 };
            observation.set(signal, Reading::fresh(value));
        }
        window.push(&observation).expect("in order");
        if minute % extra == 0 {
            let between = Observation { at: at(minute * 60 + 30), ..observation };
            window.push(&between).expect("in order");
        }
    }
    window
}

#[test]
fn a_day_takes_little_memory_and_a_column_of_one_value_none() {
    let steady = i64::MAX;
    assert!(day(8, steady).memory_bytes() <= 25_600, "{}", day(8, steady).memory_bytes());
    let one = day(5, steady).memory_bytes() - day(4, steady).memory_bytes();
    assert_eq!(one, (1440 - 24) * 2);
    let irregular = day(8, 2).memory_bytes() - day(8, steady).memory_bytes();
    assert!(irregular <= 1440 * 24, "{irregular}");
}

#[test]
fn a_clock_that_is_a_little_off_takes_no_memory() {
    let push_all = |off: fn(i64) -> i64| {
        let mut window = Window::new(1440);
        for row in 0..1440i64 {
            let at = Timestamp::from_millis(row * 60_000 + off(row));
            window.push(&Observation::empty(at)).expect("in order");
        }
        window.memory_bytes()
    };
    let exact = push_all(|_| 0);
    for (name, memory) in [
        ("each tick up to 0.6 s late", push_all(|row| row % 7 * 100)),
        ("each tick 5 ms later than the one before", push_all(|row| row * 5)),
        ("a gap of ten minutes", push_all(|row| row / 700 * 600_000)),
    ] {
        assert!(memory <= exact + 16 * 24, "{name}: {memory}, exact {exact}");
    }
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

/// What is pushed: milliseconds since the row before, and a value.
fn life() -> impl Strategy<Value = Vec<(i64, Option<f64>)>> {
    let step = prop_oneof![Just(60_000i64), 59_000i64..61_000, 1i64..3_000, 1i64..10_000_000];
    let value = prop::option::weighted(0.9, prop_oneof![0.0f64..4.0, 0.0f64..1e13, Just(5.0)]);
    prop::collection::vec((step, value), 1..120)
}

/// The window after a life, and its last rows as they were.
fn lived(life: &[(i64, Option<f64>)], capacity: usize) -> (Window, Vec<(i64, Option<f64>)>) {
    let mut window = Window::new(capacity);
    let mut rows = Vec::new();
    let mut millis = 1_767_225_600_123;
    for (step, value) in life {
        millis += step;
        rows.push((millis, *value));
        let mut observation = Observation::empty(Timestamp::from_millis(millis));
        let reading = value.map_or(Reading::EMPTY, Reading::fresh);
        observation.set(Signal::MemoryWorkingSetBytes, reading);
        window.push(&observation).expect("in order");
    }
    (window, rows.split_off(rows.len().saturating_sub(capacity)))
}

proptest! {
    #[test]
    fn rows_are_as_they_were_within_what_is_promised(life in life(), capacity in 1usize..90) {
        let (window, rows) = lived(&life, capacity);
        let kept: Vec<_> = window.column(Signal::MemoryWorkingSetBytes).collect();
        prop_assert_eq!(window.len(), rows.len());
        prop_assert_eq!(kept.len(), rows.len());
        for (age, ((at, value), (millis, truth))) in kept.iter().zip(&rows).rev().enumerate() {
            let (late, most) = (at.millis() - millis, if age < 24 { 0 } else { 1999 });
            prop_assert!((0..=most).contains(&late), "age {age}: {late} ms late");
            prop_assert_eq!(value.is_some(), truth.is_some());
            let (Some(value), Some(truth)) = (*value, *truth) else { continue };
            let error = [0.0, 1.3e-7, 1.0 / 256.0][usize::from(age > 0) + usize::from(age > 23)];
            prop_assert!(value >= truth && value <= truth * (1.0 + error), "{value} for {truth}, age {age}");
        }
        prop_assert!(kept.is_sorted_by_key(|(at, _)| *at));
        prop_assert!(window.times().eq(kept.iter().map(|(at, _)| *at)));
    }

    #[test]
    fn the_older_rows_keep_the_order_of_their_values(life in life(), capacity in 30usize..90) {
        let (window, rows) = lived(&life, capacity);
        let older = rows.len().saturating_sub(24);
        let values = window.column(Signal::MemoryWorkingSetBytes).take(older);
        let mut pairs: Vec<(f64, f64)> =
            values.zip(&rows).filter_map(|((_, kept), (_, truth))| (*truth).zip(kept)).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        prop_assert!(pairs.is_sorted_by(|a, b| a.1 <= b.1), "{pairs:?}");
    }

    #[test]
    fn a_peak_is_never_understated(life in life(), capacity in 1usize..90, back in 0usize..100) {
        let (window, rows) = lived(&life, capacity);
        let since = rows[rows.len().saturating_sub(back + 1)].0;
        let most_since = |since: i64| {
            let within = rows.iter().filter(|(millis, _)| *millis >= since);
            within.filter_map(|(_, value)| *value).reduce(f64::max)
        };
        let (truth, most) = (most_since(since), most_since(since - 1999));
        let peak = window.peak(Signal::MemoryWorkingSetBytes, Timestamp::from_millis(since));
        prop_assert!(peak >= truth, "{peak:?} for {truth:?}");
        let most = most.map(|most| most * (1.0 + 1.0 / 256.0));
        prop_assert!(peak <= most, "{peak:?}, at most {most:?}");
    }

    #[test]
    fn parts_of_a_column_are_its_end(life in life(), capacity in 1usize..90, n in 0usize..100) {
        let (window, _) = lived(&life, capacity);
        let signal = Signal::MemoryWorkingSetBytes;
        let mut all: Vec<_> = window.column(signal).collect();
        let last = all[all.len().saturating_sub(n)..].to_vec();
        prop_assert_eq!(window.last_n(signal, n).collect::<Vec<_>>(), last);
        all.pop();
        let before = all[all.len().saturating_sub(n)..].to_vec();
        prop_assert_eq!(window.before_latest(signal, n).collect::<Vec<_>>(), before);
        let mut backwards: Vec<_> = window.column(signal).rev().skip(1).collect();
        backwards.reverse();
        prop_assert_eq!(backwards, all);
    }
}
