//! The machine.

use crate::exporter::Collector;
use crate::exporter::family::{Family, gauge};
use crate::exporter::write::{Lines, Number::Whole, label};

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    gauge("machine_cpu_cores", "Number of logical CPU cores")
        .from("lines cpuN of /proc/stat", "")
        .other(MACHINE, |c, lines| one(c, c.host.cores, lines)),
    gauge("machine_cpu_physical_cores", "Number of physical CPU cores")
        .from("different core_id and physical_package_id of the CPUs in sysfs", "")
        .other(MACHINE, |c, lines| one(c, c.host.topology.physical(), lines)),
    gauge("machine_cpu_sockets", "Number of CPU sockets")
        .from("different physical_package_id of the CPUs in sysfs", "")
        .other(MACHINE, |c, lines| one(c, c.host.topology.distinct(|t| t.socket), lines)),
    gauge("machine_cpu_books", "Number of CPU books")
        .from("different book_id of the CPUs in sysfs: s390 only", "")
        .differs(ELSEWHERE)
        .compat("0 elsewhere")
        .other(MACHINE, |c, lines| one(c, or_zero(c, c.host.topology.distinct(|t| t.book)), lines)),
    gauge("machine_cpu_drawers", "Number of CPU drawers")
        .from("different drawer_id of the CPUs in sysfs: s390 only", "")
        .differs(ELSEWHERE)
        .compat("0 elsewhere")
        .other(MACHINE, |c, lines| {
            one(c, or_zero(c, c.host.topology.distinct(|t| t.drawer)), lines);
        }),
    gauge("machine_memory_bytes", "Amount of memory installed on the machine")
        .from("MemTotal of /proc/meminfo", "")
        .other(MACHINE, |c, lines| one(c, c.host.memory_bytes, lines)),
    gauge("machine_swap_bytes", "Amount of swap memory available on the machine")
        .from("SwapTotal of /proc/meminfo", "")
        .other(MACHINE, |c, lines| one(c, c.host.swap_bytes, lines)),
    gauge("machine_nvm_capacity", "Capacity of persistent memory in bytes by mode")
        .from("regions of persistent memory in bus/nd/devices of sysfs: mode app_direct_mode", "")
        .differs("only what the kernel tells; cAdvisor asks the modules by a library and prints 0 where it cannot")
        .compat("0 for each mode where the kernel does not tell")
        .other("mode, boot_id, machine_id, system_uuid", |c, lines| {
            let modes =
                [("app_direct_mode", c.host.app_direct_bytes), ("memory_mode", None)];
            for (mode, bytes) in modes {
                if let Some(bytes) = or_zero(c, bytes) {
                    labelled(c, &[("mode", mode)], bytes, lines);
                }
            }
        }),
    gauge("machine_nvm_avg_power_budget_watts", "Power budget of persistent memory: the kernel does not tell it")
        .from("not told", "")
        .differs("left out, as only a library tells it")
        .compat("always 0")
        .other(MACHINE, |c, lines| one(c, or_zero(c, None), lines)),
    gauge("machine_scrape_error", "1 if the machine's files could not be read, 0 otherwise")
        .from("/proc/stat and /proc/meminfo", "")
        .other("", |c, lines| {
            let known = c.host.cores.is_some() && c.host.memory_bytes.is_some();
            lines.only(Some(Whole(u64::from(!known))));
        }),
];

const MACHINE: &str = "boot_id, machine_id, system_uuid";

const ELSEWHERE: &str = "left out elsewhere; cAdvisor prints 0";

fn or_zero(collector: &Collector, value: Option<u64>) -> Option<u64> {
    value.or(collector.compat.then_some(0))
}

fn one(collector: &Collector, value: Option<u64>, lines: &mut Lines) {
    if let Some(value) = value {
        lines.sample(&collector.host.labels, b"", Whole(value));
    }
}

/// A sample with more labels than the machine's own.
pub(super) fn labelled(
    collector: &Collector,
    more: &[(&str, &str)],
    value: u64,
    lines: &mut Lines,
) {
    let mut labels = Vec::new();
    for (name, value) in more {
        label(name, value, &mut labels);
    }
    lines.sample(&collector.host.labels, &labels, Whole(value));
}
