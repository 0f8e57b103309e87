//! The machine as a whole: what it does with a day, a surprise, a gap.

use std::time::Duration;

use proptest::prelude::*;

use super::super::fixtures::{START, anomalous, cpu, memory};
use super::*;
use crate::policy::Action;
use crate::promql::Freshness;

const FIVE: Duration = Duration::from_secs(300);
const GIB: f64 = (1u64 << 30) as f64;

/// A target whose every change is made at once.
#[derive(Clone)]
struct Run {
    state: Option<Box<State>>,
    limit: f64,
    at: Timestamp,
    every: Duration,
}

impl Run {
    fn new(limit: f64) -> Self {
        Self { state: None, limit, at: START, every: FIVE }
    }

    fn play(&mut self, situation: Situation) -> Proposal {
        let situation = Situation { at: self.at, ..situation };
        let proposal = propose(&ShadowLimits::default(), &situation, &mut self.state);
        if proposal.action != Action::NoScaling {
            self.limit = proposal.desired.unwrap();
        }
        self.at = self.at.plus(self.every);
        proposal
    }

    fn memory(&mut self, usage: f64) -> Proposal {
        self.play(memory(self.limit, usage))
    }

    fn cpu(&mut self, usage: f64) -> Proposal {
        self.play(cpu(self.limit, usage))
    }
}

/// A daily wave between one and two, and a little noise.
fn wave(step: u32) -> f64 {
    let day = f64::from(step) / DAY as f64 * std::f64::consts::TAU;
    1.5 - 0.5 * day.cos() + f64::from(step.wrapping_mul(2_654_435_761) >> 16) / 65_536.0 * 0.05
}

#[test]
fn each_dimension_has_its_rules_and_as_many_limits() {
    for (dimension, count) in [(Dimension::Memory, 45), (Dimension::Cpu, 87)] {
        let (mut recent, mut levels) = (Recent::default(), Vec::new());
        recent.push(START, 1.0);
        if dimension == Dimension::Cpu {
            Level::learn(&mut levels, 1.0, 1.0);
        }
        assert_eq!(rules(dimension).len(), count);
        let named = limits(dimension, &recent, &levels);
        assert_eq!(named.len(), count);
        for (rule, named) in rules(dimension).into_iter().zip(named) {
            let expected = match rule {
                Rule::Peak { margin, .. }
                | Rule::SameTime { margin, .. }
                | Rule::Quantile { margin, .. } => margin,
                Rule::Level { .. } => 1.0,
            };
            assert!((named - expected).abs() < 0.01, "{}: {named}", rule.describe());
        }
    }
}

#[test]
fn the_first_day_only_raises() {
    let mut run = Run::new(8.0 * GIB);
    for step in 0..DAY as u32 - 1 {
        assert_eq!(run.memory(wave(step) * GIB).action, Action::NoScaling, "{step}");
    }
    let mut run = Run::new(GIB);
    let proposal = run.memory(0.9 * GIB);
    assert_eq!(proposal.action, Action::ScaleUp);
    assert!((run.limit / GIB - 0.9 * 1.2).abs() < 1e-3, "1.2 times the peak of a day");
}

#[test]
fn a_wave_gets_a_limit_near_its_peak_and_is_never_short() {
    let mut run = Run::new(8.0 * GIB);
    let (mut short, mut sum) = (0, 0.0);
    for step in 0..10 * DAY as u32 {
        let need = wave(step) * GIB;
        if step > 3 * DAY as u32 {
            short += u32::from(need > run.limit);
            sum += run.limit / GIB;
        }
        run.memory(need);
    }
    let mean = sum / (7.0 * DAY as f64);
    assert_eq!(short, 0);
    assert!((1.5..2.4).contains(&mean), "of a use between 1 and 2.05: {mean}");
}

