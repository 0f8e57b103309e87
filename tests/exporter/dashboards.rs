//! What public dashboards, alerts and rules made for cAdvisor select has to be there.

use loadline::exporter::Collector;
use loadline::web::Format;

use super::fixture::{Host, Layout};
use super::{NOW, host};
use crate::identity::kubernetes;

/// A family and the labels that selectors want to be non-empty, or to begin with a text.
type Selected = (&'static str, &'static [(&'static str, &'static str)]);

const CONTAINER: &[(&str, &str)] =
    &[("image", ""), ("container", ""), ("pod", ""), ("namespace", "")];
const DEVICE: &[(&str, &str)] = &[("container", ""), ("device", "/dev/")];
const NAMED: &[(&str, &str)] = &[("name", ""), ("image", "")];

/// kubernetes-mixin and kube-prometheus: joins on namespace and pod, `image!=""`, `container!=""`.
const KUBERNETES: &[Selected] = &[
    ("container_cpu_usage_seconds_total", CONTAINER),
    ("container_cpu_cfs_periods_total", CONTAINER),
    ("container_cpu_cfs_throttled_periods_total", CONTAINER),
    ("container_memory_working_set_bytes", CONTAINER),
    ("container_memory_rss", CONTAINER),
    ("container_memory_cache", CONTAINER),
    ("container_memory_swap", CONTAINER),
    ("container_memory_usage_bytes", CONTAINER),
    ("container_fs_reads_total", DEVICE),
    ("container_fs_writes_total", DEVICE),
    ("container_fs_reads_bytes_total", DEVICE),
    ("container_fs_writes_bytes_total", DEVICE),
    ("container_oom_events_total", CONTAINER),
    ("machine_memory_bytes", &[]),
    ("machine_cpu_cores", &[]),
];

/// Dashboards 193, 13496 and 14282 for Docker hosts: `image!=""`, `name=~".+"`.
const DOCKER: &[Selected] = &[
    ("container_last_seen", NAMED),
    ("container_start_time_seconds", NAMED),
    ("container_cpu_usage_seconds_total", NAMED),
    ("container_cpu_user_seconds_total", NAMED),
    ("container_cpu_system_seconds_total", NAMED),
    ("container_memory_usage_bytes", NAMED),
    ("container_memory_rss", NAMED),
    ("container_memory_cache", NAMED),
    ("container_memory_working_set_bytes", NAMED),
    ("container_spec_memory_limit_bytes", NAMED),
    ("container_spec_cpu_quota", NAMED),
    ("container_spec_cpu_period", NAMED),
    ("container_spec_cpu_shares", NAMED),
    ("container_fs_reads_bytes_total", NAMED),
    ("container_fs_writes_bytes_total", NAMED),
    ("container_blkio_device_usage_total", &[("name", ""), ("operation", "Read")]),
    ("container_last_seen", &[("container_label_com_docker_compose_service", "")]),
];

/// Holds that each selection matches a series, on cgroups that are no containers none with an image.
fn holds(host: &Host, selections: &[Selected]) {
    let mut collector = Collector::new(host.options()).expect("cgroups are there");
    collector.collect(NOW);
    let mut out = Vec::new();
    collector.render(Format::Text, &mut out).expect("to memory");
    let text = String::from_utf8(out).expect("UTF-8");
    let has = |line: &str, (label, start): &(&str, &str)| {
        let named = [format!("{{{label}=\"{start}"), format!(",{label}=\"{start}")];
        let empty = [format!("{{{label}=\"\""), format!(",{label}=\"\"")];
        named.iter().any(|n| line.contains(n)) && !empty.iter().any(|e| line.contains(e))
    };
    for (family, labels) in selections {
        let mut series = text.lines().filter(|line| line.starts_with(&format!("{family}{{")));
        let found = series.any(|line| labels.iter().all(|label| has(line, label)));
        assert!(found, "no {family} with {labels:?}:\n{text}");
    }
    for id in ["/", "/kubepods", "/system.slice"] {
        let raw = format!("container_last_seen{{id=\"{id}\"}} ");
        let there = text.lines().any(|line| line.contains(&format!("id=\"{id}\"")));
        assert!(
            !there || text.contains(&raw),
            "{id} is told from a container by its lack of labels"
        );
    }
}

#[test]
fn of_kubernetes() {
    for host in [kubernetes::containerd(), kubernetes::kind(), kubernetes::crio()] {
        holds(&host, KUBERNETES);
    }
}

#[test]
fn of_docker() {
    for layout in [Layout::V1, Layout::Hybrid, Layout::V2] {
        holds(&host(layout), DOCKER);
    }
}
