mod school;

use super::*;
use crate::config::{Guard, Policy, Scale, WorkloadRule};
use crate::guard::ClipReason;
use crate::promql::Freshness;
use crate::window::Observation;
use crate::window::Reading;

const TICK_MS: i64 = 10_000;

fn target(name: &str) -> Target {
    Target {
        id: TargetId::new("shop", [name]),
        rule: "shop".into(),
        labels: BTreeMap::from([("name".to_owned(), name.to_owned())]),
    }
}

fn at(tick: i64) -> Timestamp {
    Timestamp::from_millis(tick * TICK_MS)
}

/// A container that uses `cores` of a limit of 1, sampled at the tick.
fn seen(tick: i64, cores: f64, limit: Option<f64>) -> Observed {
    let mut observation = Observation::empty(at(tick));
    observation.set(Signal::CpuUsageCores, Reading::fresh(cores));
    observation.set(Signal::MemoryWorkingSetBytes, Reading::fresh(1e6));
    if let Some(limit) = limit {
        observation.set(Signal::CpuLimitCores, Reading::fresh(limit));
    }
    Observed { target: target("a").into(), observation, sampled_at: Some(at(tick)) }
}

/// An engine with one rule that may act on the CPU at once and all the way.
fn engine() -> Engine {
    let guard = Guard {
        cooldown_up: Duration::ZERO,
        cooldown_down: Duration::ZERO,
        stabilization_down: Duration::from_secs(20),
        max_shrink_ratio: 0.9,
        ..Guard::default()
    };
    let scale = Scale { min: 0.2, max: 4.0 };
    let settings = RuleSettings {
        mode: Mode::Enforce,
        dimensions: BTreeMap::from([(
            Dimension::Cpu,
            DimensionSettings::new(Dimension::Cpu, Some(scale), None, Some(guard)),
        )]),
        workload: None,
        step: RuleSettings::SHORTEST_STEP,
    };
    let mut engine = Engine::new(Detection::default(), Forecast::default(), 100);
    engine.set_rules([("shop".into(), settings)]).expect("valid settings");
    engine
}

fn tick(engine: &mut Engine, tick: i64, observed: Vec<Observed>) -> Decision {
    engine.tick("shop", at(tick), observed, &Quiet).remove(0)
}

#[test]
fn a_busy_target_grows_and_an_idle_one_shrinks() {
    let mut engine = engine();
    let busy = tick(&mut engine, 0, vec![seen(0, 1.0, Some(1.0))]);
    assert_eq!((busy.action, busy.desired), (Action::ScaleUp, Some(2.0)));

    let mut engine = self::engine();
    let decisions: Vec<_> =
        (0..20).map(|i| tick(&mut engine, i, vec![seen(i, 0.01, Some(1.0))])).collect();
    assert!(decisions.iter().any(|d| d.action == Action::ScaleDown), "never shrinks");
}

#[test]
fn a_target_that_is_not_found_holds_and_is_forgotten() {
    let mut engine = engine();
    for i in 0..10 {
        tick(&mut engine, i, vec![seen(i, 0.01, Some(1.0))]);
    }
    for i in 10..40 {
        let decision = tick(&mut engine, i, vec![]);
        assert_eq!(decision.action, Action::NoScaling, "tick {i}: {decision:?}");
        assert_eq!(decision.current, None, "an old limit was taken for the present one");
    }
    assert!(engine.tick("shop", at(200), vec![], &Quiet).is_empty(), "never forgotten");
}

#[test]
fn a_limit_that_vanished_is_unknown_and_not_none() {
    let mut engine = engine();
    tick(&mut engine, 0, vec![seen(0, 0.5, Some(1.0))]);
    let decision = tick(&mut engine, 1, vec![seen(1, 0.5, None)]);
    assert_eq!(decision.current, None);
    assert_eq!(decision.action, Action::NoScaling);

    let mut engine = self::engine();
    let decision = tick(&mut engine, 0, vec![seen(0, 0.5, None)]);
    assert_eq!(decision.current, Some(Limit::Max), "a target that never had a limit");
    assert!(decision.clips.iter().any(|c| c.reason == ClipReason::Unlimited), "{decision:?}");
}

