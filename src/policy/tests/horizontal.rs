//! What holds for every policy that can count replicas.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::super::fixtures::{START, replicas};
use super::super::{Action, PolicyState, Situation, propose};
use crate::config::Policy;
use crate::forecast::{Forecast, Horizon};
use crate::promql::Freshness;
use crate::target::Dimension;

fn horizontal() -> impl Iterator<Item = Policy> {
    Policy::all().into_iter().filter(|policy| policy.supports(Dimension::Replicas))
}

/// Those whose answer rests on this moment alone.
const MEMORYLESS: [&str; 5] =
    ["static", "simple_ceiling", "buffered", "confidence_aware", "thresholds"];

/// A moment: how long after the last one, the count that is found, the share that is ready, the load, the
/// signs of the service and the forecast.
#[derive(Clone, Debug)]
struct Moment {
    seconds: u64,
    count: u32,
    ready_ratio: f64,
    load: Option<f64>,
    cpu_ratio: Option<f64>,
    memory_ratio: Option<f64>,
    latency_seconds: Option<f64>,
    forecast: Option<f64>,
    freshness: Freshness,
}

fn amount() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        8 => (0.0..200.0).prop_map(Some),
        1 => Just(None),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300]).prop_map(Some),
    ]
}

fn ratio() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![8 => (0.0..1.2).prop_map(Some), 1 => Just(None), 1 => Just(Some(f64::NAN))]
}

fn freshness() -> impl Strategy<Value = Freshness> {
    use Freshness::{Empty, Fresh, NaN, Partial, Reset, Stale};
    prop_oneof![8 => Just(Fresh), 1 => prop::sample::select(vec![Partial, Reset, Stale, NaN, Empty])]
}

prop_compose! {
    fn moments()(
        seconds in prop::sample::select(vec![2u64, 15, 30, 60, 60, 60, 400]),
        count in 1u32..30,
        ready_ratio in prop_oneof![Just(1.0), 0.0..1.0],
        load in amount(),
        cpu_ratio in ratio(),
        memory_ratio in ratio(),
        latency_seconds in ratio(),
        forecast in amount(),
        freshness in freshness(),
    ) -> Moment {
        Moment {
            seconds, count, ready_ratio, load, cpu_ratio, memory_ratio, latency_seconds, forecast,
            freshness,
        }
    }
}

impl Moment {
    fn situation(&self, at: crate::units::Timestamp) -> Situation {
        let count = f64::from(self.count);
        let mut situation =
            Situation { at, usage: self.load, freshness: self.freshness, ..replicas(count, 0.0) };
        let workload = situation.workload.as_mut().expect("there");
        workload.ready = Some((count * self.ready_ratio).floor());
        workload.cpu_ratio = self.cpu_ratio;
        workload.memory_ratio = self.memory_ratio;
        workload.latency_seconds = self.latency_seconds;
        situation.forecast = self.forecast.map(|value| {
            let horizon =
                Horizon { after: Duration::from_secs(120), values: vec![value, value * 1.5] };
            Arc::new(Forecast {
                origin: at,
                model: "test".into(),
                levels: vec![0.5, 0.95],
                horizons: vec![horizon],
            })
        });
        situation
    }
}

