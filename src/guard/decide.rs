//! The clips, in the order in which they are applied.
//!
//! A clip either moves the wanted size or holds the present one; after a hold nothing else is asked.
//! The configured bounds come first, so that everything after them speaks of a size that may be, and
//! last again, so that nothing leads out of them.

use super::{Clip, ClipReason, Decision, GuardState};
use crate::config::{self, Scale};
use crate::policy::size::{describe, finest, percent};
use crate::policy::{Action, Proposal, Situation, known};
use crate::target::{Dimension, Mode};
use crate::units::{Limit, duration};

/// What of a proposal may be done. The state is that of this target and dimension; this call adds the
/// tick's need to it. `bounds` are `targets[].scale` of the dimension.
///
/// A proposal without a size moves nothing, and in the mode `enforce` nothing moves without bounds.
/// A decision that moves ends within them.
pub fn decide(
    guard: &config::Guard,
    bounds: Option<&Scale>,
    mode: Mode,
    paused: bool,
    situation: &Situation,
    proposal: Proposal,
    state: &mut GuardState,
) -> Decision {
    let current = situation.limit();
    let wanted = proposal.desired.filter(|size| size.is_finite() && *size > 0.0);
    let mut draft = Draft::new(situation, current, proposal.action, wanted);
    if wanted.is_some() {
        draft.start_within(bounds);
    }
    let need = draft.size().filter(|_| wanted.is_some());
    let trusted = situation.freshness.allows_shrink();
    // An unusual moment says nothing about how little is needed.
    if draft.growth().is_some() || !trusted || !situation.anomalous() {
        state.record(guard, situation.at, current, need, trusted);
    }

    draft.hold_unreachable(guard);
    if paused {
        draft.hold(ClipReason::Paused, "the target is paused".to_owned());
    }
    if mode == Mode::Enforce && bounds.is_none() {
        let detail = format!("no bounds are configured for {}: it is watched", situation.dimension);
        draft.hold(ClipReason::Bounds, detail);
    }
    draft.hold_untrusted();
    draft.stabilize(guard, state);
    draft.cool_down(guard, state);
    draft.keep_step(guard);
    draft.keep_memory_floor(guard);
    draft.end_within(bounds, guard);
    draft.tolerate(guard, bounds);

    let desired = draft.desired.and_then(Limit::value);
    Decision {
        at: situation.at,
        target: situation.target.clone(),
        dimension: situation.dimension,
        mode,
        current,
        proposed: proposal.desired.filter(|size| size.is_finite()),
        desired,
        action: draft.direction(),
        reasons: proposal.reasons,
        clips: draft.clips,
        anomaly: situation.assessment.clone().filter(|a| a.anomalous || a.is_alert()),
    }
}

/// A decision in the making.
struct Draft<'a> {
    situation: &'a Situation,
    /// The limit in force; `None` where it is not known.
    current: Option<Limit<f64>>,
    /// What is left of the proposal. Equal to `current` where the present size is held.
    desired: Option<Limit<f64>>,
    clips: Vec<Clip>,
}

impl<'a> Draft<'a> {
    /// The proposal's size, as far as it agrees with its action.
    fn new(
        situation: &'a Situation,
        current: Option<Limit<f64>>,
        action: Action,
        wanted: Option<f64>,
    ) -> Self {
        let desired = match (current, wanted) {
            (None, wanted) => wanted.map(Limit::At),
            (current, None) => current,
            (Some(Limit::Max), Some(size)) => match action {
                Action::ScaleDown => Some(Limit::At(size)),
                Action::ScaleUp | Action::NoScaling => current,
            },
            (Some(Limit::At(present)), Some(size)) => Some(Limit::At(match action {
                Action::ScaleUp => size.max(present),
                Action::ScaleDown => size.min(present),
                Action::NoScaling => present,
            })),
        };
        Self { situation, current, desired, clips: Vec::new() }
    }

    /// The size wanted so far; `None` where it is "no limit" or not known.
    fn size(&self) -> Option<f64> {
        self.desired.and_then(Limit::value)
    }

    fn direction(&self) -> Action {
        match (self.current, self.desired) {
            (Some(current), Some(desired)) if desired > current => Action::ScaleUp,
            (Some(current), Some(desired)) if desired < current => Action::ScaleDown,
            _ => Action::NoScaling,
        }
    }

    /// The wanted size of a growth.
    fn growth(&self) -> Option<f64> {
        self.size().filter(|_| self.direction() == Action::ScaleUp)
    }

    /// The wanted size of a shrink. To introduce a limit is a shrink too.
    fn shrink(&self) -> Option<f64> {
        self.size().filter(|_| self.direction() == Action::ScaleDown)
    }

