//! Room taken in file systems.

use crate::disk::Usage;
use crate::exporter::Collector;
use crate::exporter::family::{Family, gauge};
use crate::exporter::write::{Lines, Number, label};

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    gauge("container_fs_usage_bytes", "Number of bytes that are consumed by the container on this filesystem")
        .from("statfs of the host's file systems and of a container's own; else a walk over its writable layer, where --disk.walk-interval is set", "")
        .differs("of every runtime, by the mount table of the container's first process; no walk unless asked for, and log files are not counted; no tmpfs and no network file systems")
        .other("device", |c, lines| usages(c, lines, |u| u.used_bytes.map(Number::Whole))),
    gauge("container_fs_limit_bytes", "Number of bytes that can be consumed by the container on this filesystem")
        .from("statfs of the same, or of the file system that holds the layer", "")
        .other("device", |c, lines| usages(c, lines, |u| u.limit_bytes.map(Number::Whole))),
    gauge("container_fs_inodes_total", "Number of inodes")
        .from("statfs of the same", "")
        .differs(INODES)
        .other("device", |c, lines| usages(c, lines, |u| u.inodes.map(Number::Whole))),
    gauge("container_fs_inodes_free", "Number of available inodes")
        .from("statfs of the same", "")
        .differs(INODES)
        .other("device", |c, lines| usages(c, lines, |u| u.inodes_free.map(Number::Whole))),
];

/// Those whose names are ours, at the end of the exposition.
pub(super) static OWN_FAMILIES: &[Family] = &[gauge(
    "loadline_container_fs_usage_age_seconds",
    "How long ago the walk ended that found container_fs_usage_bytes",
)
.from("a monotonic clock", "")
.other("device", |c, lines| {
    let age = |usage: &Usage| {
        let age = usage.age?.as_nanos();
        Some(Number::Nanoseconds(u64::try_from(age).unwrap_or(u64::MAX)))
    };
    usages(c, lines, age);
})];

const INODES: &str = "only of a file system of one's own; of a layer cAdvisor tells how many files it has as if that was what there may be";

/// A sample for each file system of each cgroup.
fn usages(collector: &Collector, lines: &mut Lines, value: fn(&Usage) -> Option<Number>) {
    let mut labels = Vec::new();
    for entry in collector.snapshot().entries() {
        for usage in entry.disks {
            if let Some(value) = value(usage) {
                labels.clear();
                label("device", &usage.device, &mut labels);
                lines.sample(entry.labels, &labels, value);
            }
        }
    }
}
