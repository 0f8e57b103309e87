//! Open files, sockets and their limit.

use crate::exporter::family::{Family, gauge};
use crate::exporter::write::Number::{Signed, Whole};
use crate::procfs::SoftLimit;

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    gauge("container_file_descriptors", "Number of open file descriptors for the container")
        .from("size of /proc/PID/fd (Linux 6.2), else its entries; of the cgroup's own processes", "")
        .differs(OMITTED)
        .group(|_, e| e.processes.descriptors.open.map(Whole)),
    gauge("container_sockets", "Number of open sockets for the container")
        .from("links of /proc/PID/fd; of the cgroup's own processes", "")
        .differs(OMITTED)
        .group(|_, e| e.processes.descriptors.sockets.map(Whole)),
    gauge("container_ulimits_soft", "Soft ulimit values for the container root process. Unlimited if -1, except priority and nice")
        .from("/proc/PID/limits of the cgroup's first process", "")
        .differs(OMITTED)
        .other("ulimit", |c, lines| {
            for entry in c.snapshot().entries() {
                let limit = entry.processes.descriptors.soft_limit;
                let limit = limit.map(|limit| match limit {
                    SoftLimit::At(files) => Whole(files),
                    SoftLimit::Unlimited => Signed(-1),
                });
                if let Some(limit) = limit {
                    lines.sample(entry.labels, b"ulimit=\"max_open_files\"", limit);
                }
            }
        }),
];

const OMITTED: &str = "left out where a cgroup has no processes of its own; cAdvisor prints 0";
