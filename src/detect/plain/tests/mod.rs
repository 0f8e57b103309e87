mod detector;

use std::sync::Arc;

use ndarray::{Array2, Axis, array, concatenate};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::config::Detection;
use crate::detect::forest::{Contamination, Forest, tree, walk};
use crate::features::{Features, Schema, quantile};

fn schema(width: usize) -> Arc<Schema> {
    Arc::new(Schema::new((0..width).map(|i| format!("x{i}")).collect()))
}

/// Few trees: enough to tell right from wrong, fast without optimization.
fn small() -> Detection {
    Detection { n_estimators: 25, max_samples: 64, ..Detection::default() }
}

/// Bell-shaped around 0 with deviation 1 in every column.
fn bells(rows: usize, width: usize, seed: u64) -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_simple_fn((rows, width), || {
        (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0
    })
}

fn features(schema: &Arc<Schema>, values: &[f32]) -> Features {
    Features::new(Arc::clone(schema), values.iter().map(|v| Some(f64::from(*v))))
}

fn fit(rows: &Array2<f32>) -> Model {
    Model::fit(rows.view(), schema(rows.ncols()), &small()).expect("fits")
}

#[test]
fn one_tree_of_two_rows_scores_as_computed_by_hand() {
    // Every tree splits between the two rows: path length 1, c(2) = 1, so the score is -2^-1.
    let parameters = Parameters {
        n_estimators: 5,
        max_samples: 256,
        contamination: Contamination::Auto,
        random_state: 1,
    };
    let forest = Forest::fit(array![[0.0], [1.0]].view(), &parameters).expect("fits");
    let scores = forest.score_samples(array![[-9.0], [0.0], [1.0], [9.0]].view()).expect("scores");
    assert_eq!(scores, array![-0.5, -0.5, -0.5, -0.5]);
    assert_eq!(forest.offset(), -0.5);
    assert_eq!(forest.predict(array![[0.0]].view()).expect("predicts"), array![1]);
}

#[test]
fn the_offset_is_numpys_percentile_of_the_training_scores() {
    let sorted = [-0.7, -0.6, -0.5, -0.4];
    assert!((quantile(&sorted, 0.05) - -0.685).abs() < 1e-12);
    assert_eq!(quantile(&sorted, 0.5), -0.55);
    let rows = bells(400, 3, 1);
    let forest = Forest::fit(rows.view(), &Parameters::from(&small())).expect("fits");
    let outside = forest.predict(rows.view()).expect("predicts").iter().filter(|p| **p < 0).count();
    assert_eq!(outside, 20, "5 % of 400");
}

#[test]
fn normal_path_lengths_are_those_of_the_paper() {
    assert_eq!([0, 1, 2].map(tree::average_path_length), [0.0, 0.0, 1.0]);
    assert!((tree::average_path_length(256) - 10.244_770_920_119_3).abs() < 1e-6);
}

#[test]
fn no_tree_is_deeper_than_the_logarithm_of_its_rows() {
    let forest = Forest::fit(bells(200, 3, 1).view(), &Parameters::from(&small())).expect("fits");
    assert_eq!(forest.trees.iter().map(|tree| tree.depth).max(), Some(6));
}

#[test]
fn a_single_row_scores_as_in_a_batch() {
    for (n_rows, width) in [(300, 3), (77, 256), (77, 257)] {
        let mut rows = bells(n_rows, width, 1);
        let forest = Forest::fit(rows.view(), &Parameters::from(&small())).expect("fits");
        rows[[7, 0]] = f32::NAN;
        let batch = forest.score_samples(rows.view()).expect("scores");
        for (row, score) in rows.rows().into_iter().zip(&batch) {
            assert_eq!(forest.score_row(row.as_slice().expect("contiguous")), *score);
        }
        let transposed = rows.t().to_owned();
        let strided = forest.score_samples(transposed.t()).expect("scores");
        assert_eq!(strided, batch, "any memory layout");
    }
}

#[test]
fn a_planted_outlier_scores_highest_and_the_farther_the_higher() {
    let rows = concatenate![Axis(0), bells(300, 4, 1), array![[9.0, 9.0, 9.0, 9.0]]];
    let scores = fit(&rows).scores(rows.view()).expect("scores");
    let highest = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(i, _)| i);
    assert_eq!(highest, Some(300));

    let model = fit(&bells(300, 4, 1));
    let outward = Array2::from_shape_fn((6, 4), |(step, _)| step as f32);
    let scores = model.scores(outward.view()).expect("scores");
    assert!(scores.is_sorted(), "{scores:?}");
    assert!(scores[5] > scores[0] + 0.1, "{scores:?}");
}

