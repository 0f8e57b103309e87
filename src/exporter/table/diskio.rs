//! Block I/O.

use crate::exporter::family::{Family, counter};

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
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
        .device(
            "device, major, minor, operation",
            &[("Read", |d| d.read_bytes), ("Write", |d| d.written_bytes)],
        ),
];

const BLOCK_IO: &str = "only the cgroup's own figures: cAdvisor adds series with those of the host's whole disk; a device that the host does not name is called by its numbers";
