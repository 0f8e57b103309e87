//! The candidate rules: what each takes for the highest load that is to be met one start-up from now.

use std::fmt;

use super::behavior::{Behavior, FINE, FINE_OF_FORECAST, OF_FORECAST, OF_LEVEL, OF_RATIO, OF_TIME};
use super::level::Outlook;
use crate::config::Aim;
use crate::forecast::Forecast;
use crate::policy::size::short;
use crate::units::Timestamp;

/// A way to look ahead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule {
    /// So many spreads above the level.
    Level(f64),
    /// So many spreads above the level and its usual rise at this time of the day.
    Season(f64),
    /// So many spreads above the level, and no less than the leaps at that minute of the hour.
    Phase(f64),
    /// The load at this utilisation.
    Ratio(f64),
    /// A quantile of the forecast, by its place in [`LEVELS`].
    Quantile(usize),
    /// So many of the forecast's own spreads above its median.
    Forecast(f64),
    /// The middle between so many spreads above the level, and as many of the forecast's own above its median.
    Mixed(f64),
    /// So many of the forecast's own spreads above its median, and no less than most of the leaps at that
    /// minute of the hour.
    Timed(f64),
}

use Rule::{Level, Mixed, Phase, Quantile, Ratio, Season, Timed};

/// Every rule.
pub(super) const RULES: [Rule; 36] = [
    Level(1.5),
    Level(2.0),
    Level(2.5),
    Level(3.0),
    Level(4.0),
    Level(6.0),
    Season(2.0),
    Season(2.5),
    Season(3.0),
    Season(4.0),
    Season(6.0),
    Level(8.0),
    Phase(1.5),
    Phase(4.0),
    Phase(6.0),
    Ratio(0.7),
    Ratio(0.75),
    Ratio(0.8),
    Ratio(0.85),
    Ratio(0.9),
    Quantile(1),
    Quantile(2),
    Rule::Forecast(1.5),
    Rule::Forecast(2.0),
    Rule::Forecast(2.5),
    Rule::Forecast(3.0),
    Rule::Forecast(4.0),
    Mixed(1.5),
    Mixed(2.0),
    Mixed(2.5),
    Mixed(3.0),
    Mixed(4.0),
    Timed(1.5),
    Timed(2.0),
    Timed(2.5),
    Timed(3.0),
];

/// What of a leap is met beside a forecast, which knows of the clock too.
const LEAP_SHARE: f64 = 0.7;

/// The levels of a forecast that the rules look at.
const LEVELS: [f64; 4] = [0.5, 0.9, 0.97, 0.99];
/// How many standard deviations above the middle each of them lies under a normal curve.
const DEVIATIONS: [f64; 4] = [0.0, 1.28, 1.88, 2.33];

/// The quantiles that a forecast tells at [`LEVELS`] of the time `then`, or of the next time after it;
/// `None` where it tells others.
pub(super) fn foreseen(forecast: &Forecast, then: Timestamp) -> Option<[f64; 4]> {
    let horizon = forecast.horizons.iter().find(|h| forecast.origin.plus(h.after) >= then)?;
    let mut values = [0.0; LEVELS.len()];
    for (value, level) in values.iter_mut().zip(LEVELS) {
        let place = forecast.levels.iter().position(|told| (told - level).abs() < 1e-9)?;
        *value = horizon.values.get(place).copied().filter(|value| value.is_finite())?;
    }
    Some(values)
}

/// What the rules look at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct View {
    /// The load now.
    pub(super) load: f64,
    /// The level and its spread.
    pub(super) outlook: Outlook,
    /// The usual rise at this time of the day.
    pub(super) rise: f64,
    /// The leap that is to be expected at that minute of the hour.
    pub(super) leap: Option<f64>,
    /// The quantiles that a model foresees.
    pub(super) foreseen: Option<[f64; 4]>,
}