#[test]
fn the_planted_cause_is_the_first_contributor() {
    let model = fit(&bells(400, 6, 1));
    for cause in 0..6 {
        let mut row = [0.1; 6];
        row[cause] = if cause % 2 == 0 { 8.0 } else { -8.0 };
        let credits = contributors::credits(model.forest(), &row);
        let found = contributors::strongest(&credits, model.schema(), 3);
        assert_eq!(found[0].feature, format!("x{cause}"), "{credits:?}");
        assert!(found[0].share > 0.5 && found.len() <= 3, "{found:?}");
        assert!(found.is_sorted_by(|a, b| a.share >= b.share), "{found:?}");
    }
}

#[test]
fn only_an_anomalous_moment_has_contributors() {
    let model = fit(&bells(400, 2, 1));
    let assess = |row: &[f32]| model.assess(&features(model.schema(), row)).expect("assesses");
    let unusual = assess(&[3.0, 8.0]);
    assert!(unusual.anomalous && unusual.score > unusual.threshold, "{unusual:?}");
    assert_eq!(unusual.contributors.len(), 2);
    let usual = assess(&[0.1, 0.1]);
    assert!(!usual.anomalous && usual.contributors.is_empty(), "{usual:?}");
}

#[test]
fn credits_add_up_to_the_missing_path_length() {
    for width in [3, 256, 257] {
        let rows = bells(200, width, 1);
        let forest = Forest::fit(rows.view(), &Parameters::from(&small())).expect("fits");
        for row in rows.rows() {
            let row = row.as_slice().expect("contiguous");
            let credits: f64 = contributors::credits(&forest, row).iter().sum();
            let missing = forest.normal_path_length - walk::path_length(&forest, row);
            assert!((credits - missing).abs() < 1e-5);
        }
    }
}

#[test]
fn the_order_of_rows_does_not_matter_and_the_seed_does() {
    let mut rows = bells(300, 3, 1);
    rows[[7, 1]] = f32::NAN;
    let bytes = fit(&rows).save().expect("saves");
    let mut reversed = rows.clone();
    reversed.invert_axis(Axis(0));
    assert_eq!(fit(&reversed).save().expect("saves"), bytes);
    let other = Detection { random_state: 7, ..small() };
    let other = Model::fit(rows.view(), schema(3), &other).expect("fits");
    assert_ne!(other.save().expect("saves"), bytes);
}

#[test]
fn scaling_is_applied_at_scoring_as_at_fitting() {
    let rows = bells(300, 2, 1);
    let far = rows.mapv(|v| v * 1e6 + 4e9);
    let near = fit(&rows).scores(array![[0.0, 0.0], [5.0, 0.0]].view()).expect("scores");
    let scaled = fit(&far).scores(array![[4e9, 4e9], [4.005e9, 4e9]].view()).expect("scores");
    for (a, b) in near.iter().zip(scaled) {
        assert!((a - b).abs() < 0.01, "{near:?}");
    }
}

#[test]
fn constant_and_missing_columns_say_nothing() {
    let mut rows = concatenate![Axis(1), bells(200, 2, 1), bells(200, 2, 2)];
    rows.column_mut(2).fill(0.1);
    rows.column_mut(3).fill(f32::NAN);
    let model = fit(&rows);
    let with = |value| features(model.schema(), &[0.0, 0.0, value, value]);
    let scores: Vec<f64> = [0.1, 1e9, f32::NAN]
        .map(|value| model.assess(&with(value)).expect("assesses").score)
        .to_vec();
    assert!(scores[0] == scores[1] && scores[1] == scores[2], "{scores:?}");
    let constant = fit(&Array2::from_elem((50, 2), 3.0));
    let found = constant.assess(&features(constant.schema(), &[3.0, 3.0])).expect("assesses");
    assert!(!found.anomalous && (found.score - 0.5).abs() < 1e-6, "{found:?}");
}

#[test]
fn a_thousand_features_fit() {
    let rows = bells(64, 1000, 1);
    let scores = fit(&rows).scores(rows.view()).expect("scores");
    assert!(scores.iter().all(|s| (0.0..=1.0).contains(s)));
}

