//! What the services are made of, each by itself.

use std::time::Duration;

use super::{DELAY, minute};
use crate::config::{Aim, Shadow as Settings};
use crate::forecast::{Forecast, Horizon};
use crate::policy::shadow::arm::{Moment, Pacing, Record, Wish};
use crate::policy::shadow::behavior::{Behavior, OF_LEVEL, OF_RATIO};
use crate::policy::shadow::choice::{Entry, Measure};
use crate::policy::shadow::level::{self, Level, Outlook};
use crate::policy::shadow::pace::{self, Pace};
use crate::policy::shadow::phase::Phase;
use crate::policy::shadow::rule::{self, Rule, View};
use crate::policy::shadow::season::Season;

const QUICK: Behavior = OF_LEVEL[0];
const STEPS: Behavior = OF_LEVEL[3];
const TOLERANT: Behavior = OF_RATIO[3];

#[test]
fn a_growth_is_made_at_once_and_a_shrink_where_it_is_worth_one() {
    let mut pacing = Pacing::default();
    let wish = |now, highest| Wish { now, highest, behavior: &QUICK };
    assert_eq!(pacing.size(minute(0), 1.0, 20, wish(21, 21)), 21);
    pacing.moved(minute(0));
    assert_eq!(pacing.size(minute(1), 1.0, 21, wish(10, 10)), 21, "a minute after a change");
    assert_eq!(pacing.size(minute(4), 1.0, 21, wish(10, 10)), 21);
    assert_eq!(pacing.size(minute(5), 1.0, 21, wish(10, 19)), 21, "2 are less than 12 % of 21");
    assert_eq!(pacing.size(minute(5), 1.0, 21, wish(10, 18)), 18);
    pacing.moved(minute(5));
    for at in 6..20 {
        assert_eq!(pacing.size(minute(at), 1.0, 18, wish(10, 17)), 18, "minute {at}");
    }
    assert_eq!(pacing.size(minute(20), 1.0, 18, wish(10, 17)), 17, "for fifteen minutes in a row");
    pacing.moved(minute(20));
    assert_eq!(pacing.size(minute(25), 1.0, 2, wish(1, 1)), 1, "one is the least that counts");
}

#[test]
fn a_need_that_returns_starts_the_patience_anew() {
    let mut pacing = Pacing::default();
    let low = Wish { now: 17, highest: 17, behavior: &QUICK };
    for at in 0..14 {
        assert_eq!(pacing.size(minute(at), 1.0, 18, low), 18);
    }
    pacing.size(minute(14), 1.0, 18, Wish { now: 18, highest: 18, behavior: &QUICK });
    for at in 15..29 {
        assert_eq!(pacing.size(minute(at), 1.0, 18, low), 18, "minute {at}");
    }
    assert_eq!(pacing.size(minute(29), 1.0, 18, low), 17);
}

#[test]
fn a_calm_behavior_makes_fewer_and_larger_changes() {
    let mut pacing = Pacing::default();
    let mut size = |at, present, now, behavior| {
        pacing.size(minute(at), 1.0, present, Wish { now, highest: now, behavior })
    };
    assert_eq!(size(0, 20, 21, &STEPS), 22, "a tenth at least");
    assert_eq!(size(1, 20, 29, &STEPS), 29, "and all that is needed");
    assert_eq!(size(2, 20, 17, &STEPS), 20, "3 are less than a fifth");
    assert_eq!(size(3, 20, 16, &STEPS), 16);
    assert_eq!(size(4, 20, 21, &TOLERANT), 20, "a twentieth too much is let be");
    assert_eq!(size(5, 20, 22, &TOLERANT), 22);
}

#[test]
fn records_hold_what_happened() {
    let mut record = Record::default();
    let moment = |load| Moment {
        at: minute(0),
        minutes: 1.0,
        load,
        capacity: 10.0,
        delay: DELAY,
        weight: 0.5,
        slow_weight: 0.5,
    };
    record.observe(&moment(31.0), 3, true, 1.02);
    let expected =
        Record { replicas: 1.5, changes: 0.5, short_ratio: 0.5, short_need: 2.0, close_ratio: 0.5 };
    assert_eq!(record, expected);
    record.observe(&moment(29.5), 3, false, 1.02);
    assert_eq!((record.short_ratio, record.close_ratio), (0.25, 0.75), "2 % more is too much");
}

