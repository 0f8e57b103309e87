//! The rules: each names a limit by what was needed lately.

use super::level::Level;
use super::recent::{DAY, HOUR, Recent, WEEK};
use crate::policy::size::short;
use crate::target::Dimension;

const MEMORY_WINDOWS: [usize; 5] = [HOUR, 6 * HOUR, DAY, 3 * DAY, WEEK];
const MEMORY_MARGINS: [f64; 6] = [1.03, 1.1, 1.2, 1.35, 1.6, 2.0];
/// Of the margins, how many the same time of day has.
const SAME_TIME_MARGINS: usize = 5;
const CPU_WINDOWS: [usize; 4] = [HOUR, 6 * HOUR, DAY, 3 * DAY];
const CPU_LEVELS: [f64; 5] = [0.8, 0.9, 0.95, 0.99, 1.0];
const CPU_MARGINS: [f64; 3] = [1.05, 1.2, 1.5];
const SAME_TIME_DAYS: [usize; 3] = [1, 3, 7];
const SPREADS: [f64; 6] = [2.0, 3.0, 4.0, 6.0, 8.0, 12.0];

/// How a limit is named. Windows are in spans.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule {
    /// The peak of a window, times a margin.
    Peak { window: usize, margin: f64 },
    /// The peak of this time of day and of the last hour, times a margin.
    SameTime { days: usize, margin: f64 },
    /// A quantile of a window, times a margin.
    Quantile { window: usize, level: f64, margin: f64 },
    /// A smoothed level, plus so many spreads.
    Level { smoothing: f64, spreads: f64 },
}

/// The rules of a dimension; their order is that of the arms.
pub(super) fn rules(dimension: Dimension) -> Vec<Rule> {
    let mut rules = Vec::new();
    match dimension {
        Dimension::Memory => {
            for window in MEMORY_WINDOWS {
                rules.extend(MEMORY_MARGINS.map(|margin| Rule::Peak { window, margin }));
            }
            for days in SAME_TIME_DAYS {
                let margins = MEMORY_MARGINS.into_iter().take(SAME_TIME_MARGINS);
                rules.extend(margins.map(|margin| Rule::SameTime { days, margin }));
            }
        }
        Dimension::Cpu | Dimension::Replicas => {
            for window in CPU_WINDOWS {
                for level in CPU_LEVELS {
                    let of = |margin| Rule::Quantile { window, level, margin };
                    rules.extend(CPU_MARGINS.map(of));
                }
            }
            for days in SAME_TIME_DAYS {
                rules.extend(CPU_MARGINS.map(|margin| Rule::SameTime { days, margin }));
            }
            for smoothing in Level::SMOOTHING {
                rules.extend(SPREADS.map(|spreads| Rule::Level { smoothing, spreads }));
            }
        }
    }
    rules
}

/// The limits that the rules of a dimension name now, in their order.
pub(super) fn limits(dimension: Dimension, recent: &Recent, levels: &[Level]) -> Vec<f64> {
    let mut limits = Vec::new();
    match dimension {
        Dimension::Memory => {
            for window in MEMORY_WINDOWS {
                let peak = recent.peak(window);
                limits.extend(MEMORY_MARGINS.map(|margin| peak * margin));
            }
            for days in SAME_TIME_DAYS {
                let peak = recent.same_time(days);
                let margins = MEMORY_MARGINS.into_iter().take(SAME_TIME_MARGINS);
                limits.extend(margins.map(|margin| peak * margin));
            }
        }
        Dimension::Cpu | Dimension::Replicas => {
            for window in CPU_WINDOWS {
                for quantile in recent.quantiles(window, CPU_LEVELS) {
                    limits.extend(CPU_MARGINS.map(|margin| quantile * margin));
                }
            }
            for days in SAME_TIME_DAYS {
                let peak = recent.same_time(days);
                limits.extend(CPU_MARGINS.map(|margin| peak * margin));
            }
            for level in levels {
                limits.extend(SPREADS.map(|spreads| level.above(spreads)));
            }
        }
    }
    limits
}

impl Rule {
    /// The rule for a person.
    pub(super) fn describe(self) -> String {
        let margin = |margin| short(margin, 2);
        match self {
            Self::Peak { window, margin: m } => {
                format!("{} times the peak of {}", margin(m), time(window))
            }
            Self::SameTime { days: 1, margin: m } => {
                format!("{} times the peak of this time of day yesterday", margin(m))
            }
            Self::SameTime { days, margin: m } => {
                format!("{} times the peak of this time of day of {days} days", margin(m))
            }
            Self::Quantile { window, level, margin: m } => {
                let level = short(level * 100.0, 0);
                format!("{} times the {level}th percentile of {}", margin(m), time(window))
            }
            Self::Level { smoothing, spreads } => {
                let (smoothing, spreads) = (short(smoothing, 1), short(spreads, 0));
                format!("the level by {smoothing} plus {spreads} spreads")
            }
        }
    }
}

fn time(spans: usize) -> String {
    match (spans / DAY, spans / HOUR) {
        (0, 1) => "an hour".to_owned(),
        (0, hours) => format!("{hours} hours"),
        (1, _) => "a day".to_owned(),
        (days, _) => format!("{days} days"),
    }
}
