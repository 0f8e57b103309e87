//! A limit as the kernel's files hold it, and how they write it.

use std::fmt::Display;

use super::{ActuateError, Saved};
use crate::target::{Resource, TargetId};
use crate::units::Limit;

/// The smallest quota the kernel takes, in microseconds (`min_cfs_quota_period`).
const MIN_QUOTA_US: u64 = 1_000;

/// More than the kernel counts is no limit, as in v1's files.
const MOST_BYTES: u64 = 1 << 62;

/// What limits one resource of a group, as its files have it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum GroupLimit {
    /// Time on a CPU in each period, both in microseconds.
    Cpu { quota_us: Limit<u64>, period_us: u64 },
    /// Bytes; with swap (v1 `memory.memsw`, a sum) where the kernel counts it.
    Memory { bytes: Limit<u64>, with_swap_bytes: Option<Limit<u64>> },
}

impl GroupLimit {
    pub(super) fn resource(&self) -> Resource {
        match self {
            Self::Cpu { .. } => Resource::Cpu,
            Self::Memory { .. } => Resource::Memory,
        }
    }

    /// The same with another size: the period stays, and so does the room for swap.
    pub(super) fn with_size(&self, target: &TargetId, to: f64) -> Result<Self, ActuateError> {
        let refuse = |problem: String, advice: &str| {
            Err(ActuateError::lasting(target, format!("size {to}"), problem, advice))
        };
        if !to.is_finite() || to <= 0.0 {
            return refuse("expected a number above zero".to_owned(), "correct scale.min");
        }
        match *self {
            Self::Cpu { period_us, .. } => {
                let quota = (to * period_us as f64).round() as u64;
                if quota < MIN_QUOTA_US {
                    let least = MIN_QUOTA_US as f64 / period_us as f64;
                    return refuse(
                        format!(
                            "the kernel gives at least {least} cores in periods of {period_us} µs"
                        ),
                        "raise scale.cpu.min",
                    );
                }
                Ok(Self::Cpu { quota_us: Limit::At(quota), period_us })
            }
            Self::Memory { bytes, with_swap_bytes } => {
                let new = to.round() as u64;
                if new < page_bytes() || new >= MOST_BYTES {
                    return refuse(
                        "expected bytes, at least a page".to_owned(),
                        "correct scale.memory",
                    );
                }
                let with_swap_bytes = with_swap_bytes.map(|sum| match (sum, bytes) {
                    (Limit::At(sum), Limit::At(old)) => Limit::At(new + sum.saturating_sub(old)),
                    (Limit::At(sum), Limit::Max) => Limit::At(sum.max(new)),
                    (Limit::Max, _) => Limit::Max,
                });
                Ok(Self::Memory { bytes: Limit::At(new), with_swap_bytes })
            }
        }
    }
}

impl Saved for GroupLimit {
    fn size(&self) -> Limit<f64> {
        match *self {
            Self::Cpu { quota_us: Limit::At(quota), period_us } => {
                Limit::At(quota as f64 / period_us as f64)
            }
            Self::Memory { bytes: Limit::At(bytes), .. } => Limit::At(bytes as f64),
            Self::Cpu { quota_us: Limit::Max, .. } | Self::Memory { bytes: Limit::Max, .. } => {
                Limit::Max
            }
        }
    }

    fn grain(&self) -> f64 {
        match *self {
            // Half a microsecond more, for the arithmetic.
            Self::Cpu { period_us, .. } => 1.5 / period_us as f64,
            Self::Memory { .. } => page_bytes() as f64,
        }
    }
}

fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}

/// v2's `cpu.max`, as it is written.
pub(super) fn cpu_max(quota_us: Limit<u64>, period_us: u64) -> String {
    format!("{} {period_us}", or_max(quota_us))
}

/// v2's notation of a limit.
pub(super) fn or_max<N: Display>(limit: Limit<N>) -> String {
    limit.value().map_or("max".to_owned(), |n| n.to_string())
}

/// v1's notation of a limit.
pub(super) fn or_minus_one<N: Display>(limit: Limit<N>) -> String {
    limit.value().map_or("-1".to_owned(), |n| n.to_string())
}
