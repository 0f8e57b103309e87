//! Seed 5's minute loop, by its definition, against the policies that ship: every count is the same.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::super::fixtures::{START, replicas};
use super::super::{PolicyState, Situation, propose, safety_net};
use crate::config::{Policy, SafetyNet};
use crate::forecast::{Forecast, Horizon};
use crate::promql::Freshness;

const CAPACITY: f64 = 25.0;
const START_COUNT: f64 = 2.0;

/// One minute: the demand, and the forecast for it if there is one.
type Minute = (f64, Option<f64>);

/// Latency in ms and CPU in percent of `count` containers, as the seed has them.
fn answer(demand: f64, count: f64) -> (f64, f64) {
    let each = demand / count;
    if each <= CAPACITY {
        return (40.0, each / CAPACITY * 70.0);
    }
    let latency = 40.0 + 2.0 * (each - CAPACITY).powf(1.5);
    (latency, f64::min(100.0, 70.0 + (each / CAPACITY - 1.0) * 100.0))
}

/// The counts by the definition of the rule called `name`.
fn defined(name: &str, minutes: &[Minute]) -> Vec<f64> {
    let (mut count, mut last_change) = (START_COUNT, None);
    let mut counts = Vec::new();
    for (minute, (demand, forecast)) in minutes.iter().enumerate() {
        let expected = forecast.unwrap_or(*demand);
        let ceiling = |load: f64| (load / CAPACITY).ceil().max(1.0);
        let mut changed = false;
        let wanted = match name {
            "simple_ceiling" => ceiling(expected),
            "buffered" => ceiling(expected * 1.15),
            _ if last_change.is_some_and(|last| minute - last < 10) => count,
            _ => {
                let need = expected / CAPACITY;
                changed = need > count || need < count * 0.6;
                if need > count {
                    f64::min(count + 1.0, 20.0)
                } else if need < count * 0.6 {
                    f64::max(count - 1.0, 1.0)
                } else {
                    count
                }
            }
        };
        changed |= wanted != count;
        count = wanted;
        let (latency, cpu) = answer(*demand, count);
        if latency > 150.0 || cpu > 90.0 {
            count += 1.0;
            changed = true;
        }
        if changed {
            last_change = Some(minute);
        }
        counts.push(count);
    }
    counts
}

/// The counts of the policy that ships, in a service that follows at once.
fn shipped(name: &str, minutes: &[Minute]) -> Vec<f64> {
    let policy = Policy::named(name).expect("a policy");
    let (mut state, mut count) = (PolicyState::default(), START_COUNT);
    let mut counts = Vec::new();
    for (minute, (demand, forecast)) in minutes.iter().enumerate() {
        let at = START.plus(Duration::from_secs(60 * minute as u64));
        let mut situation = Situation { at, ..replicas(count, *demand) };
        situation.workload.as_mut().expect("there").capacity = CAPACITY;
        situation.forecast = forecast.map(|value| Arc::new(at_once(&situation, value)));
        count = propose(&policy, &situation, &mut state).desired.expect("a count");
        let (latency, cpu) = answer(*demand, count);
        if safety_net::tripped(&SafetyNet::default(), Some(latency / 1000.0), Some(cpu / 100.0)) {
            count += 1.0;
        }
        counts.push(count);
    }
    counts
}

/// A forecast for the moment itself.
fn at_once(situation: &Situation, value: f64) -> Forecast {
    Forecast {
        origin: situation.at,
        model: "file".into(),
        levels: vec![0.5],
        horizons: vec![Horizon { after: Duration::ZERO, values: vec![value] }],
    }
}

fn at_once_count(name: &str, demand: f64, forecast: Option<f64>) -> f64 {
    *shipped(name, &[(demand, forecast)]).first().expect("a minute")
}

#[test]
fn ceilings_are_exact() {
    let count = |name, forecast| at_once_count(name, 20.0, Some(forecast));
    assert_eq!(count("simple_ceiling", 0.0), 1.0, "never none");
    assert_eq!(count("simple_ceiling", -3.0), 1.0, "a forecast below zero");
    assert_eq!(count("simple_ceiling", 50.0), 2.0, "exactly at capacity");
    assert_eq!(count("simple_ceiling", 50.0_f64.next_up()), 3.0, "a bit more");
    assert_eq!(count("buffered", 43.4), 2.0, "49.91 with the buffer");
    assert_eq!(count("buffered", 43.5), 3.0, "50.025 with the buffer");
    // 100 * 1.15 is 114.99999999999999, so that the product decides, and not the quotient.
    assert_eq!(count("buffered", 100.0), (100.0_f64 * 1.15 / CAPACITY).ceil());
}

#[test]
fn without_a_forecast_the_demand_counts() {
    for name in ["simple_ceiling", "buffered", "confidence_aware"] {
        for missing in [None, Some(f64::NAN), Some(f64::INFINITY)] {
            let expected = if name == "buffered" { 4.0 } else { 3.0 };
            assert_eq!(at_once_count(name, 75.0, missing), expected, "{name}");
        }
    }
    let minutes = [(60.0, None)];
    assert_eq!(shipped("step", &minutes), [3.0]);
}

