//! Who is compared.

use std::time::Duration;

use super::setting::Setting;
use crate::config::{Guard, Policy, Shadow, ShadowLimits};
use crate::target::Dimension;

/// One that is compared.
#[derive(Clone, Debug)]
pub struct Player {
    /// Its name in tables and files.
    pub name: String,
    /// How it chooses.
    pub chooser: Chooser,
    /// What its choices must pass.
    pub guard: Guard,
}

/// How a limit is chosen.
#[derive(Clone, Debug)]
pub enum Chooser {
    /// By a policy, as the scaler does.
    Policy(Policy),
    /// The first one stays.
    Static,
    /// By all that is to come: the least constant limit that nothing is above.
    Clairvoyant,
}

/// How long `default_12h` leaves a limit before it lowers it.
const LONG_HOLD: Duration = Duration::from_secs(12 * 3600);

impl Player {
    /// Who is compared where nobody is named.
    pub fn names(dimension: Dimension) -> &'static [&'static str] {
        match dimension {
            Dimension::Memory => &[
                "default",
                "default_12h",
                "vpa",
                "autopilot_peak",
                "autopilot_p98",
                "autopilot_p60",
                "senpai",
                "threshold",
                "static",
                "clairvoyant",
            ],
            Dimension::Cpu | Dimension::Replicas => &[
                "default",
                "default_12h",
                "vpa",
                "autopilot_p95",
                "autopilot_p90",
                "threshold",
                "static",
                "clairvoyant",
            ],
        }
    }

    /// The player of this name, behind the guard that the scaler has for limits; `None` where no policy
    /// of this name sizes them.
    pub fn named(name: &str, dimension: Dimension) -> Option<Self> {
        let chooser = match name {
            "static" => Chooser::Static,
            "clairvoyant" => Chooser::Clairvoyant,
            "default_12h" => {
                let limits = ShadowLimits {
                    memory_hold: LONG_HOLD,
                    cpu_hold: LONG_HOLD,
                    ..ShadowLimits::default()
                };
                Chooser::Policy(Policy::Shadow(Shadow { limits, ..Shadow::default() }))
            }
            name => Chooser::Policy(Policy::named(name)?),
        };
        let player = Self::new(chooser, None, dimension)?;
        Some(Self { name: name.to_owned(), ..player })
    }

    /// A chooser behind `guard`, or behind the one that the scaler has for limits; `None` where it does
    /// not size them.
    pub fn new(chooser: Chooser, guard: Option<Guard>, dimension: Dimension) -> Option<Self> {
        let (name, guard) = match &chooser {
            Chooser::Policy(policy) if policy.supports(dimension) => {
                let guard = guard.unwrap_or_else(|| Guard::default_for(dimension, policy));
                (policy.name(), guard)
            }
            Chooser::Policy(_) => return None,
            Chooser::Static => ("static", Guard::default()),
            Chooser::Clairvoyant => ("clairvoyant", Guard::default()),
        };
        Some(Self { name: name.to_owned(), chooser, guard })
    }

    /// The limit at the start.
    pub(super) fn initial(&self, setting: &Setting) -> f64 {
        match self.chooser {
            Chooser::Clairvoyant => setting.clairvoyant().unwrap_or(setting.initial),
            Chooser::Policy(_) | Chooser::Static => setting.initial,
        }
    }
}