#[test]
fn what_was_read_back_beats_an_older_sample() {
    let mut engine = engine();
    let decision = tick(&mut engine, 0, vec![seen(0, 1.0, Some(1.0))]);
    engine.confirm(&Change::of(&decision, Timestamp::from_millis(1)), Limit::At(2.0));

    // The metric still shows the limit of before the change.
    let mut lagging = seen(1, 1.0, Some(1.0));
    lagging.sampled_at = Some(at(0));
    assert_eq!(tick(&mut engine, 1, vec![lagging]).current, Some(Limit::At(2.0)));

    let now = tick(&mut engine, 2, vec![seen(2, 1.0, Some(3.0))]);
    assert_eq!(now.current, Some(Limit::At(3.0)), "a newer sample counts again");
}

#[test]
fn a_confirmed_change_spends_the_cooldown() {
    let mut engine = engine();
    let mut settings = engine.rules.remove("shop").expect("the rule").settings;
    let cpu = settings.dimensions.get_mut(&Dimension::Cpu).expect("the CPU");
    cpu.guard.cooldown_up = Duration::from_secs(3600);
    engine.set_rules([("shop".into(), settings)]).expect("valid settings");
    let busy = |i| vec![seen(i, 1.0, Some(1.0))];
    let first = tick(&mut engine, 0, busy(0));
    assert_eq!(first.action, Action::ScaleUp);
    assert_eq!(tick(&mut engine, 1, busy(1)).action, Action::ScaleUp, "not confirmed yet");
    engine.confirm(&Change::of(&first, at(1)), Limit::At(1.0));
    let held = tick(&mut engine, 2, busy(2));
    assert_eq!(held.action, Action::NoScaling);
    assert!(held.clips.iter().any(|c| c.reason == ClipReason::Cooldown), "{held:?}");
}

#[test]
fn kills_are_counted_from_tick_to_tick() {
    let mut engine = engine();
    let with_kills = |i, kills: f64| {
        let mut observed = seen(i, 0.5, Some(1.0));
        observed.observation.set(Signal::OomKills, Reading::fresh(kills));
        vec![observed]
    };
    let mut kills = |i, counter| {
        engine.tick("shop", at(i), with_kills(i, counter), &Quiet);
        let state = engine.targets().next().expect("the target").2;
        state.new_oom_kills()
    };
    assert_eq!(kills(0, 3.0), None, "those of before the first look");
    assert_eq!(kills(1, 3.0), Some(0.0));
    assert_eq!(kills(2, 5.0), Some(2.0));
    assert_eq!(kills(3, 1.0), Some(1.0), "a new container");
}

#[test]
fn a_row_without_usage_is_neither_scored_nor_learnt() {
    let mut engine = engine();
    for i in 0..60 {
        tick(&mut engine, i, vec![seen(i, 0.5 + 0.01 * (i % 3) as f64, Some(1.0))]);
    }
    let score = |engine: &Engine| engine.targets().next().and_then(|t| t.2.assessment.clone());
    assert!(score(&engine).is_some());
    let mut stale = seen(60, 0.5, Some(1.0));
    for signal in Signal::ALL {
        let reading = stale.observation.reading(signal);
        stale.observation.set(signal, Reading { freshness: Freshness::Stale, ..reading });
    }
    stale.observation.set(Signal::Tasks, Reading::fresh(7.0));
    let decision = tick(&mut engine, 60, vec![stale]);
    assert_eq!(score(&engine), None);
    assert_eq!(decision.action, Action::NoScaling);
}

#[test]
fn new_settings_keep_targets_and_saved_models_score_at_once() {
    let mut engine = engine();
    for i in 0..60 {
        tick(&mut engine, i, vec![seen(i, 0.5 + 0.01 * (i % 3) as f64, Some(1.0))]);
    }
    let settings = engine.rules["shop"].settings.clone();
    engine.set_rules([("shop".into(), settings)]).expect("valid settings");
    assert_eq!(engine.targets().count(), 1);

    let (_, bytes) = engine.save_models().expect("saved").remove(0);
    let mut restarted = self::engine();
    restarted.load_models("shop", &bytes).expect("loaded");
    tick(&mut restarted, 61, vec![seen(61, 0.5, Some(1.0))]);
    assert!(restarted.targets().next().is_some_and(|t| t.2.assessment.is_some()));
    assert!(restarted.load_models("shop", &bytes[1..]).is_err(), "damaged and taken");
}

