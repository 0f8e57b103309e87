//! What overrides a forecast that says too little.

use super::service::{self, replicas};
use super::size::{percent, short};
use super::{Action, Proposal, Situation, known};
use crate::config::SafetyNet;
use crate::target::Dimension;

/// Whether a service suffers: its answers are slow, or its CPU is all but used up.
/// What is not known suffers nothing.
pub fn tripped(net: &SafetyNet, latency_seconds: Option<f64>, cpu_ratio: Option<f64>) -> bool {
    latency_seconds.is_some_and(|latency| latency > net.latency_seconds)
        || cpu_ratio.is_some_and(|ratio| ratio > net.cpu_ratio)
}

/// The proposal, unless the service or the container suffers: then one replica more than it wants and
/// than there are, or no lower limit.
///
/// A simulation of a plant in which a decision takes effect at once leaves `latency_seconds` and
/// `cpu_ratio` of the workload open, and asks [`tripped`] with what they are under the new count.
pub fn apply(net: &SafetyNet, situation: &Situation, proposal: Proposal) -> Proposal {
    match situation.dimension {
        Dimension::Replicas => one_more(net, situation, proposal),
        Dimension::Cpu | Dimension::Memory => no_less(net, situation, proposal),
    }
}

fn one_more(net: &SafetyNet, situation: &Situation, mut proposal: Proposal) -> Proposal {
    let (Some(workload), Some(current)) = (&situation.workload, service::current(situation)) else {
        return proposal;
    };
    let (latency, cpu) = (known(workload.latency_seconds), known(workload.cpu_ratio));
    if !situation.freshness.allows_growth() || !tripped(net, latency, cpu) {
        return proposal;
    }
    let count = proposal.desired.unwrap_or(current).max(current) + 1.0;
    let latency = latency.map(|s| format!("answers take {} ms", short(s * 1000.0, 0)));
    let cpu = cpu.map(|ratio| format!("the CPU is used to {}", percent(ratio)));
    let signs: Vec<String> = latency.into_iter().chain(cpu).collect();
    proposal.reasons.push(format!(
        "the safety net adds a replica, to {}: {} (limits {} ms and {})",
        replicas(count),
        signs.join(", "),
        short(net.latency_seconds * 1000.0, 0),
        percent(net.cpu_ratio)
    ));
    Proposal { action: Action::ScaleUp, desired: Some(count), reasons: proposal.reasons }
}

fn no_less(net: &SafetyNet, situation: &Situation, mut proposal: Proposal) -> Proposal {
    if proposal.action != Action::ScaleDown {
        return proposal;
    }
    let above = |measured, limit| known(measured).filter(|ratio| *ratio >= limit);
    let sign = if situation.memory_kills() > 0.0 {
        "processes were killed for lack of memory".to_owned()
    } else if let Some(ratio) = above(situation.pressure_ratio, net.pressure_ratio) {
        format!("tasks wait for it {} of the time", percent(ratio))
    } else if let Some(ratio) = above(situation.throttled_ratio, net.throttled_ratio) {
        format!("throttled in {} of the periods", percent(ratio))
    } else {
        return proposal;
    };
    proposal.reasons.push(format!("the safety net keeps the limit: {sign}"));
    let desired = service::current(situation);
    Proposal { action: Action::NoScaling, desired, reasons: proposal.reasons }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{START, cpu, memory, replicas};
    use super::super::{PolicyState, propose};
    use super::*;
    use crate::config::Policy;
    use crate::promql::Freshness;

    #[test]
    fn it_trips_above_its_limits() {
        let trips = |latency, cpu| tripped(&SafetyNet::default(), latency, cpu);
        assert!(!trips(Some(0.15), Some(0.9)), "at the limits");
        assert!(trips(Some(0.151), Some(0.1)));
        assert!(trips(None, Some(0.901)));
        assert!(!trips(None, None));
        assert!(!trips(Some(f64::NAN), Some(f64::NAN)));
    }

    fn suffering(count: f64, load: f64) -> Situation {
        let mut situation = replicas(count, load);
        situation.workload.as_mut().expect("there").latency_seconds = Some(0.2);
        situation
    }

    fn proposed(name: &str, situation: &Situation) -> Proposal {
        let policy = Policy::named(name).expect("a policy");
        propose(&policy, situation, &mut PolicyState::default())
    }

    #[test]
    fn a_service_that_suffers_gets_a_replica_more() {
        for name in ["simple_ceiling", "buffered", "confidence_aware", "step"] {
            let proposal = proposed(name, &suffering(5.0, 10.0));
            assert_eq!(
                (proposal.action, proposal.desired),
                (Action::ScaleUp, Some(6.0)),
                "{name} alone would take some"
            );
        }
        let proposal = proposed("simple_ceiling", &suffering(5.0, 80.0));
        assert_eq!(proposal.desired, Some(9.0), "on top of what the forecast asks for");
        assert_eq!(
            proposal.reasons[1],
            "the safety net adds a replica, to 9 replicas: answers take 200 ms (limits 150 ms and 90 %)"
        );
        assert_eq!(proposed("static", &suffering(2.0, 10.0)).desired, Some(2.0), "no forecast");
        let stale = Situation { freshness: Freshness::Stale, ..suffering(5.0, 10.0) };
        assert_eq!(proposed("simple_ceiling", &stale).desired, Some(5.0));
    }

    #[test]
    fn a_container_that_starves_loses_nothing() {
        let net = SafetyNet::default();
        let shrink = || Proposal {
            action: Action::ScaleDown,
            desired: Some(1.0),
            reasons: vec!["little is expected".to_owned()],
        };
        let quiet = cpu(2.0, 0.5);
        assert_eq!(apply(&net, &quiet, shrink()), shrink());
        let waiting = Situation { pressure_ratio: Some(0.1), ..cpu(2.0, 0.5) };
        let throttled = Situation { throttled_ratio: Some(0.25), ..cpu(2.0, 0.5) };
        let killed = Situation { oom_kills: Some(1.0), ..memory(2.0, 0.5) };
        for situation in [waiting, throttled, killed] {
            let proposal = apply(&net, &situation, shrink());
            assert_eq!(
                (proposal.action, proposal.desired),
                (Action::NoScaling, Some(2.0)),
                "{situation:?}"
            );
            let grow = Proposal { action: Action::ScaleUp, desired: Some(3.0), ..shrink() };
            assert_eq!(apply(&net, &situation, grow.clone()), grow);
        }
        assert_eq!(quiet.at, START);
    }
}
