//! Sockets of network namespaces, and the kernel's counters of TCP.

use super::network::each;
use crate::exporter::Collector;
use crate::exporter::family::{Family, unknown};
use crate::exporter::write::{Lines, Number};
use crate::procfs::{Figures, TcpStates, UdpQueues};

/// In the order of the exposition.
pub(super) static TCP: &[Family] = &[
    unknown("container_network_tcp_usage_total", "TCP connection usage statistic for container")
        .from("/proc/PID/net/tcp", "")
        .differs(GAUGE)
        .other("tcp_state", |c, lines| tcp(c, lines, |f| f.tcp.v4.as_deref())),
    unknown("container_network_tcp6_usage_total", "TCP6 connection usage statistic for container")
        .from("/proc/PID/net/tcp6", "")
        .differs(GAUGE)
        .other("tcp_state", |c, lines| tcp(c, lines, |f| f.tcp.v6.as_deref())),
];

/// In the order of the exposition.
pub(super) static UDP: &[Family] = &[
    unknown("container_network_udp_usage_total", "UDP connection usage statistic for container")
        .from("/proc/PID/net/udp", "")
        .differs(QUEUES)
        .other("udp_state", |c, lines| udp(c, lines, |f| f.udp.v4.as_deref())),
    unknown("container_network_udp6_usage_total", "UDP6 connection usage statistic for container")
        .from("/proc/PID/net/udp6", "")
        .differs(QUEUES)
        .other("udp_state", |c, lines| udp(c, lines, |f| f.udp.v6.as_deref())),
];

/// In the order of the exposition.
pub(super) static ADVANCED_TCP: &[Family] = &[unknown(
    "container_network_advance_tcp_stats_total",
    "Advanced TCP connections statistic for container",
)
.from("lines Tcp of /proc/PID/net/snmp and TcpExt of /proc/PID/net/netstat", "")
.differs("every figure that the kernel has, also those that are newer than cAdvisor's list; untyped, as only some are counters")
.other("tcp_state", |c, lines| {
    each(c, lines, |figures, sample| {
        for statistic in &figures.statistics {
            sample("tcp_state", &statistic.name, Number::Signed(statistic.value));
        }
    });
})];

const GAUGE: &str = "untyped, as a gauge's name must not end in _total";

const QUEUES: &str = "untyped, as a gauge's name must not end in _total; rxqueued and txqueued are the kernel's columns of these names, which cAdvisor exchanges";

fn tcp(collector: &Collector, lines: &mut Lines, of: fn(&Figures) -> Option<&TcpStates>) {
    each(collector, lines, |figures, sample| {
        for (state, count) in of(figures).into_iter().flat_map(TcpStates::iter) {
            sample("tcp_state", state, Number::Whole(count));
        }
    });
}

fn udp(collector: &Collector, lines: &mut Lines, of: fn(&Figures) -> Option<&UdpQueues>) {
    each(collector, lines, |figures, sample| {
        let Some(queues) = of(figures) else { return };
        for (state, value) in [
            ("dropped", queues.dropped),
            ("listen", queues.sockets),
            ("rxqueued", queues.receive_bytes),
            ("txqueued", queues.transmit_bytes),
        ] {
            sample("udp_state", state, Number::Whole(value));
        }
    });
}
