//! Families of the scrape and of our own process.

use super::family::{Family, counter, gauge};
use super::write::{Lines, Number, label};

pub(super) static FAMILIES: &[Family] = &[
    gauge(
        "container_scrape_error",
        "1 if there was an error while getting container metrics, 0 otherwise",
    )
    .from("files that could not be read or parsed in this scrape", "")
    .other("", |c, lines| {
        let failed = c.efforts().any(|(_, effort)| effort.failures > 0);
        lines.only(Some(Number::Whole(u64::from(failed))));
    }),
    gauge(
        "cadvisor_version_info",
        "Always 1; the labels tell the kernel, the system and, in cAdvisor's place, us",
    )
    .from("sys/kernel/osrelease of procfs, /etc/os-release", "")
    .differs(
        "left out: it would claim to be cAdvisor; dockerVersion is unknown, as no daemon is asked",
    )
    .compat("there")
    .other("cadvisorVersion, kernelVersion, osVersion", |c, lines| {
        if c.compat {
            lines.sample(&c.host.version, b"", Number::Whole(1));
        }
    }),
    gauge("loadline_build_info", "Always 1; the labels tell the build")
        .from("the program itself", "")
        .other("version", |_, lines| {
            let mut labels = Vec::new();
            label("version", env!("CARGO_PKG_VERSION"), &mut labels);
            lines.sample(&labels, b"", Number::Whole(1));
        }),
    gauge("loadline_scrape_collector_duration_seconds", "Time a collector took in this scrape")
        .from("a monotonic clock", "")
        .other("collector", |c, lines| {
            for (name, effort) in c.efforts() {
                let ns = u64::try_from(effort.duration.as_nanos()).unwrap_or(u64::MAX);
                collector(name, Number::Nanoseconds(ns), lines);
            }
        }),
    gauge(
        "loadline_scrape_collector_success",
        "Whether a collector read all its files in this scrape",
    )
    .from("files that could not be read or parsed in this scrape", "")
    .other("collector", |c, lines| {
        for (name, effort) in c.efforts() {
            collector(name, Number::Whole(u64::from(effort.is_success())), lines);
        }
    }),
    counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds")
        .from("utime and stime of /proc/self/stat", "")
        .other("", |c, lines| lines.only(c.host.process.cpu_ns.map(Number::Nanoseconds))),
    gauge("process_max_fds", "Maximum number of open file descriptors")
        .from("getrlimit(RLIMIT_NOFILE)", "")
        .other("", |c, lines| lines.only(c.host.process.max_fds.map(Number::Whole))),
    gauge("process_open_fds", "Number of open file descriptors")
        .from("/proc/self/fd", "")
        .other("", |c, lines| lines.only(c.host.process.open_fds.map(Number::Whole))),
    gauge("process_resident_memory_bytes", "Resident memory size in bytes")
        .from("rss of /proc/self/stat", "")
        .other("", |c, lines| lines.only(c.host.process.resident_bytes.map(Number::Whole))),
    gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds")
        .from("starttime of /proc/self/stat and btime of /proc/stat", "")
        .other("", |c, lines| lines.only(c.host.process.start_ns.map(Number::Nanoseconds))),
    gauge("process_virtual_memory_bytes", "Virtual memory size in bytes")
        .from("vsize of /proc/self/stat", "")
        .other("", |c, lines| lines.only(c.host.process.virtual_bytes.map(Number::Whole))),
];

fn collector(name: &str, value: Number, lines: &mut Lines) {
    let mut labels = Vec::new();
    label("collector", name, &mut labels);
    lines.sample(&labels, b"", value);
}