#[test]
fn a_restart_resumes_with_equal_scores() {
    let row = |i: i64| seen(i, 0.5 + 0.1 * ((i * 7) % 13) as f64, Some(4.0));
    let mut stayed = engine();
    for i in 0..400 {
        tick(&mut stayed, i, vec![row(i)]);
    }
    let (_, bytes) = stayed.save_models().expect("saved").remove(0);
    let mut restarted = self::engine();
    restarted.load_models("shop", &bytes).expect("loaded");
    // The window comes back from Prometheus: rows that were learnt, and those of the pause.
    for i in 300..450 {
        restarted.recall("shop", row(i));
    }
    for i in 400..450 {
        tick(&mut stayed, i, vec![row(i)]);
    }
    let score = |engine: &Engine| engine.targets().next().and_then(|t| t.2.assessment.clone());
    for i in 450..500 {
        tick(&mut stayed, i, vec![row(i)]);
        tick(&mut restarted, i, vec![row(i)]);
        assert!(score(&stayed).is_some());
        assert_eq!(score(&stayed), score(&restarted), "row {i}");
    }
}

/// The learning of weeks must not end with an hour without answers, nor with a start during one.
#[test]
fn an_empty_answer_forgets_nothing_that_was_learnt() {
    let row = |i: i64| seen(i, 0.5 + 0.1 * ((i * 7) % 13) as f64, Some(4.0));
    let mut stayed = engine();
    for i in 0..400 {
        tick(&mut stayed, i, vec![row(i)]);
    }
    let (_, bytes) = stayed.save_models().expect("saved").remove(0);
    let mut restarted = self::engine();
    restarted.load_models("shop", &bytes).expect("loaded");
    for engine in [&mut stayed, &mut restarted] {
        for i in 400..600 {
            engine.tick("shop", at(i), Vec::new(), &Quiet);
        }
        let (_, kept) = engine.save_models().expect("saved").remove(0);
        assert!(kept == bytes, "{} bytes are left of {}", kept.len(), bytes.len());
    }
}

/// A rule of replicas whose policy is the default one, or this.
fn settings_of_replicas(policy: Option<Policy>) -> RuleSettings {
    let of = DimensionSettings::new(Dimension::Replicas, None, policy, None);
    RuleSettings {
        mode: Mode::Advise,
        dimensions: BTreeMap::from([(Dimension::Replicas, of)]),
        workload: Some(WorkloadRule { capacity: 10.0, startup_delay: Duration::from_secs(120) }),
        step: RuleSettings::SHORTEST_STEP,
    }
}

fn engine_of_replicas(policy: Option<Policy>) -> Engine {
    let mut engine = Engine::new(Detection::default(), Forecast::default(), 100);
    engine.set_rules([("shop".into(), settings_of_replicas(policy))]).expect("valid settings");
    engine
}

fn loaded(tick: i64, load: f64) -> Observed {
    let mut observation = Observation::empty(at(tick));
    observation.set(Signal::Load, Reading::fresh(load));
    observation.set(Signal::ReplicasReady, Reading::fresh(12.0));
    Observed { target: target("a").into(), observation, sampled_at: Some(at(tick)) }
}

#[test]
fn a_service_whose_requests_fail_gets_a_replica() {
    let mut engine = engine_of_replicas(Policy::named("thresholds"));
    let failing = |tick, errors| {
        let mut seen = loaded(tick, 60.0);
        for (used, limit) in [
            (Signal::CpuUsageCores, Signal::CpuLimitCores),
            (Signal::MemoryWorkingSetBytes, Signal::MemoryLimitBytes),
        ] {
            seen.observation.set(used, Reading::fresh(0.5e9));
            seen.observation.set(limit, Reading::fresh(1e9));
        }
        seen.observation.set(Signal::ReplicasWanted, Reading::fresh(6.0));
        seen.observation.set(Signal::ErrorRatio, Reading::fresh(errors));
        vec![seen]
    };
    let calm = tick(&mut engine, 0, failing(0, 0.01));
    assert_eq!(calm.action, Action::NoScaling, "{calm:?}");
    let alarmed = tick(&mut engine, 1, failing(1, 0.2));
    assert_eq!((alarmed.action, alarmed.desired), (Action::ScaleUp, Some(7.0)), "{alarmed:?}");
    assert!(alarmed.reasons.iter().any(|reason| reason.contains("error")), "{alarmed:?}");
}
