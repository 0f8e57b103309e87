//! What lasts: files, new and forgotten targets, new levels, gaps.

use super::*;
use crate::config::DetectionMode;
use crate::detect::DetectError;

const TARGETS: [&str; 3] = ["a", "b", "c"];

/// Rows of three targets, of which one in ten values is missing; from row 695 on, `a` is at fault for
/// twenty rows, and `b` at row 900.
fn troubled_row(row: usize, target: usize, normal: &[Vec<f64>]) -> Vec<Option<f64>> {
    let mut noise = rng((row * TARGETS.len() + target) as u64);
    let fault = (target == 0 && (695..715).contains(&row)) || (target == 1 && row == 900);
    let mut values = normal[row + 40 * target].clone();
    // The first row is the worst: those after it are held.
    values[1] += match fault {
        true if row == 695 => 16.0,
        true => 8.0,
        false => 0.0,
    };
    values.into_iter().map(|v| Some(v).filter(|_| noise.random::<f64>() > 0.1)).collect()
}

fn run(
    detector: &mut Detector,
    rows: std::ops::Range<usize>,
    normal: &[Vec<f64>],
) -> Vec<Option<Assessment>> {
    let moments = rows.flat_map(|row| (0..TARGETS.len()).map(move |target| (row, target)));
    moments
        .map(|(row, target)| {
            let at = row as i64 * FIVE_MINUTES + target as i64;
            observe(detector, TARGETS[target], at, &troubled_row(row, target, normal))
        })
        .collect()
}

#[test]
fn a_restart_changes_nothing() {
    let normal = days(1400, 3, 1);
    let mut going_on = detector(3);
    let before = run(&mut going_on, 0..700, &normal);
    let last = before[3 * 699].as_ref().expect("judged");
    assert!(last.anomalous && last.alert_score == 0.0, "a held alert: {last:?}");
    assert!(before.iter().flatten().any(Assessment::is_alert));

    let saved = going_on.save().expect("encodes");
    let mut restarted = Detector::load(&saved, schema(3), small()).expect("its own file");
    assert_eq!(restarted.save().expect("encodes"), saved);
    let expected = run(&mut going_on, 700..1200, &normal);
    assert_eq!(run(&mut restarted, 700..1200, &normal), expected);
    assert!(expected.iter().flatten().any(Assessment::is_alert), "of `b`");
    assert_eq!(restarted.save().expect("encodes"), going_on.save().expect("encodes"));
}

#[test]
fn a_new_target_is_judged_by_what_the_others_taught() {
    let rows = days(400, 3, 2);
    let mut detector = detector(3);
    assert_eq!(feed(&mut detector, 0, &rows[..1]), [None]);
    feed(&mut detector, 1, &rows[1..399]);
    let at = 399 * FIVE_MINUTES;
    let mut odd = rows[399].clone();
    odd[2] += 8.0;
    let [usual, odd] = [&rows[399], &odd].map(|row| {
        observe(&mut detector.clone(), "new", at, &known(row)).expect("the common model")
    });
    assert!(!usual.anomalous && odd.score > usual.score + 0.1, "{usual:?} {odd:?}");
}

#[test]
fn a_target_that_is_gone_for_a_day_starts_cold_again() {
    let normal = days(800, 3, 3);
    let mut detector = detector(3);
    run(&mut detector, 0..400, &normal);
    let size = |detector: &Detector| detector.save().expect("encodes").len();
    let without_a = |detector: &Detector| {
        let mut detector = detector.clone();
        detector.retain(|target| target.as_str() != "a");
        detector
    };
    assert_eq!(size(&without_a(&detector)), size(&detector), "it was there just now");

    for row in 400..700 {
        for target in ["b", "c"] {
            observe(&mut detector, target, row * FIVE_MINUTES, &known(&normal[row as usize]));
        }
    }
    let forgetful = without_a(&detector);
    assert!(size(&forgetful) < size(&detector));
    let next = |detector: &Detector, target: &str| {
        let mut detector = detector.clone();
        observe(&mut detector, target, 700 * FIVE_MINUTES, &known(&normal[700])).expect("a model")
    };
    assert_eq!(next(&forgetful, "a"), next(&detector, "never seen"), "by the common model");
    assert_ne!(next(&forgetful, "a"), next(&detector, "a"));
    assert_eq!(next(&forgetful, "b"), next(&detector, "b"), "the others stay");
}

