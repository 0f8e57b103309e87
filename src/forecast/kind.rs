//! The names of the models.

#[cfg(feature = "neural")]
use super::neural;
use super::{Forecaster, Task, additive, naive};

/// A model by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The newest sample.
    Naive,
    /// Trend, seasons, events, and what is left of them now.
    Prophet,
    /// A memory of the last 60 samples.
    #[cfg(feature = "neural")]
    Lstm,
    /// Convolutions and a memory of the last 12 samples.
    #[cfg(feature = "neural")]
    LstmCnn,
}

/// The models of the feature `neural`.
#[cfg(not(feature = "neural"))]
const NEURAL: [&str; 2] = ["lstm", "lstm_cnn"];

impl Kind {
    /// Every model of this build.
    pub const ALL: [Self; 2 + 2 * cfg!(feature = "neural") as usize] = [
        Self::Naive,
        Self::Prophet,
        #[cfg(feature = "neural")]
        Self::Lstm,
        #[cfg(feature = "neural")]
        Self::LstmCnn,
    ];

    /// The name on the command line, in the configuration, in labels and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Prophet => "prophet",
            #[cfg(feature = "neural")]
            Self::Lstm => neural::Architecture::Lstm.name(),
            #[cfg(feature = "neural")]
            Self::LstmCnn => neural::Architecture::LstmCnn.name(),
        }
    }

    /// The model of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The cargo feature that the model of this name needs, where this build lacks it.
    pub fn lacking(name: &str) -> Option<&'static str> {
        #[cfg(not(feature = "neural"))]
        if NEURAL.contains(&name) {
            return Some("neural");
        }
        let _ = name;
        None
    }

    /// A model that has learnt nothing yet.
    pub fn model(self, task: &Task) -> Box<dyn Forecaster> {
        match self {
            Self::Naive => Box::new(naive::Naive::new(task)),
            Self::Prophet => Box::new(additive::Prophet::new(task)),
            #[cfg(feature = "neural")]
            Self::Lstm => Box::new(neural::Neural::new(neural::Architecture::Lstm, task)),
            #[cfg(feature = "neural")]
            Self::LstmCnn => Box::new(neural::Neural::new(neural::Architecture::LstmCnn, task)),
        }
    }
}
