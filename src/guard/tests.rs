//! One example for each clip.

use std::time::Duration;

use super::{ClipReason, Decision, GuardState, decide};
use crate::config::{self, Scale};
use crate::policy::fixtures::{START, alert, anomalous, cpu, memory};
use crate::policy::{Action, Proposal, Situation};
use crate::promql::Freshness;
use crate::target::Mode;
use crate::units::{Limit, Timestamp};

const MIB: f64 = (1 << 20) as f64;

/// A guard that stands in nobody's way.
fn open_guard() -> config::Guard {
    config::Guard {
        tolerance_ratio: 0.0,
        max_growth_ratio: 100.0,
        max_shrink_ratio: 1.0,
        cooldown_up: Duration::ZERO,
        cooldown_down: Duration::ZERO,
        stabilization_down: Duration::ZERO,
        stabilization_up: Duration::ZERO,
        memory_margin_ratio: 0.0,
        introduce_limits: true,
        ..config::Guard::default()
    }
}

fn want(action: Action, size: f64) -> Proposal {
    Proposal { action, desired: Some(size), reasons: vec!["a test wants it".to_owned()] }
}

fn up(size: f64) -> Proposal {
    want(Action::ScaleUp, size)
}

fn down(size: f64) -> Proposal {
    want(Action::ScaleDown, size)
}

fn stay(size: f64) -> Proposal {
    want(Action::NoScaling, size)
}

struct Run {
    guard: config::Guard,
    bounds: Option<Scale>,
    mode: Mode,
    paused: bool,
    state: GuardState,
}

impl Run {
    fn new() -> Self {
        Self {
            guard: open_guard(),
            bounds: Some(Scale { min: 0.1, max: 1e12 }),
            mode: Mode::Enforce,
            paused: false,
            state: GuardState::default(),
        }
    }

    fn guard(change: impl FnOnce(&mut config::Guard)) -> Self {
        let mut run = Self::new();
        change(&mut run.guard);
        run
    }

    fn bounds(min: f64, max: f64) -> Self {
        Self { bounds: Some(Scale { min, max }), ..Self::new() }
    }

    fn decide(&mut self, situation: &Situation, proposal: Proposal) -> Decision {
        let Self { guard, bounds, mode, paused, state } = self;
        decide(guard, bounds.as_ref(), *mode, *paused, situation, proposal, state)
    }
}

/// What is left, and the reasons of its clips.
#[track_caller]
fn assert_left(decision: &Decision, desired: f64, clips: &[ClipReason]) {
    let reasons: Vec<ClipReason> = decision.clips.iter().map(|clip| clip.reason).collect();
    assert_eq!((decision.desired, &*reasons), (Some(desired), clips), "{:?}", decision.clips);
}

fn later(situation: Situation, seconds: u64) -> Situation {
    Situation { at: after(seconds), ..situation }
}

