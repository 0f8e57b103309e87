//! What a policy of replicas learns from the past of a service.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Policy, WorkloadRule};
use crate::forecast::Series;
use crate::forecast::trees::short_term::{self, Question};
use crate::policy::{self, PolicyState, Situation, Workload};
use crate::target::TargetId;
use crate::units::Timestamp;

/// What boosting is first fitted to, so that the policy knows how good it is on all that follows.
const FIRST_FIT: Duration = Duration::from_secs(86_400);

/// The past of a service, and who is to learn from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    /// Which service.
    pub target: TargetId,
    /// Its policy.
    pub policy: Policy,
    /// What its replicas carry.
    pub workload: WorkloadRule,
    /// Whether boosting foresees the load.
    pub short_term: bool,
    /// When the first step began.
    pub start: Timestamp,
    /// The length of a step.
    #[serde(with = "crate::units::duration")]
    pub step: Duration,
    /// The mean load of each step; `None` where nothing was measured.
    pub values: Vec<Option<f64>>,
}

/// A policy that has lived through a past.
pub struct Graduate {
    pub(super) target: TargetId,
    pub(super) policy: PolicyState,
    pub(super) short_term: Option<short_term::Stream>,
}

impl Lesson {
    /// Lives through the past, step by step, as it would have come in. Boosting is fitted several times on
    /// the way, which takes seconds.
    pub fn learn(&self) -> Graduate {
        let Self { target, step, workload, .. } = self;
        let steps = Series { start: self.start, step: *step, values: Vec::new() };
        let first_fit = steps.steps(FIRST_FIT).min(self.values.len());
        let mut stream =
            self.short_term.then(|| short_term::Stream::new(*step, Question::of(workload)));
        let mut state = PolicyState::default();
        for (i, load) in self.values.iter().enumerate() {
            // A step is known when it is over.
            let known_at = steps.at(i + 1);
            if let Some(stream) = &mut stream {
                stream.observe(steps.at(i), *load);
                stream.observe(known_at, None);
                if i + 1 >= first_fit && stream.due() {
                    stream.refit();
                }
            }
            let Some(load) = load.filter(|load| load.is_finite()) else { continue };
            let workload = Workload::new(workload.capacity, workload.startup_delay);
            let forecast = stream.as_ref().and_then(|stream| stream.forecast());
            let situation = Situation {
                forecast: forecast.cloned(),
                ..Situation::of_load(known_at, target.clone(), load, workload)
            };
            policy::recall(&self.policy, &situation, &mut state);
        }
        Graduate { target: target.clone(), policy: state, short_term: stream }
    }
}
