//! What all models of the room promise.

use ndarray::Array2;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::bins::Binned;
use super::ensemble::Ensemble;
use super::grow::{Grower, Sample, Shape};
use super::split::Rules;
use super::*;

const NAN: f64 = f64::NAN;

/// A small matrix of few different values, some missing, and a target.
fn rows(n: usize, seed: u64) -> (Array2<f64>, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let x = Array2::from_shape_simple_fn((n, 3), || match rng.random_range(0..8) {
        0 => NAN,
        value => f64::from(value) / 2.0,
    });
    let y = (0..n).map(|_| f64::from(rng.random_range(-8..9))).collect();
    (x, y)
}

/// The gain of a division, by its definition.
fn gain(y: &[f64], left: &[bool], rules: Rules) -> Option<f64> {
    let side = |want: bool| {
        let inside: Vec<f64> =
            y.iter().zip(left).filter(|(_, left)| **left == want).map(|(y, _)| *y).collect();
        let (sum, count) = (inside.iter().sum::<f64>(), inside.len() as f64);
        (sum * sum / (count + rules.l2), count)
    };
    let all: f64 = y.iter().sum();
    let ((left, many), (right, others)) = (side(true), side(false));
    let allowed = many >= rules.min_leaf && others >= rules.min_leaf;
    allowed.then(|| left + right - all * all / (y.len() as f64 + rules.l2))
}

/// The best gain of all divisions of the rows by one value of one feature, missing ones on either side.
fn best_gain(x: &Array2<f64>, y: &[f64], rules: Rules) -> f64 {
    let mut best = 0.0_f64;
    for column in x.columns() {
        let thresholds = column.iter().copied().filter(|v| !v.is_nan()).chain([f64::NEG_INFINITY]);
        for threshold in thresholds {
            for missing_left in [false, true] {
                let goes = |v: &f64| if v.is_nan() { missing_left } else { *v <= threshold };
                let left: Vec<bool> = column.iter().map(goes).collect();
                best = best.max(gain(y, &left, rules).unwrap_or(0.0));
            }
        }
    }
    best
}

proptest! {
    #[test]
    fn a_stump_is_as_good_as_the_best_of_all_divisions(
        n in 2_usize..40, seed: u64, min_leaf in 1_u8..6, l2 in 0_u8..3,
    ) {
        let (x, y) = rows(n, seed);
        let rules = Rules { min_leaf: f64::from(min_leaf), l2: f64::from(l2) };
        let binned = Binned::new(x.view(), 256);
        let mut sample = Sample::default();
        sample.take(&binned, (0..n as u32).collect(), vec![0, 1, 2]);
        let residuals: Vec<(f64, f64)> = y.iter().map(|y| (*y, 1.0)).collect();
        let (sums, units) = Loss::Squared.pack(&residuals);
        let shape =
            Shape { rules, max_leaves: 2, max_depth: 9, min_split: 0.0, columns: 1.0 };
        let (mut grower, mut stump) = (Grower::default(), Ensemble::default());
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        grower.grow((&binned, &sample), (&sums, units), &shape, &mut rng, &mut stump);

        let best = best_gain(&x, &y, rules);
        let found: f64 = grower.gains.iter().sum();
        prop_assert!((found - best).abs() < 1e-6, "{found} instead of {best}");
        // The division that the tree makes of the rows is one of that gain.
        let first = |row: usize| {
            let values = narrow_row(&x.row(row).to_vec());
            stump.leaves_of(&values).next() == Some(0)
        };
        let left: Vec<bool> = (0..n).map(first).collect();
        if best > 1e-6 {
            prop_assert!((gain(&y, &left, rules).unwrap() - best).abs() < 1e-6);
        } else {
            prop_assert!(left.iter().all(|left| *left));
        }
        for row in 0..n {
            let (values, codes) = (narrow_row(&x.row(row).to_vec()), binned.row(row));
            let walked = stump.leaves_of(&values).next();
            prop_assert_eq!(walked, Some(grower.leaf_of(codes, &stump)));
        }
    }

    #[test]
    fn anything_is_fitted_the_same_way_each_time_and_survives_a_file(
        x in prop::collection::vec(prop::num::f64::ANY, 0..120),
        y in prop::collection::vec(prop::num::f64::ANY, 40),
        wanted in prop::num::f64::ANY,
    ) {
        let x = Array2::from_shape_vec((x.len() / 3, 3), x[..x.len() / 3 * 3].to_vec()).unwrap();
        let params = Params { trees: 5, min_leaf: 2, ..Params::default() };
        let few = ForestParams { n_estimators: 5, ..ForestParams::default() };
        let row = [wanted, 0.0];
        for loss in [Loss::Squared, Loss::Pinball(0.9)] {
            let model = Boosting::fit(x.view(), &y, loss, &params);
            let again = Boosting::fit(x.view(), &y, loss, &params);
            prop_assert_eq!(model.predict(&row).to_bits(), again.predict(&row).to_bits());
            let file = postcard::to_allocvec(&model).unwrap();
            let read: Boosting = postcard::from_bytes(&file).unwrap();
            prop_assert_eq!(model.predict(&row).to_bits(), read.predict(&row).to_bits());
        }
        let forest = RandomForest::fit(x.view(), &y, &few);
        let file = postcard::to_allocvec(&forest).unwrap();
        let read: RandomForest = postcard::from_bytes(&file).unwrap();
        prop_assert_eq!(forest.predict(&row).to_bits(), read.predict(&row).to_bits());
    }
}

