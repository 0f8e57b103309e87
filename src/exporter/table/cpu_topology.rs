//! Caches, cores, nodes and memory modules of the machine.

use std::collections::BTreeSet;

use super::machine::labelled;
use crate::exporter::Collector;
use crate::exporter::family::{Family, gauge};
use crate::exporter::topology::Thread;
use crate::exporter::write::Lines;

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    gauge(
        "machine_cpu_cache_capacity_bytes",
        "Size of a cache of a core, or of a whole node, which has no core_id",
    )
    .from("devices/system/cpu/cpuN/cache of sysfs", "")
    .other("node_id, core_id, type, level, boot_id, machine_id, system_uuid", caches),
    gauge(
        "machine_thread_siblings_count",
        "Number of hardware threads of the core that a thread is of",
    )
    .from("core_id and physical_package_id of the CPUs in sysfs", "")
    .other("node_id, core_id, thread_id, boot_id, machine_id, system_uuid", |c, lines| {
        for ((_, core), threads) in c.host.topology.by_core() {
            for thread in &threads {
                let ids = [thread.node, core, thread.id].map(|id| id.to_string());
                let labels =
                    [("node_id", &*ids[0]), ("core_id", &*ids[1]), ("thread_id", &*ids[2])];
                labelled(c, &labels, threads.len() as u64, lines);
            }
        }
    }),
    gauge("machine_node_memory_capacity_bytes", "Memory of a node")
        .from("devices/system/node/nodeN/meminfo of sysfs", "")
        .other("node_id, boot_id, machine_id, system_uuid", |c, lines| {
            for node in &c.host.nodes {
                if let Some(bytes) = node.memory_bytes {
                    labelled(c, &[("node_id", &node.id.to_string())], bytes, lines);
                }
            }
        }),
    gauge("machine_node_hugepages_count", "Number of huge pages of a node; page_size is in KiB")
        .from("devices/system/node/nodeN/hugepages of sysfs", "")
        .other("node_id, page_size, boot_id, machine_id, system_uuid", |c, lines| {
            for node in &c.host.nodes {
                for (size, count) in &node.huge_pages {
                    let (id, size) = (node.id.to_string(), size.to_string());
                    labelled(c, &[("node_id", &id), ("page_size", &size)], *count, lines);
                }
            }
        }),
    gauge("machine_node_distance", "Distance between two nodes; 10 is the node itself")
        .from("devices/system/node/nodeN/distance of sysfs", "")
        .other("node_id, target_node_id, boot_id, machine_id, system_uuid", |c, lines| {
            for node in &c.host.nodes {
                for (target, distance) in c.host.nodes.iter().zip(&node.distances) {
                    let (id, target) = (node.id.to_string(), target.id.to_string());
                    let labels = [("node_id", &*id), ("target_node_id", &*target)];
                    labelled(c, &labels, *distance, lines);
                }
            }
        }),
    gauge("machine_dimm_count", "Number of memory modules by type")
        .from("devices/system/edac/mc of sysfs, where there is a driver", "")
        .differs(OFF)
        .other("type, boot_id, machine_id, system_uuid", |c, lines| {
            for (kind, (count, _)) in &c.host.dimms {
                labelled(c, &[("type", kind)], *count, lines);
            }
        }),
    gauge("machine_dimm_capacity_bytes", "Capacity of memory modules by type")
        .from("devices/system/edac/mc of sysfs, where there is a driver", "")
        .differs(OFF)
        .other("type, boot_id, machine_id, system_uuid", |c, lines| {
            for (kind, (_, bytes)) in &c.host.dimms {
                labelled(c, &[("type", kind)], *bytes, lines);
            }
        }),
];

const OFF: &str = "off by default, with the rest of this set";

/// A cache that all threads of a node share is the node's, with an empty `core_id` as in cAdvisor, which
/// is left out here; any other is shown for each core that has it.
fn caches(collector: &Collector, lines: &mut Lines) {
    let mut nodes_seen = BTreeSet::new();
    for ((_, core), threads) in collector.host.topology.by_core() {
        let Some(first) = threads.first() else { continue };
        for cache in &first.caches {
            let on_node = |thread: &&Thread| thread.node == first.node;
            let node_threads = collector.host.topology.threads.iter().filter(on_node);
            let is_node_wide = cache.shared_by.len() > threads.len()
                && node_threads.clone().all(|thread| cache.shared_by.contains(&thread.id));
            if is_node_wide && !nodes_seen.insert((first.node, cache.level, &cache.kind)) {
                continue;
            }
            let (node, level) = (first.node.to_string(), cache.level.to_string());
            let core = core.to_string();
            let mut labels = vec![("node_id", &*node)];
            if !is_node_wide {
                labels.push(("core_id", &core));
            }
            labels.extend([("type", &*cache.kind), ("level", &*level)]);
            labelled(collector, &labels, cache.bytes, lines);
        }
    }
}
