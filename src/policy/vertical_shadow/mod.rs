//! The default policy where it sizes limits: some rules name a limit each by what was needed lately, and
//! each is obeyed in shadow under the same rules of change. The one that would have cost the least, of
//! those that the need seldom came near, moves the real limit.

mod arm;
mod level;
mod recent;
mod rule;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::limit::{Need, Pace, need, resize};
use super::service::{current, hold, unknown};
use super::size::{describe, percent};
use super::{Proposal, Situation};
use crate::config::ShadowLimits;
use crate::target::Dimension;
use crate::units::Timestamp;

use arm::{Arm, Now, Rules, gain};
use level::Level;
use recent::{DAY, Push, Recent, span};
use rule::{Rule, limits, rules};

/// From so many spans on a record counts; before, the limit is that of a fixed rule, and never lowered.
const FIRST_CHOICE_SPANS: f64 = DAY as f64;
/// The fixed rule: so many times the peak of a day.
const FIRST_MARGIN: f64 = 1.2;
/// Another rule is obeyed once it costs this share less.
const SWITCH_RATIO: f64 = 0.01;
/// After memory ran short, the limit is at least this many times what was needed; after a day half of it.
const FLOOR_FACTOR: f64 = 1.2;
const FLOOR_HALF_LIFE_SECONDS: f64 = 86_400.0;
/// A quota that was hit is raised by this factor where nothing says how much was needed.
const HIT_FACTOR: f64 = 1.2;

/// What is remembered from tick to tick: some 6 kB once a week has passed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct State {
    recent: Recent,
    /// Of the CPU only.
    levels: Vec<Level>,
    arms: Vec<Arm>,
    /// The arm that is obeyed.
    obeyed: Option<usize>,
    /// The one with the best record of the others.
    next: Option<usize>,
    /// How many spans something is known of.
    seen: f64,
    /// The mean need, the past counting half after a week.
    mean_need: f64,
    /// What memory needed when it last ran short, times a factor, and when that was.
    floor: Option<(Timestamp, f64)>,
    pace: Pace,
}

/// Which rule is obeyed, and what that rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The rule that is obeyed.
    pub obeyed: Candidate,
    /// The next best.
    pub next: Option<Candidate>,
}

/// A rule with its record. The past counts half after a week.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The rule as reasons name it, as in `1.2 times the peak of a day`.
    pub name: String,
    /// Its mean limit in cores or bytes.
    pub mean_limit: f64,
    /// Share of the time in which the need came near its limit, 0–1.
    pub short_ratio: f64,
}

pub(super) fn propose(
    settings: &ShadowLimits,
    situation: &Situation,
    state: &mut Option<Box<State>>,
) -> Proposal {
    let state = state.get_or_insert_default();
    state.pace.find(situation);
    let need = match bounded_need(situation) {
        Ok(need) => need,
        Err(reason) => return unknown(reason),
    };
    let rules = Rules::of(settings, situation.dimension);
    state.learn(&rules, situation, &need);
    let (named, reason) = state.named(situation);
    let Some(limit) = current(situation) else { return resize(situation, named, reason) };
    if need.short {
        let hit = need.amount <= limit;
        let factor = if hit { HIT_FACTOR } else { rules.short_factor };
        let needed = describe(situation.dimension, need.amount);
        let reason = format!("the limit was too small for a need of {needed}; {reason}");
        return resize(situation, named.max(need.amount * factor), reason);
    }
    if named > rules.raise_factor * limit {
        return resize(situation, named, reason);
    }
    if named >= rules.lower_factor * limit {
        return hold(situation, format!("{reason}; the difference is small"));
    }
    if state.obeyed.is_none() {
        return hold(situation, format!("{reason}; nothing is lowered on the first day"));
    }
    if !state.recent.is_settled() {
        return hold(situation, format!("{reason}; the last hour is not wholly known"));
    }
    let age = i64::try_from(state.pace.age(situation.at).as_millis()).unwrap_or(i64::MAX);
    if age / recent::SPAN_MILLIS < rules.hold_spans {
        return hold(situation, format!("{reason}; the last change is too recent"));
    }
    resize(situation, named, reason)
}

/// Takes in a moment of the past: every limit in shadow lives through it, the real one does not.
pub(super) fn recall(
    settings: &ShadowLimits,
    situation: &Situation,
    state: &mut Option<Box<State>>,
) {
    if let Ok(need) = bounded_need(situation) {
        let state = state.get_or_insert_default();
        state.learn(&Rules::of(settings, situation.dimension), situation, &need);
    }
}

