//! Tail probabilities, moments and whitening against their definitions.

use proptest::prelude::*;

use super::super::moments::Moments;
use super::super::surprise::Surprise;
use super::super::whitener::Whitener;
use super::*;

/// The eighth of an octave that a value falls into, from 1/2 on.
fn eighth(value: f64) -> i32 {
    ((value.log2() + 1.0) * 8.0).floor().clamp(0.0, 95.0) as i32
}

/// The surprise by its definition: the share of rows in higher eighths (half of its own), and 0.7 an
/// octave beyond the eighth that holds the highest 2 %.
fn defined(past: &[f64], value: f64) -> f64 {
    let rows = past.len() as f64;
    let share_of =
        |test: &dyn Fn(i32) -> bool| past.iter().filter(|v| test(eighth(**v))).count() as f64;
    let own = eighth(value);
    let above = share_of(&|bin| bin > own) + 0.5 * share_of(&|bin| bin == own);
    let rarity = -((above + 0.5) / (rows + 1.0)).log10();
    let tail = (0..96).rev().find(|edge| share_of(&|bin| bin >= *edge) > 0.02 * rows);
    let beyond = f64::from((own - tail.unwrap_or(0)).max(0)) / 8.0;
    if above < 0.02 * rows { rarity + 0.7 * beyond } else { rarity }
}

fn after(past: &[f64]) -> Surprise {
    let mut surprise = Surprise::new(1, 100);
    push_all(&mut surprise, past);
    surprise
}

fn push_all(surprise: &mut Surprise, values: &[f64]) {
    for value in values {
        surprise.push([*value]);
    }
}

fn told(surprise: &Surprise, value: f64) -> f64 {
    surprise.clone().push([value]).expect("enough rows")[0]
}

#[test]
fn a_surprise_is_as_computed_by_hand() {
    let surprise = after(&[1.0; 199]);
    // Half of 199 and a half, of 200: a half. Nothing above: a half of 200, and an octave.
    assert!((told(&surprise, 1.0) - 2.0_f64.log10()).abs() < 1e-4, "{}", told(&surprise, 1.0));
    assert!((told(&surprise, 2.0) - (2.602_06 + 0.7)).abs() < 1e-4, "{}", told(&surprise, 2.0));
    assert_eq!(Surprise::new(1, 100).push([1.0]), None);
    let mut ninety_nine = after(&[1.0; 99]);
    assert_eq!(ninety_nine.push([1.0]), None, "too few rows to tell");
    assert!(ninety_nine.push([1.0]).is_some());
}

#[test]
fn a_surprise_grows_with_every_step_beyond_the_tail() {
    let surprise = after(&[1.0; 500]);
    let steps = (1..=87).map(|eighths| 1.01 * (f64::from(eighths) / 8.0).exp2());
    let told: Vec<f64> = steps.map(|value| told(&surprise, value)).collect();
    assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
}

#[test]
fn halving_keeps_the_shares() {
    let mut noise = rng(1);
    let mut draw = || (1.0 + 0.4 * bell(&mut noise)).abs() * 20.0;
    let mut surprise = after(&(0..11_999).map(|_| draw()).collect::<Vec<_>>());
    let probes = [5.0, 12.0, 18.0, 20.0, 25.0, 30.0, 38.0];
    let share = |s: &Surprise, value| 10.0_f64.powf(-told(s, value));
    let before = probes.map(|probe| share(&surprise, probe));
    surprise.push([draw()]);
    let halved = probes.map(|probe| share(&surprise, probe));
    // Each of 96 bins may lose or gain half a row of 6 000.
    for (before, after) in before.iter().zip(halved) {
        assert!((before - after).abs() < 48.0 / 6_000.0, "{before} and {after}");
    }
    push_all(&mut surprise, &(0..60_000).map(|_| draw()).collect::<Vec<_>>());
    for (before, after) in before.iter().zip(probes.map(|probe| share(&surprise, probe))) {
        assert!((before - after).abs() < 0.03, "after ten halvings: {before} and {after}");
    }
}

#[test]
fn a_lone_row_fades() {
    let rows: Vec<f64> = (0..30_000).map(|row| 1.0 + f64::from(row % 7) / 7.0).collect();
    let with = |rows: &[f64]| {
        let mut surprise = after(rows);
        surprise.push([900.0]);
        surprise
    };
    let fresh = told(&after(&rows[..5_000]), 900.0) - told(&with(&rows[..5_000]), 900.0);
    // One row instead of half a row: log10 2.
    assert!(
        (fresh - 2.0_f64.log10()).abs() < 1e-3,
        "the second of its kind surprises less: {fresh}"
    );
    let mut faded = with(&rows[..5_000]);
    push_all(&mut faded, &rows[5_000..]);
    let left = told(&after(&rows), 900.0) - told(&faded, 900.0);
    assert!(left.abs() < 0.01, "{left}");
}

