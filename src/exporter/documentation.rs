//! `docs/metrics.md`: the contract as a page.

use super::family::{Family, Kind};
use super::table;
use crate::metric_set::MetricSet;

const INTRODUCTION: &str = "\
# Metrics of `loadline exporter`

This page is made from the table in `src/exporter/table/`; a test compares the two and writes the page
anew with `UPDATE_GOLDEN=1`.

Names and labels of the `container_` and `machine_` families are cAdvisor's, so that dashboards and rules
written for it work unchanged. Every file is read when Prometheus asks; samples carry no timestamps. A
value that the kernel does not tell is left out, never 0. Families without a sample are left out.

## Base labels

Every `container_` family of a cgroup has these, besides those named in the tables. A label without a
value is left out.

| label | what it is |
|---|---|
| `id` | the path of the cgroup below its mount, from `/` |
| `name` | the container's name; containers only, so `name!=\"\"` selects them |
| `image` | the image as the container was told to use it; containers only |
| `container`, `pod`, `namespace` | in Kubernetes: the container's name within its pod, the pod and its namespace |
| `container_label_NAME` | the container's labels of `--labels.allow`; by default those of Compose and Swarm: `com.docker.compose.project`, `com.docker.compose.service`, `com.docker.swarm.service.name`. What is no letter, digit or underscore becomes an underscore; of two that become one, the first in the alphabet stays |

`loadline_container_info` has every label of a container, so that the others need not:
`container_memory_rss * on(id) group_left(container_label_team) loadline_container_info`.

Left out are cgroups of mount units (`*.mount`), which repeat the figures of others, and the runtimes' own
monitors of containers.

## Which metrics, of what

The sets in the tables are switched by `--collector.NAME` and `--no-collector.NAME`; a scrape may ask for
some by `?collect[]=NAME` or leave some out by `?exclude[]=NAME`. What no set is named for is always there.

`--cgroup.include`, `--cgroup.exclude`, `--name.include`, `--name.exclude`, `--runtime.include` and
`--runtime.exclude` say which cgroups are shown. Patterns have to match the whole path or name. A cgroup that
is left out does not leave out those below it, as the figures of those are their own; a pattern that ends in
`(/.*)?` or `.*` does, and they are not even looked at.
";

const FORMATS: &str = "
## Formats

Text 0.0.4 and OpenMetrics 1.0.0. Counters whose name lacks `_total` are `untyped` in the one and `unknown`
in the other.

## Differences from cAdvisor

Samples have no timestamps, base labels a fixed order, and empty labels are left out.

| family | difference |
|---|---|
";

const COMPAT: &str = "
## `--compat=cadvisor`

For alerts and dashboards that count on what cAdvisor prints. The sets `percpu` and `disk` are on as well,
and every label of a container is shown, as if by `--labels.allow='*'`; environment variables never are, and
samples still have no timestamps. What the kernel tells is not made worse: only what would be absent is filled.

| family | with `--compat=cadvisor` |
|---|---|
";

/// The page `docs/metrics.md`.
pub fn documentation() -> String {
    let mut page = INTRODUCTION.to_owned();
    let sections = [
        ("Containers and other cgroups", "container_"),
        ("The machine", "machine_"),
        ("The exporter itself", "loadline_"),
        ("In cAdvisor's name", "cadvisor_"),
        ("The exporter's process", "process_"),
    ];
    for (title, prefix) in sections {
        page.push_str(&format!("\n## {title}\n\n"));
        page.push_str(
            "| family | type | set | further labels | what it is | cgroup v2 | cgroup v1 |\n",
        );
        page.push_str("|---|---|---|---|---|---|---|\n");
        for (set, family) in table::families().filter(|(_, family)| family.name.starts_with(prefix))
        {
            page.push_str(&row(set, family));
        }
    }
    page.push_str(FORMATS);
    for (_, family) in table::families().filter(|(_, family)| !family.divergence.is_empty()) {
        page.push_str(&format!("| `{}` | {} |\n", family.name, family.divergence));
    }
    page.push_str(COMPAT);
    for (_, family) in table::families().filter(|(_, family)| !family.compat.is_empty()) {
        page.push_str(&format!("| `{}` | {} |\n", family.name, family.compat));
    }
    page
}

fn row(set: Option<MetricSet>, family: &Family) -> String {
    let Family { name, help, labels, v2, v1, .. } = family;
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Unknown => "untyped",
    };
    let v1 = if v1.is_empty() { "the same" } else { v1 };
    let set = set.map_or("", MetricSet::name);
    format!("| `{name}` | {kind} | {set} | {labels} | {help} | {v2} | {v1} |\n")
}
