//! Situations for tests.

use std::time::Duration;

use super::{AlertSignal, Situation, Workload};
use crate::detect::Assessment;
use crate::target::Dimension;
use crate::units::{Limit, Timestamp};

/// 2026-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// A quiet, fresh moment of a container with this CPU quota and usage.
pub(crate) fn cpu(current: f64, usage: f64) -> Situation {
    situation(Dimension::Cpu, current, usage)
}

/// A quiet, fresh moment of a container with this memory limit and working set.
pub(crate) fn memory(current: f64, usage: f64) -> Situation {
    situation(Dimension::Memory, current, usage)
}

pub(crate) fn situation(dimension: Dimension, current: f64, usage: f64) -> Situation {
    Situation { dimension, peak: Some(usage), workload: None, ..replicas(current, usage) }
}

/// A quiet, fresh moment of a service with this many replicas, all of which serve, and this load;
/// one replica carries 10.
pub(crate) fn replicas(current: f64, load: f64) -> Situation {
    let ready = Some(current);
    let workload = Workload { ready, ..Workload::new(10.0, Duration::from_secs(120)) };
    let moment = Situation::of_load(START, "web/host1:9100,shop".into(), load, workload);
    Situation { current: Some(Limit::At(current)), ..moment }
}

/// The same moment, called unusual.
pub(crate) fn anomalous(situation: Situation) -> Situation {
    let assessment = Assessment {
        score: 0.71,
        alert_score: 0.71,
        threshold: 0.62,
        anomalous: true,
        contributors: Vec::new(),
    };
    Situation { assessment: Some(assessment), ..situation }
}

/// An alert that stands for a minute from [`START`] on.
pub(crate) fn alert(name: &str, weight: f64) -> AlertSignal {
    AlertSignal {
        alertname: name.to_owned(),
        fingerprint: format!("{name}-{weight}"),
        weight,
        expires_at: START.plus(Duration::from_secs(60)),
    }
}