    /// The present size, where it is one.
    fn present(&self) -> Option<f64> {
        self.current.and_then(Limit::value)
    }

    /// Moves the wanted size.
    fn clip(&mut self, reason: ClipReason, to: f64, detail: String) {
        if let Some(from) = self.size().filter(|from| *from != to) {
            self.clips.push(Clip { reason, from, to, detail });
            self.desired = Some(Limit::At(to));
        }
    }

    /// Goes back to the present size, if the draft leads away from it. Where there is no limit, or none
    /// is known, the clip's two sizes are the same: that of the advice that is not followed.
    fn hold(&mut self, reason: ClipReason, detail: String) {
        if self.current.is_some() && self.direction() == Action::NoScaling {
            return;
        }
        if let Some(from) = self.size() {
            let to = self.present().unwrap_or(from);
            self.clips.push(Clip { reason, from, to, detail });
            self.desired = self.current;
        }
    }

    fn describe(&self, size: f64) -> String {
        describe(self.situation.dimension, size)
    }

    /// Bounds, the first time: the wanted size itself. A growth that they turn into a shrink is a hold.
    fn start_within(&mut self, bounds: Option<&Scale>) {
        let (Some(bounds), Some(size)) = (bounds, self.size()) else { return };
        let to = within(bounds, size);
        if self.growth().is_some() && self.present().is_some_and(|present| to < present) {
            let detail = format!("already above the maximum of {}", self.describe(bounds.max));
            return self.hold(ClipReason::Bounds, detail);
        }
        self.clip(ClipReason::Bounds, to, self.bounds_detail(bounds));
        if to <= 0.0 {
            self.hold(ClipReason::Bounds, "no container can run with nothing".to_owned());
        }
    }

    fn bounds_detail(&self, bounds: &Scale) -> String {
        format!("between {} and {}", self.describe(bounds.min), self.describe(bounds.max))
    }

    /// Nothing can be moved from a size that is not known, nor from "no limit" unless that is allowed.
    fn hold_unreachable(&mut self, guard: &config::Guard) {
        match self.current {
            None => self.hold(ClipReason::Unlimited, "the present limit is not known".to_owned()),
            Some(Limit::Max) if !guard.introduce_limits => {
                let detail = "there is no limit, and guard.introduce_limits is off".to_owned();
                self.hold(ClipReason::Unlimited, detail);
            }
            Some(_) => {}
        }
    }

    /// Freshness, anomaly and alerts: what the data allow in this direction.
    fn hold_untrusted(&mut self) {
        let freshness = self.situation.freshness;
        let allowed = match self.direction() {
            Action::ScaleUp => freshness.allows_growth(),
            Action::ScaleDown => freshness.allows_shrink(),
            Action::NoScaling => true,
        };
        if !allowed {
            self.hold(ClipReason::Freshness, format!("the data are {}", freshness.name()));
        }
        if self.shrink().is_none() {
            return;
        }
        if let Some(assessment) = self.situation.assessment.as_ref().filter(|a| a.anomalous) {
            let (score, threshold) = (assessment.score, assessment.threshold);
            let mut detail = format!("score {score:.3}, threshold {threshold:.3}");
            if !assessment.contributors.is_empty() {
                detail += &format!(", by {}", assessment.causes());
            }
            self.hold(ClipReason::Anomaly, detail);
        }
        let alerts: Vec<&str> =
            self.situation.standing_alerts().map(|alert| alert.alertname.as_str()).collect();
        if !alerts.is_empty() {
            let detail = format!("standing: {}", alerts.join(", "));
            self.hold(ClipReason::Alert, detail);
        }
    }

    /// As the Kubernetes HPA: a shrink goes no lower than the highest need of its window, a growth no
    /// higher than the lowest need of its own.
    fn stabilize(&mut self, guard: &config::Guard, state: &GuardState) {
        if let (Some(size), Some(highest)) = (self.shrink(), state.highest()) {
            let window = duration::format(guard.stabilization_down);
            match highest {
                Limit::Max => {
                    let detail = format!("the need of the last {window} is not wholly known");
                    self.hold(ClipReason::Stabilization, detail);
                }
                Limit::At(highest) => {
                    let to = self.present().map_or(highest, |present| highest.min(present));
                    let detail = format!("highest need of {window}: {}", self.describe(highest));
                    self.clip(ClipReason::Stabilization, to.max(size), detail);
                }
            }
        }
        if let (Some(size), Some(lowest)) = (self.growth(), state.lowest())
            && !self.urgent()
        {
            let window = duration::format(guard.stabilization_up);
            let to = self.present().map_or(lowest, |present| lowest.max(present));
            let detail = format!("lowest need of {window}: {}", self.describe(lowest));
            self.clip(ClipReason::Stabilization, to.min(size), detail);
        }
    }

