//! Pressure stall information.

use super::ZEROS;
use crate::exporter::family::{Family, counter};
use crate::exporter::write::Number::Microseconds;

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    counter("container_pressure_cpu_waiting_seconds_total", "Total time duration tasks in the container have waited due to CPU congestion")
        .from("cpu.pressure some", "cpu.pressure some of the unified hierarchy, where there is one")
        .differs(PRESSURE)
        .compat(ZEROS)
        .group(|_, e| e.reading.pressure.cpu.some_us.map(Microseconds)),
    counter("container_pressure_cpu_stalled_seconds_total", "Total time duration no tasks in the container could make progress due to CPU congestion")
        .from("cpu.pressure full", "cpu.pressure full of the unified hierarchy, where there is one")
        .differs(PRESSURE)
        .compat(ZEROS)
        .group(|_, e| e.reading.pressure.cpu.full_us.map(Microseconds)),
    counter("container_pressure_memory_waiting_seconds_total", "Total time duration tasks in the container have waited due to memory congestion")
        .from("memory.pressure some", "memory.pressure some of the unified hierarchy, where there is one")
        .differs(PRESSURE)
        .compat(ZEROS)
        .group(|_, e| e.reading.pressure.memory.some_us.map(Microseconds)),
    counter("container_pressure_memory_stalled_seconds_total", "Total time duration no tasks in the container could make progress due to memory congestion")
        .from("memory.pressure full", "memory.pressure full of the unified hierarchy, where there is one")
        .differs(PRESSURE)
        .compat(ZEROS)
        .group(|_, e| e.reading.pressure.memory.full_us.map(Microseconds)),
    counter("container_pressure_io_waiting_seconds_total", "Total time duration tasks in the container have waited due to IO congestion")
        .from("io.pressure some", "io.pressure some of the unified hierarchy, where there is one")
        .differs(PRESSURE)
        .compat(ZEROS)
        .group(|_, e| e.reading.pressure.io.some_us.map(Microseconds)),
    counter("container_pressure_io_stalled_seconds_total", "Total time duration no tasks in the container could make progress due to IO congestion")
        .from("io.pressure full", "io.pressure full of the unified hierarchy, where there is one")
        .differs(PRESSURE)
        .compat(ZEROS)
        .group(|_, e| e.reading.pressure.io.full_us.map(Microseconds)),
];

const PRESSURE: &str = "read on hybrid hosts too; left out where the kernel has no pressure figures, where cAdvisor prints 0";
