//! senpai: takes memory away little by little until tasks begin to wait for it, and gives it back in
//! large steps as soon as they do.
//!
//! The original looks each second and acts after an interval, or as soon as the waiting is too much. A
//! tick that is longer than the interval is an interval of its own, and may wait longer in proportion.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limit::{need, resize};
use super::service::{current, hold, unknown};
use super::size::{describe, percent};
use super::{Proposal, Situation, known};
use crate::config::{Senpai, SenpaiProgram};
use crate::units::Timestamp;

const DAEMON_LEAST: f64 = (100u64 << 20) as f64;
const DAEMON_MOST: f64 = (100u64 << 30) as f64;
const OOMD_ABOVE_USE_LEAST: f64 = (100u64 << 20) as f64;
const OOMD_ABOVE_USE_MOST: f64 = (10u64 << 30) as f64;
const PAGE: f64 = 4096.0;

/// What is remembered from tick to tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct State {
    /// How long tasks waited since the last step, in seconds.
    waited: f64,
    /// The last tick, and the last step.
    last: Option<Timestamp>,
    stepped: Option<Timestamp>,
    /// The limit that was found, and the one that was asked for.
    found: Option<f64>,
    asked: Option<f64>,
}

pub(super) fn propose(
    policy: &Senpai,
    situation: &Situation,
    state: &mut Option<Box<State>>,
) -> Proposal {
    let state = state.get_or_insert_default();
    let (need, limit) = match (need(situation), current(situation)) {
        (Ok(need), Some(limit)) => (need, limit),
        (Err(reason), _) => return unknown(reason),
        (_, None) => return hold(situation, "the present limit is not known"),
    };
    let Some(pressure) = known(situation.pressure_ratio).map(|ratio| ratio.min(1.0)) else {
        return hold(situation, "the pressure is not known");
    };
    // A limit that somebody else has set is no step of ours: it begins anew from the use.
    let before = state.found.replace(limit);
    let other = before.is_some_and(|before| before != limit) && state.asked != Some(limit);
    let at = situation.at;
    let step = state.last.replace(at).map_or(Duration::ZERO, |last| at.since(last));
    let since = at.since(*state.stepped.get_or_insert(at));
    state.waited += pressure * step.as_secs_f64();
    let interval = policy.interval.as_secs_f64().max(1e-3);
    let allowed =
        policy.pressure.as_secs_f64().max(1e-6) * (step.as_secs_f64() / interval).max(1.0);
    let ratio = state.waited / allowed;
    let waited = format!("tasks waited for {} of the time", percent(pressure));
    let from = if other { need.amount } else { limit };
    let factor = if other {
        1.0
    } else if ratio > 1.0 {
        let step = (ratio / policy.backoff_coefficient).powi(2) * policy.max_backoff_ratio;
        1.0 + step.min(policy.max_backoff_ratio)
    } else if since >= policy.interval && !step.is_zero() {
        let calm = policy.program == SenpaiProgram::Daemon || pressure < policy.calm_ratio;
        let step = (1.0 / ratio.max(1e-6 / allowed) / policy.probe_coefficient).powi(2);
        if calm { 1.0 - (step * policy.max_probe_ratio).min(policy.max_probe_ratio) } else { 1.0 }
    } else {
        return hold(situation, format!("{waited}; the interval is not over"));
    };
    (state.waited, state.stepped) = (0.0, Some(at));
    let (least, most) = match policy.program {
        SenpaiProgram::Daemon => (DAEMON_LEAST, DAEMON_MOST),
        SenpaiProgram::Oomd => {
            (need.amount + OOMD_ABOVE_USE_LEAST, need.amount + OOMD_ABOVE_USE_MOST)
        }
    };
    let size = ((from * factor).clamp(least, most) / PAGE).floor() * PAGE;
    state.asked = Some(size);
    resize(situation, size, format!("{waited}: {}", describe(situation.dimension, size)))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{START, memory};
    use super::*;
    use crate::policy::Action;

    const GIB: f64 = (1u64 << 30) as f64;

    /// What is asked for after ticks of `seconds` with this pressure, each change being made.
    fn after(policy: &Senpai, seconds: u64, pressures: &[f64]) -> f64 {
        let (mut state, mut limit) = (None, 4.0 * GIB);
        for (tick, pressure) in pressures.iter().enumerate() {
            let at = START.plus(Duration::from_secs(seconds * tick as u64));
            let pressure_ratio = Some(*pressure);
            let situation = Situation { at, pressure_ratio, ..memory(limit, GIB) };
            let proposal = propose(policy, &situation, &mut state);
            if proposal.action != Action::NoScaling {
                limit = proposal.desired.unwrap();
            }
        }
        limit / (4.0 * GIB)
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-5
    }

    #[test]
    fn without_waiting_it_takes_a_hundredth_each_interval() {
        let policy = Senpai::default();
        assert!(near(after(&policy, 1, &[0.0; 6]), 1.0), "the interval is not over");
        assert!(near(after(&policy, 1, &[0.0; 7]), 0.99));
        assert!(near(after(&policy, 1, &[0.0; 13]), 0.99 * 0.99));
        assert!(near(after(&policy, 30, &[0.0; 3]), 0.99 * 0.99), "a long tick is an interval");
    }

    #[test]
    fn some_waiting_shortens_the_step() {
        // 6 s at 0.1 % are 6 ms of the 10 ms allowed: (10/6/10)² of a hundredth.
        let step = (1.0f64 / 0.6 / 10.0).powi(2) * 0.01;
        assert!(near(after(&Senpai::default(), 1, &[0.001; 7]), 1.0 - step));
    }

    #[test]
    fn too_much_waiting_gives_back_at_once() {
        let policy = Senpai::default();
        // 100 ms in a second: ten times what is allowed, (10/20)² of the limit.
        assert!(near(after(&policy, 1, &[0.0, 0.1]), 1.25));
        assert!(near(after(&policy, 1, &[0.0, 1.0]), 2.0), "at most twice the limit");
        // Ticks of 60 s may wait 100 ms.
        let seconds = 0.5 / 60.0;
        assert!(near(after(&policy, 60, &[0.0, seconds]), 1.0 + (5.0f64 / 20.0).powi(2)));
    }

    #[test]
    fn the_plugin_keeps_above_the_use_and_takes_only_where_it_is_calm() {
        let policy = Senpai { program: SenpaiProgram::Oomd, ..Senpai::default() };
        assert!(near(after(&policy, 6, &[0.0; 2]), 0.99));
        assert!(near(after(&policy, 6, &[0.0012; 2]), 1.0), "not calm");
        let floor = after(&policy, 6, &[0.0; 1000]);
        assert!(near(floor, (GIB + OOMD_ABOVE_USE_LEAST) / (4.0 * GIB)), "{floor}");
        let daemon = after(&Senpai::default(), 6, &[0.0; 1000]);
        assert!(near(daemon, DAEMON_LEAST / (4.0 * GIB)), "{daemon}");
    }

    #[test]
    fn a_limit_of_somebody_else_is_given_up_for_the_use() {
        let mut state = None;
        let at = |seconds, limit| Situation {
            at: START.plus(Duration::from_secs(seconds)),
            pressure_ratio: Some(0.0),
            ..memory(limit, GIB)
        };
        propose(&Senpai::default(), &at(0, 4.0 * GIB), &mut state);
        let proposal = propose(&Senpai::default(), &at(1, 3.0 * GIB), &mut state);
        assert_eq!(proposal.desired, Some(GIB));
    }

    #[test]
    fn without_pressure_figures_nothing_moves() {
        let proposal = propose(&Senpai::default(), &memory(4.0 * GIB, GIB), &mut None);
        assert_eq!((proposal.action, proposal.desired), (Action::NoScaling, Some(4.0 * GIB)));
    }
}
