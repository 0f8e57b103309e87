//! The files of cgroup v2, one function a file.

use super::file::Freshness::{UntilWritten, While};
use super::file::{File, file, processes, while_still};
use super::mount::Controller::{Blkio, Cpu, Hugetlb, Memory, Pids, Pressure};
use super::parse::{self, BadText};
use super::reading::{NumaPages, Reading, Stall};
use crate::metric_set::{MetricSet as S, MetricSets};

type Done = Result<(), BadText>;

const CPU: MetricSets = MetricSets::of(&[S::Cpu]);
const MEMORY: MetricSets = MetricSets::of(&[S::Memory]);
const IO: MetricSets = MetricSets::of(&[S::DiskIo]);
const PROCESS: MetricSets = MetricSets::of(&[S::Process]);
const SPEC: MetricSets = MetricSets::of(&[S::Spec]);
const QUOTA: MetricSets = MetricSets::of(&[S::Cpu, S::Spec]);
const EVENTS: MetricSets = MetricSets::of(&[S::Memory, S::OomEvent]);
const PRESSURE: MetricSets = MetricSets::of(&[S::Pressure]);
const NUMA: MetricSets = MetricSets::of(&[S::MemoryNuma]);
const HUGE: MetricSets = MetricSets::of(&[S::HugeTlb]);

/// In the order in which they are read, as one may tell that another cannot have changed.
pub(super) static FILES: &[File] = &[
    file(Memory, MEMORY, c"memory.stat", memory_stat),
    file(Memory, MEMORY, c"memory.current", memory_current),
    file(Cpu, CPU, c"cpu.stat", cpu_stat),
    file(Pressure, PRESSURE, c"cpu.pressure", |t, r| stall(t, &mut r.pressure.cpu)),
    file(Pressure, PRESSURE, c"memory.pressure", |t, r| stall(t, &mut r.pressure.memory)),
    file(Pressure, PRESSURE, c"io.pressure", |t, r| stall(t, &mut r.pressure.io)),
    file(Blkio, IO, c"io.stat", io_stat),
    file(Pids, PROCESS, c"pids.current", pids_current),
    file(Memory, EVENTS, c"memory.events", memory_events),
    file(Memory, MEMORY, c"memory.swap.current", memory_swap),
    file(Memory, MEMORY, c"memory.peak", memory_peak).fresh(While(while_still)),
    file(Cpu, QUOTA, c"cpu.max", cpu_max).fresh(UntilWritten),
    file(Memory, SPEC, c"memory.max", memory_max).fresh(UntilWritten),
    file(Memory, SPEC, c"memory.swap.max", memory_swap_max).fresh(UntilWritten),
    file(Memory, SPEC, c"memory.min", memory_min).fresh(UntilWritten),
    file(Cpu, SPEC, c"cpu.weight", cpu_weight).fresh(UntilWritten),
    file(Pids, PROCESS, c"pids.max", pids_max).fresh(UntilWritten),
    processes(Pids),
    file(Memory, NUMA, c"memory.numa_stat", memory_numa),
    file(Hugetlb, HUGE, c"hugetlb.64KB.current", |t, r| huge_usage(t, r, "64KB")),
    file(Hugetlb, HUGE, c"hugetlb.64KB.events", |t, r| huge_events(t, r, "64KB")),
    file(Hugetlb, HUGE, c"hugetlb.2MB.current", |t, r| huge_usage(t, r, "2MB")),
    file(Hugetlb, HUGE, c"hugetlb.2MB.events", |t, r| huge_events(t, r, "2MB")),
    file(Hugetlb, HUGE, c"hugetlb.32MB.current", |t, r| huge_usage(t, r, "32MB")),
    file(Hugetlb, HUGE, c"hugetlb.32MB.events", |t, r| huge_events(t, r, "32MB")),
    file(Hugetlb, HUGE, c"hugetlb.512MB.current", |t, r| huge_usage(t, r, "512MB")),
    file(Hugetlb, HUGE, c"hugetlb.512MB.events", |t, r| huge_events(t, r, "512MB")),
    file(Hugetlb, HUGE, c"hugetlb.1GB.current", |t, r| huge_usage(t, r, "1GB")),
    file(Hugetlb, HUGE, c"hugetlb.1GB.events", |t, r| huge_events(t, r, "1GB")),
    file(Hugetlb, HUGE, c"hugetlb.16GB.current", |t, r| huge_usage(t, r, "16GB")),
    file(Hugetlb, HUGE, c"hugetlb.16GB.events", |t, r| huge_events(t, r, "16GB")),
];

fn memory_stat(text: &[u8], reading: &mut Reading) -> Done {
    let memory = &mut reading.memory;
    parse::pairs(text, |key, value| {
        match key {
            b"anon" => memory.rss = value.times(1)?,
            b"file" => memory.cache = value.times(1)?,
            b"kernel" => memory.kernel = value.times(1)?,
            b"file_mapped" => memory.mapped_file = value.times(1)?,
            b"active_file" => memory.active_file = value.times(1)?,
            b"inactive_file" => memory.inactive_file = value.times(1)?,
            b"pgfault" => {
                memory.page_faults = value.times(1)?;
                memory.own_page_faults = memory.page_faults;
            }
            b"pgmajfault" => {
                memory.major_page_faults = value.times(1)?;
                memory.own_major_page_faults = memory.major_page_faults;
            }
            b"active_anon" => memory.active_anon = value.count()?,
            b"inactive_anon" => memory.inactive_anon = value.count()?,
            b"anon_thp" => memory.anon_huge = value.count()?,
            b"file_dirty" => memory.file_dirty = value.count()?,
            b"file_writeback" => memory.file_writeback = value.count()?,
            b"pgscan" => memory.pages_scanned = value.count()?,
            b"pgsteal" => memory.pages_reclaimed = value.count()?,
            b"workingset_refault_file" => memory.refaulted_file = value.count()?,
            b"workingset_refault_anon" => memory.refaulted_anon = value.count()?,
            _ => (),
        }
        Ok(())
    })
}

