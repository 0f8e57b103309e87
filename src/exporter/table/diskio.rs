//! Block I/O.

use super::NOT_TOLD;
use crate::cgroup::{Count, IoCost};
use crate::exporter::Collector;
use crate::exporter::family::{Family, counter};
use crate::exporter::write::{Lines, Number};

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    counter("container_fs_reads_bytes_total", "Cumulative count of bytes read")
        .from("io.stat rbytes", "blkio.throttle.io_service_bytes_recursive Read, on old kernels without _recursive")
        .differs(BLOCK_IO)
        .device("device", &[("", |d| d.read_bytes)]),
    counter("container_fs_writes_bytes_total", "Cumulative count of bytes written")
        .from("io.stat wbytes", "blkio.throttle.io_service_bytes_recursive Write, likewise")
        .differs(BLOCK_IO)
        .device("device", &[("", |d| d.written_bytes)]),
    counter("container_fs_reads_total", "Cumulative count of reads completed")
        .from("io.stat rios", "blkio.throttle.io_serviced_recursive Read, likewise")
        .differs(BLOCK_IO)
        .device("device", &[("", |d| d.reads)]),
    counter("container_fs_writes_total", "Cumulative count of writes completed")
        .from("io.stat wios", "blkio.throttle.io_serviced_recursive Write, likewise")
        .differs(BLOCK_IO)
        .device("device", &[("", |d| d.writes)]),
    counter("container_blkio_device_usage_total", "Blkio device bytes usage")
        .from(
            "io.stat rbytes, wbytes: operations Read, Write",
            "blkio.throttle.io_service_bytes_recursive: operations Read, Write, Sync, Async, Discard, Total",
        )
        .device(
            "device, major, minor, operation",
            &[
                ("Read", |d| d.read_bytes),
                ("Write", |d| d.written_bytes),
                ("Sync", |d| d.sync_bytes.map(Count::get)),
                ("Async", |d| d.async_bytes.map(Count::get)),
                ("Discard", |d| d.discarded_bytes.map(Count::get)),
                ("Total", |d| d.total_bytes.map(Count::get)),
            ],
        ),
    counter("container_fs_io_cost_usage_seconds_total", "Time of the device used, as io.cost counts it")
        .from("io.stat cost.usage, with io.cost", NOT_TOLD)
        .other("device", |c, lines| cost(c, lines, |cost| cost.usage_us)),
    counter("container_fs_io_cost_wait_seconds_total", "Time waited for a share of the device")
        .from("io.stat cost.wait, with io.cost", NOT_TOLD)
        .other("device", |c, lines| cost(c, lines, |cost| cost.wait_us)),
    counter("container_fs_io_cost_indebt_seconds_total", "Time in debt for I/O that could not wait")
        .from("io.stat cost.indebt, with io.cost", NOT_TOLD)
        .other("device", |c, lines| cost(c, lines, |cost| cost.indebt_us)),
    counter("container_fs_io_cost_indelay_seconds_total", "Time delayed to pay debts of I/O")
        .from("io.stat cost.indelay, with io.cost", NOT_TOLD)
        .other("device", |c, lines| cost(c, lines, |cost| cost.indelay_us)),
];

const BLOCK_IO: &str = "only the cgroup's own figures: cAdvisor adds series with those of the host's whole disk; a device that the host does not name is called by its numbers. On v1 the counters are those of the throttle layer, which sees all I/O; cAdvisor takes those of bfq or cfq first, which see that of their own devices";

fn cost(collector: &Collector, lines: &mut Lines, value: fn(&IoCost) -> Option<u64>) {
    for entry in collector.snapshot().entries() {
        for device in &entry.reading.io {
            if let Some(value) = device.cost.as_deref().and_then(value) {
                let labels = collector.devices.labels(device, "");
                lines.sample(entry.labels, labels, Number::Microseconds(value));
            }
        }
    }
}
