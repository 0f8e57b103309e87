use std::f64::consts::TAU;
use std::sync::Arc;

use super::*;
use crate::config::Event;

const STEP: Duration = Duration::from_secs(300);
const DAY: usize = 288;

fn task(horizons: &[usize]) -> Task {
    Task {
        step: STEP,
        horizons: horizons.to_vec(),
        levels: vec![0.05, 0.5, 0.95],
        seed: 1,
        events: Arc::default(),
    }
}

fn series(samples: usize, value: impl Fn(usize) -> f64) -> Series {
    let start = Timestamp::from_millis(1_767_225_600_000);
    Series { start, step: STEP, values: (0..samples).map(value).collect() }
}

/// The same numbers between -0.5 and 0.5 on every machine.
fn noise(index: usize) -> f64 {
    let mixed = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed >> 40) as f64 / f64::from(1 << 24) - 0.5
}

/// A day's wave of this height, and one of a week a quarter as high.
fn waves(index: usize, height: f64) -> f64 {
    let phase = |period: usize| TAU * index as f64 / period as f64;
    height * (phase(DAY).sin() + 0.25 * phase(7 * DAY).cos())
}

fn fitted(model: &Prophet, history: &Series) -> Prophet {
    let mut model = model.clone();
    model.fit(history).unwrap();
    model
}

fn medians(model: &Prophet) -> Vec<f64> {
    model.predict().column(1).to_vec()
}

#[test]
fn a_trend_and_seasons_go_on() {
    let signal = |i: usize| 500.0 + 0.01 * i as f64 + waves(i, 100.0) + 10.0 * noise(i);
    let samples = 15 * DAY;
    let horizons = [1, 12, DAY / 2, DAY];
    let model = fitted(&Prophet::new(&task(&horizons)), &series(samples, signal));
    for (steps, found) in horizons.iter().zip(medians(&model)) {
        let expected = signal(samples - 1 + steps);
        assert!((found - expected).abs() < 15.0, "{found} for {expected} after {steps} steps");
    }
}

#[test]
fn a_trend_fades_after_the_last_sample_or_stops() {
    // No season: a straight line, 1 a step.
    let history = series(4 * DAY, |i| i as f64 + noise(i));
    let task = task(&[DAY, 2 * DAY - DAY / 2, 40 * DAY]);
    let ahead = |after| {
        let mut model = Prophet::with(&task, after);
        // The last days of the history do not reach the horizons: what is left from the trend is not
        // learnt, only the trend shows.
        model.task.horizons = vec![1];
        model.fit(&history).unwrap();
        let learnt = model.learnt.as_ref().unwrap();
        let mut row = vec![0.0; learnt.penalties.len()];
        [0, DAY / 2, DAY, 40 * DAY].map(|steps| {
            learnt.basis.row(learnt.known.plus(time(STEP, steps)), learnt.known, &mut row);
            learnt.unit.outside(learnt.fit.value(&row))
        })
    };
    let [now, half, day, far] = ahead(TrendAfter::Damped(Duration::from_secs(12 * 3600)));
    let (first, second, all) = (half - now, day - half, far - now);
    assert!((second / first - 0.5).abs() < 0.1, "the slope halves: {first}, {second}");
    assert!(all < 1.0 * DAY as f64, "and does not run away: {all}");
    let [now, .., far] = ahead(TrendAfter::Flat);
    assert!((far - now).abs() < 10.0, "{now} to {far}");
}

#[test]
fn an_event_lifts_what_is_expected_while_it_is_on() {
    // Four hours of every third day, at another time of day each.
    let on = |i: usize| {
        i % (3 * DAY) >= 2 * DAY + i / (3 * DAY) * 40 % 240
            && i % (3 * DAY) < 2 * DAY + i / (3 * DAY) * 40 % 240 + 48
    };
    let signal =
        |i: usize| 300.0 + waves(i, 50.0) + 5.0 * noise(i) + if on(i) { 200.0 } else { 0.0 };
    let samples = 12 * DAY;
    let history = series(samples, signal);
    let next = (samples..).find(|&i| on(i)).unwrap();
    let events: Vec<Event> = (0..samples + 3 * DAY)
        .filter(|&i| on(i))
        .map(|i| Event::new("sale".to_owned(), history.at(i), history.at(i + 1), None).unwrap())
        .collect();
    let task = task(&[next - samples, next - samples + 2]);
    let knowing = Task { events: Arc::new(Calendar::new(&events)), ..task.clone() };
    let with = fitted(&Prophet::with(&knowing, TrendAfter::Flat), &history);
    let found = medians(&with);
    let lift = found[1] - found[0];
    assert!((lift - 200.0).abs() < 30.0, "{lift} at its begin");
    let without = medians(&fitted(&Prophet::new(&task), &history));
    assert!((without[1] - without[0]).abs() < 30.0, "who knows no event expects none");
}

#[test]
fn a_forecast_starts_from_now() {
    let signal = |i: usize| 500.0 + waves(i, 100.0) + 10.0 * noise(i);
    let samples = 5 * DAY;
    let mut model = fitted(&Prophet::new(&task(&[1, 12])), &series(samples, signal));
    // A day after the fit the level is another one.
    for i in samples..samples + DAY {
        model.update(signal(i));
    }
    let before = medians(&model);
    for i in samples + DAY..samples + DAY + 24 {
        model.update(signal(i) + 200.0);
    }
    let now = samples + DAY + 23;
    for ((steps, before), after) in [1, 12].iter().zip(before).zip(medians(&model)) {
        let expected = signal(now + steps) + 200.0;
        assert!((after - expected).abs() < 60.0, "{after} for {expected}, was {before}");
    }
}