#[test]
fn bad_input_is_refused_with_a_reason() {
    let refused = |rows: Array2<f32>, config: &Detection| {
        Model::fit(rows.view(), schema(rows.ncols()), config).expect_err("refused").to_string()
    };
    assert_eq!(
        refused(Array2::zeros((0, 3)), &small()),
        "expected at least 2 rows to fit a forest, found 0"
    );
    assert_eq!(
        refused(Array2::zeros((1, 3)), &small()),
        "expected at least 2 rows to fit a forest, found 1"
    );
    assert_eq!(
        refused(Array2::zeros((9, 0)), &small()),
        "expected at least one feature, found none"
    );
    for contamination in [0.0, 0.6, f64::NAN] {
        let config = Detection { contamination, ..small() };
        assert!(refused(bells(9, 1, 1), &config).starts_with("detection.contamination: expected"));
    }
    for config in [
        Detection { max_samples: 1, ..small() },
        Detection { max_samples: 40_000, ..small() },
        Detection { n_estimators: 0, ..small() },
    ] {
        assert!(refused(bells(9, 1, 1), &config).starts_with("detection."));
    }
    let parameters = Parameters::from(&small());
    let error = Forest::fit(array![[0.0, 1.0], [2.0, f32::NAN]].view(), &parameters);
    assert_eq!(
        error.expect_err("refused").to_string(),
        "row 1, column 1: expected a finite number, found NaN"
    );
    let forest = Forest::fit(bells(9, 2, 1).view(), &parameters).expect("fits");
    assert_eq!(
        forest.score_samples(bells(9, 3, 1).view()).expect_err("refused"),
        DetectError::Width { expected: 2, found: 3 }
    );
}

#[test]
fn a_saved_model_comes_back_and_a_changed_file_does_not() {
    let model = fit(&bells(100, 3, 1));
    let bytes = model.save().expect("saves");
    assert_eq!(Model::load(&bytes, &schema(3)).expect("loads"), model);

    let refused = |bytes: &[u8]| Model::load(bytes, &schema(3)).expect_err("refused").to_string();
    for place in (16..bytes.len()).step_by(97) {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1;
        refused(&flipped);
    }
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    assert!(refused(&flipped).starts_with("a damaged model file: its checksum does not fit"));
    for length in [0, 5, 20, 30, bytes.len() / 2, bytes.len() - 1] {
        assert!(
            refused(&bytes[..length]).starts_with("a model file of the wrong length"),
            "{length}"
        );
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(refused(&longer).starts_with("a model file of the wrong length"));
    let mut newer = bytes.clone();
    newer[16] = 9;
    assert!(
        refused(&newer).starts_with("a model file of version 9, but this loadline reads version 2")
    );
    assert_eq!(refused(b"PK\x03\x04"), "not a loadline model file: it begins otherwise");

    let mut names = schema(3).names().to_vec();
    names[1] = "y".to_owned();
    let error = Model::load(&bytes, &Arc::new(Schema::new(names))).expect_err("refused");
    assert!(error.to_string().contains("feature 1 is x1 in the model and y now"), "{error}");
    let error = Model::load(&bytes, &schema(4)).expect_err("refused");
    assert!(error.to_string().contains("3 features in the model and 4 now"), "{error}");
}

#[test]
fn a_file_with_a_right_checksum_and_wrong_nodes_is_refused() {
    let mut forest =
        Forest::fit(bells(50, 2, 1).view(), &Parameters::from(&small())).expect("fits");
    assert!(forest.is_sound());
    let sound = forest.clone();
    forest.nodes[0].left = u16::MAX;
    assert!(!forest.is_sound());
    forest = sound.clone();
    forest.nodes[0].feature = 2;
    assert!(!forest.is_sound());
    forest = sound.clone();
    forest.trees[1].root = u32::MAX;
    assert!(!forest.is_sound());
    forest = sound;
    forest.path_lengths.pop();
    assert!(!forest.is_sound());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn scores_are_finite_and_within_0_and_1(
        (width, values) in (1usize..5).prop_flat_map(|width| {
            (Just(width), prop::collection::vec(prop::num::f32::ANY, 2 * width..40 * width))
        }),
        probe in prop::collection::vec(prop::num::f32::ANY, 5),
    ) {
        let rows = values.len() / width;
        let shape = (rows, width);
        let rows = Array2::from_shape_vec(shape, values[..rows * width].to_vec()).expect("shape");
        let config = Detection { n_estimators: 7, max_samples: 16, ..Detection::default() };
        let model = Model::fit(rows.view(), schema(width), &config).expect("fits");
        prop_assert!(model.forest().is_sound());
        let found = model.assess(&features(model.schema(), &probe[..width])).expect("assesses");
        let scores = model.scores(rows.view()).expect("scores");
        for score in scores.iter().chain([&found.score, &found.threshold]) {
            prop_assert!((0.0..=1.0).contains(score), "{}", score);
        }
        let shares: f64 = found.contributors.iter().map(|c| c.share).sum();
        prop_assert!(shares <= 1.0 + 1e-9);
    }

    #[test]
    fn no_bytes_make_a_file_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut file = b"loadline model\0\0\x01\0\0\0".to_vec();
        file.extend(&bytes);
        prop_assert!(Model::load(&file, &schema(2)).is_err());
        prop_assert!(Model::load(&bytes, &schema(2)).is_err());
    }
}
