//! What holds for every model, and for `auto`.

use proptest::prelude::*;

use super::fixtures::{A_DAY, noise, series, task, wave, waves};
use super::*;

const HORIZONS: [usize; 3] = [1, 3, 12];
const LEVELS: [f64; 4] = [0.05, 0.5, 0.9, 0.95];

/// Nine days of something: waves, bursts, gaps, standstill.
fn loads() -> impl Strategy<Value = Vec<f64>> {
    let sample = prop_oneof![
        6 => (-5.0f64..5.0).prop_map(Some),
        1 => (0.0f64..500.0).prop_map(Some),
        1 => Just(None),
    ];
    let samples = prop::collection::vec(sample, 9 * A_DAY);
    (samples, 0.0f64..1e9, prop::bool::ANY).prop_map(|(added, size, still)| {
        let of_sample = |(i, added): (usize, Option<f64>)| {
            let base = if still { 1.0 } else { wave(i) };
            added.map_or(f64::NAN, |added| if still { size } else { size * (base + added) })
        };
        added.into_iter().enumerate().map(of_sample).collect()
    })
}

/// What is said after each of the last samples.
fn said(auto: &mut Auto, values: &[f64], first: usize) -> Vec<Forecast> {
    let mut said = Vec::new();
    roll(auto, &series(values.to_vec()), first, |forecast| {
        said.push(forecast);
        Ok::<(), ForecastError>(())
    })
    .unwrap();
    said
}

#[test]
fn a_fit_looks_at_no_more_than_the_last_weeks() {
    let mut noise = noise(3);
    let long = waves(40 * A_DAY, |_| 5.0 * noise());
    let fitted = |history: &Series| {
        let mut auto = Auto::new(&task(&HORIZONS, &LEVELS), Kind::CHEAP);
        auto.fit(history).unwrap();
        auto.forecast()
    };
    let auto = Auto::new(&task(&HORIZONS, &LEVELS), Kind::CHEAP);
    let last = auto.history(&long, long.values.len());
    assert_eq!(last.values.len(), 25 * A_DAY);
    assert_eq!(fitted(&last), fitted(&long));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn rows_never_fall_and_hold_numbers(values in loads()) {
        let task = task(&HORIZONS, &LEVELS);
        let (history, later) = values.split_at(8 * A_DAY);
        for kind in Kind::CHEAP {
            let mut model = kind.model(&task);
            model.fit(&series(history.to_vec())).unwrap();
            for value in later {
                model.update(*value);
                let rows = model.predict();
                prop_assert!(rows.iter().all(|v| v.is_finite()), "{}: {rows:?}", kind.name());
                let rising = rows.rows().into_iter().all(|row| row.iter().is_sorted());
                prop_assert!(rising, "{}: {rows:?}", kind.name());
            }
        }
    }

    #[test]
    fn auto_never_falls_repeats_itself_and_knows_no_future(
        values in loads(),
        other in prop::collection::vec(-1e9f64..1e9, A_DAY / 2),
    ) {
        let task = task(&HORIZONS, &LEVELS);
        let first = 8 * A_DAY;
        let forecasts = said(&mut Auto::new(&task, Kind::CHEAP), &values, first);
        for forecast in &forecasts {
            for horizon in &forecast.horizons {
                prop_assert!(horizon.values.is_sorted(), "{forecast:?}");
                prop_assert!(horizon.values.iter().all(|v| v.is_finite()), "{forecast:?}");
            }
        }
        let changed = values.len() - other.len();
        let values = [&values[..changed], &other].concat();
        let others = said(&mut Auto::new(&task, Kind::CHEAP), &values, first);
        let same = changed - first + 1;
        prop_assert_eq!(&forecasts[..same], &others[..same]);
        prop_assert_ne!(&forecasts[same..], &others[same..]);
    }
}

#[test]
fn names_are_told_apart() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_name(kind.name()), Some(kind));
    }
    assert!(Kind::ALL.is_sorted(), "the sets are its first ones");
    assert_eq!(Kind::from_name("oracle"), None);
    assert_eq!(Kind::lacking("oracle"), None);
}

/// A name is of this build, or the build says what it lacks.
#[test]
fn networks_are_there_or_said_to_be_lacking() {
    for name in ["lstm", "lstm_cnn"] {
        assert_eq!(
            Kind::from_name(name).is_none(),
            Kind::lacking(name) == Some("neural"),
            "{name}"
        );
        assert_eq!(Kind::from_name(name).is_some(), cfg!(feature = "neural"), "{name}");
    }
}