    /// A growth after an OOM kill waits for nothing.
    fn urgent(&self) -> bool {
        self.situation.memory_kills() > 0.0
    }

    fn cool_down(&mut self, guard: &config::Guard, state: &GuardState) {
        let (last, pause) = match self.direction() {
            Action::ScaleUp if !self.urgent() => (state.last_growth, guard.cooldown_up),
            Action::ScaleDown => (state.last_change(), guard.cooldown_down),
            Action::ScaleUp | Action::NoScaling => return,
        };
        let Some(since) = last.map(|last| self.situation.at.since(last)) else { return };
        if since < pause {
            let (since, pause) = (duration::format(since), duration::format(pause));
            self.hold(ClipReason::Cooldown, format!("last change {since} ago, pause {pause}"));
        }
    }

    fn keep_step(&mut self, guard: &config::Guard) {
        let (Some(present), Some(size)) = (self.present(), self.size()) else { return };
        let finest = |size| finest(self.situation.dimension, size);
        let (to, ratio) = match self.direction() {
            Action::ScaleUp => {
                let most = finest(present * (1.0 + guard.max_growth_ratio)).max(present);
                (size.min(most), guard.max_growth_ratio)
            }
            Action::ScaleDown => {
                let least = finest(present * (1.0 - guard.max_shrink_ratio)).min(present);
                (size.max(least), guard.max_shrink_ratio)
            }
            Action::NoScaling => return,
        };
        self.clip(ClipReason::Step, to, format!("one decision moves at most {}", percent(ratio)));
    }

    /// The lowest memory limit that usage and peak allow. `Err` says why there is none.
    fn memory_floor(&self, guard: &config::Guard) -> Result<f64, &'static str> {
        if self.urgent() {
            return Err("processes were killed for lack of memory");
        }
        let usage = known(self.situation.usage).ok_or("the usage is not known")?;
        let peak = known(self.situation.peak).ok_or("the recent peak is not known")?;
        Ok((usage.max(peak) * (1.0 + guard.memory_margin_ratio)).ceil())
    }

    fn keep_memory_floor(&mut self, guard: &config::Guard) {
        let Some(size) = self.shrink() else { return };
        if self.situation.dimension != Dimension::Memory {
            return;
        }
        match self.memory_floor(guard) {
            Err(detail) => self.hold(ClipReason::MemoryFloor, detail.to_owned()),
            Ok(floor) => {
                let to = self.present().map_or(floor, |present| floor.min(present));
                let margin = percent(guard.memory_margin_ratio);
                let detail =
                    format!("working set and peak with {margin} margin: {}", self.describe(floor));
                self.clip(ClipReason::MemoryFloor, to.max(size), detail);
            }
        }
    }

    /// Bounds, the last time. Where they ask for less memory than its floor, the present size is held.
    fn end_within(&mut self, bounds: Option<&Scale>, guard: &config::Guard) {
        let (Some(bounds), Some(size)) = (bounds, self.size()) else { return };
        if self.direction() == Action::NoScaling {
            return;
        }
        self.clip(ClipReason::Bounds, within(bounds, size), self.bounds_detail(bounds));
        let Some(size) = self.shrink().filter(|_| self.situation.dimension == Dimension::Memory)
        else {
            return;
        };
        if self.memory_floor(guard).is_ok_and(|floor| size < floor) {
            let max = self.describe(bounds.max);
            let detail = format!("the maximum of {max} is below working set and peak with margin");
            self.hold(ClipReason::MemoryFloor, detail);
        }
    }

    /// A change too small to be worth one is not made, unless it reaches a bound or comes back into them.
    fn tolerate(&mut self, guard: &config::Guard, bounds: Option<&Scale>) {
        let (Some(present), Some(size)) = (self.present(), self.size()) else { return };
        let exempt = bounds.is_some_and(|bounds| {
            size == bounds.min || size == bounds.max || within(bounds, present) != present
        });
        let change = (size - present).abs() / present;
        // A change of exactly the tolerance is made, whatever the last bit of the division says.
        if !exempt && change < guard.tolerance_ratio - 1e-9 {
            let (change, least) = (percent(change), percent(guard.tolerance_ratio));
            self.hold(ClipReason::Tolerance, format!("a change of {change}, at least {least}"));
        }
    }
}

/// The nearest size within the bounds; where they contradict each other the maximum holds.
fn within(bounds: &Scale, size: f64) -> f64 {
    size.max(bounds.min).min(bounds.max)
}