/// Days of four signals, in which the first two are higher in the given rows.
fn lifted(last_day: usize, rows: impl IntoIterator<Item = usize>) -> Vec<Vec<f64>> {
    let mut table = days(last_day * DAY_ROWS, 4, 6);
    for row in rows {
        table[row][0] += 6.0;
        table[row][1] += 6.0;
    }
    table
}

fn anomalous_share(found: &[Option<Assessment>]) -> f64 {
    let anomalous = found.iter().flatten().filter(|a| a.anomalous).count();
    anomalous as f64 / found.len() as f64
}

/// After two weeks a new level is learnt in three days; after one, in a quarter of it.
#[test]
fn a_new_level_that_lasts_is_learnt_after_days() {
    for (known_days, learnt_hours) in [(14, 72), (7, 42)] {
        let change = known_days * DAY_ROWS;
        let last_day = known_days + 6;
        let rows = lifted(last_day, change..last_day * DAY_ROWS);
        let found = feed(&mut detector(4), 0, &rows);
        let share = |hours: std::ops::Range<usize>| {
            anomalous_share(&found[change + 12 * hours.start..change + 12 * hours.end])
        };
        assert!(anomalous_share(&found[change - 2 * DAY_ROWS..change]) < 0.02);
        assert!(found[change].as_ref().expect("judged").is_alert());
        let shares = [share(0..learnt_hours - 2), share(learnt_hours + 2..6 * 24)];
        assert!(shares[0] > 0.95 && shares[1] < 0.05, "after {known_days} days: {shares:?}");
    }
}

#[test]
fn a_fault_of_hours_is_not_learnt() {
    let hours = |hours: usize| hours * 12;
    let (first, again) = (7 * DAY_ROWS, 8 * DAY_ROWS);
    let faults = [first..first + hours(6), again..again + hours(6)];
    let found = feed(&mut detector(4), 0, &lifted(9, faults.iter().cloned().flatten()));
    let shares = faults.clone().map(|fault| anomalous_share(&found[fault]));
    let between = anomalous_share(&found[first + hours(8)..again]);
    assert!(shares.iter().all(|share| *share > 0.9), "{shares:?}");
    assert!(between < 0.02, "{between}");
}

#[test]
fn a_gap_of_hours_is_no_anomaly() {
    // Ten hours of every other day are missing.
    let is_there = |row: usize| (row / DAY_ROWS).is_multiple_of(2) || row % DAY_ROWS >= 120;
    for width in [1, 4] {
        let mut detector = detector(width);
        let (mut after_gap, mut usual) = (Vec::new(), Vec::new());
        for (row, values) in days(12 * DAY_ROWS, width, 7).iter().enumerate() {
            if !is_there(row) {
                continue;
            }
            let found = observe(&mut detector, "a", row as i64 * FIVE_MINUTES, &known(values));
            if row > 4 * DAY_ROWS {
                assert!(found.is_some());
                if is_there(row - 12) { usual.push(found) } else { after_gap.push(found) }
            }
        }
        // The hour after each of four gaps.
        assert_eq!(after_gap.len(), 4 * 12);
        let shares = [anomalous_share(&after_gap), anomalous_share(&usual)];
        assert!(shares[0] < 0.15 && shares[1] < 0.01, "{width} signals: {shares:?}");
    }
}

/// One of four signals has values for two days, none for two, and so on.
#[test]
fn a_signal_that_comes_and_goes_is_no_anomaly() {
    let mut detector = detector(4);
    let rows = days(14 * DAY_ROWS, 4, 11);
    let found: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(row, values)| {
            let mut values = known(values);
            values[3] = values[3].filter(|_| (row / (2 * DAY_ROWS)).is_multiple_of(2));
            observe(&mut detector, "a", row as i64 * FIVE_MINUTES, &values)
        })
        .collect();
    let late = &found[4 * DAY_ROWS..];
    assert!(anomalous_share(late) < 0.005, "{}", anomalous_share(late));
}

