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
