//! Memory by node.

use crate::exporter::Collector;
use crate::exporter::family::{Family, gauge};
use crate::exporter::write::{Lines, Number};

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] =
    &[gauge("container_memory_numa_pages", "Number of used pages per NUMA node")
        .from(
            "memory.numa_stat anon, file, unevictable, in pages",
            "memory.numa_stat anon, file, unevictable and their hierarchical_",
        )
        .differs("read on v2 too, only with scope=\"hierarchy\", as the kernel tells no other there; cAdvisor has none on v2")
        .other("type, scope, node", numa_pages)];

fn numa_pages(collector: &Collector, lines: &mut Lines) {
    for entry in collector.snapshot().entries() {
        for part in entry.reading.rare.iter().flat_map(|rare| &rare.numa) {
            let scope = if part.is_hierarchy { "hierarchy" } else { "container" };
            let labels = format!("type=\"{}\",scope=\"{scope}\",node=\"{}\"", part.kind, part.node);
            lines.sample(entry.labels, labels.as_bytes(), Number::Whole(part.pages));
        }
    }
}
