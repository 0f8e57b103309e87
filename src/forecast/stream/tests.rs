use super::*;

const STEP: i64 = 300_000;

fn settings() -> config::Forecast {
    config::Forecast { models: vec!["naive".to_owned()], ..config::Forecast::default() }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + ms)
}

fn past(values: &[f64]) -> Series {
    let step = Duration::from_millis(STEP as u64);
    Series { start: at(-STEP * values.len() as i64), step, values: values.to_vec() }
}

/// A stream of the newest sample alone, after a day of 10s.
fn taught() -> Stream {
    let mut stream = Stream::new(&settings(), 1);
    stream.learn(&past(&[10.0; 288])).expect("values");
    stream
}

fn median(stream: &Stream) -> Option<f64> {
    stream.forecast().and_then(|forecast| forecast.nearest(0.5))
}

#[test]
fn ticks_within_a_step_are_averaged() {
    let mut stream = taught();
    assert_eq!(stream.forecast().expect("told").origin, at(0));
    for (ms, value) in [(0, 20.0), (30_000, 40.0), (299_999, 60.0)] {
        stream.observe(at(ms), Some(value));
        assert_eq!(stream.forecast().expect("told").origin, at(0), "the step is not over");
    }
    stream.observe(at(STEP), Some(7.0));
    assert_eq!(stream.forecast().expect("told").origin, at(STEP), "where it ends");
    assert_eq!(median(&stream), Some(40.0));
}

#[test]
fn what_is_not_known_is_no_sample() {
    let mut stream = taught();
    stream.observe(at(0), Some(20.0));
    for step in 1..4 {
        stream.observe(at(step * STEP), None);
    }
    assert_eq!(median(&stream), Some(20.0), "the newest that was measured");
    assert_eq!(stream.forecast().expect("told").origin, at(3 * STEP));
    // Steps without a tick pass, too.
    stream.observe(at(9 * STEP), Some(1.0));
    assert_eq!(stream.forecast().expect("told").origin, at(9 * STEP));
}

/// Forecasts for a time that the clock has left would be told for ever.
#[test]
fn after_a_clock_that_was_set_it_begins_anew() {
    let mut stream = taught();
    stream.observe(at(0), Some(10.0));
    let set = 20_000 * STEP;
    stream.observe(at(set), Some(7.0));
    assert_eq!(stream.forecast(), None);
    for step in 1..=FIRST_FIT as i64 {
        stream.observe(at(set + step * STEP), Some(7.0));
    }
    assert!(stream.due());
    stream.refit();
    assert_eq!(stream.forecast().expect("told").origin, at(set + FIRST_FIT as i64 * STEP));
    assert_eq!(median(&stream), Some(7.0));
}

#[test]
fn what_comes_late_is_left_out() {
    let mut stream = taught();
    stream.observe(at(STEP), Some(20.0));
    stream.observe(at(10), Some(1e9));
    stream.observe(at(2 * STEP), Some(0.0));
    assert_eq!(median(&stream), Some(20.0));
}

#[test]
fn without_a_past_it_begins_after_two_hours() {
    let mut stream = Stream::new(&settings(), 1);
    for step in 0..40 {
        stream.observe(at(step * STEP), Some(5.0 + step as f64));
        if stream.due() {
            stream.refit();
        }
        // The step under way does not count.
        assert_eq!(stream.forecast().is_some(), step >= FIRST_FIT as i64, "step {step}");
    }
    assert!(stream.learn(&past(&[f64::NAN; 3])).is_err());
    assert!(stream.forecast().is_some(), "a past that teaches nothing takes nothing away");
}

#[test]
fn every_model_has_a_name_in_the_settings() {
    let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let missing = names.iter().filter(|name| !config::Forecast::MODELS.contains(name));
    assert_eq!(missing.count(), 0, "{names:?}");
}

#[test]
fn models_that_nobody_knows_are_left_out() {
    let unknown = config::Forecast { models: vec!["oracle".to_owned()], ..settings() };
    let mut stream = Stream::new(&unknown, 1);
    stream.learn(&past(&[10.0; 600])).expect("values");
    assert!(median(&stream).is_some_and(|median| (median - 10.0).abs() < 1e-6));
}

/// An hour of every day at another time, and one to come.
#[test]
fn an_event_of_the_settings_is_expected() {
    let hour = |day: i64| 288 * day + 12 * (5 * day % 17);
    let event = |day: i64| {
        let from = at(STEP * (hour(day) - 288 * 9));
        let to = from.plus(Duration::from_secs(3600));
        config::Event::new("sale".to_owned(), from, to, None).expect("a valid event")
    };
    let days = 0..10;
    let on = |i: i64| days.clone().any(|day| (hour(day)..hour(day) + 12).contains(&i));
    let values: Vec<f64> =
        (0..288 * 9).map(|i| if on(i) { 300.0 } else { 100.0 } + (i % 7) as f64).collect();
    let expected = |events: Vec<config::Event>| {
        let models = vec!["prophet".to_owned()];
        let horizons = vec![Duration::from_secs(3600)];
        let settings = config::Forecast { models, horizons, events, ..config::Forecast::default() };
        let mut stream = Stream::new(&settings, 1);
        stream.learn(&past(&values)).expect("values");
        // The newest sample is an hour before the event.
        let first = hour(9) - 288 * 9;
        for step in 0..=first - 11 {
            stream.observe(at(step * STEP), Some(103.0));
        }
        median(&stream).expect("told")
    };
    let (with, without) = (expected(days.map(event).collect()), expected(Vec::new()));
    assert!(with > 200.0 && without < 150.0, "{with} with the event, {without} without");
}