/// What has changed for good is learnt between two fits.
#[test]
fn the_seasons_are_learnt_on() {
    let signal = |i: usize| {
        let height = if i < 4 * DAY { 100.0 } else { -100.0 };
        500.0 + height * (TAU * i as f64 / DAY as f64).sin() + 20.0 * noise(i)
    };
    let mut model = fitted(&Prophet::new(&task(&[1])), &series(4 * DAY, signal));
    let crest = |model: &Prophet, i: usize| {
        let learnt = model.learnt.as_ref().unwrap();
        let mut row = vec![0.0; learnt.penalties.len()];
        let at = series(1, |_| 0.0).at(i);
        learnt.basis.row(at, learnt.known, &mut row);
        learnt.unit.outside(learnt.fit.value(&row)) - 500.0
    };
    let before = crest(&model, 14 * DAY + DAY / 4);
    for i in 4 * DAY..13 * DAY {
        model.update(signal(i));
    }
    let after = crest(&model, 14 * DAY + DAY / 4);
    assert!(before > 80.0 && after < 0.0, "{before}, then {after}");
}

#[test]
fn gaps_and_bursts_are_lived_with() {
    let clean = |i: usize| 500.0 + waves(i, 100.0) + 10.0 * noise(i);
    let dirty = |i: usize| match i {
        _ if (200..230).contains(&(i % (2 * DAY))) => f64::NAN,
        _ if i % 97 == 3 => 20_000.0,
        _ => clean(i),
    };
    let samples = 4 * DAY;
    let horizons = [1, 12, DAY / 2];
    let mut model = fitted(&Prophet::new(&task(&horizons)), &series(samples, dirty));
    for i in samples..samples + 20 {
        model.update(if i % 2 == 0 { f64::NAN } else { clean(i) });
    }
    for (steps, found) in horizons.iter().zip(medians(&model)) {
        let expected = clean(samples + 19 + steps);
        assert!((found - expected).abs() < 30.0, "{found} for {expected} after {steps} steps");
    }
}

#[test]
fn intervals_cover_what_they_say() {
    let signal = |i: usize| 500.0 + waves(i, 100.0) + 60.0 * noise(i);
    let samples = 5 * DAY;
    let mut model = fitted(&Prophet::new(&task(&[1, 12])), &series(samples, signal));
    let mut inside = [0.0; 2];
    for now in samples..samples + 2 * DAY {
        model.update(signal(now));
        for ((row, steps), inside) in
            model.predict().rows().into_iter().zip([1, 12]).zip(&mut inside)
        {
            assert!(row[0] <= row[1] && row[1] <= row[2], "{row}");
            *inside += f64::from(u8::from((row[0]..=row[2]).contains(&signal(now + steps))));
        }
    }
    for inside in inside.map(|inside| inside / (2 * DAY) as f64) {
        assert!((inside - 0.9).abs() < 0.06, "{inside}");
    }
}

#[test]
fn the_same_samples_give_the_same_numbers() {
    let history = series(5 * DAY, |i| 50.0 + waves(i, 10.0) + noise(i));
    let run = || {
        let mut model = fitted(&Prophet::new(&task(&[1, 3])), &history);
        (0..100).for_each(|i| model.update(50.0 + noise(i)));
        model.predict()
    };
    assert_eq!(run(), run());
}

#[test]
fn what_never_changes_is_expected_to_stay_and_zero_is_the_least() {
    for value in [0.0, 7.0, -3.0, 1e15, 1e-15] {
        let mut model = fitted(&Prophet::new(&task(&[1, 12])), &series(3 * DAY, |_| value));
        model.update(value);
        for found in model.predict() {
            assert!((found - value).abs() <= 1e-6 * value.abs(), "{found} for {value}");
        }
    }
    let rare = series(4 * DAY, |i| if i % 50 == 0 { 10.0 } else { 0.0 });
    let found = fitted(&Prophet::new(&task(&[1, 12])), &rare).predict();
    assert!(found.iter().all(|value| (0.0..20.0).contains(value)), "{found}");
}

#[test]
fn too_little_is_an_error_and_changes_nothing() {
    let mut model = Prophet::new(&task(&[1, 12]));
    assert!(model.predict().iter().all(|value| value.is_nan()));
    model.update(1.0);
    assert_eq!(model.fit(&series(500, |_| f64::NAN)), Err(ForecastError::NoValues));
    assert_eq!(model.fit(&series(0, |_| 1.0)), Err(ForecastError::NoValues));
    assert_eq!(
        model.fit(&series(47, |_| 1.0)).unwrap_err().to_string(),
        "prophet needs 4h of history at least, found 3h55m"
    );
    model.fit(&series(48, |i| i as f64)).unwrap();
    let before = model.predict();
    assert!(before.iter().all(|value| value.is_finite()));
    assert!(model.fit(&series(3, |_| 1.0)).is_err());
    assert_eq!(model.predict(), before);
}

#[test]
fn no_history_makes_a_nan() {
    let shapes: [fn(usize) -> f64; 5] = [
        |i| if i < 400 { 1.0 } else { 1e12 },
        |i| if i == 77 { 1e300 } else { noise(i) },
        |i| if i % 300 < 40 { noise(i) } else { f64::NAN },
        |i| i as f64 * 1e-300,
        |i| if i % 2 == 0 { 1e150 } else { -1e150 },
    ];
    for (case, shape) in shapes.iter().enumerate() {
        let mut model = fitted(&Prophet::new(&task(&[1, 12])), &series(800, shape));
        for i in 800..1000 {
            model.update(shape(i));
        }
        let found = model.predict();
        assert!(found.iter().all(|value| value.is_finite()), "{case}: {found}");
    }
}
