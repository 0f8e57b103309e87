//! Who a cgroup is and since when: always there.

use crate::exporter::family::{Family, gauge};
use crate::exporter::labels::info_labels;
use crate::exporter::write::Number::{self, Whole};
use crate::identity::{Health, Runtime};
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
    .from("the runtime's files, else the time of the cgroup's directory", "")
    .group(|_, e| e.identity.started.or(e.reading.start_time).map(seconds)),
    gauge(
        "container_creation_time_seconds",
        "Creation time of the container since unix epoch in seconds",
    )
    .from("the runtime's files, else the time of the cgroup's directory", "")
    .group(|_, e| e.identity.created.or(e.reading.start_time).map(seconds)),
    gauge("container_health_state", "The result of the container's health check: 1 healthy, 0 starting or not healthy, -1 no check")
        .from("State.Health of Docker", "")
        .differs("left out for what is no container of Docker; cAdvisor prints -1 for every cgroup")
        .compat("-1 for what is no container of Docker")
        .group(|host, e| match e.identity.health {
            Some(Health::Healthy) => Some(Whole(1)),
            Some(Health::Starting | Health::Unhealthy) => Some(Whole(0)),
            Some(Health::None) => Some(Number::MinusOne),
            None => host.compat.then_some(Number::MinusOne),
        }),
    gauge("loadline_container_info", "Always 1; the labels tell who the container is")
        .from("the cgroup's path and the runtime's files", "")
        .other("image_id, key, pod_uid, runtime, user, every label of the container", |c, lines| {
            for entry in c.snapshot().entries() {
                // Pods and jobs too; what is neither has no more to say than its path.
                if !matches!(entry.identity.runtime, Runtime::Systemd | Runtime::Raw) {
                    lines.sample(&info_labels(entry.path, entry.identity), b"", Whole(1));
                }
            }
        }),
];

fn seconds(at: Timestamp) -> Number {
    Whole(u64::try_from(at.millis() / 1000).unwrap_or(0))
}
