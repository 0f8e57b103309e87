//! What cAdvisor prints as 0 unless it was told to ask the kernel over netlink, which cgroup v2 refuses.
//! There is nothing behind it, so it is there only for old dashboards.

use super::NOT_TOLD;
use crate::exporter::Collector;
use crate::exporter::family::{Family, gauge};
use crate::exporter::write::{Lines, Number};

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    gauge("container_cpu_load_average_10s", "Always 0: the kernel tells no load of cgroups")
        .from(NOT_TOLD, NOT_TOLD)
        .differs(NOTHING)
        .compat("always 0")
        .other("", |c, lines| zeros(c, lines, &[""])),
    gauge("container_cpu_load_d_average_10s", "Always 0: the kernel tells no load of cgroups")
        .from(NOT_TOLD, NOT_TOLD)
        .differs(NOTHING)
        .compat("always 0")
        .other("", |c, lines| zeros(c, lines, &[""])),
    gauge("container_tasks_state", "Always 0: the kernel tells no states of a cgroup's tasks")
        .from(NOT_TOLD, NOT_TOLD)
        .differs(NOTHING)
        .compat("always 0, for each state")
        .other("state", |c, lines| {
            zeros(
                c,
                lines,
                &[
                    "state=\"iowaiting\"",
                    "state=\"running\"",
                    "state=\"sleeping\"",
                    "state=\"stopped\"",
                    "state=\"uninterruptible\"",
                ],
            );
        }),
];

const NOTHING: &str =
    "left out: cAdvisor prints 0 unless its load reader is on, which works on v1 only";

fn zeros(collector: &Collector, lines: &mut Lines, labels: &[&str]) {
    if !collector.compat {
        return;
    }
    for entry in collector.snapshot().entries() {
        for more in labels {
            lines.sample(entry.labels, more.as_bytes(), Number::Whole(0));
        }
    }
}
