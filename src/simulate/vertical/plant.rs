//! What a container shows when it needs so much under such a limit.

use crate::target::Resource;

/// Memory waits from this share of its limit on.
const WAITS_FROM: f64 = 0.9;

/// What is measured of one moment. The recorded use is what is needed: it is shown whole, also where the
/// limit is below it, as the record does not say what the container would have done with less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Cores or bytes.
    pub usage: f64,
    /// Whether the limit is below the need: memory is killed, the CPU throttled.
    pub is_above: bool,
    /// CPU: the share of the need that the quota does not give.
    pub throttled_ratio: Option<f64>,
    /// The share of time in which some task waits: of the CPU the throttled one; of memory nothing below
    /// 90 % of the limit, a tenth at the limit, more above.
    pub pressure_ratio: f64,
    /// Memory: one where the limit is below the need.
    pub oom_kills: Option<f64>,
}

impl Moment {
    /// A need under a limit.
    pub fn of(resource: Resource, need: f64, limit: f64) -> Self {
        let is_above = need > limit;
        let missing = if is_above { (need - limit) / need } else { 0.0 };
        match resource {
            Resource::Cpu => Self {
                usage: need,
                is_above,
                throttled_ratio: Some(missing),
                pressure_ratio: missing,
                oom_kills: None,
            },
            Resource::Memory => Self {
                usage: need,
                is_above,
                throttled_ratio: None,
                pressure_ratio: (need / limit - WAITS_FROM).clamp(0.0, 1.0),
                oom_kills: Some(f64::from(u8::from(is_above))),
            },
        }
    }
}
