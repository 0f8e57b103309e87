//! Processes killed for want of memory.

use super::ZEROS;
use crate::exporter::family::{Family, counter};
use crate::exporter::write::Number::Whole;

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    counter("container_oom_events_total", "Count of out of memory events observed for the container")
        .from("memory.events oom_kill", "memory.oom_control oom_kill (Linux 4.13)")
        .differs("counts killed processes from the cgroup itself; cAdvisor reads the kernel's log and mostly prints 0")
        .compat(ZEROS)
        .group(|_, e| e.reading.memory.oom_kills.map(Whole)),
];
