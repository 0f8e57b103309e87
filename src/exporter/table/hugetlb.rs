//! Huge pages.

use super::{NOT_TOLD, OMITTED};
use crate::cgroup::HugePages;
use crate::exporter::Collector;
use crate::exporter::family::{Family, gauge, unknown};
use crate::exporter::write::{Lines, Number};

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    gauge("container_hugetlb_usage_bytes", "Current hugepage usage in bytes")
        .from("hugetlb.SIZE.current", "hugetlb.SIZE.usage_in_bytes")
        .differs("pages in use; cAdvisor prints reserved ones where the kernel counts them")
        .other("pagesize", |c, lines| each_size(c, lines, |pages| pages.usage)),
    gauge("container_hugetlb_max_usage_bytes", "Maximum hugepage usage recorded in bytes")
        .from(NOT_TOLD, "hugetlb.SIZE.max_usage_in_bytes")
        .differs(OMITTED)
        .compat("0 on v2")
        .other("pagesize", |c, lines| each_size(c, lines, |pages| pages.max_usage)),
    unknown("container_hugetlb_failcnt", "Number of hugepage usage hits limits")
        .from("hugetlb.SIZE.events max", "hugetlb.SIZE.failcnt")
        .differs("untyped, as a counter's name must end in _total")
        .other("pagesize", |c, lines| each_size(c, lines, |pages| pages.failcnt)),
];

fn each_size(collector: &Collector, lines: &mut Lines, value: fn(&HugePages) -> Option<u64>) {
    for entry in collector.snapshot().entries() {
        for pages in entry.reading.rare.iter().flat_map(|rare| &rare.huge_pages) {
            if let Some(value) = value(pages) {
                let label = format!("pagesize=\"{}\"", pages.size);
                lines.sample(entry.labels, label.as_bytes(), Number::Whole(value));
            }
        }
    }
}
