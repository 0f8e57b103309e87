//! What holds for every policy, guard, history and moment.

use std::time::Duration;

use proptest::prelude::*;

use super::{Decision, GuardState, decide};
use crate::config::{self, Policy, Scale, Threshold, ThresholdDimension};
use crate::policy::fixtures::{START, alert, anomalous, situation};
use crate::policy::{Action, PolicyState, Proposal, Situation, Workload, propose};
use crate::promql::Freshness;
use crate::target::{Dimension, Mode};
use crate::units::Limit;

/// Everything one decision rests on.
#[derive(Clone, Debug)]
struct Case {
    policy: Policy,
    guard: config::Guard,
    bounds: Option<Scale>,
    mode: Mode,
    paused: bool,
    situation: Situation,
    policy_state: PolicyState,
    guard_state: GuardState,
}

impl Case {
    /// Decides as the live loop does, and remembers.
    fn tick(&mut self) -> Decision {
        let proposal = propose(&self.policy, &self.situation, &mut self.policy_state);
        decide(
            &self.guard,
            self.bounds.as_ref(),
            self.mode,
            self.paused,
            &self.situation,
            proposal,
            &mut self.guard_state,
        )
    }
}

/// Amounts of a dimension are generated in cores; a core stands for 100 MiB.
fn unit(dimension: Dimension) -> f64 {
    match dimension {
        Dimension::Cpu => 1.0,
        Dimension::Memory => 100.0 * 1048576.0,
        Dimension::Replicas => 1.0,
    }
}

fn freshness() -> impl Strategy<Value = Freshness> {
    use Freshness::{Empty, Fresh, NaN, Partial, Reset, Stale};
    prop_oneof![6 => Just(Fresh), 1 => prop::sample::select(vec![Partial, Reset, Stale, NaN, Empty])]
}

fn seconds(most: u64) -> impl Strategy<Value = Duration> {
    prop_oneof![Just(Duration::ZERO), (1..=most).prop_map(Duration::from_secs)]
}

fn mostly<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Option<T>> {
    prop_oneof![9 => value.prop_map(Some), 1 => Just(None)]
}

/// Every policy that can size `dimension`, the thresholds with parameters of any kind.
fn policies(dimension: Dimension) -> impl Strategy<Value = Policy> {
    let mut named = Policy::all();
    named.retain(|policy| policy.supports(dimension));
    prop_oneof![thresholds(dimension), prop::sample::select(named)]
}

fn thresholds(dimension: Dimension) -> impl Strategy<Value = Policy> {
    let ratios = (0.05..0.4, 0.4..0.6, 0.6..0.95);
    (ratios, 0.01..0.5, 0.5..8.0, 0.01..=1.0, 0.0..1.0, 0.0..0.3).prop_map(
        move |(ratios, chunk, upper_limit, smoothing_factor, throttled_ratio, min_growth_ratio)| {
            let size = |amount: f64| match dimension {
                Dimension::Replicas => amount.ceil(),
                Dimension::Cpu | Dimension::Memory => amount * unit(dimension),
            };
            let parameters = ThresholdDimension {
                scale_down_ratio: ratios.0,
                target_ratio: ratios.1,
                scale_up_ratio: ratios.2,
                chunk: size(chunk),
                upper_limit: size(upper_limit),
            };
            Policy::Threshold(Threshold {
                cpu: parameters.clone(),
                memory: parameters.clone(),
                replicas: parameters,
                smoothing_factor,
                throttled_ratio,
                min_growth_ratio,
            })
        },
    )
}

fn guards() -> impl Strategy<Value = config::Guard> {
    let ratios = (0.0..0.4, 0.0..3.0, 0.0..=1.0, 0.0..1.0);
    let times = (seconds(120), seconds(120), seconds(120), seconds(120));
    (ratios, times, any::<bool>()).prop_map(|(ratios, times, introduce_limits)| config::Guard {
        tolerance_ratio: ratios.0,
        max_growth_ratio: ratios.1,
        max_shrink_ratio: ratios.2,
        memory_margin_ratio: ratios.3,
        cooldown_up: times.0,
        cooldown_down: times.1,
        stabilization_down: times.2,
        stabilization_up: times.3,
        introduce_limits,
        ..config::Guard::default()
    })
}