#[test]
fn files_that_do_not_fit_are_refused_by_name() {
    let rows = days(300, 2, 8);
    let mut going_on = detector(2);
    feed(&mut going_on, 0, &rows[..299]);
    let good = going_on.save().expect("encodes");
    let plain = Detection { mode: DetectionMode::Plain, ..small() };
    let other = Detector::new(schema(2), plain.clone()).expect("in range").save().expect("encodes");
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        bytes
    };
    let middle = good.len() / 2;
    let cases = [
        (other, "not a loadline calibrated file"),
        (changed(&|b| b[16] += 1), "of version "),
        (changed(&|b| b[middle] ^= 1), "a damaged calibrated file: its checksum does not fit"),
        (changed(&|b| b.truncate(middle)), "a calibrated file of the wrong length: expected"),
        (changed(&|b| b.truncate(20)), "of the wrong length"),
        (changed(&|b| b.push(0)), "of the wrong length"),
        (changed(&Vec::clear), "of the wrong length"),
    ];
    for (bytes, expected) in cases {
        let error = Detector::load(&bytes, schema(2), small()).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}\nlacks {expected}");
    }
    let named = Arc::new(Schema::new(vec!["s0".into(), "other".into()]));
    for (now, expected) in [
        (named, "feature 1 is s1 in the model and other now; fit it anew"),
        (schema(3), "2 features in the model and 3 now"),
    ] {
        let error = Detector::load(&good, now, small()).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}\nlacks {expected}");
    }
    let error = Detector::load(&good, schema(2), plain).expect_err("another mode").to_string();
    assert!(error.contains("not a loadline "), "{error}");
    let settings = Detection { max_samples: 0, ..small() };
    let error = Detector::load(&good, schema(2), settings).err();
    assert!(matches!(error, Some(DetectError::Parameter { .. })), "{error:?}");

    let mut loaded = Detector::load(&good, schema(2), small()).expect("the file as it was");
    assert_eq!(feed(&mut going_on, 299, &rows[299..]), feed(&mut loaded, 299, &rows[299..]));
}

#[test]
fn features_of_another_schema_are_refused_and_nothing_is_learnt() {
    let mut detector = detector(2);
    feed(&mut detector, 0, &days(50, 2, 9));
    let before = detector.save().expect("encodes");
    let features = Features::new(schema(3), [Some(1.0); 3]);
    let (target, at) = (TargetId::from("b"), Timestamp::from_millis(FIVE_MINUTES));
    for result in
        [detector.observe(&target, &features, at).map(drop), detector.train(&target, &features, at)]
    {
        assert!(matches!(result, Err(DetectError::Schema { .. })), "{result:?}");
    }
    assert_eq!(detector.save().expect("encodes"), before);
}

#[test]
fn rows_known_to_be_normal_are_learnt_however_odd() {
    let mut rows = days(4 * DAY_ROWS, 3, 10);
    let (odd, normal) = (rows.split_off(3 * DAY_ROWS), rows);
    let odd: Vec<Vec<f64>> =
        odd.into_iter().map(|row| row.into_iter().map(|v| v + 6.0).collect()).collect();
    let half = DAY_ROWS / 2;
    let judged = |train: bool| {
        let mut detector = detector(3);
        feed(&mut detector, 0, &normal);
        for (row, values) in odd[..half].iter().enumerate() {
            let features = Features::new(schema(3), known(values));
            let at = Timestamp::from_millis((normal.len() + row) as i64 * FIVE_MINUTES);
            let target = TargetId::from("a");
            if train {
                detector.train(&target, &features, at).expect("same schema");
            } else {
                detector.observe(&target, &features, at).expect("same schema");
            }
        }
        anomalous_share(&feed(&mut detector, normal.len() + half, &odd[half..half + 60]))
    };
    let (trained, observed) = (judged(true), judged(false));
    assert!(trained < 0.1 && observed > 0.5, "{trained} and {observed}");
}