#[test]
fn memory_that_ran_short_is_raised_at_once_and_stays_above_what_it_needed() {
    let mut run = Run::new(2.0 * GIB);
    for step in 0..2 * DAY as u32 {
        run.memory((1.0 + 0.02 * f64::from(step % 3)) * GIB);
    }
    let before = run.limit;
    let kill = Situation { oom_kills: Some(1.0), ..memory(before, 0.9 * GIB) };
    assert_eq!(run.play(kill).action, Action::ScaleUp);
    assert!(run.limit >= before * 1.2 - 1.0, "{} after {before}", run.limit);
    let raised = run.limit;
    for _ in 0..HOUR_SPANS * 12 {
        run.memory(GIB);
        assert!(run.limit > before, "half a day later seven tenths of the floor are left");
    }
    assert!(run.limit <= raised);
}

const HOUR_SPANS: u32 = 12;

#[test]
fn a_throttled_cpu_is_raised_though_it_uses_no_more_than_its_quota() {
    let mut run = Run::new(1.0);
    let throttled = Situation { throttled_ratio: Some(0.5), ..cpu(1.0, 0.99) };
    let raised = run.play(throttled).desired.unwrap();
    assert!((1.2..1.202).contains(&raised), "{raised}");
    let mut run = Run::new(1.0);
    let hardly = Situation { throttled_ratio: Some(0.2), ..cpu(1.0, 0.5) };
    assert_eq!(run.play(hardly).action, Action::NoScaling);
}

#[test]
fn a_limit_is_lowered_no_sooner_than_its_hold_allows() {
    let mut run = Run::new(8.0 * GIB);
    let mut changes: Vec<Timestamp> = Vec::new();
    for step in 0..6 * DAY as u32 {
        let need = if step / 100 % 2 == 0 { GIB } else { 2.0 * GIB };
        let at = run.at;
        if run.memory(need).action == Action::ScaleDown {
            if let Some(last) = changes.last() {
                assert!(at.since(*last) >= ShadowLimits::default().memory_hold);
            }
            changes.push(at);
        } else if run.state.as_ref().unwrap().pace.age(at).is_zero() {
            changes.push(at);
        }
    }
    assert!(!changes.is_empty());
}

#[test]
fn nothing_is_lowered_on_what_is_not_known_not_fresh_or_unusual() {
    let mut run = Run::new(8.0 * GIB);
    for step in 0..2 * DAY as u32 {
        run.play(Situation {
            freshness: Freshness::Partial,
            ..memory(8.0 * GIB, wave(step) * GIB)
        });
    }
    assert_eq!(run.limit, 8.0 * GIB, "partial data raise, never lower");
    let before = run.state.clone();
    for situation in [
        Situation { usage: None, ..memory(8.0 * GIB, 0.0) },
        Situation { freshness: Freshness::Empty, ..memory(8.0 * GIB, GIB) },
        Situation { freshness: Freshness::Stale, ..memory(8.0 * GIB, GIB) },
        Situation { usage: Some(f64::NAN), ..memory(8.0 * GIB, 0.0) },
    ] {
        let proposal = run.play(situation);
        assert_eq!((proposal.action, proposal.desired), (Action::NoScaling, None));
    }
    assert_eq!(run.state, before, "nothing was learnt");
    assert_eq!(run.play(anomalous(memory(8.0 * GIB, GIB))).action, Action::NoScaling);
    let lowered = (0..HOUR_SPANS).position(|_| run.memory(GIB).action == Action::ScaleDown);
    assert_eq!(lowered, Some(10), "once the last hour is wholly known");
}

#[test]
fn a_target_that_comes_back_is_not_judged_by_its_first_moments() {
    let mut run = Run::new(2.0 * GIB);
    for step in 0..3 * DAY as u32 {
        run.memory(wave(step) * GIB);
    }
    let before = run.limit;
    run.at = run.at.plus(Duration::from_secs(10 * 86_400));
    for _ in 0..HOUR_SPANS - 1 {
        assert_eq!(run.memory(0.001 * GIB).action, Action::NoScaling);
    }
    run.memory(1.5 * GIB);
    assert!(run.limit > 0.7 * before, "{} after {before}: its past is not forgotten", run.limit);
}

