//! The names of the models.

use super::{Forecaster, Task, additive, naive};

/// A model by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The newest sample.
    Naive,
    /// Trend, seasons, events, and what is left of them now.
    Prophet,
}

impl Kind {
    /// Every model of this build.
    pub const ALL: [Self; 2] = [Self::Naive, Self::Prophet];

    /// The name on the command line, in the configuration, in labels and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Prophet => "prophet",
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
        }
    }
}
