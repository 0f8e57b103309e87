//! Levels, times of day, views and alerts by themselves.

use proptest::prelude::*;

use super::super::alert::Alerts;
use super::super::level::{Ewma, Level, Spread};
use super::super::recent::Recent;
use super::super::season::Season;
use super::super::views::Views;
use super::*;
use crate::config::{Calibrated, View};

#[test]
fn the_recent_features_are_as_computed_by_hand() {
    let mut recent = Recent::default();
    let mut push = |at, value| recent.push(value, seconds(at), 60.0);
    let [value, short, long, change] = push(0, 4.0);
    assert_eq!([value, short, long], [4.0, 4.0, 4.0]);
    assert!(change.is_nan(), "there is none yet: {change}");
    assert_eq!(push(60, 6.0), [6.0, 5.0, 5.0, 2.0]);
    for value in 1..=30 {
        push(60 + 60 * value, value as f64);
    }
    // 31 after 1 to 30: means of 27 to 31 and 12 to 31.
    assert_eq!(push(1920, 31.0), [31.0, 29.0, 21.5, 1.0]);
    assert_eq!(push(2520, 36.0), [36.0, 30.8, 22.7, 1.4], "ten intervals later");
    assert_eq!(push(3121, 9.0)[..3], [9.0; 3], "after a gap");
    assert_eq!(push(3181, 10.0), [10.0, 9.5, 9.5, 1.0]);
}

#[test]
fn a_running_mean_begins_as_a_plain_one() {
    let mut mean = Ewma::default();
    for value in [3.0, 5.0, 10.0] {
        mean.push(value, 0.01);
    }
    assert!((mean.mean() - 6.0).abs() < 1e-12, "{mean:?}");
    for _ in 0..2_000 {
        mean.push(1.0, 0.01);
    }
    assert!((mean.mean() - 1.0).abs() < 1e-3, "it forgets: {mean:?}");
}

#[test]
fn a_spread_is_the_mean_and_the_standard_deviation() {
    let mut spread = Spread::default();
    for value in [2.0, 4.0, 6.0, 8.0] {
        spread.push(value, 0.001);
    }
    // Mean 5, deviation √5.
    assert!((spread.standardised(10.0) - 5.0_f64.sqrt()).abs() < 1e-6, "{spread:?}");
    assert!(spread.standardised(5.0).abs() < 1e-12);
}

#[test]
fn a_level_says_nothing_in_its_first_six_rows() {
    let mut level = Level::default();
    let distances: Vec<f64> =
        (0..7).map(|row| level.push(f64::from(row * row), 0.01, 4.0, 1e-3)).collect();
    assert_eq!(distances[..6], [0.0; 6]);
    assert!(distances[6] > 1.0, "{distances:?}");
}

fn wobbling(rows: usize) -> Level {
    let mut level = Level::default();
    for row in 0..rows {
        level.push(10.0 + (row % 2) as f64, 0.01, 4.0, 1e-3);
    }
    level
}

#[test]
fn a_far_value_moves_a_level_no_further_than_one_at_the_clip() {
    for (rows, defended) in [(19, false), (20, true), (500, true)] {
        let before = wobbling(rows);
        let (mut near, mut far) = (before, before);
        // The distance that it tells is not clipped, so it tells the deviation.
        let deviation = 1e9 / before.clone().push(before.mean() + 1e9, 0.01, 4.0, 1e-3);
        near.push(before.mean() + 4.0 * deviation, 0.01, 4.0, 1e-3);
        far.push(before.mean() + 1e9, 0.01, 4.0, 1e-3);
        let equal = (near.mean() - far.mean()).abs() < 1e-6;
        assert_eq!(equal, defended, "after {rows} rows: {} and {}", near.mean(), far.mean());
    }
}

fn wave(at_seconds: i64) -> f64 {
    10.0 + 3.0 * (std::f64::consts::TAU * at_seconds as f64 / 86_400.0).sin()
}

