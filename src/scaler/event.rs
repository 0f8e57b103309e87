//! What an engine is told. Whatever changes it is an [`Event`], so that a recording of all of them is
//! enough to take the same decisions again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::engine::{Change, Engine, Lesson, RuleSettings, Standing};
use super::observed::Observed;
use crate::config::{Detection, Forecast};
use crate::detect::DetectError;
use crate::forecast::Series;
use crate::guard::Decision;
use crate::policy::AlertSignal;
use crate::target::{Dimension, Target, TargetId};
use crate::units::{Limit, Timestamp};

/// One thing that an engine is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A process begins: what was known before is gone.
    Start {
        /// How the unusual is found.
        detection: Detection,
        /// What is forecast.
        forecast: Forecast,
        /// How many ticks a window remembers.
        rows: usize,
    },
    /// Settings come into force.
    Rules(Vec<(Arc<str>, RuleSettings)>),
    /// A rule gets the models that were saved.
    Models {
        /// The rule.
        rule: Arc<str>,
        /// The file, in base64.
        file: String,
    },
    /// A change of before the start is remembered.
    Remember(Change),
    /// A row of the past.
    Recall {
        /// The rule.
        rule: Arc<str>,
        /// What was seen of one target.
        observed: Observed,
    },
    /// The past of what is forecast.
    Learn {
        /// Of which target.
        target: TargetId,
        /// In which dimension.
        dimension: Dimension,
        /// When its first step began.
        start: Timestamp,
        /// The length of a step.
        #[serde(with = "crate::units::duration")]
        step: Duration,
        /// The mean of each step; `None` where nothing was measured.
        values: Vec<Option<f64>>,
    },
    /// A policy begins to learn from the past.
    Enrol(TargetId, Dimension),
    /// A policy has learnt from the past.
    School(Lesson),
    /// A moment at which a rule is decided.
    Tick {
        /// The rule.
        rule: Arc<str>,
        /// The moment.
        at: Timestamp,
        /// What was seen of each target.
        observed: Vec<Observed>,
        /// What stands besides.
        standing: Stood,
    },
    /// A change was made and read back.
    Confirm(Change, Limit<f64>),
    /// Somebody else has set a size.
    Adopt {
        /// Of which target.
        target: TargetId,
        /// In which dimension.
        dimension: Dimension,
        /// The size that was read.
        size: Limit<f64>,
        /// When.
        at: Timestamp,
    },
}

/// The alerts and pauses of one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stood {
    /// The alerts of each target and dimension that has any.
    pub alerts: BTreeMap<TargetId, BTreeMap<Dimension, Vec<AlertSignal>>>,
    /// The paused targets.
    pub paused: BTreeSet<TargetId>,
}

impl Standing for Stood {
    fn alerts(&self, target: &Target, dimension: Dimension) -> Vec<AlertSignal> {
        let of_target = self.alerts.get(&target.id);
        of_target.and_then(|alerts| alerts.get(&dimension)).cloned().unwrap_or_default()
    }

    fn paused(&self, target: &TargetId) -> bool {
        self.paused.contains(target)
    }
}

impl Event {
    /// The models of `rule` as they stand in a file.
    pub fn models(rule: Arc<str>, bytes: &[u8]) -> Self {
        Self::Models { rule, file: BASE64_STANDARD.encode(bytes) }
    }

    /// Tells it to `engine`. Only a tick leads to decisions.
    ///
    /// # Errors
    /// Settings or models that cannot be used; then nothing has changed.
    pub fn tell(self, engine: &mut Engine) -> Result<Vec<Decision>, DetectError> {
        match self {
            Self::Start { detection, forecast, rows } => {
                *engine = Engine::new(detection, forecast, rows);
            }
            Self::Rules(rules) => engine.set_rules(rules)?,
            Self::Models { rule, file } => {
                let damaged =
                    |_| DetectError::Damaged { kind: "model", reason: "it is not in base64" };
                let bytes = BASE64_STANDARD.decode(file).map_err(damaged)?;
                engine.load_models(&rule, &bytes)?;
            }
            Self::Remember(change) => engine.remember(&change),
            Self::Recall { rule, observed } => engine.recall(&rule, observed),
            Self::Learn { target, dimension, start, step, values } => {
                let values = values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect();
                // A past without a value teaches nothing; what comes will.
                let _ = engine.learn(&target, dimension, &Series { start, step, values });
            }
            Self::Enrol(target, dimension) => engine.enrol(&target, dimension),
            Self::School(lesson) => engine.graduate(lesson.learn()),
            Self::Tick { rule, at, observed, standing } => {
                return Ok(engine.tick(&rule, at, observed, &standing));
            }
            Self::Confirm(change, size) => engine.confirm(&change, size),
            Self::Adopt { target, dimension, size, at } => {
                engine.adopt(&target, dimension, size, at);
            }
        }
        Ok(Vec::new())
    }
}
