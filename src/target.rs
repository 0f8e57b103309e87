//! What is watched and moved: targets, their signals, the dimensions they can be scaled in.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The stable name of a target: the rule that found it and the values of its identity labels,
/// as in `web/host1:9100,checkout`. It survives a restart of the container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TargetId(Arc<str>);

impl TargetId {
    /// The id of the target that `rule` found with these identity label values, in the rule's order.
    pub fn new<'a>(rule: &str, identity: impl IntoIterator<Item = &'a str>) -> Self {
        let mut text = String::new();
        Self::write(&mut text, rule, identity);
        Self(text.into())
    }

    /// Puts the text of that id into `text`, for a look-up that makes no id.
    pub fn write<'a>(text: &mut String, rule: &str, identity: impl IntoIterator<Item = &'a str>) {
        text.clear();
        text.push_str(rule);
        text.push('/');
        for (place, value) in identity.into_iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            text.push_str(value);
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An id and its text have the same hash and order.
impl Borrow<str> for TargetId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for TargetId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Label names and values, sorted by name.
pub type Labels = BTreeMap<String, String>;

/// One thing that is scaled: a container, a service, a cgroup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its stable name.
    pub id: TargetId,
    /// The configured rule (`targets[].name`) that found it.
    pub rule: Arc<str>,
    /// All labels its discovery query returned; actuators find the container by them
    /// (`id` is the cgroup path, `name` the container's name).
    pub labels: Labels,
}

/// What of a target is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// The CPU quota, in cores.
    Cpu,
    /// The memory limit, in bytes.
    Memory,
    /// How many replicas there are.
    Replicas,
}

impl Dimension {
    /// Every dimension, in the order in which they are decided.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Replicas];

    /// The dimensions that are limits of one container.
    pub const LIMITS: [Self; 2] = [Self::Cpu, Self::Memory];

    /// The limit of one container that this is; `None` for a number of containers.
    pub const fn resource(self) -> Option<Resource> {
        match self {
            Self::Cpu => Some(Resource::Cpu),
            Self::Memory => Some(Resource::Memory),
            Self::Replicas => None,
        }
    }

    /// The name in labels, configuration and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Replicas => "replicas",
        }
    }
}

/// A dimension that is a limit of one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// The CPU quota, in cores.
    Cpu,
    /// The memory limit, in bytes.
    Memory,
}

impl Resource {
    /// The name of its dimension.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => Dimension::Cpu.name(),
            Self::Memory => Dimension::Memory.name(),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How far a target is trusted to the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Score and decide; publish, change nothing.
    #[default]
    Observe,
    /// As `observe`, and write each wanted change into the ledger and the suggestions log.
    Advise,
    /// Change the world.
    Enforce,
}

impl Mode {
    /// The name in labels, configuration and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Advise => "advise",
            Self::Enforce => "enforce",
        }
    }
}

/// A measured quantity of a target. Units stand in the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// CPU time used a second.
    CpuUsageCores,
    /// The CPU quota; absent where there is none.
    CpuLimitCores,
    /// Share of enforcement periods in which the CPU was throttled, 0–1.
    CpuThrottledRatio,
    /// Share of time in which some task waited for a CPU (PSI), 0–1.
    CpuPressureRatio,
    /// Memory that cannot be reclaimed without effort: usage less inactive file pages.
    MemoryWorkingSetBytes,
    /// The memory limit; absent where there is none.
    MemoryLimitBytes,
    /// Share of time in which some task waited for memory (PSI), 0–1.
    MemoryPressureRatio,
    /// Swap in use.
    MemorySwapBytes,
    /// Processes killed for lack of memory since the container started.
    OomKills,
    /// Bytes read from block devices a second.
    IoReadBytesPerSecond,
    /// Bytes written to block devices a second.
    IoWrittenBytesPerSecond,
    /// Processes and threads.
    Tasks,
    /// When the container started, in seconds since the Unix epoch. A change means a restart.
    StartTimeSeconds,
    /// What all replicas together are asked to carry, in the unit of the rule's `workload.capacity`.
    Load,
    /// Replicas that serve.
    ReplicasReady,
    /// Replicas that were asked for, those that are starting included.
    ReplicasWanted,
    /// How long an answer takes, at a high quantile.
    LatencySeconds,
    /// The share of requests that fail, 0–1.
    ErrorRatio,
}

impl Signal {
    /// Every signal, in column order.
    pub const ALL: [Self; 18] = [
        Self::CpuUsageCores,
        Self::CpuLimitCores,
        Self::CpuThrottledRatio,
        Self::CpuPressureRatio,
        Self::MemoryWorkingSetBytes,
        Self::MemoryLimitBytes,
        Self::MemoryPressureRatio,
        Self::MemorySwapBytes,
        Self::OomKills,
        Self::IoReadBytesPerSecond,
        Self::IoWrittenBytesPerSecond,
        Self::Tasks,
        Self::StartTimeSeconds,
        Self::Load,
        Self::ReplicasReady,
        Self::ReplicasWanted,
        Self::LatencySeconds,
        Self::ErrorRatio,
    ];

    /// How many signals there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The name in labels, configuration and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CpuUsageCores => "cpu_usage_cores",
            Self::CpuLimitCores => "cpu_limit_cores",
            Self::CpuThrottledRatio => "cpu_throttled_ratio",
            Self::CpuPressureRatio => "cpu_pressure_ratio",
            Self::MemoryWorkingSetBytes => "memory_working_set_bytes",
            Self::MemoryLimitBytes => "memory_limit_bytes",
            Self::MemoryPressureRatio => "memory_pressure_ratio",
            Self::MemorySwapBytes => "memory_swap_bytes",
            Self::OomKills => "oom_kills",
            Self::IoReadBytesPerSecond => "io_read_bytes_per_second",
            Self::IoWrittenBytesPerSecond => "io_written_bytes_per_second",
            Self::Tasks => "tasks",
            Self::StartTimeSeconds => "start_time_seconds",
            Self::Load => "load",
            Self::ReplicasReady => "replicas_ready",
            Self::ReplicasWanted => "replicas_wanted",
            Self::LatencySeconds => "latency_seconds",
            Self::ErrorRatio => "error_ratio",
        }
    }

    /// The smallest change that matters, in the signal's unit: what moves less is still.
    pub const fn smallest_change(self) -> f64 {
        match self {
            Self::CpuUsageCores
            | Self::CpuLimitCores
            | Self::CpuThrottledRatio
            | Self::CpuPressureRatio
            | Self::MemoryPressureRatio => 0.01,
            Self::MemoryWorkingSetBytes | Self::MemoryLimitBytes | Self::MemorySwapBytes => {
                1_048_576.0
            }
            Self::IoReadBytesPerSecond | Self::IoWrittenBytesPerSecond => 65_536.0,
            Self::OomKills
            | Self::Tasks
            | Self::StartTimeSeconds
            | Self::Load
            | Self::ReplicasReady
            | Self::ReplicasWanted => 1.0,
            Self::LatencySeconds | Self::ErrorRatio => 0.001,
        }
    }

    /// Its place in a column store.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The signal of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_keep_their_place_and_name() {
        for (i, signal) in Signal::ALL.into_iter().enumerate() {
            assert_eq!(signal.index(), i);
            assert_eq!(Signal::from_name(signal.name()), Some(signal));
            assert_eq!(
                serde_json::to_string(&signal).expect("json"),
                format!("{:?}", signal.name())
            );
        }
    }

    #[test]
    fn ids_are_made_of_rule_and_identity() {
        assert_eq!(TargetId::new("web", ["h:1", "shop"]).as_str(), "web/h:1,shop");
    }
}
