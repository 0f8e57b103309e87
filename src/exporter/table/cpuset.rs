//! Settings of cpusets.

use super::{NOT_TOLD, OMITTED};
use crate::exporter::family::{Family, gauge};
use crate::exporter::write::Number::Whole;

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[gauge(
    "container_memory_migrate",
    "Whether memory moves along when the cpuset's nodes change",
)
.from(NOT_TOLD, "cpuset.memory_migrate")
.differs(OMITTED)
.compat("0 on v2")
.group(|_, e| e.reading.rare.as_ref()?.memory_migrate.map(|on| Whole(u64::from(on))))];