#[test]
fn a_mean_is_plain_at_first_and_forgets_later() {
    let mut pace = Pace::new(None, 0.0);
    let mut mean = 0.0;
    for sample in [6.0, 2.0, 4.0] {
        pace::blend(&mut mean, sample, pace.weight(1000.0));
        pace = Pace::new(Some(Duration::from_secs(60)), pace.elapsed);
    }
    assert!((mean - 4.0).abs() < 1e-12);
    let old = Pace { minutes: 10.0, elapsed: 1e6 };
    assert!((old.weight(10.0) - 0.5).abs() < 1e-12);
    let gap = Pace::new(Some(Duration::from_secs(86_400)), 100.0);
    assert_eq!((gap.minutes, gap.elapsed), (15.0, 115.0), "what was not watched has no weight");
}

/// A level after `loads`, a minute each.
fn level(loads: impl Iterator<Item = f64>) -> level::Outlook {
    let (mut level, mut pace, mut outlook) = (Level::default(), Pace::new(None, 0.0), None);
    for (at, load) in loads.enumerate() {
        outlook = Some(level.observe(minute(at), load, pace, DELAY));
        pace = Pace::new(Some(Duration::from_secs(60)), pace.elapsed);
    }
    outlook.unwrap()
}

#[test]
fn the_level_is_that_of_the_candidate_with_the_least_error() {
    let noisy = level((0..600).map(|at| 92.0 + f64::from(at * 7 % 5) * 4.0));
    assert!((noisy.level - 100.0).abs() < 3.0, "noise is averaged: {noisy:?}");
    let stepping = level((0..600).map(|at| f64::from(at / 50) * 100.0));
    assert_eq!(stepping.level, 1100.0, "steps are followed at once");
    let rising = level((0..600).map(f64::from));
    assert!(rising.level > 599.5 && rising.spread < 2.0, "a trend is extended: {rising:?}");
}

#[test]
fn a_burst_widens_the_spread_little_and_is_met_at_once() {
    let noise = |at: usize| (at % 5) as f64;
    let calm = level((0..300).map(|at| 100.0 + noise(at)));
    assert_eq!(calm.burst, None);
    let burst = level((0..300).map(|at| if at < 299 { 100.0 + noise(at) } else { 150.0 }));
    assert_eq!(burst.burst, Some(150.0 + 150.0 - 100.0 - noise(298)));
    assert!(burst.spread < 1.05 * calm.spread, "{} after {}", burst.spread, calm.spread);
}

#[test]
fn the_season_is_that_of_the_days_before() {
    let mut season = Season::default();
    let daily = |at: i64| if at % 1440 >= 600 { 50.0 } else { 20.0 };
    for at in 0..2880 {
        if at < 1440 {
            assert_eq!(season.rise(at, 2), 0.0, "minute {at} of the first day");
        }
        season.observe(at, daily(at));
    }
    for at in 2880..2880 + 590 {
        season.observe(at, daily(at));
    }
    assert!((season.rise(2880 + 600, 21) - 30.0 * 10.0 / 21.0).abs() < 1e-4);
    assert_eq!(season.rise(2880 + 300, 2), 0.0);
    assert_eq!(season.rise(1439, 2), 0.0, "a fall is no rise");
}

#[test]
fn the_phase_knows_the_leaps_of_its_minute() {
    let mut phase = Phase::default();
    for at in 0..600_i64 {
        if at < 200 {
            assert_eq!(phase.quantile(32).is_some(), at > 3 * 60 + 32, "after {at} errors");
        }
        phase.observe(at, if at % 60 == 32 { 40.0 } else { 1.0 });
    }
    assert_eq!(phase.quantile(600 + 32), Some(40.0));
    assert_eq!(phase.quantile(600 + 33), Some(40.0), "a minute beside it may be it");
    assert_eq!(phase.quantile(600 + 35), Some(1.0));
}

