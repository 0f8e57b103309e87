//! Who a cgroup is and since when: always there.

use crate::exporter::family::{Family, gauge};
use crate::exporter::labels::{LabelsShown, base_labels};
use crate::exporter::write::Number::{self, Whole};
use crate::exporter::write::label;
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
    gauge(
        "container_creation_time_seconds",
        "Creation time of the container since unix epoch in seconds",
    )
    .from("the time of the cgroup's directory", "")
    .differs("the cgroup's own, which is made anew with each start; cAdvisor asks the runtime")
    .group(|_, e| e.reading.start_time.map(seconds)),
    gauge(
        "container_health_state",
        "The result of the container's health check: 1 healthy, 0 not yet or not, -1 none",
    )
    .from("", "")
    .differs("left out where there is no health check; cAdvisor prints -1 for every cgroup")
    .compat("-1 where there is no health check")
    .group(|host, _| host.compat.then_some(Number::MinusOne)),
    gauge("loadline_container_info", "Always 1; the labels tell who the container is")
        .from("the cgroup's path and the runtime's files", "")
        .other("key, runtime, every label of the container", |c, lines| {
            for entry in c.snapshot().entries().filter(|e| e.identity.runtime.is_container()) {
                let mut labels = base_labels(entry.path, entry.identity, &LabelsShown::All);
                if let Some(key) = &entry.identity.key {
                    label("key", key, &mut labels);
                }
                label("runtime", entry.identity.runtime.name(), &mut labels);
                lines.sample(&labels, b"", Whole(1));
            }
        }),
];

fn seconds(at: Timestamp) -> Number {
    Whole(u64::try_from(at.millis() / 1000).unwrap_or(0))
}
