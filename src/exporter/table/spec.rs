//! Limits, shares and reservations.

use super::{OMITTED, ZEROS, or_zero};
use crate::cgroup::Memory;
use crate::exporter::Entry;
use crate::exporter::family::{Family, gauge};
use crate::exporter::write::Number::{self, Whole};
use crate::units::Limit;

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    gauge("container_spec_cpu_period", "CPU period of the container")
        .from("cpu.max", "cpu.cfs_period_us")
        .differs(OMITTED)
        .compat(ZEROS)
        .group(|_, e| e.reading.cpu.period_us.map(Whole)),
    gauge("container_spec_cpu_quota", "CPU quota of the container")
        .from("cpu.max, where it is not max", "cpu.cfs_quota_us, where it is not -1")
        .group(|_, e| e.reading.cpu.quota_us.and_then(Limit::value).map(Whole)),
    gauge("container_spec_cpu_shares", "CPU share of the container")
        .from("2 + (cpu.weight − 1) · 262142 / 9999", "cpu.shares")
        .differs(OMITTED)
        .compat(ZEROS)
        .group(|_, e| e.reading.cpu.shares.map(Whole)),
    gauge("container_spec_memory_limit_bytes", "Memory limit for the container, 0 if unlimited")
        .from(
            "memory.max; at the root the machine's memory",
            "memory.limit_in_bytes; at the root the machine's memory",
        )
        .group(|host, e| spec(e, e.reading.memory.limit, host.memory_bytes)),
    gauge(
        "container_spec_memory_swap_limit_bytes",
        "Memory swap limit for the container, 0 if unlimited",
    )
    .from(
        "memory.swap.max; at the root the machine's swap",
        "memory.memsw.limit_in_bytes, memory and swap together; at the root the machine's swap",
    )
    .group(|host, e| spec(e, e.reading.memory.swap_limit, host.swap_bytes)),
    gauge(
        "container_spec_memory_reservation_limit_bytes",
        "Memory reservation limit for the container, 0 if unlimited",
    )
    .from("memory.min", "memory.soft_limit_in_bytes")
    .group(|_, e| e.reading.memory.reservation.map(or_zero)),
];

/// A limit of memory; the root's is the machine's size.
fn spec(entry: &Entry, limit: Option<Limit<u64>>, machine: Option<u64>) -> Option<Number> {
    if entry.path == "/" && entry.reading.memory != Memory::default() {
        return machine.map(Whole);
    }
    limit.map(or_zero)
}
