//! What policies know of the time before the start.

use super::*;

#[test]
fn the_default_policy_goes_to_school_before_it_decides() {
    let mut engine = engine_of_replicas(None);
    tick(&mut engine, 0, vec![loaded(0, 100.0)]);
    let standing = |engine: &Engine| {
        let (_, _, state) = engine.targets().next().expect("the target");
        state.dimensions[&Dimension::Replicas].policy().standing()
    };
    assert_eq!(standing(&engine), None, "nothing has a record yet");

    let lesson = Lesson { short_term: false, ..lesson(&engine, 4 * 1440) };
    engine.graduate(lesson.learn());
    let decision = tick(&mut engine, 1, vec![loaded(1, 100.0)]);
    let schooled = standing(&engine).expect("a record of four days");
    assert!((8.0..16.0).contains(&schooled.obeyed.record.replicas), "{schooled:?}");
    assert!(decision.desired.is_some_and(|size| (10.0..=16.0).contains(&size)), "{decision:?}");
}

/// The lesson of the one service, of so many minutes until the first tick, whose load leaps at one minute
/// of every hour.
fn lesson(engine: &Engine, minutes: u32) -> Lesson {
    let lesson = engine.lessons("shop").remove(0);
    let load = |i: u32| 100.0 + f64::from(i % 7) + if i % 60 == 50 { 80.0 } else { 0.0 };
    let start = at(0).minus(lesson.step * minutes);
    Lesson { start, values: (0..minutes).map(|i| Some(load(i))).collect(), ..lesson }
}

#[test]
fn boosting_goes_to_school_with_the_policy_and_learns_on() {
    let mut engine = engine_of_replicas(None);
    tick(&mut engine, 0, vec![loaded(0, 100.0)]);
    let foreseen = |engine: &Engine| {
        let (_, _, state) = engine.targets().next().expect("the target");
        let forecast = state.dimensions[&Dimension::Replicas].short_term()?;
        let horizon = &forecast.horizons[0];
        Some((forecast.origin, horizon.after, horizon.values[2]))
    };
    assert_eq!(foreseen(&engine), None);
    engine.graduate(lesson(&engine, 2880).learn());
    let (origin, after, calm) = foreseen(&engine).expect("two days are enough");
    assert_eq!((origin, after), (at(0), Duration::from_secs(180)), "a minute more than a start-up");
    assert!(calm < 120.0, "{calm}");
    // The leap of minute 50 is foreseen in the three minutes before it; the steps end with their ticks.
    let mut leaps = Vec::new();
    for minute in 1..60 {
        tick(&mut engine, 6 * minute, vec![loaded(6 * minute, 100.0)]);
        let (origin, _, most) = foreseen(&engine).expect("told");
        assert_eq!(origin, at(6 * minute));
        if most > 150.0 {
            leaps.push(minute + 2);
        }
    }
    assert_eq!(leaps, [50]);
}

/// A start must not look like a calm: the window of the last minutes is the same as without it.
#[test]
fn a_policy_that_looks_back_knows_the_minutes_before_the_start() {
    for name in ["hpa", "keda", "knative"] {
        let mut engine = engine_of_replicas(Policy::named(name));
        for i in 0..10 {
            engine.recall("shop", loaded(i, 150.0));
        }
        let decision = tick(&mut engine, 10, vec![loaded(10, 10.0)]);
        let kept = decision.proposed.is_some_and(|size| size >= 12.0);
        assert!(kept && decision.action != Action::ScaleDown, "{name}: {decision:?}");
    }
}

/// A rule of limits with this policy, that may be lowered at once and as far as it wants.
fn engine_of_limits(policy: &str) -> Engine {
    let guard = Guard {
        cooldown_down: Duration::ZERO,
        stabilization_down: Duration::ZERO,
        max_shrink_ratio: 0.9,
        ..Guard::default()
    };
    let of = |dimension| {
        let policy = Policy::named(policy);
        (dimension, DimensionSettings::new(dimension, None, policy, Some(guard.clone())))
    };
    let settings = RuleSettings {
        mode: Mode::Advise,
        dimensions: Dimension::LIMITS.into_iter().map(of).collect(),
        workload: None,
        step: RuleSettings::SHORTEST_STEP,
    };
    let mut engine = Engine::new(Detection::default(), Forecast::default(), 100);
    engine.set_rules([("shop".into(), settings)]).expect("valid settings");
    engine
}