fn situations(dimension: Dimension) -> impl Strategy<Value = Situation> {
    let sizes = (
        prop_oneof![12 => (0.01..16.0).prop_map(|v: f64| Some(Limit::At(v))), 1 => Just(Some(Limit::Max)), 1 => Just(None)],
        mostly(0.0..16.0),
        mostly(0.0..16.0),
    );
    let signs = (mostly(0.0..1.0), prop::option::weighted(0.1, 0.0..3.0), freshness());
    let words = (prop::bool::weighted(0.2), prop::collection::vec(0.1..1.5, 0..2), any::<bool>());
    (sizes, signs, words).prop_map(
        move |((current, usage, peak), (throttled, kills, freshness), words)| {
            let (odd, weights, alerted) = words;
            let unit = unit(dimension);
            let current = current.map(|limit| match (limit, dimension) {
                (Limit::At(size), Dimension::Replicas) => Limit::At(size.ceil()),
                (Limit::At(size), _) => Limit::At(size * unit),
                (Limit::Max, _) => Limit::Max,
            });
            let workload = Workload {
                capacity: 1.0,
                ready: current.and_then(Limit::value),
                startup_delay: Duration::from_secs(30),
                latency_seconds: None,
                cpu_ratio: throttled,
                memory_ratio: throttled,
                error_ratio: None,
            };
            let quiet = Situation {
                current,
                usage: usage.map(|v| v * unit),
                peak: peak.map(|v| v * unit),
                throttled_ratio: throttled,
                oom_kills: kills,
                freshness,
                alerts: weights.into_iter().filter(|_| alerted).map(|w| alert("Busy", w)).collect(),
                workload: Some(workload).filter(|_| dimension == Dimension::Replicas),
                ..situation(dimension, unit, unit)
            };
            if odd { anomalous(quiet) } else { quiet }
        },
    )
}

prop_compose! {
    /// A case with a history: some ticks have passed, some changes were confirmed.
    fn cases()(dimension in prop::sample::select(Dimension::ALL.to_vec()))(
        policy in policies(dimension),
        guard in guards(),
        bounds in mostly((0.0..4.0, 0.0..16.0)),
        mode in prop::sample::select(vec![Mode::Observe, Mode::Advise, Mode::Enforce]),
        paused in prop::bool::weighted(0.1),
        history in prop::collection::vec((situations(dimension), 1u64..60, any::<bool>()), 0..12),
        situation in situations(dimension),
    ) -> Case {
        let unit = unit(situation.dimension);
        let bounds = bounds.map(|(min, more)| Scale { min: min * unit, max: (min + more) * unit });
        let mut case = Case {
            policy,
            guard,
            bounds,
            mode,
            paused,
            situation,
            policy_state: PolicyState::default(),
            guard_state: GuardState::default(),
        };
        let last = case.situation.clone();
        let mut at = START;
        for (situation, seconds, confirmed) in history {
            case.situation = Situation { at, ..situation };
            let decision = case.tick();
            if confirmed {
                case.guard_state.confirmed(at, decision.action);
            }
            at = at.plus(Duration::from_secs(seconds));
        }
        let alerts = last.alerts.into_iter().map(|mut alert| {
            alert.expires_at = at.plus(Duration::from_secs(30));
            alert
        });
        case.situation = Situation { at, alerts: alerts.collect(), ..last };
        case
    }
}

/// The size that is left as something that can be compared; "no limit" is above all.
fn left(decision: &Decision) -> f64 {
    match (decision.desired, decision.current) {
        (Some(size), _) => size,
        (None, Some(_)) => f64::INFINITY,
        (None, None) => f64::NAN,
    }
}

/// Half a grain of the sizes that a kernel takes: the error of rounding.
fn grain(dimension: Dimension) -> f64 {
    match dimension {
        Dimension::Cpu => 1e-5,
        Dimension::Memory | Dimension::Replicas => 1.0,
    }
}

