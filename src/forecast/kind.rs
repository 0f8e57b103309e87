//! The names of the models.

use super::damped::Damped;
use super::holt_winters::HoltWinters;
use super::mstl::Mstl;
use super::naive::Naive;
use super::seasonal::Seasonal;
use super::task::{DAY, WEEK};
use super::{Forecaster, Task, additive, trees};

/// A model by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The newest sample.
    Naive,
    /// The sample of the same time a day before.
    SeasonalDay,
    /// The sample of the same time a week before.
    SeasonalWeek,
    /// A day before, and what is left of the present difference from it.
    SeasonalDayAr1,
    /// A week before, and what is left of the present difference from it.
    SeasonalWeekAr1,
    /// Exponential smoothing with a damped trend: ETS(A,Ad,N).
    Ets,
    /// Additive Holt-Winters with the course of a day.
    HoltWinters,
    /// The course of a day by local regressions, the rest by [`Kind::Ets`].
    Mstl,
    /// Trend, seasons, events, and what is left of them now.
    Prophet,
    /// Gradient boosting of quantiles.
    Boosting,
    /// A random forest with the errors of the last days.
    RandomForest,
}

impl Kind {
    /// Every model of this build.
    pub const ALL: [Self; 11] = [
        Self::Naive,
        Self::SeasonalDay,
        Self::SeasonalWeek,
        Self::SeasonalDayAr1,
        Self::SeasonalWeekAr1,
        Self::Ets,
        Self::HoltWinters,
        Self::Mstl,
        Self::Prophet,
        Self::Boosting,
        Self::RandomForest,
    ];

    /// The models whose update costs the same however long the history, and whose fit takes milliseconds.
    pub const CHEAP: [Self; 8] = [
        Self::Naive,
        Self::SeasonalDay,
        Self::SeasonalWeek,
        Self::SeasonalDayAr1,
        Self::SeasonalWeekAr1,
        Self::Ets,
        Self::HoltWinters,
        Self::Mstl,
    ];

    /// Whether it is one of [`Kind::CHEAP`].
    pub fn is_cheap(self) -> bool {
        Self::CHEAP.contains(&self)
    }

    /// The name on the command line, in the configuration, in labels and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::SeasonalDay => "seasonal_naive_day",
            Self::SeasonalWeek => "seasonal_naive_week",
            Self::SeasonalDayAr1 => "seasonal_ar1_day",
            Self::SeasonalWeekAr1 => "seasonal_ar1_week",
            Self::Ets => "ets",
            Self::HoltWinters => "holt_winters",
            Self::Mstl => "mstl",
            Self::Prophet => "prophet",
            Self::Boosting => "boosting",
            Self::RandomForest => "random_forest",
        }
    }

    /// The model of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// A model that has learnt nothing yet.
    pub fn model(self, task: &Task) -> Box<dyn Forecaster> {
        let name = self.name();
        match self {
            Self::Naive => Box::new(Naive::new(task)),
            Self::SeasonalDay => Box::new(Seasonal::new(name, task, DAY, false)),
            Self::SeasonalWeek => Box::new(Seasonal::new(name, task, WEEK, false)),
            Self::SeasonalDayAr1 => Box::new(Seasonal::new(name, task, DAY, true)),
            Self::SeasonalWeekAr1 => Box::new(Seasonal::new(name, task, WEEK, true)),
            Self::Ets => Box::new(Damped::new(task)),
            Self::HoltWinters => Box::new(HoltWinters::new(task)),
            Self::Mstl => Box::new(Mstl::new(task)),
            Self::Prophet => Box::new(additive::Prophet::new(task)),
            Self::Boosting => trees::boosting(task),
            Self::RandomForest => trees::random_forest(task),
        }
    }
}
