//! Traffic of network interfaces.

use crate::exporter::Collector;
use crate::exporter::family::{Family, counter};
use crate::exporter::write::{Lines, Number, label};
use crate::procfs::{Figures, Interface};

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    counter("container_network_receive_bytes_total", "Cumulative count of bytes received")
        .from("/proc/PID/net/dev", "")
        .differs(NAMESPACE)
        .other("interface", |c, lines| interfaces(c, lines, |i| i.received.bytes)),
    counter("container_network_receive_packets_total", "Cumulative count of packets received")
        .from("/proc/PID/net/dev", "")
        .differs(NAMESPACE)
        .other("interface", |c, lines| interfaces(c, lines, |i| i.received.packets)),
    counter(
        "container_network_receive_packets_dropped_total",
        "Cumulative count of packets dropped while receiving",
    )
    .from("/proc/PID/net/dev", "")
    .differs(NAMESPACE)
    .other("interface", |c, lines| interfaces(c, lines, |i| i.received.dropped)),
    counter(
        "container_network_receive_errors_total",
        "Cumulative count of errors encountered while receiving",
    )
    .from("/proc/PID/net/dev", "")
    .differs(NAMESPACE)
    .other("interface", |c, lines| interfaces(c, lines, |i| i.received.errors)),
    counter("container_network_transmit_bytes_total", "Cumulative count of bytes transmitted")
        .from("/proc/PID/net/dev", "")
        .differs(NAMESPACE)
        .other("interface", |c, lines| interfaces(c, lines, |i| i.transmitted.bytes)),
    counter("container_network_transmit_packets_total", "Cumulative count of packets transmitted")
        .from("/proc/PID/net/dev", "")
        .differs(NAMESPACE)
        .other("interface", |c, lines| interfaces(c, lines, |i| i.transmitted.packets)),
    counter(
        "container_network_transmit_packets_dropped_total",
        "Cumulative count of packets dropped while transmitting",
    )
    .from("/proc/PID/net/dev", "")
    .differs(NAMESPACE)
    .other("interface", |c, lines| interfaces(c, lines, |i| i.transmitted.dropped)),
    counter(
        "container_network_transmit_errors_total",
        "Cumulative count of errors encountered while transmitting",
    )
    .from("/proc/PID/net/dev", "")
    .differs(NAMESPACE)
    .other("interface", |c, lines| interfaces(c, lines, |i| i.transmitted.errors)),
];

const NAMESPACE: &str = "for every cgroup with a network namespace of its own, of any runtime or none; a namespace that several share is told once, by the cgroup whose process is the oldest; the root tells of the host's";

/// A sample for each interface of each cgroup.
fn interfaces(collector: &Collector, lines: &mut Lines, value: fn(&Interface) -> u64) {
    each(collector, lines, |figures, sample| {
        for interface in &figures.interfaces {
            sample("interface", &interface.name, Number::Whole(value(interface)));
        }
    });
}

/// Writes samples of each cgroup: `write` is given what procfs tells of it, and a function that writes one
/// sample with a further label of this name and value.
pub(super) fn each(
    collector: &Collector,
    lines: &mut Lines,
    write: impl Fn(&Figures, &mut dyn FnMut(&str, &str, Number)),
) {
    let mut labels = Vec::new();
    for entry in collector.snapshot().entries() {
        write(entry.processes, &mut |name, value, number| {
            labels.clear();
            label(name, value, &mut labels);
            lines.sample(entry.labels, &labels, number);
        });
    }
}