/// A season that has seen `days` equal days.
fn season(days: i64, interval_seconds: i64, value: impl Fn(i64) -> f64) -> Season {
    let mut season = Season::default();
    for at in (0..days * 86_400).step_by(interval_seconds as usize) {
        season.push(value(at), seconds(at), interval_seconds as f64, 0.01);
    }
    season
}

fn seconds(at: i64) -> Timestamp {
    Timestamp::from_millis(at * 1000)
}

/// The distances of the rows of day `day`, in order.
fn distances(season: &mut Season, day: i64, value: impl Fn(i64) -> f64) -> Vec<f64> {
    (day * 86_400..(day + 1) * 86_400)
        .step_by(300)
        .map(|at| season.push(value(at), seconds(at), 300.0, 0.01).distance)
        .collect()
}

#[test]
fn equal_days_are_expected_and_a_shifted_day_is_not() {
    let before = season(10, 300, wave);
    let equal = distances(&mut before.clone(), 10, wave);
    assert!(equal.iter().all(|d| *d < 0.5), "{equal:?}");
    let shifted = distances(&mut before.clone(), 10, |at| wave(at + 6 * 3600));
    let far = shifted.iter().filter(|d| **d > 3.0).count();
    assert!(far > 2 * shifted.len() / 3, "{far} of {}", shifted.len());
    // The same moments of the days before our era.
    let early = distances(&mut before.clone(), -20_000, wave);
    assert!(early.iter().all(|d| *d < 0.5), "{early:?}");
}

#[test]
fn an_unseen_time_of_day_is_compared_with_the_last_rows() {
    let mut season = Season::default();
    let day = |at: i64| at % 86_400 > 8 * 3600 && at % 86_400 < 18 * 3600;
    for at in (0..10 * 86_400).step_by(300).filter(|at| day(*at)) {
        season.push(wave(at), seconds(at), 300.0, 0.01);
    }
    let evening = wave(17 * 3600 + 1800);
    let night = seconds(10 * 86_400 + 2 * 3600);
    let usual = season.clone().push(evening, night, 300.0, 0.01);
    let far = season.clone().push(evening + 30.0, night, 300.0, 0.01);
    assert!(usual.residual.abs() < 1.0, "{}", usual.residual);
    assert!(usual.distance < 6.0 && far.distance > 100.0, "{} {}", usual.distance, far.distance);
    assert_eq!(Season::default().push(0.0, night, 300.0, 0.01).distance, 0.0);
}

#[test]
fn a_slot_remembers_days_however_often_rows_come() {
    let one_day = |interval_seconds| {
        let mut season = season(20, interval_seconds, |_| 1.0);
        for at in (20 * 86_400..21 * 86_400).step_by(interval_seconds as usize) {
            season.push(2.0, seconds(at), interval_seconds as f64, 0.01);
        }
        season.push(1.0, seconds(21 * 86_400 + 43_200), interval_seconds as f64, 0.01).residual
    };
    let (often, seldom) = (one_day(30), one_day(300));
    assert!((often - seldom).abs() < 0.05, "{often} and {seldom}");
    assert!((-0.4..-0.1).contains(&often), "one odd day moves it a little: {often}");
}

