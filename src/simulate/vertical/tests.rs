//! The plant and the scores by hand; the protocol with real policies.

use std::time::Duration;

use super::*;
use crate::forecast::Series;
use crate::target::{Dimension, Resource};
use crate::units::Timestamp;

const FIVE: Duration = Duration::from_secs(300);
const DAY: usize = 288;

fn series(values: Vec<f64>) -> Series {
    Series { start: Timestamp::from_millis(1_767_225_600_000), step: FIVE, values }
}

/// A daily wave between one and two.
fn wave(days: usize, unit: f64) -> Series {
    let of = |step: usize| {
        let turn = step as f64 / DAY as f64 * std::f64::consts::TAU;
        unit * (1.5 - 0.5 * turn.cos())
    };
    series((0..days * DAY).map(of).collect())
}

#[test]
fn memory_above_its_limit_is_killed_and_the_cpu_throttled() {
    let killed = Moment::of(Resource::Memory, 1.1, 1.0);
    assert_eq!((killed.is_above, killed.oom_kills), (true, Some(1.0)));
    let at_limit = Moment::of(Resource::Memory, 1.0, 1.0);
    assert_eq!((at_limit.is_above, at_limit.oom_kills), (false, Some(0.0)));
    assert!((at_limit.pressure_ratio - 0.1).abs() < 1e-9);
    assert_eq!(Moment::of(Resource::Memory, 0.5, 1.0).pressure_ratio, 0.0);
    let throttled = Moment::of(Resource::Cpu, 4.0, 3.0);
    assert_eq!((throttled.is_above, throttled.throttled_ratio), (true, Some(0.25)));
    assert_eq!(throttled.oom_kills, None);
    assert_eq!(Moment::of(Resource::Cpu, 3.0, 3.0).throttled_ratio, Some(0.0));
}

#[test]
fn a_stay_above_the_limit_is_one_event() {
    let mut score = Score::default();
    for usage in [1.0, 3.0, 4.0, 1.0, 3.0] {
        score.add(usage, 2.0);
    }
    score.change();
    let figures = score.figures(0.5);
    assert_eq!((figures.above_events, figures.changes), (2, 1));
    assert_eq!(figures.above_limit_percent, 60.0);
    assert!((figures.above_events_per_day - 2.0 / 2.5).abs() < 1e-9);
    assert!((figures.changes_per_day - 1.0 / 2.5).abs() < 1e-9);
    assert_eq!(figures.mean_limit, 2.0);
    assert!((figures.slack_percent - (100.0 - 120.0)).abs() < 1e-9, "12 of 10 are used");
    assert_eq!(figures.clairvoyant_limit, 4.0);
    assert!((figures.clairvoyant_slack_percent - 40.0).abs() < 1e-9);
    let none = Score::default().figures(1.0);
    assert_eq!(
        (none.slack_percent, none.above_limit_percent, none.changes_per_day),
        (0.0, 0.0, 0.0)
    );
}

#[test]
fn a_limit_that_stays_is_scored_from_the_fourth_day_on() {
    let mut usage = wave(5, 1.0);
    usage.values[10] = 9.0;
    usage.values[4 * DAY] = f64::NAN;
    usage.values[4 * DAY + 1] = 11.0;
    let setting = Setting::new(usage, Resource::Cpu);
    assert!((setting.initial - 9.0 * 1.2).abs() < 1e-9);
    assert_eq!(setting.score_from, 3 * DAY);
    let player = Player::named("static", Dimension::Cpu).unwrap();
    let run = play(&setting, &player);
    assert_eq!((run.figures.changes, run.figures.above_events), (0, 1));
    assert!((run.figures.mean_limit - 10.8).abs() < 1e-9);
    assert!(run.limits.iter().all(|limit| (limit - 10.8).abs() < 1e-9));
    let best = play(&setting, &Player::named("clairvoyant", Dimension::Cpu).unwrap());
    assert_eq!((best.figures.above_events, best.figures.mean_limit), (0, 11.0));
}

#[test]
fn every_named_player_plays_and_the_same_twice() {
    for (resource, unit) in [(Resource::Cpu, 1.0), (Resource::Memory, 1e9)] {
        let setting = Setting::new(wave(5, unit), resource);
        let players: Vec<Player> = Player::names(setting.dimension())
            .iter()
            .map(|name| Player::named(name, setting.dimension()).unwrap())
            .collect();
        let told = std::sync::atomic::AtomicUsize::new(0);
        let done = || {
            told.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        };
        let runs = play_all(&setting, &players, &done);
        assert_eq!(told.into_inner(), players.len());
        for (player, run) in players.iter().zip(&runs) {
            assert_eq!(run.policy, player.name);
            let again = play(&setting, player);
            assert_eq!(run.limits, again.limits, "{}", player.name);
            assert!(run.limits.iter().all(|limit| limit.is_finite() && *limit > 0.0));
        }
    }
    assert!(Player::named("senpai", Dimension::Cpu).is_none());
    assert!(Player::named("hpa", Dimension::Memory).is_none());
}

#[test]
fn a_decision_counts_for_the_next_sample_and_memory_is_kept_from_every_policy() {
    // The use falls to a tenth; what is decided at a sample is in force at the one after it.
    let mut values = vec![10e9; 2 * DAY];
    values.extend(vec![1e9; 3 * DAY]);
    let setting = Setting { initial: 20e9, ..Setting::new(series(values), Resource::Memory) };
    let run = play(&setting, &Player::named("autopilot_peak", Dimension::Memory).unwrap());
    assert_eq!(run.limits[0], 20e9);
    assert!(run.limits[1] < 12e9 + 1.0, "{}", run.limits[1]);
    for (index, pair) in run.limits.windows(2).enumerate() {
        let hour = &setting.usage.values[index.saturating_sub(11)..=index];
        let peak = hour.iter().copied().fold(0.0, f64::max);
        assert!(pair[1] >= pair[0] || pair[1] >= peak * 1.2 - 1.0, "{index}: {pair:?}");
    }
}

#[test]
fn a_gap_changes_nothing() {
    let mut usage = wave(6, 1e9);
    usage.values[4 * DAY..5 * DAY].fill(f64::NAN);
    let setting = Setting::new(usage, Resource::Memory);
    for name in Player::names(Dimension::Memory) {
        let run = play(&setting, &Player::named(name, Dimension::Memory).unwrap());
        let gap = &run.limits[4 * DAY + 1..=5 * DAY];
        assert!(gap.iter().all(|limit| *limit == gap[0]), "{name}");
    }
}
