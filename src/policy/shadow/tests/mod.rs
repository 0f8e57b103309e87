mod parts;

use std::time::Duration;

use proptest::prelude::*;

use super::arm::{Moment, Pacing};
use super::brain::Shadow;
use super::reference::Reference;
use super::rule;
use super::*;
use crate::config::{Aim, Policy};
use crate::forecast::{Forecast, Horizon};
use crate::policy::fixtures::{self, START};
use crate::policy::plant::Plant;
use crate::policy::{PolicyState, propose as propose_by, recall as recall_by};
use crate::promql::Freshness;
use crate::units::{Limit, Timestamp};

const DELAY: Duration = Duration::from_secs(120);

fn minute(minute: usize) -> Timestamp {
    START.plus(Duration::from_secs(60) * minute as u32)
}

/// A load that swings over the day, with noise and a leap at one minute of the hour.
fn load(minute: usize) -> f64 {
    let day = (minute as f64 * std::f64::consts::TAU / 1440.0).sin();
    let noise = (minute.wrapping_mul(2_654_435_761) >> 7) % 100;
    let leap = if minute % 60 == 32 { 60.0 } else { 0.0 };
    120.0 + 60.0 * day + noise as f64 * 0.3 + leap
}

/// A service under `policy`; one replica carries 10.
struct Stage {
    policy: Policy,
    plant: Plant,
    state: PolicyState,
}

impl Stage {
    fn new(policy: &str) -> Self {
        let policy = Policy::named(policy).unwrap();
        Self { policy, plant: Plant::new(10), state: PolicyState::default() }
    }

    fn situation(&mut self, at: Timestamp, load: f64) -> Situation {
        let ready = self.plant.tick(at);
        let mut situation = fixtures::replicas(f64::from(self.plant.wanted()), load);
        situation.at = at;
        situation.workload.as_mut().unwrap().ready = Some(f64::from(ready));
        situation
    }

    /// One minute: what is proposed, which is done.
    fn live(&mut self, at: Timestamp, load: f64) -> Proposal {
        let situation = self.situation(at, load);
        let proposal = propose_by(&self.policy, &situation, &mut self.state);
        self.plant.scale_to(proposal.desired.unwrap() as u32, at, DELAY);
        proposal
    }

    fn after(policy: &str, minutes: usize) -> Self {
        let mut stage = Self::new(policy);
        for at in 0..minutes {
            stage.live(minute(at), load(at));
        }
        stage
    }
}

/// A load that swings slowly, without noise.
fn smooth(minute: usize) -> f64 {
    120.0 + 60.0 * (minute as f64 * std::f64::consts::TAU / 1440.0).sin()
}

#[test]
fn a_smooth_load_takes_no_more_changes_than_under_the_reference() {
    let changes = |policy: &str| {
        let mut stage = Stage::new(policy);
        let (mut changes, mut before, mut short) = (0, 10, 0);
        for at in 0..8 * 1440 {
            stage.live(minute(at), smooth(at));
            let wanted = stage.plant.wanted();
            // The first days count in no record.
            if at > 3 * 1440 {
                changes += u32::from(wanted != before);
                short += u32::from(f64::from(stage.plant.ready()) * 10.0 < smooth(at));
            }
            before = wanted;
        }
        (changes, short)
    };
    let (own, reference) = (changes("default"), changes("hpa"));
    assert!(own.0 <= reference.0 && own.1 <= reference.1, "{own:?}, the reference {reference:?}");
}

