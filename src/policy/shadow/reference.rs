//! The reference in shadow: the Horizontal Pod Autoscaler of Kubernetes at a target of 70 %, by the function
//! that is the policy `hpa`.

use serde::{Deserialize, Serialize};

use super::arm::{Moment, Record};
use crate::config::Hpa;
use crate::policy::plant::Plant;
use crate::policy::{Situation, Workload, hpa};
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
    let ready = Some(f64::from(ready));
    let workload = Workload { ready, ..Workload::new(moment.capacity, moment.delay) };
    let current = Some(Limit::At(f64::from(present)));
    let target = "reference".into();
    Situation { current, ..Situation::of_load(moment.at, target, moment.load, workload) }
}
