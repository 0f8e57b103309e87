//! Time that threads ran and waited for a core.

use crate::exporter::family::{Family, counter};
use crate::exporter::write::Number::{Nanoseconds, Whole};

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    counter(
        "container_cpu_schedstat_run_seconds_total",
        "Time duration the processes of the container have run on the CPU",
    )
    .from("/proc/PID/task/TID/schedstat, first number", "")
    .differs(THREADS)
    .group(|_, e| e.processes.schedule.map(|s| Nanoseconds(s.run_ns))),
    counter(
        "container_cpu_schedstat_runqueue_seconds_total",
        "Time duration processes of the container have been waiting on a runqueue",
    )
    .from("/proc/PID/task/TID/schedstat, second number", "")
    .differs(THREADS)
    .group(|_, e| e.processes.schedule.map(|s| Nanoseconds(s.wait_ns))),
    counter(
        "container_cpu_schedstat_run_periods_total",
        "Number of times processes of the cgroup have run on the cpu",
    )
    .from("/proc/PID/task/TID/schedstat, third number", "")
    .differs(THREADS)
    .group(|_, e| e.processes.schedule.map(|s| Whole(s.periods))),
];

const THREADS: &str = "of all threads of the cgroup and of those below it; cAdvisor reads only the first thread of each process. A process that moves counts where it is from then on. What a thread ran between the last scrape and its end is missing";
