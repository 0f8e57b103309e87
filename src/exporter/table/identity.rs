//! Who a cgroup is and since when: always there.

use crate::exporter::family::{Family, gauge};
use crate::exporter::write::Number::{self, Whole};
use crate::units::Timestamp;

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    gauge("container_last_seen", "Last time a container was seen by the exporter")
        .from("the time of the scrape, whole seconds", "")
        .group(|_, e| Some(seconds(e.seen))),
    gauge(
        "container_start_time_seconds",
        "Start time of the container since unix epoch in seconds",
    )
    .from("StartedAt of Docker, else the time of the cgroup's directory", "")
    .group(|_, e| e.identity.started.or(e.reading.start_time).map(seconds)),
];

fn seconds(at: Timestamp) -> Number {
    Whole(u64::try_from(at.millis() / 1000).unwrap_or(0))
}
