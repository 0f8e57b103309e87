//! What holds for the detector whatever it is shown.

use proptest::prelude::*;

use super::super::shown;
use super::*;
use crate::detect::DetectError;

/// What one column of a table is.
#[derive(Clone, Debug)]
enum Column {
    Missing,
    Constant(f64),
    Noise(f64),
    /// Any of these values.
    Wild(Vec<Option<f64>>),
}

/// In milliseconds. A model file holds times as text, which has years of four digits.
const EIGHT_MILLENNIA: i64 = 8_000 * 365 * 24 * 60 * MINUTE;

fn columns() -> impl Strategy<Value = Vec<Column>> {
    let wild = prop::collection::vec(prop::option::weighted(0.9, prop::num::f64::ANY), 1..20);
    let column = prop_oneof![
        1 => Just(Column::Missing),
        1 => prop::num::f64::ANY.prop_map(Column::Constant),
        2 => (-1e9..1e9f64).prop_map(Column::Noise),
        3 => wild.prop_map(Column::Wild),
        1 => Just(Column::Wild(vec![Some(f64::MAX), Some(f64::MIN), Some(0.0), None])),
    ];
    prop::collection::vec(column, 1..=6)
}

/// `rows` rows of these columns.
fn table(columns: &[Column], rows: usize, seed: u64) -> Vec<Vec<Option<f64>>> {
    let mut rng = rng(seed);
    let mut value = |column: &Column| match column {
        Column::Missing => None,
        Column::Constant(value) => Some(*value),
        Column::Noise(scale) => Some(scale * (1.0 + 0.1 * bell(&mut rng))),
        Column::Wild(values) => values[rng.random_range(0..values.len())],
    };
    (0..rows).map(|_| columns.iter().map(&mut value).collect()).collect()
}

/// Mostly a step; sometimes none, one back or one beyond all bounds.
fn steps() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![
        4 => Just(FIVE_MINUTES),
        1 => Just(0),
        1 => Just(-3 * FIVE_MINUTES),
        1 => any::<i64>(),
    ];
    prop::collection::vec(step, 1..10)
}

fn observe_all(
    detector: &mut Detector,
    rows: &[Vec<Option<f64>>],
    steps: &[i64],
) -> Vec<Option<Assessment>> {
    let mut at = 0_i64;
    let mut next = |(row, step): (&Vec<Option<f64>>, &i64)| {
        at = at.saturating_add(*step).clamp(-EIGHT_MILLENNIA, EIGHT_MILLENNIA);
        observe(detector, "a", at, row)
    };
    rows.iter().zip(steps.iter().cycle()).map(&mut next).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn scores_are_in_range_for_any_input(
        columns in columns(),
        steps in steps(),
        seed in any::<u64>(),
    ) {
        let mut detector = detector(columns.len());
        let found = observe_all(&mut detector, &table(&columns, 420, seed), &steps);
        for found in found.into_iter().flatten() {
            prop_assert!((0.0..1.0).contains(&found.score), "{:?}", found);
            prop_assert!((0.0..1.0).contains(&found.alert_score), "{:?}", found);
            prop_assert!((0.0..=1.0).contains(&found.threshold), "{:?}", found);
            prop_assert_eq!(found.anomalous, found.score >= found.threshold);
            let shares: Vec<f64> = found.contributors.iter().map(|c| c.share).collect();
            prop_assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{:?}", shares);
            prop_assert!(shares.is_sorted_by(|a, b| a >= b), "{:?}", shares);
            prop_assert!(shares.iter().sum::<f64>() < 1.0 + 1e-9);
        }
        let saved = detector.save().expect("encodes");
        let loaded = Detector::load(&saved, schema(columns.len()), small());
        prop_assert!(loaded.is_ok(), "{:?}", loaded.err());
    }

    #[test]
    fn the_rest_of_a_stream_does_not_reach_back(
        columns in columns(),
        prefix in 0usize..400,
        seeds in any::<(u64, u64)>(),
    ) {
        let mut rows = table(&columns, 400, seeds.0);
        let one = observe_all(&mut detector(columns.len()), &rows, &[FIVE_MINUTES]);
        rows.truncate(prefix);
        rows.extend(table(&columns, 400 - prefix, seeds.1));
        let other = observe_all(&mut detector(columns.len()), &rows, &[FIVE_MINUTES]);
        prop_assert_eq!(&one[..prefix], &other[..prefix]);
    }

    #[test]
    fn a_column_without_values_changes_no_alert_of_one_signal(seed in any::<u64>()) {
        let rows = days(400, 1, seed);
        let (mut one, mut two) = (detector(1), detector(2));
        for (row, at) in rows.iter().zip((0..).map(|row| row * FIVE_MINUTES)) {
            let alone = observe(&mut one, "a", at, &[Some(row[0])]);
            let beside = observe(&mut two, "a", at, &[Some(row[0]), None]);
            prop_assert_eq!(alone.map(|a| a.is_alert()), beside.map(|a| a.is_alert()));
        }
    }

    #[test]
    fn the_published_scale_grows_strictly(low in 0.0..1e3f64, step in 1e-6..1e3f64) {
        let (a, b) = (shown(low), shown(low + step));
        prop_assert!((0.0..1.0).contains(&a) && a < b && b < 1.0, "{} and {}", a, b);
    }
}

