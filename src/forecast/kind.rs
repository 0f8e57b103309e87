//! The names of the models.

use super::{Forecaster, Task, additive, naive, trees};

/// A model by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The newest sample.
    Naive,
    /// Trend, seasons, events, and what is left of them now.
    Prophet,
    /// Gradient boosting of quantiles.
    Boosting,
    /// A random forest with the errors of the last days.
    RandomForest,
}

impl Kind {
    /// Every model of this build.
    pub const ALL: [Self; 4] = [Self::Naive, Self::Prophet, Self::Boosting, Self::RandomForest];

    /// The name on the command line, in the configuration, in labels and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
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
        match self {
            Self::Naive => Box::new(naive::Naive::new(task)),
            Self::Prophet => Box::new(additive::Prophet::new(task)),
            Self::Boosting => trees::boosting(task),
            Self::RandomForest => trees::random_forest(task),
        }
    }
}