/// What is promised of an arm is what happens to who obeys it alone.
fn records_are_what_obeying_the_arms_does(aim: Aim) {
    let mut shadow = Shadow::default();
    let arms: Vec<_> = rule::arms(aim).collect();
    let mut plants = vec![Plant::new(10); arms.len()];
    let mut pacings = vec![Pacing::default(); arms.len()];
    for at in 0..3000 {
        let time = minute(at);
        let sample =
            Sample { at: time, load: load(at), capacity: 10.0, delay: DELAY, foreseen: None };
        shadow.learn(aim, &sample, 10);
        let needs = shadow.needs(time, sample.load / 10.0);
        for (arm, obedience) in arms.iter().enumerate() {
            let plant = &mut plants[arm];
            plant.tick(time);
            let present = plant.wanted();
            let wish = needs.wish(*obedience);
            let size = pacings[arm].size(time, 1.0, present, wish);
            if size != present {
                plant.scale_to(size, time, DELAY);
                pacings[arm].moved(time);
            }
            assert_eq!(*plant, shadow.arms[arm].plant, "{obedience} at {at}");
        }
    }
}

#[test]
fn a_record_is_what_obeying_the_arm_does() {
    records_are_what_obeying_the_arms_does(Aim::Match);
    records_are_what_obeying_the_arms_does(Aim::Slo);
}

/// What an arm may shrink to is the highest need within its window, the load of now among them.
#[test]
fn a_window_holds_what_was_needed_within_it() {
    let mut shadow = Shadow::default();
    let ratio = rule::RULES.iter().position(|rule| rule.to_string() == "ratio0.8").expect("a rule");
    let mut loads = Vec::new();
    for (at, load) in [80.0, 20.0, 70.0, 10.0, 60.0, 15.0, 50.0, 10.0, 5.0, 5.0].iter().enumerate()
    {
        let (time, delay) = (minute(at), DELAY);
        let sample = Sample { at: time, load: *load, capacity: 10.0, delay, foreseen: None };
        shadow.learn(Aim::Match, &sample, 10);
        loads.push(*load);
        let needs = shadow.needs(time, load / 10.0);
        for obedience in rule::arms(Aim::Match).filter(|obedience| obedience.rule == ratio) {
            let window = behavior::WINDOWS[obedience.behavior.window] as usize;
            let highest = loads.iter().rev().take(window).fold(0.0, |a: f64, b| a.max(*b));
            let need = |load: f64| (load / 0.8 / 10.0).ceil() as u32;
            let wish = needs.wish(obedience);
            assert_eq!(
                (wish.now, wish.highest),
                (need(*load), need(highest)),
                "{obedience} at {at}"
            );
        }
    }
}

#[test]
fn another_aim_begins_anew() {
    let mut stage = Stage::after("slo", 800);
    let obeyed = |stage: &Stage| stage.state.shadow.as_ref().unwrap().standing().is_some();
    assert!(obeyed(&stage));
    stage.policy = Policy::named("default").unwrap();
    stage.live(minute(800), load(800));
    assert!(!obeyed(&stage), "records of other arms say nothing");
}

#[test]
fn the_reference_does_what_the_policy_does() {
    let mut reference = Reference::new(10);
    let mut stage = Stage::new("hpa");
    for at in 0..2000 {
        let moment = Moment {
            at: minute(at),
            minutes: 1.0,
            load: load(at),
            capacity: 10.0,
            delay: DELAY,
            weight: 0.01,
            slow_weight: 0.01,
        };
        reference.live(&moment);
        stage.live(minute(at), load(at));
        assert_eq!(reference.plant, stage.plant, "minute {at}");
    }
}

#[test]
fn the_reference_is_followed_until_there_is_a_record() {
    let mut ours = Stage::new("default");
    let mut reference = Stage::new("hpa");
    for at in 0..719 {
        ours.live(minute(at), load(at));
        reference.live(minute(at), load(at));
        assert_eq!(ours.plant, reference.plant, "minute {at}");
        assert_eq!(ours.state.standing(), None);
    }
    let proposal = ours.live(minute(719), load(719));
    let standing = ours.state.standing().unwrap();
    assert!(proposal.reasons[0].contains(&standing.obeyed.name), "{:?}", proposal.reasons);
    assert!(standing.next.unwrap().name != standing.obeyed.name);
}