#[test]
fn the_published_scale_is_a_half_at_its_middle() {
    assert_eq!([shown(0.0), shown(2.7), shown(-1.0)], [0.0, 0.5, 0.0]);
    assert!((shown(8.1) - 0.75).abs() < 1e-12);
}

/// The scores of one next row in which the first signal lies further and further above the usual.
fn planted(width: usize) -> Vec<f64> {
    let rows = days(DAY_ROWS * 4 + 1, width, 4);
    let (next, before) = rows.split_last().expect("rows");
    let mut detector = detector(width);
    feed(&mut detector, 0, before);
    (0..60)
        .map(|step| {
            let mut row = next.clone();
            row[0] = 13.0 + f64::from(step) * 0.5;
            let found = feed(&mut detector.clone(), before.len(), &[row]);
            found[0].as_ref().expect("enough rows").score
        })
        .collect()
}

#[test]
fn the_further_a_value_lies_the_higher_the_score() {
    // Where a far value's column is clipped, the others that it moves still turn a little.
    for (width, slack) in [(1, 0.0), (2, 0.005), (6, 0.005)] {
        let scores = planted(width);
        let mut highest = 0.0;
        for score in &scores {
            highest = score.max(highest);
            assert!(*score >= highest - slack, "{width} signals: {scores:?}");
        }
        assert!(scores[59] > scores[20] && scores[20] > scores[0] + 0.05, "{width}: {scores:?}");
        assert!(scores[59] > 0.5, "{width}: {scores:?}");
    }
}

#[test]
fn a_constant_signal_changes_little() {
    let mut rows = days(DAY_ROWS * 7, 4, 5);
    for row in &mut rows[DAY_ROWS * 6 + 50..][..6] {
        row[1] += 4.0;
    }
    let plain = feed(&mut detector(4), 0, &rows);
    rows.iter_mut().for_each(|row| row.push(3.0));
    let more = feed(&mut detector(5), 0, &rows);
    let pairs: Vec<(f64, f64)> = plain.iter().zip(&more).skip(DAY_ROWS * 2).map(scores).collect();
    let off = pairs.iter().map(|(a, b)| (a - b).abs()).sum::<f64>() / pairs.len() as f64;
    assert!(off < 0.05, "mean difference of scores: {off}");
    let faulty = DAY_ROWS * 6 + 50..DAY_ROWS * 6 + 56;
    let (a, b) = scores((&plain[faulty.start], &more[faulty.start]));
    assert!(a >= 0.5 && b >= 0.5, "{a} and {b}");
    let found = more[faulty.start].as_ref().expect("judged");
    assert!(found.contributors.iter().all(|c| c.feature != "s4"), "{}", found.causes());
}

fn scores((a, b): (&Option<Assessment>, &Option<Assessment>)) -> (f64, f64) {
    (a.as_ref().expect("judged").score, b.as_ref().expect("judged").score)
}

#[test]
fn too_little_is_told_as_nothing_and_no_signal_as_an_error() {
    assert_eq!(observe(&mut detector(1), "a", 0, &[Some(1.0)]), None);
    assert_eq!(observe(&mut detector(3), "a", 0, &[None, None, None]), None);
    let saved = detector(2).save().expect("encodes");
    assert!(Detector::load(&saved, schema(2), small()).is_ok(), "no row at all");
    let error = Detector::new(schema(0), small()).err();
    assert_eq!(error, Some(DetectError::NoFeatures));
}