#[test]
fn short_ticks_come_to_nearly_the_same_as_long_ones() {
    let (mut long, mut short) = (Run::new(4.0), Run::new(4.0));
    short.every = Duration::from_secs(30);
    for step in 0..4 * DAY as u32 {
        long.cpu(wave(step));
        for _ in 0..10 {
            short.cpu(wave(step));
        }
    }
    let (a, b) = (long.state.unwrap(), short.state.unwrap());
    assert_eq!((a.recent, a.seen), (b.recent, b.seen));
    for (a, b) in a.arms.iter().zip(&b.arms) {
        assert!((a.mean_limit - b.mean_limit).abs() <= 0.02 * a.mean_limit, "{a:?} {b:?}");
    }
}

#[test]
fn the_past_teaches_as_the_present_does() {
    let (mut lived, mut told) = (Run::new(8.0 * GIB), Run::new(8.0 * GIB));
    for step in 0..2 * DAY as u32 {
        let situation = Situation { at: told.at, ..memory(8.0 * GIB, wave(step) * GIB) };
        recall(&ShadowLimits::default(), &situation, &mut told.state);
        lived.memory(wave(step) * GIB);
        told.at = told.at.plus(FIVE);
    }
    let (lived, told) = (lived.state.unwrap(), told.state.unwrap());
    assert_eq!((&lived.recent, &lived.arms), (&told.recent, &told.arms));
    assert!(told.obeyed.is_some());
}

#[test]
fn a_target_costs_a_few_kilobytes() {
    let mut run = Run::new(4.0);
    for step in 0..9 * DAY as u32 {
        run.cpu(wave(step));
    }
    let state = run.state.unwrap();
    let arms = state.arms.len() * std::mem::size_of::<Arm>();
    let codes = 2 * (WEEK_AND_MORE);
    assert_eq!(
        serde_json::to_value(&state.recent).unwrap()["codes"].as_array().unwrap().len(),
        WEEK_AND_MORE
    );
    assert!(arms + codes + std::mem::size_of::<State>() < 8192, "{arms} + {codes}");
}

const WEEK_AND_MORE: usize = recent::WEEK + recent::HOUR + 1;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever comes: every size is finite and positive, the same again gives the same, a state that was
    /// written down and read goes on as the one that was not, and nothing is lowered without a need.
    #[test]
    fn any_need_is_answered(
        needs in prop::collection::vec(
            prop_oneof![
                3 => (1e6..1e10).prop_map(Some),
                1 => Just(None),
                1 => Just(Some(0.0)),
                1 => prop_oneof![Just(f64::NAN), Just(-1.0), Just(f64::MAX)].prop_map(Some),
            ],
            1..40,
        ),
        gap_minutes in 0u32..3000,
        broken in 0usize..40,
    ) {
        let mut run = Run::new(2.0 * GIB);
        for step in 0..DAY as u32 + 1 {
            run.memory(wave(step) * GIB);
        }
        run.at = run.at.plus(Duration::from_secs(60) * gap_minutes);
        let mut again = run.clone();
        for (step, usage) in needs.into_iter().enumerate() {
            if step == broken {
                let text = serde_json::to_string(&again.state).unwrap();
                again.state = serde_json::from_str(&text).unwrap();
            }
            let proposal = run.play(Situation { usage, ..memory(run.limit, 0.0) });
            prop_assert_eq!(&proposal, &again.play(Situation { usage, ..memory(again.limit, 0.0) }));
            prop_assert!(proposal.desired.is_none_or(|size| size.is_finite() && size >= 0.0));
            if super::super::known(usage).is_none() {
                prop_assert_eq!(proposal.action, Action::NoScaling);
            }
        }
        prop_assert_eq!(run.state, again.state);
    }
}
