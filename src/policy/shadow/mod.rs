//! The default policy: some twenty simple rules, and a dozen that follow a forecast, are obeyed in shadow, each
//! in a few ways, by services under the real start-up delay, beside one that obeys the reference. The one with
//! the best record moves the real one.

mod arm;
mod behavior;
mod brain;
mod choice;
mod level;
mod pace;
mod phase;
mod reference;
mod rule;
mod season;
#[cfg(test)]
mod tests;

pub use arm::Record;
pub use brain::{Candidate, Shadow, Standing};

use brain::Sample;

use super::service::{current, hold, replicas, toward, unknown};
use super::size::{percent, short};
use super::{Action, LEARNING, Proposal, Situation, known};
use crate::config;

pub(super) fn propose(
    settings: &config::Shadow,
    situation: &Situation,
    state: &mut Option<Box<Shadow>>,
) -> Proposal {
    let sample = match sample(situation) {
        Ok(sample) => sample,
        Err(reason) => return unknown(reason),
    };
    let Some(present) = current(situation) else {
        return unknown("the present count is not known");
    };
    let shadow = state.get_or_insert_default();
    let ready = ready(situation, &sample);
    let whole = situation.freshness.allows_shrink();
    if whole {
        shadow.learn(settings.aim, &sample, ready);
    }
    let mut size = f64::from(shadow.decide(settings, &sample, present as u32, ready)).max(1.0);
    if !whole {
        // What is missing can only add to it.
        size = size.max((sample.load / sample.capacity).ceil());
    }
    let asked = format!("the load fills {}", replicas(sample.load / sample.capacity));
    let mut proposal = toward(situation, size, format!("{asked}; {}", obeyed(shadow, size)));
    if proposal.action == Action::ScaleDown && situation.anomalous() {
        proposal = hold(situation, format!("{asked}, but the moment is anomalous"));
    }
    if let Some(standing) = shadow.standing() {
        proposal.reasons.extend(records(&standing));
    }
    proposal
}

/// How much more than the load is carried while the past is still lived through.
const SPARE: f64 = 1.1;

/// What is asked for while the past is still lived through: the present count, or what the load fills with
/// something to spare, where that is more.
pub(super) fn wait(situation: &Situation) -> Proposal {
    let sample = match sample(situation) {
        Ok(sample) => sample,
        Err(reason) => return unknown(reason),
    };
    let Some(present) = current(situation) else {
        return unknown("the present count is not known");
    };
    let filled = (SPARE * sample.load / sample.capacity).ceil();
    let asked = format!("the load fills {}; {LEARNING}", replicas(sample.load / sample.capacity));
    toward(situation, present.max(filled), asked)
}

/// Takes in a moment of the past: every service in shadow lives through it, the real one does not.
pub(super) fn recall(
    settings: &config::Shadow,
    situation: &Situation,
    state: &mut Option<Box<Shadow>>,
) {
    if let Ok(sample) = sample(situation)
        && situation.freshness.allows_shrink()
    {
        state.get_or_insert_default().learn(settings.aim, &sample, ready(situation, &sample));
    }
}

/// What is measured, or what of it is not known.
fn sample(situation: &Situation) -> Result<Sample, &'static str> {
    let workload = situation.workload.as_ref();
    let capacity = workload.and_then(|workload| known(Some(workload.capacity)));
    let (Some(workload), Some(capacity)) = (workload, capacity.filter(|c| *c > 0.0)) else {
        return Err("the capacity of a replica is not known");
    };
    let load = known(situation.usage).filter(|_| situation.freshness.allows_growth());
    let load = load.ok_or("the load is not known")?;
    if load / capacity > f64::from(u32::MAX) {
        return Err("the load fills more replicas than can be counted");
    }
    let (at, delay) = (situation.at, workload.startup_delay);
    let forecast = situation.forecast.as_deref();
    let foreseen = forecast.and_then(|forecast| rule::foreseen(forecast, at.plus(delay)));
    Ok(Sample { at, load, capacity, delay, foreseen })
}

/// The replicas that serve; as many as were asked for, or as the load fills, where that is not known.
fn ready(situation: &Situation, sample: &Sample) -> u32 {
    let ready = situation.workload.as_ref().and_then(|workload| known(workload.ready));
    let needed = (sample.load / sample.capacity).ceil().max(1.0);
    ready.or(current(situation)).unwrap_or(needed) as u32
}

/// Who asks for the size.
fn obeyed(shadow: &Shadow, size: f64) -> String {
    let size = replicas(size);
    match shadow.standing() {
        Some(standing) => format!("{} asks for {size}", standing.obeyed.name),
        None => format!("as long as no rule has a record, the reference is followed: {size}"),
    }
}

/// What the obedience rests on.
fn records(standing: &Standing) -> Vec<String> {
    let told = |name: &str, record: &Record| {
        format!(
            "{name}: {} on average, short {} of the time, {} changes an hour",
            replicas(record.replicas),
            percent(record.short_ratio),
            short(record.changes * 60.0, 1)
        )
    };
    let of = |candidate: &Candidate| told(&candidate.name, &candidate.record);
    let mut all = vec![of(&standing.obeyed), told("the reference", &standing.reference)];
    all.extend(standing.next.as_ref().map(|next| format!("next best, {}", of(next))));
    all
}