fn well_formed(decision: &Decision) -> Result<(), TestCaseError> {
    let present = decision.current.and_then(Limit::value);
    match decision.action {
        Action::NoScaling => prop_assert_eq!(decision.desired, present),
        Action::ScaleUp => prop_assert!(decision.desired > present && present.is_some()),
        Action::ScaleDown => prop_assert!(decision.current > decision.desired.map(Limit::At)),
    }
    let mut size = None;
    for clip in &decision.clips {
        prop_assert!(size.is_none_or(|size| size == clip.from), "clips follow on each other");
        size = Some(clip.to);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_move_ends_within_the_bounds(mut case in cases()) {
        let decision = case.tick();
        well_formed(&decision)?;
        if decision.action != Action::NoScaling {
            let size = decision.desired.expect("a move has a size");
            if let Some(bounds) = &case.bounds {
                prop_assert!(bounds.min <= size && size <= bounds.max, "{decision:?}");
            }
            prop_assert!(size > 0.0);
            prop_assert!(!case.paused);
            prop_assert!(case.mode != Mode::Enforce || case.bounds.is_some());
        }
    }

    #[test]
    fn a_shrink_rests_on_fresh_usual_quiet_data(mut case in cases()) {
        let decision = case.tick();
        let situation = &case.situation;
        match decision.action {
            Action::ScaleDown => {
                prop_assert_eq!(situation.freshness, Freshness::Fresh);
                prop_assert!(!situation.anomalous());
                prop_assert_eq!(situation.standing_alerts().count(), 0);
                let blind = matches!(case.policy, Policy::Static(_) | Policy::Thresholds(_));
                prop_assert!(situation.usage.is_some() || blind, "they read no usage");
                prop_assert!(decision.current != Some(Limit::Max) || case.guard.introduce_limits);
            }
            Action::ScaleUp => prop_assert!(situation.freshness.allows_growth()),
            Action::NoScaling => {}
        }
    }

    #[test]
    fn memory_never_shrinks_below_its_floor(mut case in cases()) {
        let decision = case.tick();
        if decision.dimension == Dimension::Memory && decision.action == Action::ScaleDown {
            let (usage, peak) = (case.situation.usage, case.situation.peak);
            let most = usage.expect("known").max(peak.expect("known"));
            let size = decision.desired.expect("a move has a size");
            prop_assert!(size >= most * (1.0 + case.guard.memory_margin_ratio), "{decision:?}");
            prop_assert_eq!(case.situation.memory_kills(), 0.0);
        }
    }

    #[test]
    fn a_wish_to_grow_never_shrinks(mut case in cases()) {
        let proposal = propose(&case.policy, &case.situation, &mut case.policy_state.clone());
        let decision = case.tick();
        if proposal.action == Action::ScaleUp {
            prop_assert!(decision.action != Action::ScaleDown);
            prop_assert!(proposal.desired > decision.current.and_then(Limit::value));
        }
    }

    #[test]
    fn steps_are_kept_unless_a_bound_is_reached(mut case in cases()) {
        let decision = case.tick();
        if let (Some(Limit::At(present)), Some(size)) = (decision.current, decision.desired) {
            let grain = grain(decision.dimension);
            let most = present * (1.0 + case.guard.max_growth_ratio) + grain;
            let least = present * (1.0 - case.guard.max_shrink_ratio) - grain;
            let (min, max) = case.bounds.map_or((None, None), |b| (Some(b.min), Some(b.max)));
            prop_assert!(size <= most || Some(size) == min, "{decision:?}");
            prop_assert!(size >= least || Some(size) == max, "{decision:?}");
        }
    }

    #[test]
    fn more_usage_never_means_less(case in cases(), more in 0.0..8.0) {
        let mut low = case.clone();
        let mut high = case;
        if let Some(usage) = low.situation.usage {
            high.situation.usage = Some(usage + more * unit(low.situation.dimension));
            let (low, high) = (low.tick(), high.tick());
            let known = low.current.is_some();
            prop_assert!(!known || left(&low) <= left(&high), "{low:?}\n{high:?}");
        }
    }

    #[test]
    fn the_same_case_gives_the_same_answer(case in cases()) {
        let (mut once, mut twice) = (case.clone(), case);
        prop_assert_eq!(once.tick(), twice.tick());
        prop_assert_eq!(once.policy_state, twice.policy_state);
        prop_assert_eq!(once.guard_state, twice.guard_state);
    }

    #[test]
    fn deciding_spends_no_cooldown(mut case in cases()) {
        let before = (case.guard_state.last_growth, case.guard_state.last_shrink);
        case.tick();
        prop_assert_eq!(before, (case.guard_state.last_growth, case.guard_state.last_shrink));
    }

    #[test]
    fn what_is_remembered_survives_json(mut case in cases()) {
        let decision = case.tick();
        prop_assert_eq!(&json(&decision), &decision);
        prop_assert_eq!(&json(&case.guard_state), &case.guard_state);
        prop_assert_eq!(&json(&case.policy_state), &case.policy_state);
    }

    #[test]
    fn no_number_makes_a_size_that_is_none(
        mut case in cases(),
        wild in prop::array::uniform8(any::<f64>()),
        config in prop::array::uniform4(any::<f64>()),
        wild_config in any::<bool>(),
        action in prop::sample::select(vec![Action::ScaleUp, Action::ScaleDown, Action::NoScaling]),
    ) {
        let situation = &mut case.situation;
        situation.current = Some(Limit::At(wild[0]));
        situation.usage = Some(wild[1]);
        situation.peak = Some(wild[2]);
        situation.throttled_ratio = Some(wild[3]);
        situation.oom_kills = Some(wild[4]);
        situation.alerts = vec![alert("Busy", wild[5])];
        case.policy_state.smoothed_need = Some(wild[6]);
        if wild_config {
            case.guard.max_growth_ratio = config[0];
            case.guard.max_shrink_ratio = config[1];
            case.guard.memory_margin_ratio = config[2];
            case.guard.tolerance_ratio = config[3];
            if let Policy::Threshold(threshold) = &mut case.policy {
                threshold.cpu.target_ratio = config[0];
                threshold.memory.chunk = config[1];
                threshold.smoothing_factor = config[2];
                threshold.min_growth_ratio = config[3];
            }
        }
        let by_policy = case.tick();
        let proposal = Proposal { action, desired: Some(wild[7]), reasons: Vec::new() };
        let by_hand = decide(
            &case.guard,
            case.bounds.as_ref(),
            case.mode,
            case.paused,
            &case.situation,
            proposal,
            &mut case.guard_state,
        );
        for decision in [by_policy, by_hand] {
            well_formed(&decision)?;
            // A size that is not finite would be `null`, and could not be read back.
            prop_assert_eq!(&json(&decision), &decision);
            if let (Some(bounds), Action::ScaleUp | Action::ScaleDown) =
                (&case.bounds, decision.action)
            {
                let size = decision.desired.expect("a move has a size");
                prop_assert!(bounds.min <= size && size <= bounds.max, "{decision:?}");
            }
        }
        prop_assert_eq!(&json(&case.guard_state), &case.guard_state);
    }
}

fn json<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).expect("writes");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
