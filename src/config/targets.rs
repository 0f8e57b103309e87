//! Which containers are watched, by which signals, and within which bounds they may be moved.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Guard, Policy};
use crate::target::{Dimension, Mode, Signal};
use crate::units::duration;

/// One rule of `targets`: a query that finds containers, and what may be done with them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetRule {
    /// A name, unique in the file; it begins the ids of the rule's targets.
    pub name: String,
    /// An instant vector selector; each series it returns is a target. Its samples' time stamps
    /// tell how old the data are.
    #[serde(default = "TargetRule::default_discover")]
    pub discover: String,
    /// The labels that tell the containers apart: one target is one container. Where two containers
    /// share them (one was made anew), the one with the newest sample is the target.
    #[serde(default = "TargetRule::default_identity")]
    pub identity: Vec<String>,
    /// Queries that replace a standard one. Each must return one series a target with the identity labels.
    #[serde(default)]
    pub signals: BTreeMap<Signal, String>,
    /// The mode; `global.mode` where none is named.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// How the targets are reached. Needed in the mode `enforce`.
    #[serde(default)]
    pub actuator: Option<ActuatorKind>,
    /// What may be moved, and how far.
    #[serde(default)]
    pub scale: BTreeMap<Dimension, Scale>,
    /// A policy of this rule's own.
    #[serde(default)]
    pub policy: Option<Policy>,
    /// A guard of this rule's own.
    #[serde(default)]
    pub guard: Option<Guard>,
    /// What its replicas carry. Needed where `scale` names `replicas`.
    #[serde(default)]
    pub workload: Option<WorkloadRule>,
}

/// What the replicas of a rule's targets carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadRule {
    /// The load that one replica carries, in the unit of the signal `load`.
    pub capacity: f64,
    /// How long a new replica takes until it serves.
    #[serde(with = "duration", default = "WorkloadRule::default_startup_delay")]
    pub startup_delay: Duration,
}

impl WorkloadRule {
    fn default_startup_delay() -> Duration {
        Duration::from_secs(120)
    }
}

impl TargetRule {
    /// The rule of this name with every default.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            discover: Self::default_discover(),
            identity: Self::default_identity(),
            signals: BTreeMap::new(),
            mode: None,
            actuator: None,
            scale: BTreeMap::new(),
            policy: None,
            guard: None,
            workload: None,
        }
    }

    fn default_discover() -> String {
        r#"container_last_seen{name!=""}"#.to_owned()
    }

    fn default_identity() -> Vec<String> {
        vec!["instance".to_owned(), "name".to_owned()]
    }
}

/// How a target's limits are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActuatorKind {
    /// The kernel's files, by the label `id`.
    Cgroup,
    /// The Docker Engine's API, by the label `name`.
    Docker,
    /// LXC, by the label `name`: the running container and its configuration file.
    Lxc,
}

/// How far one dimension may be moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// The smallest size: cores, or bytes (a number, or as in `64MiB`).
    #[serde(with = "crate::units::amount")]
    pub min: f64,
    /// The largest size.
    #[serde(with = "crate::units::amount")]
    pub max: f64,
}
