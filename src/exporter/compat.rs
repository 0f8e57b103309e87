//! `--compat=cadvisor`: readings as cAdvisor would print them, which knows no absent value.
//!
//! What else the mode does stands in the rows that have a `compat` text, and in [`super::Options`].

use crate::cgroup::{Count, Group, Reading};
use crate::metric_set::{MetricSet, MetricSets};

/// The reading with 0 for what the kernel does not tell. What it tells stays, though cAdvisor may not
/// read it.
pub(super) fn as_cadvisor(group: &Group, sets: MetricSets) -> Reading {
    let mut reading = group.reading().clone();
    let Reading { cpu, memory, pressure, rare, .. } = &mut reading;
    if cpu.usage_ns.is_some() {
        for value in [&mut cpu.bursts, &mut cpu.burst_ns, &mut cpu.period_us, &mut cpu.shares] {
            value.get_or_insert(0);
        }
        for stall in [&mut pressure.cpu, &mut pressure.memory, &mut pressure.io] {
            stall.some_us.get_or_insert(0);
            stall.full_us.get_or_insert(0);
        }
    }
    if memory.usage.is_some() {
        // The root's is the machine's.
        if group.path() != "/" {
            memory.swap.get_or_insert(0);
        }
        for value in
            [&mut memory.kernel, &mut memory.max_usage, &mut memory.failcnt, &mut memory.oom_kills]
        {
            value.get_or_insert(0);
        }
        for value in [
            &mut memory.anon_huge,
            &mut memory.file_dirty,
            &mut memory.file_writeback,
            &mut memory.pages_scanned,
            &mut memory.pages_reclaimed,
            &mut memory.refaulted_file,
            &mut memory.refaulted_anon,
            &mut memory.high_events,
            &mut memory.max_events,
        ] {
            *value = value.or(Count::new(0));
        }
    }
    memory.page_faults = memory.own_page_faults;
    memory.major_page_faults = memory.own_major_page_faults;
    if sets.contains(MetricSet::CpuSet) {
        rare.get_or_insert_default().memory_migrate.get_or_insert(false);
    }
    for pages in rare.iter_mut().flat_map(|rare| &mut rare.huge_pages) {
        pages.max_usage.get_or_insert(0);
        pages.failcnt.get_or_insert(0);
    }
    reading
}