fn after(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

#[test]
fn what_nothing_speaks_against_is_done() {
    let decision = Run::new().decide(&cpu(1.0, 0.9), up(1.8));
    assert_left(&decision, 1.8, &[]);
    assert_eq!(decision.action, Action::ScaleUp);
    let decision = Run::new().decide(&cpu(1.0, 0.1), down(0.2));
    assert_left(&decision, 0.2, &[]);
    assert_eq!(decision.action, Action::ScaleDown);
}

#[test]
fn a_size_that_contradicts_its_action_moves_nothing() {
    for proposal in [up(0.5), down(2.0), stay(2.0), up(f64::NAN), down(0.0), down(-1.0)] {
        let decision = Run::new().decide(&cpu(1.0, 0.5), proposal);
        assert_left(&decision, 1.0, &[]);
    }
}

#[test]
fn bounds_hold_in_both_directions() {
    let mut run = Run::bounds(0.5, 2.0);
    assert_left(&run.decide(&cpu(1.0, 0.9), up(5.0)), 2.0, &[ClipReason::Bounds]);
    assert_left(&run.decide(&cpu(1.0, 0.0), down(0.1)), 0.5, &[ClipReason::Bounds]);
}

#[test]
fn a_size_outside_the_bounds_is_brought_in_but_never_shrunk_by_a_growth() {
    let mut run = Run::bounds(0.5, 2.0);
    let below = run.decide(&cpu(0.1, 0.03), stay(0.1));
    assert_left(&below, 0.5, &[ClipReason::Bounds]);
    assert_eq!(below.action, Action::ScaleUp);
    let above = run.decide(&cpu(4.0, 2.0), stay(4.0));
    assert_left(&above, 2.0, &[ClipReason::Bounds]);
    let growth = run.decide(&cpu(4.0, 3.9), up(8.0));
    assert_left(&growth, 4.0, &[ClipReason::Bounds]);
    assert_eq!(growth.action, Action::NoScaling);
}

#[test]
fn bounds_move_nothing_while_the_need_is_not_known() {
    let unknown = Proposal { desired: None, ..stay(0.0) };
    for current in [0.1, 4.0] {
        let decision = Run::bounds(0.5, 2.0).decide(&cpu(current, 0.1), unknown.clone());
        assert_left(&decision, current, &[]);
    }
    let decision = Run::bounds(0.0, 0.0).decide(&cpu(1.0, 0.1), down(0.5));
    assert_left(&decision, 1.0, &[ClipReason::Bounds, ClipReason::Bounds]);
}

#[test]
fn bounds_beat_steps() {
    let mut run = Run::bounds(0.5, 2.0);
    run.guard.max_growth_ratio = 1.0;
    run.guard.max_shrink_ratio = 0.5;
    let clips = [ClipReason::Bounds, ClipReason::Step, ClipReason::Bounds];
    assert_left(&run.decide(&cpu(0.1, 0.09), up(4.0)), 0.5, &clips);
    assert_left(&run.decide(&cpu(10.0, 0.1), down(0.2)), 2.0, &clips);
}

#[test]
fn enforce_without_bounds_moves_nothing() {
    let mut run = Run { bounds: None, ..Run::new() };
    assert_left(&run.decide(&cpu(1.0, 0.9), up(2.0)), 1.0, &[ClipReason::Bounds]);
    run.mode = Mode::Observe;
    assert_left(&run.decide(&cpu(1.0, 0.9), up(2.0)), 2.0, &[]);
}

#[test]
fn one_decision_moves_at_most_a_step() {
    let mut run = Run::guard(|guard| {
        guard.max_growth_ratio = 1.0;
        guard.max_shrink_ratio = 0.5;
    });
    assert_left(&run.decide(&cpu(0.3, 0.3), up(3.0)), 0.6, &[ClipReason::Step]);
    assert_left(&run.decide(&cpu(1.0, 0.0), down(0.1)), 0.5, &[ClipReason::Step]);
}

#[test]
fn small_changes_are_not_made_unless_they_reach_a_bound() {
    let mut run = Run::bounds(0.5, 2.0);
    run.guard.tolerance_ratio = 0.1;
    assert_left(&run.decide(&cpu(1.0, 0.6), up(1.09)), 1.0, &[ClipReason::Tolerance]);
    assert_left(&run.decide(&cpu(1.0, 0.6), up(1.1)), 1.1, &[]);
    assert_left(&run.decide(&cpu(1.95, 1.9), up(2.0)), 2.0, &[]);
    assert_left(&run.decide(&cpu(0.48, 0.1), up(0.51)), 0.51, &[]);
    let mut run = Run::guard(|guard| guard.tolerance_ratio = 0.1);
    // As floating point has it, (3.3 - 3) / 3 is less than 0.1.
    assert_left(&run.decide(&cpu(3.0, 2.9), up(3.3)), 3.3, &[]);
}

#[test]
fn a_cooldown_is_spent_by_a_confirmed_change_only() {
    let mut run = Run::guard(|guard| {
        guard.cooldown_up = Duration::from_secs(30);
        guard.cooldown_down = Duration::from_secs(300);
    });
    let busy = |seconds| later(cpu(1.0, 0.9), seconds);
    let idle = |seconds| later(cpu(1.0, 0.1), seconds);
    for seconds in 0..3 {
        assert_left(&run.decide(&busy(seconds), up(2.0)), 2.0, &[]);
    }
    run.state.confirmed(after(10), Action::ScaleUp);
    assert_left(&run.decide(&busy(39), up(2.0)), 1.0, &[ClipReason::Cooldown]);
    assert_left(&run.decide(&busy(40), up(2.0)), 2.0, &[]);
    assert_left(&run.decide(&idle(309), down(0.5)), 1.0, &[ClipReason::Cooldown]);
    assert_left(&run.decide(&idle(310), down(0.5)), 0.5, &[]);
    run.state.confirmed(after(310), Action::ScaleDown);
    assert_left(&run.decide(&busy(311), up(2.0)), 2.0, &[]);
    run.state.confirmed(after(400), Action::NoScaling);
    assert_left(&run.decide(&idle(610), down(0.5)), 0.5, &[]);
}

#[test]
fn growth_after_an_oom_kill_waits_for_nothing() {
    let mut run = Run::guard(|guard| {
        guard.cooldown_up = Duration::from_secs(30);
        guard.stabilization_up = Duration::from_secs(60);
    });
    run.state.confirmed(START, Action::ScaleUp);
    let calm = memory(200.0 * MIB, 190.0 * MIB);
    let killed = Situation { oom_kills: Some(1.0), ..calm.clone() };
    let held = run.decide(&calm, up(300.0 * MIB));
    assert_left(&held, 200.0 * MIB, &[ClipReason::Stabilization]);
    assert_left(&run.decide(&killed, up(300.0 * MIB)), 300.0 * MIB, &[]);
}

#[test]
fn a_fresh_start_cannot_shrink_before_its_window_is_full() {
    let mut run = Run::guard(|guard| guard.stabilization_down = Duration::from_secs(300));
    for seconds in (0..300).step_by(30) {
        let decision = run.decide(&later(cpu(1.0, 0.1), seconds), down(0.2));
        assert_left(&decision, 1.0, &[ClipReason::Stabilization]);
    }
    assert_left(&run.decide(&later(cpu(1.0, 0.1), 300), down(0.2)), 0.2, &[]);
}

/// The HPA's own arithmetic: the highest recommendation of the window for a shrink, the lowest for a
/// growth.
#[test]
fn stabilization_looks_for_the_extreme_of_its_window() {
    let mut run = Run::guard(|guard| guard.stabilization_down = Duration::from_secs(100));
    run.decide(&later(cpu(2.0, 0.1), 0), down(0.5));
    run.decide(&later(cpu(2.0, 0.1), 60), down(0.8));
    run.decide(&later(cpu(2.0, 0.1), 90), down(0.3));
    let at_100 = run.decide(&later(cpu(2.0, 0.1), 100), down(0.2));
    assert_left(&at_100, 0.8, &[ClipReason::Stabilization]);
    let at_160 = run.decide(&later(cpu(2.0, 0.1), 160), down(0.2));
    assert_left(&at_160, 0.3, &[ClipReason::Stabilization]);
    assert_left(&run.decide(&later(cpu(2.0, 0.1), 190), down(0.2)), 0.2, &[]);

    let mut run = Run::guard(|guard| guard.stabilization_up = Duration::from_secs(100));
    let first = run.decide(&later(cpu(1.0, 0.9), 0), up(3.0));
    assert_left(&first, 1.0, &[ClipReason::Stabilization]);
    run.decide(&later(cpu(1.0, 0.9), 50), up(1.5));
    let at_100 = run.decide(&later(cpu(1.0, 0.9), 100), up(3.0));
    assert_left(&at_100, 1.5, &[ClipReason::Stabilization]);
    assert_left(&run.decide(&later(cpu(1.0, 0.9), 150), up(3.0)), 3.0, &[]);
}

#[test]
fn a_hole_in_the_data_begins_the_window_anew() {
    let mut run = Run::guard(|guard| guard.stabilization_down = Duration::from_secs(100));
    run.decide(&later(cpu(1.0, 0.1), 0), down(0.2));
    let blind = Situation { usage: None, freshness: Freshness::Empty, ..cpu(1.0, 0.1) };
    let nothing = Proposal { action: Action::NoScaling, desired: None, reasons: Vec::new() };
    let decision = run.decide(&later(blind, 90), nothing);
    assert_left(&decision, 1.0, &[]);
    assert_eq!(decision.proposed, None);
    let early = run.decide(&later(cpu(1.0, 0.1), 189), down(0.2));
    assert_left(&early, 1.0, &[ClipReason::Stabilization]);
    assert_left(&run.decide(&later(cpu(1.0, 0.1), 190), down(0.2)), 0.2, &[]);
}

#[test]
fn an_anomalous_moment_does_not_begin_the_window_anew() {
    let mut run = Run::guard(|guard| guard.stabilization_down = Duration::from_secs(100));
    run.decide(&later(cpu(1.0, 0.1), 0), down(0.2));
    run.decide(&later(anomalous(cpu(1.0, 0.1)), 90), stay(1.0));
    assert_left(&run.decide(&later(cpu(1.0, 0.1), 100), down(0.2)), 0.2, &[]);
}

#[test]
fn only_fresh_data_shrink_and_only_live_data_grow() {
    let with = |freshness| Situation { freshness, ..cpu(1.0, 0.5) };
    for freshness in [Freshness::Stale, Freshness::NaN, Freshness::Empty] {
        let decision = Run::new().decide(&with(freshness), up(2.0));
        assert_left(&decision, 1.0, &[ClipReason::Freshness]);
    }
    for freshness in [Freshness::Partial, Freshness::Reset, Freshness::Stale, Freshness::Empty] {
        let decision = Run::new().decide(&with(freshness), down(0.5));
        assert_left(&decision, 1.0, &[ClipReason::Freshness]);
    }
    for freshness in [Freshness::Fresh, Freshness::Partial, Freshness::Reset] {
        assert_left(&Run::new().decide(&with(freshness), up(2.0)), 2.0, &[]);
    }
}

#[test]
fn anomalies_and_alerts_hold_or_raise() {
    let odd = anomalous(cpu(1.0, 0.1));
    assert_left(&Run::new().decide(&odd, down(0.5)), 1.0, &[ClipReason::Anomaly]);
    assert_left(&Run::new().decide(&odd, up(2.0)), 2.0, &[]);
    let mut alerted = Situation { alerts: vec![alert("Busy", 0.01)], ..cpu(1.0, 0.1) };
    assert_left(&Run::new().decide(&alerted, down(0.5)), 1.0, &[ClipReason::Alert]);
    assert_left(&Run::new().decide(&alerted, up(2.0)), 2.0, &[]);
    alerted.at = alerted.alerts[0].expires_at;
    assert_left(&Run::new().decide(&alerted, down(0.5)), 0.5, &[]);
}

#[test]
fn memory_stays_above_working_set_and_peak() {
    let mut run = Run::guard(|guard| guard.memory_margin_ratio = 0.25);
    let idle = Situation { peak: Some(400.0 * MIB), ..memory(1000.0 * MIB, 100.0 * MIB) };
    let decision = run.decide(&idle, down(200.0 * MIB));
    assert_left(&decision, 500.0 * MIB, &[ClipReason::MemoryFloor]);
    for unknown in [
        Situation { peak: None, ..idle.clone() },
        Situation { usage: None, ..idle.clone() },
        Situation { peak: Some(f64::NAN), ..idle.clone() },
        Situation { oom_kills: Some(1.0), ..idle.clone() },
        Situation { peak: Some(900.0 * MIB), ..idle.clone() },
    ] {
        let decision = run.decide(&unknown, down(200.0 * MIB));
        assert_left(&decision, 1000.0 * MIB, &[ClipReason::MemoryFloor]);
    }
}

#[test]
fn a_maximum_below_the_memory_floor_holds() {
    let mut run = Run::bounds(0.0, 300.0 * MIB);
    let busy = memory(1000.0 * MIB, 500.0 * MIB);
    let decision = run.decide(&busy, stay(1000.0 * MIB));
    let clips =
        [ClipReason::Bounds, ClipReason::MemoryFloor, ClipReason::Bounds, ClipReason::MemoryFloor];
    assert_left(&decision, 1000.0 * MIB, &clips);
    assert_eq!(decision.action, Action::NoScaling);
}

#[test]
fn a_limit_is_introduced_only_where_that_is_allowed() {
    let unlimited = Situation { current: Some(Limit::Max), ..cpu(1.0, 0.4) };
    let mut run = Run::guard(|guard| guard.introduce_limits = false);
    let decision = run.decide(&unlimited, down(0.8));
    assert_eq!((decision.desired, decision.proposed), (None, Some(0.8)));
    assert_eq!(decision.action, Action::NoScaling);
    assert_eq!(decision.clips[0].reason, ClipReason::Unlimited);
    run.guard.introduce_limits = true;
    let decision = run.decide(&unlimited, down(0.8));
    assert_left(&decision, 0.8, &[]);
    assert_eq!(decision.action, Action::ScaleDown);
    run.guard.stabilization_down = Duration::from_secs(60);
    let stale = Situation { freshness: Freshness::Stale, ..unlimited };
    assert_eq!(run.decide(&stale, down(0.8)).clips[0].reason, ClipReason::Freshness);
}

#[test]
fn a_limit_that_is_not_known_is_not_moved() {
    for current in [None, Some(Limit::At(f64::NAN)), Some(Limit::At(0.0))] {
        let decision = Run::new().decide(&Situation { current, ..cpu(1.0, 0.4) }, stay(0.8));
        assert_eq!((decision.desired, decision.proposed), (None, Some(0.8)));
        assert_eq!(decision.current, None);
        assert_eq!(decision.clips[0].reason, ClipReason::Unlimited);
    }
}

#[test]
fn a_paused_target_is_held() {
    let mut run = Run { paused: true, ..Run::new() };
    assert_left(&run.decide(&cpu(1.0, 0.9), up(2.0)), 1.0, &[ClipReason::Paused]);
    assert_left(&run.decide(&cpu(1.0, 0.5), stay(1.0)), 1.0, &[]);
}

#[test]
fn a_clip_tells_its_figures() {
    let mut run = Run::guard(|guard| guard.cooldown_down = Duration::from_secs(300));
    run.state.confirmed(START, Action::ScaleUp);
    let decision = run.decide(&later(cpu(1.0, 0.1), 90), down(0.5));
    let clip = &decision.clips[0];
    assert_eq!((clip.from, clip.to), (0.5, 1.0));
    assert_eq!(clip.detail, "last change 1m30s ago, pause 5m");
}
