//! The contract: one row a family. Names and labels are cAdvisor's, so that dashboards and rules written
//! for it work unchanged; where a value differs, the row says why.

use super::Entry;
use super::family::{Family, counter, gauge, unknown};
use super::own;
use super::write::Number::{self, Microseconds, Nanoseconds, Whole};
use crate::cgroup::Memory;
use crate::units::{Limit, Timestamp};

/// Every family in the order of the exposition.
pub fn families() -> impl Iterator<Item = &'static Family> {
    CONTAINERS.iter().chain(own::FAMILIES)
}

const OMITTED: &str = "left out where the kernel does not tell; cAdvisor prints 0";

static CONTAINERS: &[Family] = &[
    // CPU
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
        .from("cpu.stat nr_periods, where there is a quota", "cpu.stat nr_periods, where there is a quota")
        .group(|_, e| with_quota(e, e.reading.cpu.periods.map(Whole))),
    counter("container_cpu_cfs_throttled_periods_total", "Number of throttled period intervals")
        .from("cpu.stat nr_throttled, where there is a quota", "cpu.stat nr_throttled, where there is a quota")
        .group(|_, e| with_quota(e, e.reading.cpu.throttled_periods.map(Whole))),
    counter("container_cpu_cfs_throttled_seconds_total", "Total time duration the container has been throttled")
        .from("cpu.stat throttled_usec, where there is a quota", "cpu.stat throttled_time, where there is a quota")
        .group(|_, e| with_quota(e, e.reading.cpu.throttled_ns.map(Nanoseconds))),
    counter("container_cpu_cfs_burst_periods_total", "Number of periods when burst occurs")
        .from("cpu.stat nr_bursts, where there is a quota", "cpu.stat nr_bursts, where there is a quota")
        .differs("read on v1 too; cAdvisor prints 0 there")
        .group(|_, e| with_quota(e, e.reading.cpu.bursts.map(Whole))),
    counter("container_cpu_cfs_burst_seconds_total", "Total time duration the container has been bursting")
        .from("cpu.stat burst_usec, where there is a quota", "cpu.stat burst_time, where there is a quota")
        .differs("read on v1 too; cAdvisor prints 0 there")
        .group(|_, e| with_quota(e, e.reading.cpu.burst_ns.map(Nanoseconds))),
    // Memory
    gauge("container_memory_usage_bytes", "Current memory usage in bytes, including all memory regardless of when it was accessed")
        .from("memory.current; at the root memory.stat anon + file", "memory.usage_in_bytes")
        .group(|_, e| e.reading.memory.usage.map(Whole)),
    gauge("container_memory_working_set_bytes", "Current working set in bytes")
        .from("usage − memory.stat inactive_file, at least 0", "usage − memory.stat total_inactive_file, at least 0")
        .group(|_, e| e.reading.memory.working_set.map(Whole)),
    gauge("container_memory_rss", "Size of anonymous memory in bytes")
        .from("memory.stat anon", "memory.stat total_rss")
        .group(|_, e| e.reading.memory.rss.map(Whole)),
    gauge("container_memory_cache", "Number of bytes of page cache memory")
        .from("memory.stat file", "memory.stat total_cache")
        .group(|_, e| e.reading.memory.cache.map(Whole)),
    gauge("container_memory_mapped_file", "Size of memory mapped files in bytes")
        .from("memory.stat file_mapped", "memory.stat total_mapped_file")
        .group(|_, e| e.reading.memory.mapped_file.map(Whole)),
    gauge("container_memory_swap", "Container swap usage in bytes")
        .from("memory.swap.current", "memory.stat total_swap")
        .differs(OMITTED)
        .group(|_, e| e.reading.memory.swap.map(Whole)),
    gauge("container_memory_kernel_usage", "Size of kernel memory allocated in bytes")
        .from("memory.stat kernel (Linux 5.18)", "memory.kmem.usage_in_bytes")
        .differs("read on v2 too; cAdvisor prints 0 there")
        .group(|_, e| e.reading.memory.kernel.map(Whole)),
    gauge("container_memory_max_usage_bytes", "Maximum memory usage recorded in bytes")
        .from("memory.peak (Linux 5.19)", "memory.max_usage_in_bytes")
        .differs(OMITTED)
        .group(|_, e| e.reading.memory.max_usage.map(Whole)),
    unknown("container_memory_failcnt", "Number of memory usage hits limits")
        .from("memory.events max", "memory.failcnt")
        .differs("read on v2 too, where cAdvisor prints 0; untyped, as a counter's name must end in _total")
        .group(|_, e| e.reading.memory.failcnt.map(Whole)),
    gauge("container_memory_total_active_file_bytes", "Current total active file in bytes")
        .from("memory.stat active_file", "memory.stat total_active_file")
        .group(|_, e| e.reading.memory.active_file.map(Whole)),
    gauge("container_memory_total_inactive_file_bytes", "Current total inactive file in bytes")
        .from("memory.stat inactive_file", "memory.stat total_inactive_file")
        .group(|_, e| e.reading.memory.inactive_file.map(Whole)),
    counter("container_memory_failures_total", "Cumulative count of memory allocation failures")
        .from("memory.stat pgfault, pgmajfault", "memory.stat pgfault, pgmajfault, for the hierarchy their total_")
        .differs("scope=\"hierarchy\" covers the subtree on v1; cAdvisor repeats the cgroup's own number. On v2 both are the subtree's, as there is no other")
        .labelled("failure_type, scope", &[
            ("failure_type=\"pgfault\",scope=\"container\"", |e| e.reading.memory.own_page_faults.map(Whole)),
            ("failure_type=\"pgfault\",scope=\"hierarchy\"", |e| e.reading.memory.page_faults.map(Whole)),
            ("failure_type=\"pgmajfault\",scope=\"container\"", |e| e.reading.memory.own_major_page_faults.map(Whole)),
            ("failure_type=\"pgmajfault\",scope=\"hierarchy\"", |e| e.reading.memory.major_page_faults.map(Whole)),
        ]),
    counter("container_oom_events_total", "Count of out of memory events observed for the container")
        .from("memory.events oom_kill", "memory.oom_control oom_kill (Linux 4.13)")
        .differs("counts killed processes from the cgroup itself; cAdvisor reads the kernel's log and mostly prints 0")
        .group(|_, e| e.reading.memory.oom_kills.map(Whole)),
    // Pressure
    counter("container_pressure_cpu_waiting_seconds_total", "Total time duration tasks in the container have waited due to CPU congestion")
        .from("cpu.pressure some", "cpu.pressure some of the unified hierarchy, where there is one")
        .differs(PRESSURE)
        .group(|_, e| e.reading.pressure.cpu.some_us.map(Microseconds)),
    counter("container_pressure_cpu_stalled_seconds_total", "Total time duration no tasks in the container could make progress due to CPU congestion")
        .from("cpu.pressure full", "cpu.pressure full of the unified hierarchy, where there is one")
        .differs(PRESSURE)
        .group(|_, e| e.reading.pressure.cpu.full_us.map(Microseconds)),
    counter("container_pressure_memory_waiting_seconds_total", "Total time duration tasks in the container have waited due to memory congestion")
        .from("memory.pressure some", "memory.pressure some of the unified hierarchy, where there is one")
        .differs(PRESSURE)
        .group(|_, e| e.reading.pressure.memory.some_us.map(Microseconds)),
    counter("container_pressure_memory_stalled_seconds_total", "Total time duration no tasks in the container could make progress due to memory congestion")
        .from("memory.pressure full", "memory.pressure full of the unified hierarchy, where there is one")
        .differs(PRESSURE)
        .group(|_, e| e.reading.pressure.memory.full_us.map(Microseconds)),
    counter("container_pressure_io_waiting_seconds_total", "Total time duration tasks in the container have waited due to IO congestion")
        .from("io.pressure some", "io.pressure some of the unified hierarchy, where there is one")
        .differs(PRESSURE)
        .group(|_, e| e.reading.pressure.io.some_us.map(Microseconds)),
    counter("container_pressure_io_stalled_seconds_total", "Total time duration no tasks in the container could make progress due to IO congestion")
        .from("io.pressure full", "io.pressure full of the unified hierarchy, where there is one")
        .differs(PRESSURE)
        .group(|_, e| e.reading.pressure.io.full_us.map(Microseconds)),
    // Block I/O
    counter("container_fs_reads_bytes_total", "Cumulative count of bytes read")
        .from("io.stat rbytes", "blkio.throttle.io_service_bytes_recursive Read")
        .differs(BLOCK_IO)
        .device("device", &[("", |d| d.read_bytes)]),
    counter("container_fs_writes_bytes_total", "Cumulative count of bytes written")
        .from("io.stat wbytes", "blkio.throttle.io_service_bytes_recursive Write")
        .differs(BLOCK_IO)
        .device("device", &[("", |d| d.written_bytes)]),
    counter("container_fs_reads_total", "Cumulative count of reads completed")
        .from("io.stat rios", "blkio.throttle.io_serviced_recursive Read")
        .differs(BLOCK_IO)
        .device("device", &[("", |d| d.reads)]),
    counter("container_fs_writes_total", "Cumulative count of writes completed")
        .from("io.stat wios", "blkio.throttle.io_serviced_recursive Write")
        .differs(BLOCK_IO)
        .device("device", &[("", |d| d.writes)]),
    counter("container_blkio_device_usage_total", "Blkio device bytes usage")
        .from("io.stat rbytes, wbytes", "blkio.throttle.io_service_bytes_recursive Read, Write")
        .differs("only the operations Read and Write, which v2 has too")
        .device("device, major, minor, operation", &[
            ("Read", |d| d.read_bytes),
            ("Write", |d| d.written_bytes),
        ]),
    // Processes
    gauge("container_processes", "Number of processes running inside the container")
        .from("lines of cgroup.procs", "lines of cgroup.procs of the cpu hierarchy")
        .group(|_, e| e.reading.pids.processes.map(Whole)),
    gauge("container_threads", "Number of threads running inside the container")
        .from("pids.current", "pids.current")
        .group(|_, e| e.reading.pids.current.map(Whole)),
    gauge("container_threads_max", "Maximum number of threads allowed inside the container, 0 if unlimited")
        .from("pids.max", "pids.max")
        .group(|_, e| e.reading.pids.max.map(or_zero)),
    // Identity and limits
    gauge("container_last_seen", "Last time a container was seen by the exporter")
        .from("the time of the scrape, whole seconds", "")
        .group(|_, e| Some(seconds(e.seen))),
    gauge("container_start_time_seconds", "Start time of the container since unix epoch in seconds")
        .from("StartedAt of Docker, else the time of the cgroup's directory", "")
        .group(|_, e| e.identity.started.or(e.reading.start_time).map(seconds)),
    gauge("container_spec_cpu_period", "CPU period of the container")
        .from("cpu.max", "cpu.cfs_period_us")
        .group(|_, e| e.reading.cpu.period_us.map(Whole)),
    gauge("container_spec_cpu_quota", "CPU quota of the container")
        .from("cpu.max, where it is not max", "cpu.cfs_quota_us, where it is not -1")
        .group(|_, e| e.reading.cpu.quota_us.and_then(Limit::value).map(Whole)),
    gauge("container_spec_cpu_shares", "CPU share of the container")
        .from("2 + (cpu.weight − 1) · 262142 / 9999", "cpu.shares")
        .group(|_, e| e.reading.cpu.shares.map(Whole)),
    gauge("container_spec_memory_limit_bytes", "Memory limit for the container, 0 if unlimited")
        .from("memory.max; at the root the machine's memory", "memory.limit_in_bytes; at the root the machine's memory")
        .group(|host, e| spec(e, e.reading.memory.limit, host.memory_bytes)),
    gauge("container_spec_memory_swap_limit_bytes", "Memory swap limit for the container, 0 if unlimited")
        .from("memory.swap.max; at the root the machine's swap", "memory.memsw.limit_in_bytes, memory and swap together; at the root the machine's swap")
        .group(|host, e| spec(e, e.reading.memory.swap_limit, host.swap_bytes)),
    gauge("container_spec_memory_reservation_limit_bytes", "Memory reservation limit for the container, 0 if unlimited")
        .from("memory.min", "memory.soft_limit_in_bytes")
        .group(|_, e| e.reading.memory.reservation.map(or_zero)),
];

const PRESSURE: &str = "read on hybrid hosts too; left out where the kernel has no pressure figures, where cAdvisor prints 0";

const BLOCK_IO: &str = "only the cgroup's own figures: cAdvisor adds series with those of the host's whole disk; a device that the host does not name is called by its numbers";

/// The throttling families are there for cgroups with a quota only.
fn with_quota(entry: &Entry, value: Option<Number>) -> Option<Number> {
    value.filter(|_| matches!(entry.reading.cpu.quota_us, Some(Limit::At(quota)) if quota > 0))
}

/// No limit is 0, as in cAdvisor.
fn or_zero(limit: Limit<u64>) -> Number {
    Whole(limit.value().unwrap_or(0))
}

/// A limit of memory; the root's is the machine's size.
fn spec(entry: &Entry, limit: Option<Limit<u64>>, machine: Option<u64>) -> Option<Number> {
    if entry.path == "/" && entry.reading.memory != Memory::default() {
        return machine.map(Whole);
    }
    limit.map(or_zero)
}

fn seconds(at: Timestamp) -> Number {
    Whole(u64::try_from(at.millis() / 1000).unwrap_or(0))
}