#[test]
fn confidence_reads_the_upper_quantile_by_the_time_a_replica_serves() {
    let policy = Policy::named("confidence_aware").expect("a policy");
    let mut situation = replicas(3.0, 20.0);
    let horizon = |seconds, values: [f64; 3]| Horizon {
        after: Duration::from_secs(seconds),
        values: values.to_vec(),
    };
    let forecast = Forecast {
        origin: START,
        model: "test".into(),
        levels: vec![0.05, 0.5, 0.9],
        horizons: vec![horizon(60, [1.0, 2.0, 3.0]), horizon(150, [20.0, 40.0, 60.0])],
    };
    situation.forecast = Some(Arc::new(forecast.clone()));
    let mut state = PolicyState::default();
    let proposal = propose(&policy, &situation, &mut state);
    assert_eq!(proposal.desired, Some(6.0), "150 s are nearer to 120 s, 0.9 to 0.95");
    assert_eq!(
        proposal.reasons,
        ["the forecast of 2m30s by test (level 0.9) is 60, and 6 replicas carry it"]
    );
    let simple = Policy::named("simple_ceiling").expect("a policy");
    assert_eq!(propose(&simple, &situation, &mut state).desired, Some(4.0), "the middle");

    situation.at = START.plus(Duration::from_secs(100));
    assert_eq!(propose(&policy, &situation, &mut state).desired, Some(6.0));
    let mut later = forecast;
    later.horizons.push(horizon(240, [70.0, 80.0, 90.0]));
    let later = Situation { forecast: Some(Arc::new(later)), ..situation.clone() };
    let proposal = propose(&policy, &later, &mut state);
    assert_eq!(proposal.desired, Some(9.0), "220 s after the origin a replica serves");
    situation.at = START.plus(Duration::from_secs(151));
    let proposal = propose(&policy, &situation, &mut state);
    assert_eq!(proposal.desired, Some(2.0), "every forecast is for the past: the load itself");
}

#[test]
fn the_pause_of_step_has_exact_ends() {
    // Two containers carry 50. A need above that adds one, and the next ten minutes nothing moves.
    let mut minutes = vec![(20.0, Some(60.0)); 11];
    minutes[1].1 = Some(200.0);
    let counts = shipped("step", &minutes);
    assert_eq!(counts[..10], [3.0; 10]);
    assert_eq!(shipped("step", &[minutes.clone(), vec![(20.0, Some(200.0))]].concat())[11], 4.0);

    // At the least count an attempt starts the pause all the same: the need of 2 waits for it.
    let mut minutes = vec![(10.0, Some(10.0)); 12];
    minutes.extend([(20.0, Some(50.0)); 12]);
    let counts = shipped("step", &minutes);
    assert_eq!(counts, defined("step", &minutes));
    assert_eq!((counts[19], counts[20]), (1.0, 2.0), "tried at minute 10, so from minute 20 on");

    // Exactly 60 % is not below it.
    assert_eq!(shipped("step", &[(30.0, Some(0.6 * 50.0))]), [2.0]);
    assert_eq!(shipped("step", &[(29.0, Some(29.0))]), [1.0]);
    // Exactly at capacity is not above it.
    assert_eq!(shipped("step", &[(50.0, Some(50.0))]), [2.0]);
}

#[test]
fn the_safety_net_counts_as_an_action() {
    // 80 for 2 containers is 40 each: 156 ms. The net adds one within the pause, and starts it anew.
    let mut minutes = vec![(20.0, Some(40.0)); 30];
    minutes[5] = (100.0, Some(40.0));
    minutes[8] = (20.0, Some(90.0));
    minutes[15] = (20.0, Some(90.0));
    let counts = shipped("step", &minutes);
    assert_eq!(counts, defined("step", &minutes));
    assert_eq!(counts[5], 3.0, "by the net");
    assert_eq!(counts[8], 3.0, "within the pause");
    assert_eq!(counts[15], 4.0, "after it");
}

#[test]
fn stale_data_lower_nothing() {
    for name in ["static", "simple_ceiling", "buffered", "confidence_aware", "step"] {
        let policy = Policy::named(name).expect("a policy");
        for freshness in [Freshness::Stale, Freshness::Partial, Freshness::Empty] {
            let situation = Situation { freshness, ..replicas(9.0, 1.0) };
            let proposal = propose(&policy, &situation, &mut PolicyState::default());
            assert_eq!(proposal.desired, Some(9.0), "{name} on {} data", freshness.name());
        }
    }
}

fn minutes() -> impl Strategy<Value = Vec<Minute>> {
    let amount = || {
        prop_oneof![
            4 => 0.0..120.0,
            2 => (0u32..12).prop_map(|n| f64::from(n) * CAPACITY),
            1 => (0u32..40).prop_map(|n| f64::from(n) * 0.6 * CAPACITY),
            1 => 0.0..600.0,
        ]
    };
    let minute = (amount(), prop::option::weighted(0.9, amount()));
    prop::collection::vec((minute, 1usize..15), 1..30).prop_map(|parts| {
        let lasting = parts.into_iter().map(|(minute, length)| vec![minute; length]);
        lasting.collect::<Vec<_>>().concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_count_is_the_seeds_own(minutes in minutes()) {
        for name in ["simple_ceiling", "buffered", "step"] {
            prop_assert_eq!(shipped(name, &minutes), defined(name, &minutes), "{}", name);
        }
    }
}