#[test]
fn what_is_recalled_counts_as_a_record() {
    let mut stage = Stage::new("slo");
    for at in 0..3000 {
        let situation = stage.situation(minute(at), load(at));
        recall_by(&stage.policy, &situation, &mut stage.state);
        assert_eq!(stage.state.standing(), None, "nothing is decided");
    }
    stage.live(minute(3000), load(3000));
    assert!(stage.state.standing().is_some());
}

#[test]
fn the_future_changes_nothing_before_it() {
    let (mut one, mut other) = (Stage::new("default"), Stage::new("default"));
    for at in 0..2000 {
        let factor = if at < 1500 { 1.0 } else { 3.0 };
        let ours = one.live(minute(at), load(at));
        let tripled = other.live(minute(at), load(at) * factor);
        assert_eq!(ours == tripled, at < 1500, "minute {at}");
        if at == 1500 {
            break;
        }
    }
}

#[test]
fn a_state_that_is_handed_on_goes_on_alike() {
    for policy in ["default", "slo", "price"] {
        let mut stage = Stage::after(policy, 1600);
        let text = serde_json::to_string(&stage.state).unwrap();
        let state: PolicyState = serde_json::from_str(&text).unwrap();
        assert_eq!(state, stage.state);
        let mut copy = Stage { state, plant: stage.plant.clone(), policy: stage.policy.clone() };
        for at in 1600..1800 {
            let proposals = (stage.live(minute(at), load(at)), copy.live(minute(at), load(at)));
            assert_eq!(proposals.0, proposals.1, "{policy} at {at}");
        }
        assert_eq!(copy.state, stage.state);
    }
}

#[test]
fn what_is_not_known_holds_and_lowers_nothing() {
    let mut stage = Stage::after("default", 1500);
    stage.plant.scale_to(60, minute(1490), Duration::ZERO);
    let quiet = stage.situation(minute(1500), 30.0);
    let missing = Situation { usage: None, freshness: Freshness::Empty, ..quiet.clone() };
    let stale = Situation { freshness: Freshness::Stale, ..quiet.clone() };
    let partial = Situation { freshness: Freshness::Partial, ..quiet.clone() };
    let unusual = fixtures::anomalous(quiet.clone());
    let kept = Some(60.0);
    for (situation, desired) in [(missing, None), (stale, None), (partial, kept), (unusual, kept)] {
        let mut state = stage.state.clone();
        let proposal = propose_by(&stage.policy, &situation, &mut state);
        assert_eq!((proposal.action, proposal.desired), (Action::NoScaling, desired));
    }
    let lowered = (1500..1520).find(|at| stage.live(minute(*at), 30.0).action == Action::ScaleDown);
    assert_eq!(lowered, Some(1504), "a known load lowers, five minutes after the change");
}

#[test]
fn a_partial_load_that_is_too_much_raises() {
    let mut stage = Stage::after("default", 1500);
    let mut situation = stage.situation(minute(1500), 1000.0);
    situation.freshness = Freshness::Partial;
    let proposal = propose_by(&stage.policy, &situation, &mut stage.state);
    assert_eq!((proposal.action, proposal.desired), (Action::ScaleUp, Some(100.0)));
}

#[test]
fn a_burst_is_met_at_once_the_higher_the_more() {
    let stage = Stage::after("default", 1500);
    let mut last = 0.0;
    for load in [300.0, 400.0, 800.0, 1600.0] {
        let mut stage = Stage {
            state: stage.state.clone(),
            plant: stage.plant.clone(),
            policy: stage.policy.clone(),
        };
        let proposal = stage.live(minute(1500), load);
        let size = proposal.desired.unwrap();
        assert!(size >= load / 10.0 && size > last, "{load}: {proposal:?}");
        last = size;
    }
}