fn sizes() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => 0.0..50.0f64,
        1 => 0.0..1e6f64,
        1 => prop::sample::select(vec![0.0, 0.5, f64::MAX, f64::MIN_POSITIVE]),
    ]
}

proptest! {
    #[test]
    fn a_surprise_is_its_definition(
        body in prop::collection::vec(0.0..50.0f64, 100..400),
        tail in prop::collection::vec(sizes(), 0..10),
        value in sizes(),
    ) {
        let past = [body, tail].concat();
        let told = told(&after(&past), value);
        let defined = defined(&past, value);
        prop_assert!((told - defined).abs() < 1e-9, "{} and {}", told, defined);
    }

    #[test]
    fn a_larger_value_is_no_less_surprising(
        past in prop::collection::vec(sizes(), 100..300),
        values in [sizes(), sizes()],
    ) {
        let surprise = after(&past);
        let [low, high] = values.map(|value| told(&surprise, value));
        prop_assert_eq!(values[0] <= values[1] && low > high, false);
        prop_assert_eq!(values[1] <= values[0] && high > low, false);
    }

    #[test]
    fn moments_are_those_of_two_passes(rows in table(1..5, 1..200)) {
        let moments = moments(&rows);
        let width = rows[0].len();
        let mean = |value: &dyn Fn(&Vec<f64>) -> f64| {
            rows.iter().map(value).sum::<f64>() / rows.len() as f64
        };
        for i in 0..width {
            prop_assert!((moments.mean()[i] - mean(&|row| row[i])).abs() < 1e-9);
            let (low, high) = rows.iter().fold((f64::MAX, f64::MIN), |(low, high), row| {
                (low.min(row[i]), high.max(row[i]))
            });
            prop_assert_eq!(moments.range(i), high - low);
            for j in 0..width {
                let (mi, mj) = (mean(&|row| row[i]), mean(&|row| row[j]));
                let covariance = mean(&|row| (row[i] - mi) * (row[j] - mj));
                prop_assert!((moments.covariance(i, j) - covariance).abs() < 1e-8);
            }
        }
    }

    #[test]
    fn merged_moments_are_those_of_all_rows(rows in table(1..5, 2..200), cut in 0.0..1.0f64) {
        let all = moments(&rows);
        let (a, b) = rows.split_at((cut * rows.len() as f64) as usize);
        let mut merged = Moments::new(rows[0].len());
        a.iter().for_each(|row| merged.push(row));
        let mut other = Moments::new(rows[0].len());
        b.iter().for_each(|row| other.push(row));
        merged.merge(&other);
        prop_assert_eq!(merged.rows(), all.rows());
        for i in 0..rows[0].len() {
            prop_assert!((merged.mean()[i] - all.mean()[i]).abs() < 1e-9);
            prop_assert_eq!(merged.range(i), all.range(i));
            for j in 0..=i {
                prop_assert!((merged.covariance(i, j) - all.covariance(i, j)).abs() < 1e-8);
            }
        }
    }

    #[test]
    fn a_missing_value_leaves_its_column_alone(rows in table(2..5, 2..60), column in 0usize..4) {
        let width = rows[0].len();
        let column = column % width;
        let before = moments(&rows);
        let mut after = before.clone();
        let mut row = vec![77.0; width];
        row[column] = f64::NAN;
        after.push(&row);
        prop_assert_eq!(after.mean()[column], before.mean()[column]);
        prop_assert_eq!(after.range(column), before.range(column));
        for other in 0..width {
            prop_assert_eq!(after.covariance(column, other), before.covariance(column, other));
            prop_assert_eq!(other == column, after.mean()[other] == before.mean()[other]);
        }
    }

    #[test]
    fn whitened_rows_are_uncorrelated_and_of_unit_variance(width in 1usize..6, seed in 0u64..1000) {
        let rows = mixed(400, width, seed);
        let whitener = Whitener::new(&moments(&rows), |_| 0.0);
        let whitened: Vec<Vec<f64>> = rows.iter().map(|row| whiten(&whitener, row)).collect();
        let moments = moments(&whitened);
        for i in 0..width {
            prop_assert!(moments.mean()[i].abs() < 1e-4);
            for j in 0..width {
                let expected = f64::from(u8::from(i == j));
                let found = moments.covariance(i, j);
                prop_assert!((found - expected).abs() < 1e-3, "({}, {}): {}", i, j, found);
            }
        }
    }

    #[test]
    fn whitening_is_symmetric(width in 1usize..6, seed in 0u64..1000) {
        let moments = moments(&mixed(100, width, seed));
        let whitener = Whitener::new(&moments, |_| 0.0);
        let column = |i: usize| {
            let mut row = moments.mean().to_vec();
            row[i] += moments.covariance(i, i).sqrt();
            whiten(&whitener, &row)
        };
        for (i, j) in (0..width).flat_map(|i| (0..i).map(move |j| (i, j))) {
            prop_assert!((column(i)[j] - column(j)[i]).abs() < 1e-5);
        }
    }
}

