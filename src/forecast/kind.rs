//! The names of the models.

use super::damped::Damped;
use super::holt_winters::HoltWinters;
use super::mstl::Mstl;
use super::naive::Naive;
#[cfg(feature = "neural")]
use super::neural::{Architecture, Neural};
use super::seasonal::Seasonal;
use super::task::{DAY, WEEK};
use super::{Forecaster, Task, additive, trees};
use crate::config;

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
    /// A memory of the last 60 samples.
    #[cfg(feature = "neural")]
    Lstm,
    /// Convolutions and a memory of the last 12 samples.
    #[cfg(feature = "neural")]
    LstmCnn,
}

impl Kind {
    /// Every model of this build, in the order in which they are declared: the cheapest to fit first.
    pub const ALL: [Self; 11 + 2 * cfg!(feature = "neural") as usize] = [
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
        #[cfg(feature = "neural")]
        Self::Lstm,
        #[cfg(feature = "neural")]
        Self::LstmCnn,
    ];

    /// The models whose update costs the same however long the history, and whose fit takes milliseconds.
    pub const CHEAP: &'static [Self] = Self::up_to(Self::Mstl);

    /// The models that are weighed against each other where nothing else is asked for: all but those whose
    /// fit costs many times that of boosting.
    pub const AUTO: &'static [Self] = Self::up_to(Self::Boosting);

    const fn up_to(last: Self) -> &'static [Self] {
        const ALL: &[Kind] = &Kind::ALL;
        ALL.split_at(last as usize + 1).0
    }

    /// Whether it is one of [`Kind::CHEAP`].
    pub fn is_cheap(self) -> bool {
        Self::CHEAP.contains(&self)
    }

    /// Whether it reckons with the events of its task.
    pub fn knows_events(self) -> bool {
        self == Self::Prophet
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
            Self::Prophet => config::Event::MODEL,
            Self::Boosting => "boosting",
            Self::RandomForest => "random_forest",
            #[cfg(feature = "neural")]
            Self::Lstm => Architecture::Lstm.name(),
            #[cfg(feature = "neural")]
            Self::LstmCnn => Architecture::LstmCnn.name(),
        }
    }

    /// The model of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The cargo feature that the model of this name needs, where this build lacks it.
    pub fn lacking(name: &str) -> Option<&'static str> {
        config::Forecast::lacking(name)
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
            #[cfg(feature = "neural")]
            Self::Lstm => Box::new(Neural::new(Architecture::Lstm, task)),
            #[cfg(feature = "neural")]
            Self::LstmCnn => Box::new(Neural::new(Architecture::LstmCnn, task)),
        }
    }
}
