//! The reference in shadow: the Horizontal Pod Autoscaler of Kubernetes at a target of 70 %, by the function
//! that is the policy `hpa`.

use serde::{Deserialize, Serialize};

use super::arm::{Moment, Record};
use crate::config::Hpa;
use crate::policy::plant::Plant;
use crate::policy::{Situation, Workload, hpa};
use crate::promql::Freshness;
use crate::target::Dimension;
use crate::units::Limit;

/// What the reference would have done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reference {
    pub(super) plant: Plant,
    pub(super) record: Record,
    state: Option<Box<hpa::State>>,
}

impl Reference {
    pub(super) fn new(ready: u32) -> Self {
        Self { plant: Plant::new(ready), record: Record::default(), state: None }
    }

    /// Lives through a moment.
    pub(super) fn live(&mut self, moment: &Moment) {
        let ready = self.plant.tick(moment.at);
        let present = self.plant.wanted();
        let situation = situation(moment, ready, present);
        let wanted = hpa::propose(&Hpa::default(), &situation, &mut self.state).desired;
        let size = wanted.map_or(present, |size| size as u32);
        if size != present {
            self.plant.scale_to(size, moment.at, moment.delay);
        }
        self.record.observe(moment, ready, size != present, 1.0);
    }
}

/// What the reference would have seen.
fn situation(moment: &Moment, ready: u32, present: u32) -> Situation {
    let workload = Workload {
        capacity: moment.capacity,
        ready: Some(f64::from(ready)),
        startup_delay: moment.delay,
        latency_seconds: None,
        cpu_ratio: None,
        memory_ratio: None,
        error_ratio: None,
    };
    Situation {
        at: moment.at,
        target: "reference".into(),
        dimension: Dimension::Replicas,
        current: Some(Limit::At(f64::from(present))),
        usage: Some(moment.load),
        peak: None,
        throttled_ratio: None,
        pressure_ratio: None,
        oom_kills: None,
        freshness: Freshness::Fresh,
        assessment: None,
        alerts: Vec::new(),
        workload: Some(workload),
        forecast: None,
    }
}