#[test]
fn constant_and_duplicated_columns_whiten_to_something_finite() {
    let rows: Vec<Vec<f64>> = mixed(200, 2, 1)
        .into_iter()
        .map(|row| vec![row[0], row[0], 5.0, row[1], -row[1]])
        .collect();
    let whitener = Whitener::new(&moments(&rows), |_| 1.0);
    for row in rows.iter().chain([&vec![1e30, -1e30, 6.0, f64::NAN, 0.0]]) {
        let whitened = whiten(&whitener, row);
        // What is clipped at 5 is stretched by no more than 1/√0.02 = 7.1, over five columns.
        assert!(whitened.iter().all(|y| y.abs() <= 5.0 * 7.08 * 5.0), "{whitened:?}");
    }
    assert!(whiten(&whitener, &rows[0])[2].abs() < 1e-6, "at its mean");
}

#[test]
fn one_column_is_standardised() {
    let rows = [vec![1.0], vec![3.0], vec![1.0], vec![3.0]];
    // The deviation is 1.
    let plain = Whitener::new(&moments(&rows), |_| 0.0);
    assert!((whiten(&plain, &[5.0])[0] - 3.0).abs() < 1e-5);
    assert!((whiten(&plain, &[-90.0])[0] + 5.0).abs() < 1e-5, "clipped");
    assert_eq!(whiten(&plain, &[f64::NAN]), [0.0]);
    // 1 + 1 % of 1 000 = 11: a variance of 1/121 is less than the floor 0.02.
    let wide = Whitener::new(&moments(&rows), |_| 1_000.0);
    assert!((whiten(&wide, &[5.0])[0] - 3.0 / 11.0 / 0.02_f64.sqrt()).abs() < 1e-5);
}

fn whiten(whitener: &Whitener, row: &[f64]) -> Vec<f64> {
    whitener.whiten(row.iter().copied()).whitened.into_iter().map(f64::from).collect()
}

fn moments(rows: &[Vec<f64>]) -> Moments {
    let mut moments = Moments::new(rows[0].len());
    rows.iter().for_each(|row| moments.push(row));
    moments
}

/// Rows of equal width.
fn table(
    width: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
) -> impl Strategy<Value = Vec<Vec<f64>>> {
    width.prop_flat_map(move |width| {
        prop::collection::vec(prop::collection::vec(-100.0..100.0f64, width), rows.clone())
    })
}

/// Rows of columns that are correlated, though not so much that whitening would meet its floor.
fn mixed(rows: usize, width: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut rng = rng(seed);
    (0..rows)
        .map(|_| {
            let mut before = 0.0;
            let mut next = |i: usize| {
                before = 0.5 * before + rng.random::<f64>();
                7.0 + 3.0 * (i + 1) as f64 * before
            };
            (0..width).map(&mut next).collect()
        })
        .collect()
}

/// A signal that appears late, such as throttling once a limit is set, is known by its own rows.
#[test]
fn a_column_that_comes_late_has_its_own_mean() {
    let mut moments = Moments::new(2);
    for row in 0..200 {
        let late = if row < 150 { f64::NAN } else { 40.0 + f64::from(row % 2) };
        moments.push(&[f64::from(row % 3), late]);
    }
    assert_eq!((moments.rows(), moments.seen(1)), (200.0, 50.0));
    assert!((moments.mean()[1] - 40.5).abs() < 1e-9, "{:?}", moments.mean());
    assert!((moments.covariance(1, 1) - 0.25).abs() < 1e-9);
}