/// The last situation and the state before it.
fn after(history: &[Moment], policy: &Policy) -> (Situation, PolicyState) {
    let (mut state, mut at) = (PolicyState::default(), START);
    let (last, before) = history.split_last().expect("not empty");
    for moment in before {
        propose(policy, &moment.situation(at), &mut state);
        at = at.plus(Duration::from_secs(moment.seconds));
    }
    (last.situation(at), state)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_proposal_is_well_formed(history in prop::collection::vec(moments(), 1..40)) {
        for policy in horizontal() {
            let (situation, mut state) = after(&history, &policy);
            let proposal = propose(&policy, &situation, &mut state);
            let current = situation.limit().and_then(|limit| limit.value());
            if let (Some(desired), Some(current)) = (proposal.desired, current) {
                prop_assert!(desired.is_finite() && desired >= 1.0, "{}: {proposal:?}", policy.name());
                match proposal.action {
                    Action::ScaleUp => prop_assert!(desired > current),
                    Action::ScaleDown => prop_assert!(desired < current),
                    Action::NoScaling => prop_assert_eq!(desired, current, "{}", policy.name()),
                }
            }
            prop_assert!(!proposal.reasons.is_empty());
        }
    }

    /// `static` reads nothing, and of `threshold` the guard takes care.
    #[test]
    fn what_is_not_known_lowers_nothing(
        history in prop::collection::vec(moments(), 1..40),
        how in 0..4,
    ) {
        for policy in horizontal().filter(|p| !["static", "threshold"].contains(&p.name())) {
            let (mut situation, mut state) = after(&history, &policy);
            match how {
                0 => situation.usage = None,
                1 => situation.usage = Some(f64::NAN),
                2 => situation.freshness = Freshness::Stale,
                _ => situation.workload = None,
            }
            if policy.name() == "thresholds" && how < 2 {
                let workload = situation.workload.as_mut().expect("there");
                workload.cpu_ratio = if how == 0 { None } else { Some(f64::NAN) };
            }
            let proposal = propose(&policy, &situation, &mut state);
            prop_assert!(
                proposal.action != Action::ScaleDown,
                "{}: {proposal:?}",
                policy.name()
            );
        }
    }

    #[test]
    fn more_load_never_means_less(
        history in prop::collection::vec(moments(), 1..2),
        more in 0.0..100.0,
    ) {
        for policy in horizontal().filter(|policy| MEMORYLESS.contains(&policy.name())) {
            let (mut low, state) = after(&history, &policy);
            let mut high = low.clone();
            let Some(load) = low.usage.filter(|load| load.is_finite() && *load >= 0.0) else {
                continue;
            };
            high.usage = Some(load + more);
            if let Some(cpu) = low.workload.as_ref().and_then(|w| w.cpu_ratio) {
                high.workload.as_mut().expect("there").cpu_ratio = Some(cpu + more / 100.0);
            }
            low.forecast = None;
            high.forecast = None;
            let desired = |situation: &Situation| {
                propose(&policy, situation, &mut state.clone()).desired
            };
            prop_assert!(desired(&low) <= desired(&high), "{}", policy.name());
        }
    }

    #[test]
    fn the_same_history_gives_the_same_answer(history in prop::collection::vec(moments(), 1..20)) {
        for policy in horizontal() {
            let (situation, mut once) = after(&history, &policy);
            let mut read_back: PolicyState = {
                let text = serde_json::to_string(&once).expect("writes");
                serde_json::from_str(&text).expect("reads")
            };
            prop_assert_eq!(&read_back, &once);
            let first = propose(&policy, &situation, &mut once);
            let second = propose(&policy, &situation, &mut read_back);
            prop_assert_eq!(first, second);
            prop_assert_eq!(once, read_back);
        }
    }
}

#[test]
fn every_name_is_a_policy_that_knows_it() {
    for policy in Policy::all() {
        let name = policy.name();
        assert_eq!(Policy::named(name).as_ref(), Some(&policy), "{name} is the name of one");
        let dimensions = Dimension::ALL.iter().filter(|dimension| policy.supports(**dimension));
        assert!(dimensions.count() > 0, "{name} sizes nothing");
        let text = serde_json::to_string(&policy).expect("writes");
        assert_eq!(serde_json::from_str::<Policy>(&text).expect("reads"), policy, "{text}");
        let problems = crate::config::decision_problems(Some(&policy), None, None);
        assert!(problems.is_empty(), "{name}: {problems:?}");
    }
    assert_eq!(Policy::named("static7").map(|policy| policy.name()), Some("static"));
    for wrong in ["static0", "statics", "static-1", "", "HPA"] {
        assert_eq!(Policy::named(wrong), None, "{wrong}");
    }
}
