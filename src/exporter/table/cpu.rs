//! CPU time and throttling.

use super::ZEROS;
use crate::exporter::family::{Family, counter};
use crate::exporter::write::Lines;
use crate::exporter::write::Number::{self, Nanoseconds, Whole};
use crate::exporter::{Collector, Entry};
use crate::units::Limit;

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    counter("container_cpu_usage_seconds_total", "Cumulative cpu time consumed in seconds")
        .from("cpu.stat usage_usec", "cpuacct.usage")
        .differs("on v1 too one series with cpu=\"total\", where cAdvisor has one a core. With the set percpu it is as there: one a core and no total, so that a sum counts nothing twice")
        .compat("one series a core on v1, as the set percpu is on")
        .other("cpu", usage),
    counter("container_cpu_user_seconds_total", "Cumulative user cpu time consumed in seconds")
        .from("cpu.stat user_usec", "cpuacct.stat user")
        .group(|_, e| e.reading.cpu.user_ns.map(Nanoseconds)),
    counter("container_cpu_system_seconds_total", "Cumulative system cpu time consumed in seconds")
        .from("cpu.stat system_usec", "cpuacct.stat system")
        .group(|_, e| e.reading.cpu.system_ns.map(Nanoseconds)),
    counter("container_cpu_cfs_periods_total", "Number of elapsed enforcement period intervals")
        .from(
            "cpu.stat nr_periods, where there is a quota",
            "cpu.stat nr_periods, where there is a quota",
        )
        .group(|_, e| with_quota(e, e.reading.cpu.periods.map(Whole))),
    counter("container_cpu_cfs_throttled_periods_total", "Number of throttled period intervals")
        .from(
            "cpu.stat nr_throttled, where there is a quota",
            "cpu.stat nr_throttled, where there is a quota",
        )
        .group(|_, e| with_quota(e, e.reading.cpu.throttled_periods.map(Whole))),
    counter(
        "container_cpu_cfs_throttled_seconds_total",
        "Total time duration the container has been throttled",
    )
    .from(
        "cpu.stat throttled_usec, where there is a quota",
        "cpu.stat throttled_time, where there is a quota",
    )
    .group(|_, e| with_quota(e, e.reading.cpu.throttled_ns.map(Nanoseconds))),
    counter("container_cpu_cfs_burst_periods_total", "Number of periods when burst occurs")
        .from(
            "cpu.stat nr_bursts, where there is a quota",
            "cpu.stat nr_bursts, where there is a quota",
        )
        .differs("read on v1 too; cAdvisor prints 0 there")
        .compat(ZEROS)
        .group(|_, e| with_quota(e, e.reading.cpu.bursts.map(Whole))),
    counter(
        "container_cpu_cfs_burst_seconds_total",
        "Total time duration the container has been bursting",
    )
    .from(
        "cpu.stat burst_usec, where there is a quota",
        "cpu.stat burst_time, where there is a quota",
    )
    .differs("read on v1 too; cAdvisor prints 0 there")
    .compat(ZEROS)
    .group(|_, e| with_quota(e, e.reading.cpu.burst_ns.map(Nanoseconds))),
];

/// The throttling families are there for cgroups with a quota only.
fn with_quota(entry: &Entry, value: Option<Number>) -> Option<Number> {
    value.filter(|_| matches!(entry.reading.cpu.quota_us, Some(Limit::At(quota)) if quota > 0))
}

/// Core by core where that was asked for and the kernel tells it, else the total.
fn usage(collector: &Collector, lines: &mut Lines) {
    for entry in collector.snapshot().entries() {
        let cores = entry.reading.rare.as_ref().map_or(&[][..], |rare| &rare.cores_ns);
        for (core, ns) in cores.iter().enumerate() {
            let label = format!("cpu=\"cpu{core:02}\"");
            lines.sample(entry.labels, label.as_bytes(), Nanoseconds(*ns));
        }
        if let (true, Some(ns)) = (cores.is_empty(), entry.reading.cpu.usage_ns) {
            lines.sample(entry.labels, b"cpu=\"total\"", Nanoseconds(ns));
        }
    }
}