/// The view that is told to see a fault is well above what it says of the rows before.
#[test]
fn each_view_sees_what_it_is_for() {
    type Fault = fn(usize, f64) -> f64;
    let cases: [(View, usize, Fault); 8] = [
        (View::Record, 1, |_, _| 20.0),
        (View::Level, 1, |_, v| v + 8.0),
        (View::RecentLevel, 1, |_, v| v + 8.0),
        (View::Jump, 1, |_, v| v + 3.0),
        (View::TimeOfDay, 1, |_, _| 13.0),
        (View::Shift, 24, |_, v| v + 1.0),
        (View::SmoothedTimeOfDay, 3, |_, v| v + 1.5),
        (View::Restlessness, 12, |row, v| v + if row % 2 == 0 { 1.0 } else { -1.0 }),
    ];
    let rows = 7 * DAY_ROWS;
    for (view, faulty, fault) in cases {
        let (mut views, mut noise, mut usual) = (Views::default(), rng(3), Vec::new());
        let mut push = |row: usize, value: f64| {
            let at = Timestamp::from_millis(row as i64 * FIVE_MINUTES);
            views.push(value, at, 300.0, 1e-9)[view as usize]
        };
        let mut normal = |row: usize| wave(row as i64 * 300) + 0.1 * bell(&mut noise);
        for row in 0..rows + 216 {
            let said = push(row, normal(row));
            if row > rows / 2 {
                usual.push(said);
            }
        }
        usual.sort_unstable_by(f64::total_cmp);
        let most = usual[usual.len() * 99 / 100];
        // The wave is at its lowest there.
        let during = (rows + 216..).take(faulty).map(|row| push(row, fault(row, normal(row))));
        let during: Vec<f64> = during.collect();
        let odd = during[faulty - 1];
        assert!(faulty == 1 || odd > 1.5 * during[0], "{view:?} looks at several rows: {during:?}");
        assert!(odd > 1.5 * most && odd > 0.5, "{view:?}: {odd} against {most}");
    }
}

fn rules(hold_rows: u32, rate_penalty: f64) -> Calibrated {
    Calibrated { hold_rows, rate_penalty, ..Calibrated::default() }
}

fn alerts(scores: &[f64], config: &Calibrated) -> Vec<Option<f64>> {
    let mut alerts = Alerts::default();
    scores.iter().map(|score| alerts.push(*score, config)).collect()
}

#[test]
fn of_an_episode_only_rising_peaks_pass() {
    let told = alerts(&[3.0, 2.0, 4.0, 4.0, 1.0, 3.9, 5.0, 0.0], &rules(5, 0.0));
    let expected = [Some(3.0), None, Some(4.0), None, None, None, Some(5.0), None];
    assert_eq!(told, expected);
}

#[test]
fn after_quiet_rows_a_lower_score_passes_again() {
    let told = alerts(&[9.0, 1.0, 1.0, 1.0, 1.0, 2.0], &rules(4, 0.0));
    assert_eq!(told, [Some(9.0), None, None, None, None, Some(2.0)]);
}

#[test]
fn each_alert_weakens_the_next_and_that_fades() {
    let config = rules(0, 0.1);
    let mut alerts = Alerts::default();
    let mut push = |score| alerts.push(score, &config).expect("nothing is held");
    let first: Vec<f64> = (0..4).map(|_| push(4.0)).collect();
    assert_eq!(first[0], 4.0);
    for (count, emitted) in first.iter().enumerate() {
        assert!((emitted - (4.0 - 0.1 * count as f64)).abs() < 1e-3, "{first:?}");
    }
    for _ in 0..10_000 {
        push(2.0);
    }
    let later = push(4.0);
    let expected = 4.0 - 0.4 * (-1.0_f64).exp();
    assert!((later - expected).abs() < 2e-3, "{later}, {expected}: scores up to 2.5 do not count");
}

#[test]
fn without_hold_and_penalty_every_score_is_told_as_it_is() {
    let scores: Vec<f64> = (0..500).map(|row| f64::from(row * 37 % 11)).collect();
    let told: Vec<f64> = alerts(&scores, &rules(0, 0.0)).into_iter().flatten().collect();
    assert_eq!(told, scores);
}

proptest! {
    #[test]
    fn a_row_is_held_by_a_higher_one_only(
        scores in prop::collection::vec(0.0..6.0f64, 1..200),
        hold_rows in 0u32..40,
    ) {
        let told = alerts(&scores, &rules(hold_rows, 0.0));
        let mut kept: Option<usize> = None;
        let mut best = 0.0;
        for (row, told) in told.iter().enumerate() {
            let held = kept.is_some_and(|kept| row - kept <= hold_rows as usize);
            prop_assert_eq!(told.is_none(), held && scores[row] <= best, "row {}", row);
            if told.is_some() {
                prop_assert_eq!(*told, Some(scores[row]));
                (kept, best) = (Some(row), scores[row]);
            }
        }
    }
}