fn memory_current(text: &[u8], reading: &mut Reading) -> Done {
    reading.memory.usage = Some(parse::single(text)?);
    Ok(())
}

fn memory_events(text: &[u8], reading: &mut Reading) -> Done {
    parse::pairs(text, |key, value| {
        match key {
            b"high" => reading.memory.high_events = value.count()?,
            b"max" => {
                reading.memory.failcnt = value.times(1)?;
                reading.memory.max_events = value.count()?;
            }
            b"oom_kill" => reading.memory.oom_kills = value.times(1)?,
            _ => (),
        }
        Ok(())
    })
}

fn memory_swap(text: &[u8], reading: &mut Reading) -> Done {
    reading.memory.swap = Some(parse::single(text)?);
    Ok(())
}

fn memory_peak(text: &[u8], reading: &mut Reading) -> Done {
    reading.memory.max_usage = Some(parse::single(text)?);
    Ok(())
}

fn memory_max(text: &[u8], reading: &mut Reading) -> Done {
    reading.memory.limit = Some(parse::limit(text)?);
    Ok(())
}

fn memory_swap_max(text: &[u8], reading: &mut Reading) -> Done {
    reading.memory.swap_limit = Some(parse::limit(text)?);
    Ok(())
}

fn memory_min(text: &[u8], reading: &mut Reading) -> Done {
    reading.memory.reservation = Some(parse::limit(text)?);
    Ok(())
}

fn cpu_stat(text: &[u8], reading: &mut Reading) -> Done {
    let cpu = &mut reading.cpu;
    parse::pairs(text, |key, value| {
        match key {
            b"usage_usec" => cpu.usage_ns = value.times(1000)?,
            b"user_usec" => cpu.user_ns = value.times(1000)?,
            b"system_usec" => cpu.system_ns = value.times(1000)?,
            b"nr_periods" => cpu.periods = value.times(1)?,
            b"nr_throttled" => cpu.throttled_periods = value.times(1)?,
            b"throttled_usec" => cpu.throttled_ns = value.times(1000)?,
            b"nr_bursts" => cpu.bursts = value.times(1)?,
            b"burst_usec" => cpu.burst_ns = value.times(1000)?,
            _ => (),
        }
        Ok(())
    })
}

fn cpu_max(text: &[u8], reading: &mut Reading) -> Done {
    let (quota, period) = parse::cpu_max(text)?;
    reading.cpu.quota_us = Some(quota);
    reading.cpu.period_us = Some(period);
    Ok(())
}

/// Weight to shares as in cAdvisor: 2 + (weight − 1) · 262142 / 9999, rounded down. The runtimes'
/// own conversion is another curve since 2025, so 1024 shares may come back as 2597.
fn cpu_weight(text: &[u8], reading: &mut Reading) -> Done {
    let weight = parse::single(text)?;
    reading.cpu.shares = Some(2 + weight.saturating_sub(1).saturating_mul(262_142) / 9999);
    Ok(())
}

fn io_stat(text: &[u8], reading: &mut Reading) -> Done {
    parse::io_stat(text, |(major, minor), key, value| {
        match key {
            b"rbytes" => reading.device(major, minor).read_bytes = value.times(1)?,
            b"wbytes" => reading.device(major, minor).written_bytes = value.times(1)?,
            b"rios" => reading.device(major, minor).reads = value.times(1)?,
            b"wios" => reading.device(major, minor).writes = value.times(1)?,
            b"cost.usage" => reading.io_cost(major, minor).usage_us = value.times(1)?,
            b"cost.wait" => reading.io_cost(major, minor).wait_us = value.times(1)?,
            b"cost.indebt" => reading.io_cost(major, minor).indebt_us = value.times(1)?,
            b"cost.indelay" => reading.io_cost(major, minor).indelay_us = value.times(1)?,
            _ => (),
        }
        Ok(())
    })
}

fn pids_current(text: &[u8], reading: &mut Reading) -> Done {
    reading.pids.current = Some(parse::single(text)?);
    Ok(())
}

fn pids_max(text: &[u8], reading: &mut Reading) -> Done {
    reading.pids.max = Some(parse::limit(text)?);
    Ok(())
}

fn stall(text: &[u8], stall: &mut Stall) -> Done {
    parse::pressure(text, |kind, total| match kind {
        b"some" => stall.some_us = Some(total),
        b"full" => stall.full_us = Some(total),
        _ => (),
    })
}

/// Bytes, of the whole subtree; v1 counts in pages.
fn memory_numa(text: &[u8], reading: &mut Reading) -> Done {
    let page_bytes = rustix::param::page_size() as u64;
    let numa = &mut reading.rare().numa;
    parse::numa_stat(text, |key, node, value| {
        let kind = match key {
            b"file" => "file",
            b"anon" => "anon",
            b"unevictable" => "unevictable",
            _ => return Ok(()),
        };
        let pages = value.number()? / page_bytes;
        numa.push(NumaPages { kind, is_hierarchy: true, node, pages });
        Ok(())
    })
}

fn huge_usage(text: &[u8], reading: &mut Reading, size: &'static str) -> Done {
    reading.huge_pages(size).usage = Some(parse::single(text)?);
    Ok(())
}

fn huge_events(text: &[u8], reading: &mut Reading, size: &'static str) -> Done {
    parse::pairs(text, |key, value| {
        if key == b"max" {
            reading.huge_pages(size).failcnt = value.times(1)?;
        }
        Ok(())
    })
}
