//! The names of the models.

use super::{Forecaster, Task, naive};

/// A model by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The newest sample.
    Naive,
}

impl Kind {
    /// Every model of this build.
    pub const ALL: [Self; 1] = [Self::Naive];

    /// The name on the command line, in the configuration, in labels and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
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
        }
    }
}
