//! What was seen of one target, in the engine's terms.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::promql::TargetReadings;
use crate::target::{Signal, Target};
use crate::units::Timestamp;
use crate::window::{Observation, Reading};

/// One target at one tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The target.
    pub target: Arc<Target>,
    /// Its signals.
    pub observation: Observation,
    /// When its newest sample was taken; `None` where there is none.
    pub sampled_at: Option<Timestamp>,
}

impl Observed {
    /// What Prometheus answered at the tick `at`.
    pub fn now(readings: TargetReadings, at: Timestamp) -> Self {
        let mut observation = Observation::empty(at);
        for signal in Signal::ALL {
            let i = signal.index();
            let reading = Reading { value: readings.values[i], freshness: readings.freshness[i] };
            observation.set(signal, reading);
        }
        let sampled_at = Some(at.minus(readings.sample_age));
        Self { target: readings.target, observation, sampled_at }
    }

    /// One row of the past; `None` where nothing was known.
    pub fn past(
        target: &Arc<Target>,
        at: Timestamp,
        row: Option<&[Option<f64>; Signal::COUNT]>,
    ) -> Option<Self> {
        let row = row.filter(|row| row.iter().any(Option::is_some))?;
        let mut observation = Observation::empty(at);
        for signal in Signal::ALL {
            observation.set(signal, row[signal.index()].map_or(Reading::EMPTY, Reading::fresh));
        }
        Some(Self { target: target.clone(), observation, sampled_at: Some(at) })
    }
}
