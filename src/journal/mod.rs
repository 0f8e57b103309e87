//! Write-ahead intents and the ledger: what survives `kill -9`.

mod error;
mod file;
mod ledger;
mod reconcile;
mod record;
mod suggestions;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::policy::Action;
use crate::target::{Dimension, Target};
use crate::units::{Limit, Timestamp};

pub use error::JournalError;
pub use file::Journal;
pub use ledger::Recovered;
pub use reconcile::{Reconcile, reconcile, same_size};
pub use record::{AlertEvent, AlertStatus, Pause, Record};
pub use suggestions::{Suggestion, SuggestionsLog};

/// A change that is about to be made. It is on disk before the world is touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Its number; unique within one journal, growing.
    pub id: u64,
    /// When it was written.
    pub at: Timestamp,
    /// The whole target, labels included: a restart must find the container without asking anyone.
    pub target: Target,
    /// What is moved.
    pub dimension: Dimension,
    /// The size it rests on.
    pub from: Limit<f64>,
    /// The size to be reached: absolute, so that doing it twice is doing it once.
    pub to: f64,
    /// Why, for a person.
    pub reason: String,
}

impl Intent {
    /// Whether it grows or shrinks. To introduce a limit is a shrink.
    pub fn direction(&self) -> Action {
        let to = Limit::At(self.to);
        if to > self.from {
            Action::ScaleUp
        } else if to < self.from {
            Action::ScaleDown
        } else {
            Action::NoScaling
        }
    }
}

/// What became of an intent, after reading the world back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum Outcome {
    /// The world has the wanted size (as the kernel rounds it).
    Applied {
        /// The size read back.
        size: Limit<f64>,
    },
    /// The change failed half-way or read back wrong, and the old size was restored.
    RolledBack {
        /// The size read back after the roll-back.
        size: Limit<f64>,
        /// What went wrong.
        error: String,
    },
    /// The change failed and the world's size is as said, or not known.
    Failed {
        /// The size read back; `None` where it could not be read.
        size: Option<Limit<f64>>,
        /// What went wrong.
        error: String,
    },
}
