//! Who is compared: the policies of the product, and the oracle that no policy can beat.

use std::time::Duration;

use super::setting::{Net, Setting};
use crate::config::{Guard, Hpa, Policy, SafetyNet};
use crate::guard::GuardState;
use crate::policy::size::short;
use crate::policy::{self, Action, PolicyState, Proposal, Situation};
use crate::target::Dimension;

/// One that is compared.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// Its name in tables and files.
    pub name: String,
    /// How it chooses.
    pub chooser: Chooser,
    /// What its choices must pass.
    pub guard: Guard,
}

/// How a size is chosen.
#[derive(Clone, Debug)]
pub enum Chooser {
    /// By a policy, as the scaler does.
    Policy(Policy),
    /// By the load to come: as many replicas as are needed until new ones could serve. What it costs is
    /// the least that start-up delay and cooldown allow without anything missing.
    Oracle,
}

/// What forecasts are to a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It follows one, whatever was measured.
    Follows,
    /// It weighs them against what it sees itself.
    Weighs,
    /// It asks for none.
    Ignores,
}

/// The names of the HPA at other targets begin so.
pub(super) const FRONT_PREFIX: &str = "hpa@";

impl Contestant {
    /// The policy, behind a guard for replicas; `cooldown` is the guard's pause before a shrink unless
    /// the policy paces itself. `guard` counts instead where one is configured.
    pub fn new(policy: Policy, guard: Option<Guard>, cooldown: Duration) -> Self {
        let guard = guard.unwrap_or_else(|| {
            let guard = Guard::default_for(Dimension::Replicas, &policy);
            if policy.paces_itself() { guard } else { Guard { cooldown_down: cooldown, ..guard } }
        });
        Self { name: policy.name().to_owned(), chooser: Chooser::Policy(policy), guard }
    }

    /// The oracle, with this pause before a shrink.
    pub fn oracle(cooldown: Duration) -> Self {
        let threshold = Policy::default_for(Dimension::Replicas);
        let guard = Guard::default_for(Dimension::Replicas, &threshold);
        let guard = Guard { cooldown_down: cooldown, ..guard };
        Self { name: "oracle".to_owned(), chooser: Chooser::Oracle, guard }
    }

    /// The HPA at another target, in percent.
    pub fn hpa_at(target: u32) -> Self {
        let hpa = Hpa { target_ratio: f64::from(target) / 100.0, ..Hpa::default() };
        let contestant = Self::new(Policy::Hpa(hpa), None, Duration::ZERO);
        Self { name: format!("{FRONT_PREFIX}{target}"), ..contestant }
    }

    /// What forecasts are to it.
    pub fn foresight(&self) -> Role {
        match &self.chooser {
            Chooser::Policy(Policy::Shadow(_)) => Role::Weighs,
            Chooser::Policy(policy) if policy.safety_net().is_some() => Role::Follows,
            Chooser::Policy(_) | Chooser::Oracle => Role::Ignores,
        }
    }

    /// Whether it learns from what came before the test.
    pub(super) fn learns(&self) -> bool {
        self.foresight() == Role::Weighs
    }

    /// Takes in a moment before the test.
    pub(super) fn recall(&self, situation: &Situation, state: &mut PolicyState) {
        if let Chooser::Policy(policy) = &self.chooser {
            policy::recall(policy, situation, state);
        }
    }

    /// Whether it has a safety net of its own, as those have that follow a forecast.
    pub(super) fn has_net(&self) -> bool {
        self.own_net().is_some()
    }

    fn own_net(&self) -> Option<&SafetyNet> {
        match &self.chooser {
            Chooser::Policy(policy) => policy.safety_net(),
            Chooser::Oracle => None,
        }
    }

    /// What helps it.
    pub(super) fn net(&self, net: Net) -> Option<SafetyNet> {
        match (net, &self.chooser) {
            (Net::Off, _) | (_, Chooser::Oracle) => None,
            (Net::Forecasts, _) => self.own_net().cloned(),
            (Net::On, _) => Some(self.own_net().cloned().unwrap_or_default()),
        }
    }

    /// What it wants at sample `index`.
    pub(super) fn propose(
        &self,
        setting: &Setting,
        index: usize,
        situation: &Situation,
        state: &mut PolicyState,
    ) -> Proposal {
        match &self.chooser {
            Chooser::Policy(policy) => policy::propose(policy, situation, state),
            Chooser::Oracle => foreknown(setting, index, situation),
        }
    }
}

/// The most that is needed from now until a replica that is asked for now serves.
fn foreknown(setting: &Setting, index: usize, situation: &Situation) -> Proposal {
    let until = index.saturating_add(setting.delay_steps()).min(setting.load.values.len() - 1);
    let loads = setting.load.values.get(index..=until).unwrap_or_default();
    let needs = loads.iter().filter(|load| !load.is_nan()).map(|load| setting.need(*load));
    let present = situation.limit().and_then(|limit| limit.value());
    let (Some(most), Some(present)) = (needs.max().map(f64::from), present) else {
        return Proposal { action: Action::NoScaling, desired: None, reasons: Vec::new() };
    };
    let action = match most.total_cmp(&present) {
        std::cmp::Ordering::Greater => Action::ScaleUp,
        std::cmp::Ordering::Less => Action::ScaleDown,
        std::cmp::Ordering::Equal => Action::NoScaling,
    };
    let reasons = vec![format!("{} will be needed", short(most, 0))];
    Proposal { action, desired: Some(most), reasons }
}

/// What a contestant remembers from decision to decision.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) policy: PolicyState,
    pub(super) guard: GuardState,
}