/// Days in which a CPU was busy for an hour each, as the last tick is not: a policy that knew only that
/// would lower the limit to it.
#[test]
fn policies_of_limits_learn_from_days_before_the_start() {
    for name in ["default", "vpa", "autopilot"] {
        let mut engine = engine_of_limits(name);
        tick(&mut engine, 0, vec![seen(0, 0.1, Some(4.0))]);
        let lessons = engine.lessons("shop");
        let dimensions: Vec<Dimension> = lessons.iter().map(|lesson| lesson.dimension).collect();
        assert_eq!(dimensions, Dimension::LIMITS, "{name}");
        dimensions.iter().for_each(|dimension| engine.enrol(&target("a").id, *dimension));
        for waiting in engine.tick("shop", at(1), vec![seen(1, 0.1, Some(4.0))], &Quiet) {
            assert_ne!(waiting.action, Action::ScaleDown, "{name} still learns: {waiting:?}");
        }
        for lesson in lessons {
            assert_eq!(lesson.step, Duration::from_secs(300));
            let unit = if lesson.dimension == Dimension::Cpu { 1.0 } else { 1e9 };
            let busy = |i: u32| Some(if i % 288 < 12 { 2.0 * unit } else { 0.1 * unit });
            let values: Vec<Option<f64>> = (0..5 * 288).map(busy).collect();
            let start = at(0).minus(lesson.step * 5 * 288);
            engine.graduate(Lesson { start, values, ..lesson }.learn());
        }
        let decision = tick(&mut engine, 2, vec![seen(2, 0.1, Some(4.0))]);
        let proposed = decision.proposed.expect("a size");
        let least = if name == "vpa" { 0.1 } else { 2.0 };
        assert!((least..=4.0).contains(&proposed), "{name}: {decision:?}");
        let fresh = tick(&mut engine_of_limits(name), 0, vec![seen(0, 0.1, Some(4.0))]);
        assert_ne!(fresh.reasons, decision.reasons, "{name} has learnt");
    }
}

#[test]
fn while_the_policy_learns_elsewhere_nothing_is_lowered() {
    let mut engine = engine_of_replicas(None);
    tick(&mut engine, 0, vec![loaded(0, 100.0)]);
    engine.enrol(&target("a").id, Dimension::Replicas);
    // Twelve replicas serve, and one carries 10.
    for (i, load, wanted) in [(1, 20.0, 12.0), (2, 154.0, 17.0), (3, 20.0, 12.0)] {
        let decision = tick(&mut engine, i, vec![loaded(i, load)]);
        assert_eq!(decision.proposed, Some(wanted), "{decision:?}");
        assert!(decision.reasons[0].contains("still learns from the past"), "{decision:?}");
    }
    let unknown = tick(&mut engine, 4, Vec::new());
    assert_eq!((unknown.action, unknown.proposed), (Action::NoScaling, None), "{unknown:?}");
    engine.graduate(Lesson { short_term: false, ..lesson(&engine, 1440) }.learn());
    let decision = tick(&mut engine, 5, vec![loaded(5, 20.0)]);
    assert!(decision.reasons[0].contains("asks for"), "{decision:?}");
}

#[test]
fn what_boosting_is_asked_follows_the_settings() {
    let mut engine = engine_of_replicas(None);
    tick(&mut engine, 0, vec![loaded(0, 100.0)]);
    engine.graduate(lesson(&engine, 500).learn());
    let after = |engine: &Engine| {
        let (_, _, state) = engine.targets().next().expect("the target");
        state.dimensions[&Dimension::Replicas].short_term().map(|told| told.horizons[0].after)
    };
    assert_eq!(after(&engine), Some(Duration::from_secs(180)));
    let mut slower = settings_of_replicas(None);
    slower.workload =
        Some(WorkloadRule { capacity: 10.0, startup_delay: Duration::from_secs(290) });
    engine.set_rules([("shop".into(), slower)]).expect("valid settings");
    tick(&mut engine, 1, vec![loaded(1, 100.0)]);
    assert_eq!(after(&engine), Some(Duration::from_secs(360)));
    // A model of other steps is none of these.
    let mut coarser = settings_of_replicas(None);
    coarser.step = Duration::from_secs(300);
    engine.set_rules([("shop".into(), coarser)]).expect("valid settings");
    tick(&mut engine, 2, vec![loaded(2, 100.0)]);
    assert_eq!(after(&engine), None);
    assert_eq!(engine.lessons("shop")[0].step, Duration::from_secs(300));
    // A policy that does not learn asks nothing.
    engine.set_rules([("shop".into(), settings_of_replicas(Policy::named("hpa")))]).expect("valid");
    assert_eq!(engine.lessons("shop"), []);
}

/// What boosting said last would stay what a policy that follows the other forecasts is told.
#[test]
fn boosting_is_silent_once_nobody_asks_it() {
    let mut engine = engine_of_replicas(None);
    tick(&mut engine, 0, vec![loaded(0, 100.0)]);
    engine.graduate(lesson(&engine, 500).learn());
    let says = |engine: &Engine| {
        let (_, _, state) = engine.targets().next().expect("the target");
        state.dimensions[&Dimension::Replicas].short_term().is_some()
    };
    assert!(says(&engine));
    let follower = settings_of_replicas(Policy::named("simple_ceiling"));
    engine.set_rules([("shop".into(), follower)]).expect("valid settings");
    tick(&mut engine, 1, vec![loaded(1, 100.0)]);
    assert!(!says(&engine));
}