#[test]
fn an_arm_that_rests_on_a_forecast_needs_one() {
    let mut stage = Stage::new("slo");
    for at in 0..1500 {
        let mut situation = stage.situation(minute(at), load(at));
        let next = (load(at + 2), load(at + 2) + 1.0);
        let horizon = Horizon { after: DELAY, values: vec![next.0, next.1, next.1, next.1] };
        situation.forecast = Some(std::sync::Arc::new(Forecast {
            origin: situation.at,
            model: "clairvoyant".into(),
            levels: vec![0.5, 0.9, 0.97, 0.99],
            horizons: vec![horizon],
        }));
        let proposal = propose_by(&stage.policy, &situation, &mut stage.state);
        stage.plant.scale_to(proposal.desired.unwrap() as u32, situation.at, DELAY);
    }
    let obeyed = stage.state.standing().unwrap().obeyed;
    assert!(obeyed.name.starts_with("forecast"), "who knows the future is obeyed: {obeyed:?}");
    stage.live(minute(1500), load(1500));
    let obeyed = stage.state.standing().unwrap().obeyed;
    assert!(!obeyed.name.starts_with("forecast"), "{obeyed:?}");
}

#[test]
fn the_modes_weigh_alike_records_differently() {
    let stages = ["slo", "default", "price"].map(|policy| Stage::after(policy, 4000));
    let [slo, default, price] = stages.map(|stage| stage.state.standing().unwrap());
    assert!(slo.obeyed.record.short_ratio <= 0.005, "{slo:?}");
    assert!(default.obeyed.record.replicas < 1.1 * default.reference.replicas, "{default:?}");
    assert!(default.obeyed.record.short_ratio <= default.reference.short_ratio, "{default:?}");
    let cost = |record: &Record| record.replicas + 20.0 * record.short_need;
    assert!(cost(&price.obeyed.record) <= cost(&slo.obeyed.record) + 0.1, "{price:?}");
}

/// A tick: seconds since the one before, load, what is known of it.
fn ticks() -> impl Strategy<Value = Vec<(u64, f64, u8)>> {
    prop::collection::vec((0_u64..2000, 0.0..1000.0_f64, 0_u8..8), 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_comes_a_size_is_whole_and_goes_where_it_may(
        ticks in ticks(),
        warm in any::<bool>(),
        aim in 0_usize..3,
        capacity in prop_oneof![Just(10.0), Just(1e-9), Just(1e12)],
        delay in 0_u64..4000,
    ) {
        let policy = Policy::named(["default", "slo", "price"][aim]).unwrap();
        let mut state =
            if warm { Stage::after("default", 720).state } else { PolicyState::default() };
        let (mut at, mut present) = (minute(800), 10.0);
        for (pause, load, known) in ticks {
            at = at.plus(Duration::from_secs(pause));
            let mut situation = fixtures::replicas(present, load);
            situation.at = at;
            let workload = situation.workload.as_mut().unwrap();
            (workload.capacity, workload.startup_delay) = (capacity, Duration::from_secs(delay));
            workload.ready = (known != 3).then_some(present);
            match known {
                0 => situation.usage = None,
                1 => situation.freshness = Freshness::Partial,
                2 => situation = fixtures::anomalous(situation),
                4 => situation.current = None,
                5 => situation.current = Some(Limit::Max),
                _ => {}
            }
            let proposal = propose_by(&policy, &situation, &mut state);
            prop_assert!(!proposal.reasons.is_empty());
            let Some(size) = proposal.desired else {
                prop_assert_eq!(proposal.action, Action::NoScaling);
                continue;
            };
            prop_assert!(size >= 1.0 && size.fract() == 0.0, "{size}");
            if known < 3 {
                prop_assert!(size >= present, "{known}: {proposal:?}");
            }
            let action = match size.total_cmp(&present) {
                std::cmp::Ordering::Greater => Action::ScaleUp,
                std::cmp::Ordering::Equal => Action::NoScaling,
                std::cmp::Ordering::Less => Action::ScaleDown,
            };
            prop_assert_eq!(proposal.action, action);
            present = size;
        }
        let text = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(serde_json::from_str::<PolicyState>(&text).unwrap(), state);
    }
}
