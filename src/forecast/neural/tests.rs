use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use ndarray::Array2;

use super::*;
use crate::forecast::{Forecaster, Series, Task};
use crate::units::Timestamp;

const STEP: Duration = Duration::from_secs(300);

fn task(horizons: &[usize]) -> Task {
    Task {
        step: STEP,
        horizons: horizons.to_vec(),
        levels: vec![0.1, 0.5, 0.9],
        seed: 7,
        events: Arc::default(),
    }
}

fn series(samples: usize, value: impl Fn(usize) -> f64) -> Series {
    let start = Timestamp::from_millis(1_767_225_600_000);
    Series { start, step: STEP, values: (0..samples).map(value).collect() }
}

/// A wave of 40 samples.
fn wave(index: usize) -> f64 {
    500.0 + 100.0 * (TAU * index as f64 / 40.0).sin()
}

/// The mean size of the error of the medians over two waves, and that of the newest sample.
fn errors(model: &mut dyn Forecaster, from: usize, truth: impl Fn(usize) -> f64) -> (f64, f64) {
    let mut sums = (0.0, 0.0);
    for now in from..from + 80 {
        model.update(wave(now));
        let median = model.predict()[[0, 1]];
        sums.0 += (median - truth(now)).abs() / 80.0;
        sums.1 += (wave(now) - truth(now)).abs() / 80.0;
    }
    sums
}

#[test]
fn a_wave_is_learnt_better_than_by_the_newest_sample() {
    let ahead = 8;
    let mut model = Neural::new(Architecture::Lstm, &task(&[ahead, 12]));
    model.fit(&series(1000, wave)).unwrap();
    let (found, naive) = errors(&mut model, 1000, |now| wave(now + ahead));
    assert!(found < 0.7 * naive, "{found} against {naive}");
    let row = model.predict();
    assert!(row[[0, 0]] <= row[[0, 1]] && row[[0, 1]] <= row[[0, 2]], "{row}");
}

/// Asked for one horizon, it tells the mean until then: a whole wave has the mean of the signal.
#[test]
fn one_horizon_is_the_mean_until_then() {
    let mut model = Neural::new(Architecture::Lstm, &task(&[40]));
    model.fit(&series(1000, wave)).unwrap();
    let (found, naive) = errors(&mut model, 1000, |_| 500.0);
    assert!(found < 0.7 * naive, "{found} against {naive}");
}

/// Rows of two services whose replicas follow the load, with another factor each.
fn lesson() -> (Array2<f64>, Array2<f64>) {
    let load = |row: usize| 50.0 + 40.0 * (row as f64 / 9.0).sin();
    let rows = Array2::from_shape_fn((600, 2), |(row, column)| match column {
        0 => load(row),
        _ => f64::from(u8::from(row < 300)),
    });
    let replicas = |row: usize| load(row) / if row < 300 { 10.0 } else { 20.0 };
    (rows, Array2::from_shape_fn((600, 1), |(row, _)| replicas(row)))
}

fn trained(epochs: usize) -> (Trained, Vec<Epoch>) {
    let training = Training { epochs, ..Architecture::LstmCnn.training(3) };
    let (rows, targets) = lesson();
    let lesson = Lesson { rows: rows.view(), runs: &[0..300, 300..600], targets: targets.view() };
    let mut told = Vec::new();
    let tell = &mut |epoch: &Epoch| told.push(*epoch);
    let trained = Regressor::fit(Architecture::LstmCnn, &lesson, &training, tell).unwrap();
    (trained, told)
}

#[test]
fn two_branches_learn_replicas_of_services_and_survive_being_kept() {
    let (rows, targets) = lesson();
    let (trained, epochs) = trained(6);
    assert_eq!((epochs.len(), epochs[5].number, epochs[5].of), (6, 6, 6));
    assert!(epochs[5].loss < epochs[0].loss, "{epochs:?}");
    // The newest fifth of each run, and no example over the border of two.
    let apart: Vec<usize> = trained.apart.iter().map(|(row, _)| *row).collect();
    assert_eq!(apart, (240..300).chain(540..600).collect::<Vec<_>>());
    let mean = |f: &dyn Fn(usize, f64) -> f64| {
        trained.apart.iter().map(|(row, said)| f(*row, said[0])).sum::<f64>() / 120.0
    };
    let error = mean(&|row, said| (said - targets[[row, 0]]).abs());
    let usual = mean(&|row, _| (3.75 - targets[[row, 0]]).abs());
    assert!(error < 0.5 * usual, "{error} against {usual}");

    let bytes = postcard::to_allocvec(&trained.regressor.keep().unwrap()).unwrap();
    let kept: Kept = postcard::from_bytes(&bytes).unwrap();
    let again = kept.open().unwrap();
    let some = rows.slice(ndarray::s![100..140, ..]);
    assert_eq!(again.predict(some), trained.regressor.predict(some));
    assert!(again.predict(some.slice(ndarray::s![..11, ..]))[0].is_nan(), "too few rows");
}

#[test]
fn the_same_seed_gives_the_same_network() {
    let (first, second) = (trained(1).0, trained(1).0);
    assert_eq!(first.regressor.keep().unwrap(), second.regressor.keep().unwrap());
}

#[test]
fn what_was_kept_otherwise_is_refused() {
    let (trained, _) = trained(1);
    let bytes = postcard::to_allocvec(&trained.regressor.keep().unwrap()).unwrap();
    let mut other = bytes.clone();
    other[0] += 1;
    let kept: Kept = postcard::from_bytes(&other).unwrap();
    assert_eq!(
        kept.open().err().unwrap().to_string(),
        "the network fails: kept in version 2, this build reads 1"
    );
    let mut other = bytes;
    other[1] = 0;
    let kept: Kept = postcard::from_bytes(&other).unwrap();
    assert!(kept.open().is_err(), "the weights of another architecture");
}

#[test]
fn too_little_is_an_error_and_changes_nothing() {
    for architecture in [Architecture::Lstm, Architecture::LstmCnn] {
        let mut model = Neural::new(architecture, &task(&[1, 2]));
        assert!(model.predict().iter().all(|value| value.is_nan()));
        assert_eq!(model.fit(&series(9, |_| f64::NAN)), Err(ForecastError::NoValues));
        let gaps = series(900, |i| if i % 50 < 10 { f64::NAN } else { wave(i) });
        let found = model.fit(&gaps).unwrap_err();
        assert!(matches!(found, ForecastError::TooFewExamples { found: 0, .. }), "{found}");
    }
}

#[test]
fn after_a_gap_the_newest_sample_counts_until_there_are_enough() {
    let mut model = Neural::new(Architecture::Lstm, &task(&[1, 2]));
    model.fit(&series(200, |i| (i % 7) as f64)).unwrap();
    (0..5).for_each(|_| model.update(f64::NAN));
    model.update(1000.0);
    let found = model.predict();
    assert!((found[[0, 1]] - 1000.0).abs() < 10.0, "{found}");
    assert!(found[[0, 0]] < found[[0, 2]], "{found}");
    (0..59).for_each(|i| model.update(f64::from(i % 7)));
    let found = model.predict();
    assert!(found.iter().all(|value| value.abs() < 30.0), "{found}");
}

#[test]
fn what_never_changes_is_expected_to_stay() {
    let mut model = Neural::new(Architecture::Lstm, &task(&[1, 2]));
    model.fit(&series(200, |_| 5.0)).unwrap();
    assert!(model.predict().iter().all(|value| (value - 5.0).abs() < 0.5), "{}", model.predict());
}