#[test]
fn a_forecast_is_read_where_it_tells_the_levels() {
    let horizon = |minutes: u64, base: f64| Horizon {
        after: Duration::from_secs(60 * minutes),
        values: vec![base, base + 1.0, base + 2.0, base + 3.0],
    };
    let forecast = Forecast {
        origin: minute(0),
        model: "test".into(),
        levels: vec![0.5, 0.9, 0.97, 0.99],
        horizons: vec![horizon(1, 10.0), horizon(3, 30.0)],
    };
    assert_eq!(rule::foreseen(&forecast, minute(1)), Some([10.0, 11.0, 12.0, 13.0]));
    assert_eq!(rule::foreseen(&forecast, minute(2)), Some([30.0, 31.0, 32.0, 33.0]));
    assert_eq!(rule::foreseen(&forecast, minute(4)), None);
    let other = Forecast { levels: vec![0.5, 0.9, 0.95, 0.99], ..forecast };
    assert_eq!(rule::foreseen(&other, minute(1)), None);
}

#[test]
fn a_rule_about_a_forecast_mixes_it_with_what_was_seen() {
    let outlook = Outlook { level: 100.0, spread: 10.0, burst: None, error: None };
    let mut view = View {
        load: 90.0,
        outlook,
        rise: 0.0,
        leap: Some(60.0),
        foreseen: Some([110.0, 0.0, 0.0, 156.6]),
    };
    let loads = |view: &View| {
        [Rule::Forecast(1.0), Rule::Mixed(1.0), Rule::Timed(1.0)].map(|rule| rule.load(view))
    };
    // The forecast's spread is 46.6 / 2.33, and seven tenths of the leap are 42.
    assert_eq!(loads(&view), [130.0, 120.0, 142.0]);
    view.leap = None;
    assert_eq!(loads(&view), [130.0, 120.0, 130.0]);
    view.foreseen = None;
    assert_eq!(loads(&view), [110.0; 3], "without one the level and its spread count");
}

/// Which of two arms is obeyed, that are short in 0.45 % of the time; the dearer one follows no forecast.
fn chosen(aim: Aim) -> usize {
    let record = |replicas| Record { replicas, short_ratio: 0.0045, ..Record::default() };
    let (plain, forecast) = (record(10.5), record(10.0));
    let entries = [
        Entry { arm: 0, record: &plain, foresees: false },
        Entry { arm: 1, record: &forecast, foresees: true },
    ];
    let settings = Settings { aim, ..Settings::default() };
    let reference = record(12.0);
    let measure = Measure {
        settings: &settings,
        reference: &reference,
        cost_ratio: 1.0,
        short_ratio: settings.short_ratio,
    };
    measure.choose(entries.into_iter(), None).unwrap().arm
}

#[test]
fn a_promise_is_kept_with_some_doubt_about_forecasts() {
    assert_eq!(chosen(Aim::Slo), 0, "a fifth more is 0.54 %, and half a percent was promised");
    assert_eq!([Aim::Match, Aim::Price].map(chosen), [1, 1], "where nothing is promised, none");
}

#[test]
fn each_aim_has_its_ways_to_move() {
    let ways = |aim| rule::arms(aim).map(|arm| arm.to_string()).collect::<Vec<String>>();
    let [matching, promising, pricing] = [Aim::Match, Aim::Slo, Aim::Price].map(ways);
    assert_eq!(promising, pricing);
    for calm in ["level+2/8m-steps", "ratio0.8/5m-tolerant", "forecast-p97/1m-coarse"] {
        assert!(matching.iter().any(|arm| arm == calm), "{matching:?}");
        assert!(!promising.iter().any(|arm| arm == calm), "{promising:?}");
    }
    for fine in ["level+2/8m-fine", "phase+4/5m-fine", "mixed+2/1m-fine"] {
        assert!(!matching.iter().any(|arm| arm == fine), "{matching:?}");
        assert!(promising.iter().any(|arm| arm == fine), "{promising:?}");
    }
    // A name is one arm: gauges and ledgers tell arms apart by it.
    for mut all in [matching, promising] {
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
