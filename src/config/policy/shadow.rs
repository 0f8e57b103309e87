//! The default policy: candidate rules in shadow, the best of which is obeyed.

use serde::{Deserialize, Serialize};

use super::ShadowLimits;

/// Keep services in shadow, one for each way of obeying some thirty rules and one for the reference
/// autoscaler, and obey the one with the best record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shadow {
    /// What the best record is.
    pub aim: Aim,
    /// `slo`: the share of the time in which the load may be more than the replicas carry, in (0, 1).
    pub short_ratio: f64,
    /// `slo`: how many times the replicas of the reference a rule may take, for whatever it promises.
    pub max_cost_ratio: f64,
    /// `price`: what one needed replica that is missing for a minute costs, in replica-minutes.
    pub short_price: f64,
    /// What counts where it sizes the limits of one container; the keys above are of replicas.
    pub limits: ShadowLimits,
}

impl Default for Shadow {
    fn default() -> Self {
        Self {
            aim: Aim::Match,
            short_ratio: 0.005,
            max_cost_ratio: 1.45,
            short_price: 20.0,
            limits: ShadowLimits::default(),
        }
    }
}

/// What a rule is judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// Cheaper than the reference, and short no more often.
    #[default]
    Match,
    /// The cheapest that is short in no more than `short_ratio` of the time.
    Slo,
    /// The cheapest where being short costs `short_price`.
    Price,
}

impl Aim {
    /// The name of the policy with this aim, in `--policies` and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Match => "default",
            Self::Slo => "slo",
            Self::Price => "price",
        }
    }
}
