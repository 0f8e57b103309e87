//! What is the same for all that are compared.

use std::time::Duration;

use crate::forecast::Series;
use crate::target::{Dimension, Resource};

/// What is not scored where nothing else is said, and the use is longer: a policy learns.
const UNSCORED: Duration = Duration::from_secs(3 * 86_400);
/// The first limit: so many times the most of the first day.
const INITIAL_FACTOR: f64 = 1.2;
const DAY: Duration = Duration::from_secs(86_400);

/// What is the same for all that are compared.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What is used: cores or bytes.
    pub usage: Series,
    /// What of it is limited.
    pub resource: Resource,
    /// The index of the first sample that is scored. Those before it are played, too.
    pub score_from: usize,
    /// How many samples lie between two decisions; not zero.
    pub every: usize,
    /// The limit at the start.
    pub initial: f64,
}

impl Setting {
    /// The use with a decision at every sample: scored from the fourth day on, and begun with 1.2 times
    /// the most of its first day.
    pub fn new(usage: Series, resource: Resource) -> Self {
        let unscored = usage.before(usage.start.plus(UNSCORED));
        let score_from = if unscored < usage.values.len() { unscored } else { 0 };
        let day = usage.before(usage.start.plus(DAY));
        let most = most(usage.values.get(..day).unwrap_or_default());
        let initial = most.unwrap_or_default().max(f64::MIN_POSITIVE) * INITIAL_FACTOR;
        Self { usage, resource, score_from, every: 1, initial }
    }

    /// What is sized.
    pub fn dimension(&self) -> Dimension {
        match self.resource {
            Resource::Cpu => Dimension::Cpu,
            Resource::Memory => Dimension::Memory,
        }
    }

    /// The least constant limit that nothing of what is scored is above.
    pub fn clairvoyant(&self) -> Option<f64> {
        most(self.usage.values.get(self.score_from..).unwrap_or_default())
    }
}

/// The highest of the known values, if it is above zero.
fn most(values: &[f64]) -> Option<f64> {
    values.iter().copied().filter(|value| *value > 0.0).reduce(f64::max)
}
