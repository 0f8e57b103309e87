//! CPU time and throttling.

use crate::exporter::Entry;
use crate::exporter::family::{Family, counter};
use crate::exporter::write::Number::{self, Nanoseconds, Whole};
use crate::units::Limit;

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    counter("container_cpu_usage_seconds_total", "Cumulative cpu time consumed in seconds")
        .from("cpu.stat usage_usec", "cpuacct.usage")
        .differs("always one series with cpu=\"total\": on v1 cAdvisor has one a core and no total")
        .labelled("cpu", &[("cpu=\"total\"", |e| e.reading.cpu.usage_ns.map(Nanoseconds))]),
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
    .group(|_, e| with_quota(e, e.reading.cpu.burst_ns.map(Nanoseconds))),
];

/// The throttling families are there for cgroups with a quota only.
fn with_quota(entry: &Entry, value: Option<Number>) -> Option<Number> {
    value.filter(|_| matches!(entry.reading.cpu.quota_us, Some(Limit::At(quota)) if quota > 0))
}