/// A need that can be remembered: what is larger than everything counts as that.
fn bounded_need(situation: &Situation) -> Result<Need, String> {
    let need = need(situation)?;
    Ok(Need { amount: need.amount.min(recent::MOST), ..need })
}

impl State {
    fn learn(&mut self, rules: &Rules, situation: &Situation, need: &Need) {
        let at = situation.at;
        if need.short && situation.dimension == Dimension::Memory {
            let floor = self.floor(at).max(FLOOR_FACTOR * need.amount);
            self.floor = Some((at, floor));
        }
        let push = self.recent.push(at, need.amount);
        if push == Push::Nothing {
            return;
        }
        let new = push == Push::New;
        if new {
            self.seen += 1.0;
            self.mean_need += gain(self.seen) * (need.amount - self.mean_need);
            if situation.dimension == Dimension::Cpu {
                Level::learn(&mut self.levels, need.amount, self.seen);
            }
        }
        let named = limits(situation.dimension, &self.recent, &self.levels);
        if self.arms.len() != named.len() {
            self.arms = named.iter().map(|named| Arm::new(*named, need.amount, span(at))).collect();
        }
        let now = Now {
            span: span(at),
            need: need.amount,
            seen: self.seen,
            is_new: new,
            may_lower: self.recent.is_settled(),
        };
        for (arm, named) in self.arms.iter_mut().zip(named) {
            arm.step(rules, &now, named);
        }
        if self.seen >= FIRST_CHOICE_SPANS {
            self.choose(rules);
        }
    }

    /// Obeys the arm with the best record, unless the present one is hardly worse.
    fn choose(&mut self, rules: &Rules) {
        let cost = |arm: &Arm| arm.cost(rules, self.mean_need);
        let costs: Vec<f64> = self.arms.iter().map(cost).collect();
        let best_but = |other: Option<usize>| {
            let all = costs.iter().copied().enumerate().filter(|(place, _)| Some(*place) != other);
            all.min_by(|(_, a), (_, b)| a.total_cmp(b))
        };
        let Some((best, least)) = best_but(None) else { return };
        let present = self.obeyed.and_then(|place| costs.get(place));
        if present.is_none_or(|present| least < (1.0 - SWITCH_RATIO) * present) {
            self.obeyed = Some(best);
        }
        self.next = best_but(self.obeyed).map(|(place, _)| place);
    }

    /// What memory must have since it last ran short.
    fn floor(&self, at: Timestamp) -> f64 {
        self.floor.map_or(0.0, |(then, floor)| {
            floor * (-at.since(then).as_secs_f64() / FLOOR_HALF_LIFE_SECONDS).exp2()
        })
    }

    /// The limit that the obeyed rule names, and why.
    fn named(&self, situation: &Situation) -> (f64, String) {
        let dimension = situation.dimension;
        let (named, reason) = match self.obeyed.zip(self.standing(dimension)) {
            Some((place, Standing { obeyed, .. })) => {
                let all = limits(dimension, &self.recent, &self.levels);
                let reason = format!(
                    "{}; in shadow its mean limit was {}, near in {} of the time",
                    obeyed.name,
                    describe(dimension, obeyed.mean_limit),
                    percent(obeyed.short_ratio),
                );
                (all.get(place).copied().unwrap_or(0.0), reason)
            }
            None => {
                let first = Rule::Peak { window: DAY, margin: FIRST_MARGIN };
                (self.recent.peak(DAY) * FIRST_MARGIN, first.describe())
            }
        };
        let floor = self.floor(situation.at);
        if floor > named {
            let floored = describe(dimension, floor);
            return (floor, format!("{reason}; after a kill at least {floored}"));
        }
        (named, reason)
    }

    /// Which rule is obeyed, and what that rests on; `None` on the first day.
    pub(super) fn standing(&self, dimension: Dimension) -> Option<Standing> {
        let rules = rules(dimension);
        let candidate = |place: usize| {
            let (rule, arm) = (rules.get(place)?, self.arms.get(place)?);
            let (mean_limit, short_ratio) = (arm.mean_limit, arm.short);
            Some(Candidate { name: rule.describe(), mean_limit, short_ratio })
        };
        Some(Standing {
            obeyed: self.obeyed.and_then(candidate)?,
            next: self.next.and_then(candidate),
        })
    }
}
