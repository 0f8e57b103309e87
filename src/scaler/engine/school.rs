//! What a policy learns from the past of what it sizes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::settings::{DimensionSettings, RuleSettings};
use crate::config::{Policy, WorkloadRule};
use crate::forecast::Series;
use crate::forecast::trees::short_term::{self, Question};
use crate::policy::{self, PolicyState, Situation, Workload};
use crate::target::{Dimension, TargetId};
use crate::units::Timestamp;

/// What boosting is first fitted to, so that the policy knows how good it is on all that follows.
const FIRST_FIT: Duration = Duration::from_secs(86_400);

/// The steps in which policies of limits learn.
const STEP_OF_LIMITS: Duration = Duration::from_secs(300);

/// The past of what is sized, and the policy that is to learn from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    /// Of which target.
    pub target: TargetId,
    /// What of it is sized.
    pub dimension: Dimension,
    /// The policy.
    pub policy: Policy,
    /// Of replicas, what they carry.
    pub workload: Option<WorkloadRule>,
    /// Whether boosting foresees the load; of replicas only.
    pub short_term: bool,
    /// When the first step began.
    pub start: Timestamp,
    /// The length of a step.
    #[serde(with = "crate::units::duration")]
    pub step: Duration,
    /// The usage in each step, of replicas the mean load; `None` where nothing was measured.
    pub values: Vec<Option<f64>>,
}

/// A policy that has lived through a past.
pub struct Graduate {
    pub(super) target: TargetId,
    pub(super) dimension: Dimension,
    pub(super) policy: PolicyState,
    pub(super) short_term: Option<short_term::Stream>,
}

impl Lesson {
    /// The lessons of a target under these settings, without the past to learn from.
    pub(super) fn of<'a>(
        target: &'a TargetId,
        settings: &'a RuleSettings,
        short_term: bool,
    ) -> impl Iterator<Item = Self> + 'a {
        let learns = |(_, of): &(&Dimension, &DimensionSettings)| of.policy.learns();
        settings.dimensions.iter().filter(learns).map(move |(dimension, of)| {
            let of_replicas = *dimension == Dimension::Replicas;
            Self {
                target: target.clone(),
                dimension: *dimension,
                policy: of.policy.clone(),
                workload: settings.workload.clone().filter(|_| of_replicas),
                short_term: short_term && of_replicas,
                start: Timestamp::default(),
                step: if of_replicas { settings.step } else { settings.step.max(STEP_OF_LIMITS) },
                values: Vec::new(),
            }
        })
    }

    /// Lives through the past, step by step, as it would have come in. Boosting is fitted several times on
    /// the way, which takes seconds.
    pub fn learn(&self) -> Graduate {
        let steps = Series { start: self.start, step: self.step, values: Vec::new() };
        let first_fit = steps.steps(FIRST_FIT).min(self.values.len());
        let question = self.workload.as_ref().filter(|_| self.short_term).map(Question::of);
        let mut stream = question.map(|question| short_term::Stream::new(self.step, question));
        let mut state = PolicyState::default();
        for (i, usage) in self.values.iter().enumerate() {
            // A step is known when it is over.
            let known_at = steps.at(i + 1);
            if let Some(stream) = &mut stream {
                stream.observe(steps.at(i), *usage);
                stream.observe(known_at, None);
                if i + 1 >= first_fit && stream.due() {
                    stream.refit();
                }
            }
            let Some(usage) = usage.filter(|usage| usage.is_finite()) else { continue };
            let forecast = stream.as_ref().and_then(|stream| stream.forecast());
            let situation =
                Situation { forecast: forecast.cloned(), ..self.situation(known_at, usage) };
            policy::recall(&self.policy, &situation, &mut state);
        }
        let (target, dimension) = (self.target.clone(), self.dimension);
        Graduate { target, dimension, policy: state, short_term: stream }
    }

    fn situation(&self, at: Timestamp, usage: f64) -> Situation {
        let target = self.target.clone();
        match &self.workload {
            Some(WorkloadRule { capacity, startup_delay }) => {
                Situation::of_load(at, target, usage, Workload::new(*capacity, *startup_delay))
            }
            None => Situation::of_usage(at, target, self.dimension, usage),
        }
    }
}
