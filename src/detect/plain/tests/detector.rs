use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::target::TargetId;
use crate::units::Timestamp;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis(minute * 60_000)
}

/// Feeds `minutes` of bell-shaped rows of each target, moved by the target's own level.
fn feed(detector: &mut PlainDetector, targets: &[(&str, f32)], minutes: std::ops::Range<i64>) {
    let rows = bells((minutes.end - minutes.start) as usize, 2, 5);
    for (minute, row) in minutes.zip(rows.rows()) {
        for (target, level) in targets {
            let row = features(detector.schema(), &[row[0] + level, row[1] + level]);
            detector.observe(&TargetId::from(*target), &row, at(minute)).expect("same schema");
        }
    }
}

#[test]
fn a_cold_start_is_judged_by_all_and_later_by_its_own() {
    let mut detector = PlainDetector::new(schema(2), small()).expect("in range");
    let (low, high) = (TargetId::from("low"), TargetId::from("high"));
    feed(&mut detector, &[("low", 0.0)], 0..20);
    assert!(detector.model(&low).is_none(), "nothing before min_training_rows");
    feed(&mut detector, &[("low", 0.0), ("high", 100.0)], 20..22);
    let common = detector.model(&high).expect("the common model");
    assert_eq!(common, detector.model(&low).expect("the common model"));
    feed(&mut detector, &[("low", 0.0), ("high", 100.0)], 22..200);

    let between = features(detector.schema(), &[50.0, 50.0]);
    let usual = features(detector.schema(), &[100.0, 100.0]);
    for (row, unusual) in [(between, true), (usual, false)] {
        let found = detector.observe(&high, &row, at(200)).expect("same schema").expect("a model");
        assert_eq!(found.anomalous, unusual, "{found:?}");
    }
    assert_ne!(detector.model(&high), detector.model(&low));
    detector.retain(|target| *target != high);
    assert_ne!(detector.model(&low), detector.model(&high), "forgotten, so the common one");
}

#[test]
fn a_moment_is_judged_by_what_came_before_it() {
    let mut one = PlainDetector::new(schema(2), small()).expect("in range");
    feed(&mut one, &[("a", 0.0)], 0..150);
    let mut other = one.clone();
    let outlier = features(one.schema(), &[30.0, 30.0]);
    let target = TargetId::from("a");
    let first = one.observe(&target, &outlier, at(150)).expect("same schema");
    feed(&mut other, &[("b", 5.0)], 149..150);
    let second = other.observe(&target, &outlier, at(150)).expect("same schema");
    assert_eq!(first, second, "another target's rows do not reach a model of its own");
}

#[test]
fn models_are_refitted_on_schedule_and_not_all_at_once() {
    let config = Detection { refit_interval: Duration::from_secs(3600), ..small() };
    let mut detector = PlainDetector::new(schema(2), config).expect("in range");
    let names: Vec<String> = (0..8).map(|i| format!("t{i}")).collect();
    let targets: Vec<(&str, f32)> = names.iter().map(|name| (name.as_str(), 0.0)).collect();
    feed(&mut detector, &targets, 0..300);
    let models = |detector: &PlainDetector| -> Vec<Model> {
        names.iter().filter_map(|n| detector.model(&TargetId::from(n.as_str())).cloned()).collect()
    };
    let mut fitted_at = vec![Vec::new(); names.len()];
    for minute in 300..420 {
        let before = models(&detector);
        feed(&mut detector, &targets, minute..minute + 1);
        for (i, (old, new)) in before.iter().zip(models(&detector)).enumerate() {
            if *old != new {
                fitted_at[i].push(minute);
            }
        }
    }
    let minutes: BTreeSet<_> = fitted_at.iter().flatten().collect();
    assert!(fitted_at.iter().all(|f| f.len() == 2 && f[1] - f[0] == 60), "{fitted_at:?}");
    assert!(minutes.len() > names.len(), "staggered: {fitted_at:?}");
}

#[test]
fn a_restart_judges_at_once_and_as_before() {
    let mut detector = PlainDetector::new(schema(2), small()).expect("in range");
    feed(&mut detector, &[("a", 0.0), ("b", 9.0)], 0..150);
    let bytes = detector.save().expect("saves");
    let mut restarted = PlainDetector::load(&bytes, schema(2), small()).expect("loads");
    for target in ["a", "b", "new"].map(TargetId::from) {
        let row = features(&schema(2), &[0.5, 0.5]);
        let before = detector.model(&target).expect("a model").assess(&row).expect("same schema");
        let after = restarted.observe(&target, &row, at(150)).expect("same schema");
        assert_eq!(after, Some(before));
    }
    // A fresh pool with few rows does not displace a good model.
    feed(&mut restarted, &[("a", 0.0)], 1000..1020);
    let model = restarted.model(&TargetId::from("a")).expect("a model");
    assert!(model.training().rows >= 64);
    assert!(PlainDetector::load(&bytes, schema(3), small()).is_err());
    assert!(PlainDetector::load(&bytes[..bytes.len() / 2], schema(2), small()).is_err());
}

#[test]
fn features_of_another_schema_are_refused_and_not_learnt() {
    let mut detector = PlainDetector::new(schema(2), small()).expect("in range");
    let row = features(&schema(3), &[0.0; 3]);
    let error = detector.observe(&TargetId::from("a"), &row, at(0)).expect_err("refused");
    assert!(error.to_string().contains("2 features in the model and 3 now"), "{error}");
    feed(&mut detector, &[("a", 0.0)], 0..30);
}
