//! How many processes and threads there are.

use super::or_zero;
use crate::exporter::family::{Family, gauge};
use crate::exporter::write::Number::Whole;

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    gauge("container_processes", "Number of processes running inside the container")
        .from("lines of cgroup.procs", "lines of cgroup.procs of the cpu hierarchy")
        .group(|_, e| e.reading.pids.processes.map(Whole)),
    gauge("container_threads", "Number of threads running inside the container")
        .from("pids.current", "pids.current")
        .group(|_, e| e.reading.pids.current.map(Whole)),
    gauge(
        "container_threads_max",
        "Maximum number of threads allowed inside the container, 0 if unlimited",
    )
    .from("pids.max", "pids.max")
    .group(|_, e| e.reading.pids.max.map(or_zero)),
];
