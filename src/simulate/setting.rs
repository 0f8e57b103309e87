//! What is the same for all that are compared.

use std::time::Duration;

use crate::config::Scale;
use crate::forecast::Series;

/// How much of what came before the test policies learn from.
const SCHOOL: Duration = Duration::from_secs(28 * 86_400);

/// What is the same for all that are compared.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The load, training part included.
    pub load: Series,
    /// The index of the first sample that is played; those before it are known beforehand.
    pub test_from: usize,
    /// The load that one replica carries.
    pub capacity: f64,
    /// How long a new replica takes until it serves. Without a delay a decision shows in its own row.
    pub startup_delay: Duration,
    /// The time between two decisions, in samples.
    pub every: usize,
    /// How far replicas may go.
    pub bounds: Scale,
    /// Replicas at the start.
    pub initial: u32,
    /// Whom the safety net helps.
    pub net: Net,
    /// What a replica costs an hour.
    pub price: f64,
    /// How long a request takes once it is its turn.
    pub service_time: Duration,
    /// An answer that takes longer violates the objective.
    pub objective: Duration,
}

/// Whom the safety net helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Net {
    /// Every policy.
    On,
    /// None.
    Off,
    /// Those that follow a forecast, for which it was invented.
    Forecasts,
}

impl Setting {
    /// How many samples pass until a new replica serves.
    pub fn delay_steps(&self) -> usize {
        let (delay, step) = (self.startup_delay.as_millis(), self.load.step.as_millis());
        usize::try_from(delay.div_ceil(step.max(1))).unwrap_or(usize::MAX)
    }

    /// Whether a decision counts for its own sample.
    pub fn acts_at_once(&self) -> bool {
        self.startup_delay.is_zero()
    }

    /// How many replicas carry `load`, and at least one.
    pub fn need(&self, load: f64) -> u32 {
        ((load / self.capacity).ceil() as u32).max(1)
    }

    /// The first sample that policies learn from before the test.
    pub(super) fn school(&self) -> usize {
        self.test_from.saturating_sub(self.load.steps(SCHOOL))
    }

    /// The samples that are played.
    pub fn test(&self) -> &[f64] {
        self.load.values.get(self.test_from..).unwrap_or_default()
    }
}