#[test]
fn a_constant_is_learnt_exactly() {
    let (x, _) = rows(100, 1);
    let y = vec![7.25; 100];
    for loss in [Loss::Squared, Loss::Pinball(0.05), Loss::Pinball(0.95)] {
        assert_eq!(Boosting::fit(x.view(), &y, loss, &Params::default()).predict(&[1.0]), 7.25);
    }
    assert_eq!(RandomForest::fit(x.view(), &y, &ForestParams::default()).predict(&[1.0]), 7.25);
}

#[test]
fn nothing_to_learn_from_says_nothing() {
    let x = Array2::zeros((0, 2));
    assert!(Boosting::fit(x.view(), &[], Loss::Squared, &Params::default()).predict(&[]).is_nan());
    let (forest, outside) = RandomForest::fit_out_of_bag(x.view(), &[], &ForestParams::default());
    assert!(forest.predict(&[]).is_nan() && outside.is_empty());
}

#[test]
fn boosting_learns_a_function_and_its_spread() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let x = Array2::from_shape_simple_fn((4000, 2), || rng.random::<f64>());
    // Uniform between a step's level and 1 above, or 4 above in the other half.
    let level = |row: &[f64]| if row[0] > 0.3 { 10.0 } else { 0.0 };
    let width = |row: &[f64]| if row[1] > 0.5 { 4.0 } else { 1.0 };
    let y: Vec<f64> = x
        .rows()
        .into_iter()
        .map(|row| {
            let row = row.to_vec();
            level(&row) + width(&row) * rng.random::<f64>()
        })
        .collect();
    let losses = [Loss::Squared, Loss::Pinball(0.1), Loss::Pinball(0.5), Loss::Pinball(0.9)];
    let models = Boosting::fit_all(x.view(), &y, None, &losses, &Params::default());
    for row in [[0.1, 0.2], [0.1, 0.8], [0.9, 0.2], [0.9, 0.8]] {
        for (model, share) in models.iter().zip([0.5, 0.1, 0.5, 0.9]) {
            let wanted = level(&row) + share * width(&row);
            let said = model.predict(&row);
            assert!((said - wanted).abs() < 0.3, "{:?}: {said}, not {wanted}", model.loss());
        }
    }
}

#[test]
fn weights_count_as_rows_do() {
    let (x, y) = rows(60, 5);
    let twice: Vec<usize> = (0..60).flat_map(|row| vec![row; 1 + row % 2]).collect();
    let weights: Vec<f64> = (0..60).map(|row| 1.0 + f64::from(row % 2)).collect();
    let repeated = x.select(ndarray::Axis(0), &twice);
    let repeated_y: Vec<f64> = twice.iter().map(|row| y[*row]).collect();
    // A weight is relative to the mean one, 1.5 here.
    let weighted = Params { min_leaf: 2, l2: 2.0, rows: 1.0, ..Params::default() };
    let copied = Params { min_leaf: 3, l2: 3.0, ..weighted };
    let losses = [Loss::Squared];
    let weighted = Boosting::fit_all(x.view(), &y, Some(&weights), &losses, &weighted);
    let copied = Boosting::fit(repeated.view(), &repeated_y, Loss::Squared, &copied);
    for row in x.rows() {
        let (a, b) = (weighted[0].predict(&row.to_vec()), copied.predict(&row.to_vec()));
        assert!((a - b).abs() < 1e-4, "{a} and {b}");
    }
}

#[test]
fn a_forest_tells_the_means_that_a_hand_would() {
    // Low, high and missing: three means, by two questions.
    let x = [vec![1.0; 40], vec![2.0; 40], vec![NAN; 40]].concat();
    let y: Vec<f64> = [0.0, 10.0, 100.0]
        .into_iter()
        .flat_map(|level| (0..40).map(move |row| level + f64::from(row % 4)))
        .collect();
    let x = Array2::from_shape_vec((120, 1), x).unwrap();
    let (forest, outside) = RandomForest::fit_out_of_bag(x.view(), &y, &ForestParams::default());
    for (value, wanted) in [(1.0, 1.5), (0.0, 1.5), (2.0, 11.5), (9.0, 11.5), (NAN, 101.5)] {
        let said = forest.predict(&[value]);
        assert!((said - wanted).abs() < 0.1, "{said} for {value}");
    }
    assert_eq!(forest.importances(), [1.0]);
    // A row's own value is not among those it is told from: the lowest is told too high.
    assert!(outside[0] > 1.5 && outside[3] < 1.5, "{outside:?}");
}

#[test]
fn a_file_that_leads_astray_is_refused() {
    let (x, y) = rows(100, 1);
    let model = Boosting::fit(x.view(), &y, Loss::Squared, &Params::default());
    let good = serde_json::to_value(&model).unwrap();
    assert!(serde_json::from_value::<Boosting>(good.clone()).is_ok());
    let refused = |astray: i32, place: &str| {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = astray.into();
        assert!(serde_json::from_value::<Boosting>(bad).is_err(), "{astray} at {place}");
    };
    refused(0, "/trees/nodes/3/children/1");
    for astray in [i32::MIN, -1_000_000, 1_000_000] {
        refused(astray, "/trees/nodes/3/children/0");
        refused(astray, "/trees/roots/1");
    }
}
