//! Situations for tests.

use std::time::Duration;

use super::{AlertSignal, Situation, Workload};
use crate::detect::Assessment;
use crate::promql::Freshness;
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
    Situation {
        at: START,
        target: "web/host1:9100,shop".into(),
        dimension,
        current: Some(Limit::At(current)),
        usage: Some(usage),
        peak: Some(usage),
        throttled_ratio: None,
        pressure_ratio: None,
        oom_kills: None,
        freshness: Freshness::Fresh,
        assessment: None,
        alerts: Vec::new(),
        workload: None,
        forecast: None,
    }
}

/// A quiet, fresh moment of a service with this many replicas, all of which serve, and this load;
/// one replica carries 10.
pub(crate) fn replicas(current: f64, load: f64) -> Situation {
    let ready = Some(current);
    let workload = Workload { ready, ..Workload::new(10.0, Duration::from_secs(120)) };
    Situation { workload: Some(workload), ..situation(Dimension::Replicas, current, load) }
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