#[test]
fn a_short_history_is_refused_and_changes_nothing() {
    let task = task(&[1], &[0.5]);
    let mut model = Kind::HoltWinters.model(&task);
    model.fit(&waves(3 * A_DAY, |_| 0.0)).unwrap();
    let before = model.predict();
    let short = model.fit(&waves(A_DAY, |_| 0.0)).unwrap_err();
    assert_eq!(short.to_string(), "holt_winters needs 2d of history at least, found 1d");
    assert_eq!(model.predict(), before);
    let empty = Kind::Ets.model(&task).fit(&series(vec![f64::NAN; 9])).unwrap_err();
    assert_eq!(empty, ForecastError::NoValues);
}

/// The forecaster after a roll over `values`, and the share within the 90 % interval at each horizon.
fn rolled(kinds: &[Kind], values: &[f64], first: usize) -> (Auto, Vec<f64>) {
    let mut auto = Auto::new(&task(&HORIZONS, &LEVELS), kinds);
    let forecasts = said(&mut auto, values, first);
    let share = |h: usize| {
        let row = |f: &Forecast, level: usize| f.horizons[h].values[level];
        let actual: Vec<f64> = (0..forecasts.len())
            .map_while(|i| values.get(first - 1 + i + HORIZONS[h]).copied())
            .collect();
        let at = |level| forecasts.iter().map(|f| row(f, level)).collect::<Vec<_>>();
        score::coverage(&at(0)[..actual.len()], &at(3)[..actual.len()], &actual)
    };
    (auto, (0..HORIZONS.len()).map(share).collect())
}

#[test]
fn intervals_hold_while_the_noise_doubles_and_the_level_shifts() {
    let mut noise = noise(11);
    let values: Vec<f64> = (0..40 * A_DAY)
        .map(|i| {
            let late = i > 20 * A_DAY;
            let (size, shift) = if late { (8.0, 300.0) } else { (4.0, 0.0) };
            wave(i) + shift + size * noise()
        })
        .collect();
    let (auto, shares) = rolled(Kind::CHEAP, &values, 12 * A_DAY);
    for (share, standing) in shares.iter().zip(auto.standing()) {
        assert!((0.87..0.94).contains(share), "{shares:?}");
        assert!((standing.coverage.unwrap() - 0.9).abs() < 0.06, "{standing:?}");
    }
}

#[test]
fn waves_are_left_to_the_seasonal_models_and_walks_to_naive() {
    let mut noise = noise(12);
    let waves: Vec<f64> = (0..12 * A_DAY).map(|i| wave(i) + noise()).collect();
    let (auto, _) = rolled(Kind::CHEAP, &waves, 10 * A_DAY);
    let far = auto.standing()[2].clone();
    let naive = far.members.iter().find(|member| member.kind == Kind::Naive).unwrap();
    assert!(naive.weight < 0.05 && far.loss_to_naive.unwrap() < 0.2, "{far:?}");
    assert!(far.leader().is_some_and(|kind| kind != Kind::Naive && kind != Kind::Ets), "{far:?}");

    let mut walk = 0.0;
    let walks: Vec<f64> = (0..40 * A_DAY)
        .map(|_| {
            walk += noise();
            walk
        })
        .collect();
    let (auto, _) = rolled(Kind::CHEAP, &walks, 10 * A_DAY);
    let far = auto.standing()[2].clone();
    for member in far.members.iter().filter(|m| m.kind == Kind::SeasonalWeek) {
        assert!(member.weight < 0.02 && member.loss_to_naive.unwrap() > 1.0, "{far:?}");
    }
    assert!(far.loss_to_naive.unwrap() < 1.1, "{far:?}");
}

#[test]
fn before_the_first_sample_nothing_is_said() {
    let mut auto = Auto::new(&task(&[1, 2], &[0.9]), Kind::CHEAP);
    assert!(
        auto.forecast().horizons.iter().all(|h| h.values == [f64::NAN] || h.values[0].is_nan())
    );
    assert_eq!(auto.fit(&series(vec![f64::NAN; 5])), Err(ForecastError::NoValues));
    // One sample is enough for the naive model.
    auto.fit(&series(vec![7.0])).unwrap();
    assert!((auto.forecast().horizons[1].values[0] - 7.0).abs() < 1e-9);
    assert_eq!(auto.standing()[0].coverage, None);
}
