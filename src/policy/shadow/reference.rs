//! The reference in shadow: the Horizontal Pod Autoscaler of Kubernetes at a target of 70 %.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::plant::Plant;
use super::arm::{Moment, Record};
use crate::units::Timestamp;

/// The utilisation it aims at, and how far off it lets it be.
const TARGET: f64 = 0.7;
const TOLERANCE: f64 = 0.1;
/// A shrink goes no lower than the highest need within this time.
const STABILIZATION: Duration = Duration::from_secs(300);

/// What the reference would have done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reference {
    pub(super) plant: Plant,
    needs: VecDeque<(Timestamp, u32)>,
    pub(super) record: Record,
    #[serde(skip)]
    pub(super) served: u32,
}

impl Reference {
    pub(super) fn new(ready: u32) -> Self {
        let (needs, record) = (VecDeque::new(), Record::default());
        Self { plant: Plant::new(ready), needs, record, served: ready }
    }

    /// Lives through a moment.
    pub(super) fn live(&mut self, moment: &Moment) {
        let ready = self.plant.tick(moment.at);
        self.served = ready;
        let present = self.plant.wanted();
        let ratio = moment.load / f64::from(ready) / TARGET;
        let need = if (ratio - 1.0).abs() <= TOLERANCE {
            present
        } else {
            (f64::from(ready) * ratio).ceil() as u32
        };
        let need = need.min((2 * ready).max(ready + 4)).max(1);
        self.needs.push_back((moment.at, need));
        while self.needs.front().is_some_and(|(at, _)| moment.at.since(*at) >= STABILIZATION) {
            self.needs.pop_front();
        }
        let highest = self.needs.iter().map(|(_, need)| *need).max().unwrap_or(need);
        let size = if need > present { need } else { highest.min(present) };
        if size != present {
            self.plant.scale_to(size, moment.at, moment.delay);
        }
        self.record.observe(moment, ready, size != present, 1.0);
    }
}