impl Rule {
    /// The load that is to be met. A burst is met by every rule that does not follow the load anyway.
    pub(super) fn load(self, view: &View) -> f64 {
        let Outlook { level, spread, burst, .. } = view.outlook;
        let above = |spreads: f64| level + spreads * spread;
        let load = match (self, view.foreseen) {
            (Level(spreads), _) => above(spreads),
            (Season(spreads), _) => above(spreads) + view.rise,
            (Phase(spreads), _) => above(spreads).max(level + view.leap.unwrap_or(0.0)),
            (Ratio(utilisation), _) => return view.load / utilisation,
            (Quantile(place), Some(values)) => values[place],
            (Quantile(place), None) => above(DEVIATIONS[place]),
            (Rule::Forecast(spreads), Some(values)) => above_median(values, spreads),
            (Mixed(spreads), Some(values)) => {
                f64::midpoint(above(spreads), above_median(values, spreads))
            }
            (Timed(spreads), Some(values)) => {
                let leap = LEAP_SHARE * view.leap.unwrap_or(0.0);
                above_median(values, spreads).max(level + leap)
            }
            (Rule::Forecast(spreads) | Mixed(spreads) | Timed(spreads), None) => above(spreads),
        };
        load.max(burst.unwrap_or(0.0))
    }

    /// Whether it rests on a model's forecast.
    pub(super) fn foresees(self) -> bool {
        matches!(self, Quantile(_) | Rule::Forecast(_) | Mixed(_) | Timed(_))
    }

    /// How a service is moved that obeys it: each way is an arm.
    fn behaviors(self, aim: Aim) -> &'static [Behavior] {
        let counts_changes = aim == Aim::Match;
        match self {
            Level(_) if counts_changes => &OF_LEVEL,
            Season(_) | Phase(_) if counts_changes => &OF_TIME,
            Ratio(_) if counts_changes => &OF_RATIO,
            Level(_) | Season(_) | Phase(_) | Ratio(_) => &FINE,
            _ if counts_changes => &OF_FORECAST,
            Quantile(_) | Rule::Forecast(_) | Mixed(_) | Timed(_) => &FINE_OF_FORECAST,
        }
    }
}

/// So many of the forecast's own spreads above its median.
fn above_median([median, _, _, high]: [f64; 4], spreads: f64) -> f64 {
    median + spreads * (high - median) / DEVIATIONS[3]
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Level(spreads) => write!(f, "level+{spreads}"),
            Season(spreads) => write!(f, "season+{spreads}"),
            Phase(spreads) => write!(f, "phase+{spreads}"),
            Ratio(utilisation) => write!(f, "ratio{utilisation}"),
            Quantile(place) => write!(f, "forecast-p{}", short(LEVELS[*place] * 100.0, 0)),
            Rule::Forecast(spreads) => write!(f, "forecast+{spreads}"),
            Mixed(spreads) => write!(f, "mixed+{spreads}"),
            Timed(spreads) => write!(f, "timed+{spreads}"),
        }
    }
}

/// What an arm obeys, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Obedience {
    /// The rule's place among [`RULES`].
    pub(super) rule: usize,
    /// How the service is moved.
    pub(super) behavior: &'static Behavior,
}

/// What every arm obeys where this is aimed at, in the order of the arms.
pub(super) fn arms(aim: Aim) -> impl Iterator<Item = Obedience> {
    let of_rule = |(rule, behaviors): (usize, &'static [Behavior])| {
        behaviors.iter().map(move |behavior| Obedience { rule, behavior })
    };
    RULES.iter().map(move |rule| rule.behaviors(aim)).enumerate().flat_map(of_rule)
}

impl Obedience {
    /// Whether it rests on a model's forecast.
    pub(super) fn foresees(self) -> bool {
        RULES[self.rule].foresees()
    }
}

impl fmt::Display for Obedience {
    /// As in `level+2/3m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", RULES[self.rule], self.behavior.name())
    }
}
