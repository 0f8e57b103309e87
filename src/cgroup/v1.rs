//! The files of cgroup v1, one function a file.
//!
//! Figures of `memory.stat` are the `total_` ones, which cover the subtree; where a cgroup does not use
//! its hierarchy the kernel makes them equal to the plain ones.

use super::file::Freshness::{UntilWritten, While};
use super::file::{Clocks, File, Key, file, processes, while_still};
use super::mount::Controller::{Blkio, Cpu, Cpuacct, Cpuset, Hugetlb, Memory, Pids};
use super::parse::{self, BadText};
use super::reading::{Count, NumaPages, Reading};
use crate::metric_set::{MetricSet as S, MetricSets};
use crate::units::Limit;

type Done = Result<(), BadText>;

const CPU: MetricSets = MetricSets::of(&[S::Cpu]);
const MEMORY: MetricSets = MetricSets::of(&[S::Memory]);
const IO: MetricSets = MetricSets::of(&[S::DiskIo]);
const PROCESS: MetricSets = MetricSets::of(&[S::Process]);
const SPEC: MetricSets = MetricSets::of(&[S::Spec]);
/// The count of refusals is not read without a limit.
const LIMIT: MetricSets = MetricSets::of(&[S::Memory, S::Spec]);
const QUOTA: MetricSets = MetricSets::of(&[S::Cpu, S::Spec]);
const OOM: MetricSets = MetricSets::of(&[S::OomEvent]);
const CORES: MetricSets = MetricSets::of(&[S::PerCpu]);
const NUMA: MetricSets = MetricSets::of(&[S::MemoryNuma]);
const CPUSET: MetricSets = MetricSets::of(&[S::CpuSet]);
const HUGE: MetricSets = MetricSets::of(&[S::HugeTlb]);

/// In the order in which they are read, as one may tell that another cannot have changed.
pub(super) static FILES: &[File] = &[
    file(Memory, MEMORY, c"memory.stat", memory_stat),
    file(Memory, MEMORY, c"memory.usage_in_bytes", memory_usage),
    file(Memory, MEMORY, c"memory.kmem.usage_in_bytes", memory_kernel),
    file(Cpuacct, CPU, c"cpuacct.usage", cpuacct_usage),
    file(Blkio, IO, c"blkio.throttle.io_service_bytes_recursive", blkio_bytes),
    file(Blkio, IO, c"blkio.throttle.io_service_bytes", blkio_bytes)
        .stands_in_for(c"blkio.throttle.io_service_bytes_recursive"),
    file(Pids, PROCESS, c"pids.current", pids_current),
    file(Cpu, QUOTA, c"cpu.cfs_quota_us", cpu_quota).fresh(UntilWritten),
    file(Cpu, SPEC, c"cpu.cfs_period_us", cpu_period).fresh(UntilWritten),
    file(Cpu, SPEC, c"cpu.shares", cpu_shares).fresh(UntilWritten),
    file(Memory, LIMIT, c"memory.limit_in_bytes", memory_limit).fresh(UntilWritten),
    file(Memory, SPEC, c"memory.memsw.limit_in_bytes", memory_swap_limit).fresh(UntilWritten),
    file(Memory, SPEC, c"memory.soft_limit_in_bytes", memory_reservation).fresh(UntilWritten),
    file(Pids, PROCESS, c"pids.max", pids_max).fresh(UntilWritten),
    file(Cpu, CPU, c"cpu.stat", cpu_stat).fresh(While(without_quota)),
    file(Cpuacct, CPU, c"cpuacct.stat", cpuacct_stat).fresh(While(without_running)),
    file(Memory, MEMORY, c"memory.max_usage_in_bytes", memory_max_usage).fresh(While(while_still)),
    file(Memory, MEMORY, c"memory.failcnt", memory_failcnt).fresh(While(without_refusals)),
    file(Memory, OOM, c"memory.oom_control", memory_oom_control).fresh(While(without_kills)),
    file(Blkio, IO, c"blkio.throttle.io_serviced_recursive", blkio_operations)
        .fresh(While(without_io)),
    file(Blkio, IO, c"blkio.throttle.io_serviced", blkio_operations)
        .stands_in_for(c"blkio.throttle.io_serviced_recursive")
        .fresh(While(without_io)),
    processes(Cpu),
    file(Cpuacct, CORES, c"cpuacct.usage_percpu", cpuacct_cores),
    file(Memory, NUMA, c"memory.numa_stat", memory_numa),
    file(Cpuset, CPUSET, c"cpuset.memory_migrate", cpuset_migrate).fresh(UntilWritten),
    file(Hugetlb, HUGE, c"hugetlb.64KB.usage_in_bytes", |t, r| huge_usage(t, r, "64KB")),
    file(Hugetlb, HUGE, c"hugetlb.64KB.max_usage_in_bytes", |t, r| huge_max_usage(t, r, "64KB")),
    file(Hugetlb, HUGE, c"hugetlb.64KB.failcnt", |t, r| huge_failcnt(t, r, "64KB")),
    file(Hugetlb, HUGE, c"hugetlb.2MB.usage_in_bytes", |t, r| huge_usage(t, r, "2MB")),
    file(Hugetlb, HUGE, c"hugetlb.2MB.max_usage_in_bytes", |t, r| huge_max_usage(t, r, "2MB")),
    file(Hugetlb, HUGE, c"hugetlb.2MB.failcnt", |t, r| huge_failcnt(t, r, "2MB")),
    file(Hugetlb, HUGE, c"hugetlb.32MB.usage_in_bytes", |t, r| huge_usage(t, r, "32MB")),
    file(Hugetlb, HUGE, c"hugetlb.32MB.max_usage_in_bytes", |t, r| huge_max_usage(t, r, "32MB")),
    file(Hugetlb, HUGE, c"hugetlb.32MB.failcnt", |t, r| huge_failcnt(t, r, "32MB")),
    file(Hugetlb, HUGE, c"hugetlb.512MB.usage_in_bytes", |t, r| huge_usage(t, r, "512MB")),
    file(Hugetlb, HUGE, c"hugetlb.512MB.max_usage_in_bytes", |t, r| huge_max_usage(t, r, "512MB")),
    file(Hugetlb, HUGE, c"hugetlb.512MB.failcnt", |t, r| huge_failcnt(t, r, "512MB")),
    file(Hugetlb, HUGE, c"hugetlb.1GB.usage_in_bytes", |t, r| huge_usage(t, r, "1GB")),
    file(Hugetlb, HUGE, c"hugetlb.1GB.max_usage_in_bytes", |t, r| huge_max_usage(t, r, "1GB")),
    file(Hugetlb, HUGE, c"hugetlb.1GB.failcnt", |t, r| huge_failcnt(t, r, "1GB")),
    file(Hugetlb, HUGE, c"hugetlb.16GB.usage_in_bytes", |t, r| huge_usage(t, r, "16GB")),
    file(Hugetlb, HUGE, c"hugetlb.16GB.max_usage_in_bytes", |t, r| huge_max_usage(t, r, "16GB")),
    file(Hugetlb, HUGE, c"hugetlb.16GB.failcnt", |t, r| huge_failcnt(t, r, "16GB")),
];

/// Periods are counted, and throttled, only under a quota. After the last run the kernel may count two
/// more, so standing still is no reason.
fn without_quota(reading: &Reading, _: &Clocks) -> Option<Key> {
    (reading.cpu.quota_us? == Limit::Max).then_some(Key::default())
}

fn without_running(reading: &Reading, _: &Clocks) -> Option<Key> {
    Some([reading.cpu.usage_ns?, 0, 0])
}

/// Nothing is refused without a limit.
fn without_refusals(reading: &Reading, clocks: &Clocks) -> Option<Key> {
    match reading.memory.limit? {
        Limit::Max => Some(Key::default()),
        Limit::At(_) => while_still(reading, clocks),
    }
}

/// The kernel counts each kill for the whole host too.
fn without_kills(_: &Reading, clocks: &Clocks) -> Option<Key> {
    Some([clocks.oom_kills?, 0, 0])
}

/// An operation moves bytes, or is a flush that a running process asked for.
fn without_io(reading: &Reading, _: &Clocks) -> Option<Key> {
    let bytes = reading.io.iter().flat_map(|device| [device.read_bytes, device.written_bytes]);
    let sum = bytes.flatten().fold(0u64, u64::wrapping_add);
    Some([reading.cpu.usage_ns?, sum, 0])
}

/// `cpuacct.stat` counts in ticks of USER_HZ, which is 100 on every architecture we run on.
const TICK_NS: u64 = 10_000_000;

fn memory_stat(text: &[u8], reading: &mut Reading) -> Done {
    let memory = &mut reading.memory;
    parse::pairs(text, |key, value| {
        match key {
            b"total_cache" => memory.cache = value.times(1)?,
            b"total_rss" => memory.rss = value.times(1)?,
            b"total_mapped_file" => memory.mapped_file = value.times(1)?,
            b"total_swap" => memory.swap = value.times(1)?,
            b"total_active_file" => memory.active_file = value.times(1)?,
            b"total_inactive_file" => memory.inactive_file = value.times(1)?,
            b"pgfault" => memory.own_page_faults = value.times(1)?,
            b"pgmajfault" => memory.own_major_page_faults = value.times(1)?,
            b"total_pgfault" => memory.page_faults = value.times(1)?,
            b"total_pgmajfault" => memory.major_page_faults = value.times(1)?,
            b"total_active_anon" => memory.active_anon = value.count()?,
            b"total_inactive_anon" => memory.inactive_anon = value.count()?,
            b"total_rss_huge" => memory.anon_huge = value.count()?,
            b"total_dirty" => memory.file_dirty = value.count()?,
            b"total_writeback" => memory.file_writeback = value.count()?,
            b"total_workingset_refault_file" => memory.refaulted_file = value.count()?,
            b"total_workingset_refault_anon" => memory.refaulted_anon = value.count()?,
            _ => (),
        }
        Ok(())
    })
}

fn memory_usage(text: &[u8], reading: &mut Reading) -> Done {
    reading.memory.usage = Some(parse::single(text)?);
    Ok(())
}

fn memory_max_usage(text: &[u8], reading: &mut Reading) -> Done {
    reading.memory.max_usage = Some(parse::single(text)?);
    Ok(())
}

fn memory_kernel(text: &[u8], reading: &mut Reading) -> Done {
    reading.memory.kernel = Some(parse::single(text)?);
    Ok(())
}

fn memory_failcnt(text: &[u8], reading: &mut Reading) -> Done {
    reading.memory.failcnt = Some(parse::single(text)?);
    Ok(())
}

fn memory_oom_control(text: &[u8], reading: &mut Reading) -> Done {
    parse::pairs(text, |key, value| {
        if key == b"oom_kill" {
            reading.memory.oom_kills = value.times(1)?;
        }
        Ok(())
    })
}

fn memory_limit(text: &[u8], reading: &mut Reading) -> Done {
    reading.memory.limit = Some(parse::v1_bytes(text)?);
    Ok(())
}

fn memory_swap_limit(text: &[u8], reading: &mut Reading) -> Done {
    reading.memory.swap_limit = Some(parse::v1_bytes(text)?);
    Ok(())
}

fn memory_reservation(text: &[u8], reading: &mut Reading) -> Done {
    reading.memory.reservation = Some(parse::v1_bytes(text)?);
    Ok(())
}

fn cpuacct_usage(text: &[u8], reading: &mut Reading) -> Done {
    reading.cpu.usage_ns = Some(parse::single(text)?);
    Ok(())
}

fn cpuacct_stat(text: &[u8], reading: &mut Reading) -> Done {
    parse::pairs(text, |key, value| {
        match key {
            b"user" => reading.cpu.user_ns = value.times(TICK_NS)?,
            b"system" => reading.cpu.system_ns = value.times(TICK_NS)?,
            _ => (),
        }
        Ok(())
    })
}

fn cpu_stat(text: &[u8], reading: &mut Reading) -> Done {
    let cpu = &mut reading.cpu;
    parse::pairs(text, |key, value| {
        match key {
            b"nr_periods" => cpu.periods = value.times(1)?,
            b"nr_throttled" => cpu.throttled_periods = value.times(1)?,
            b"throttled_time" => cpu.throttled_ns = value.times(1)?,
            b"nr_bursts" => cpu.bursts = value.times(1)?,
            b"burst_time" => cpu.burst_ns = value.times(1)?,
            _ => (),
        }
        Ok(())
    })
}

fn cpu_quota(text: &[u8], reading: &mut Reading) -> Done {
    reading.cpu.quota_us = Some(parse::v1_quota(text)?);
    Ok(())
}

fn cpu_period(text: &[u8], reading: &mut Reading) -> Done {
    reading.cpu.period_us = Some(parse::single(text)?);
    Ok(())
}

fn cpu_shares(text: &[u8], reading: &mut Reading) -> Done {
    reading.cpu.shares = Some(parse::single(text)?);
    Ok(())
}

fn blkio_bytes(text: &[u8], reading: &mut Reading) -> Done {
    parse::blkio(text, |(major, minor), operation, bytes| match operation {
        b"Read" => reading.device(major, minor).read_bytes = Some(bytes),
        b"Write" => reading.device(major, minor).written_bytes = Some(bytes),
        b"Sync" => reading.device(major, minor).sync_bytes = Count::new(bytes),
        b"Async" => reading.device(major, minor).async_bytes = Count::new(bytes),
        b"Discard" => reading.device(major, minor).discarded_bytes = Count::new(bytes),
        b"Total" => reading.device(major, minor).total_bytes = Count::new(bytes),
        _ => (),
    })
}

fn blkio_operations(text: &[u8], reading: &mut Reading) -> Done {
    parse::blkio(text, |(major, minor), operation, count| match operation {
        b"Read" => reading.device(major, minor).reads = Some(count),
        b"Write" => reading.device(major, minor).writes = Some(count),
        _ => (),
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

fn cpuacct_cores(text: &[u8], reading: &mut Reading) -> Done {
    reading.rare().cores_ns = parse::row(text)?;
    Ok(())
}

fn memory_numa(text: &[u8], reading: &mut Reading) -> Done {
    let numa = &mut reading.rare().numa;
    parse::numa_stat(text, |key, node, value| {
        let plain = key.strip_prefix(b"hierarchical_");
        let kind = match plain.unwrap_or(key) {
            b"file" => "file",
            b"anon" => "anon",
            b"unevictable" => "unevictable",
            _ => return Ok(()),
        };
        numa.push(NumaPages { kind, is_hierarchy: plain.is_some(), node, pages: value.number()? });
        Ok(())
    })
}

fn cpuset_migrate(text: &[u8], reading: &mut Reading) -> Done {
    reading.rare().memory_migrate = Some(parse::single(text)? != 0);
    Ok(())
}

fn huge_usage(text: &[u8], reading: &mut Reading, size: &'static str) -> Done {
    reading.huge_pages(size).usage = Some(parse::single(text)?);
    Ok(())
}

fn huge_max_usage(text: &[u8], reading: &mut Reading, size: &'static str) -> Done {
    reading.huge_pages(size).max_usage = Some(parse::single(text)?);
    Ok(())
}

fn huge_failcnt(text: &[u8], reading: &mut Reading, size: &'static str) -> Done {
    reading.huge_pages(size).failcnt = Some(parse::single(text)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::{Request, Root, Scanner};
    use super::*;

    #[test]
    fn an_old_kernel_has_a_file_that_stands_in() {
        let dir = tempfile::tempdir().expect("tempdir");
        let blkio = dir.path().join("fs/cgroup/blkio");
        let read_bytes = |files: &[(&str, &str)]| {
            let _ = fs::remove_dir_all(&blkio);
            fs::create_dir_all(&blkio).expect("mkdir");
            for (name, text) in files {
                fs::write(blkio.join(name), text).expect("write");
            }
            let root = Root::open(Path::new("/nonexistent"), dir.path()).expect("v1");
            let sets = MetricSets::defaults();
            let mut scanner = Scanner::new(root, Path::new("/nonexistent"), sets, 9);
            scanner.scan(&Request { ignored: &|_| false, sets, deadline: None });
            scanner.groups()[0].reading().io.first().and_then(|device| device.read_bytes)
        };
        let old = ("blkio.throttle.io_service_bytes", "8:0 Read 1\n");
        let new = ("blkio.throttle.io_service_bytes_recursive", "8:0 Read 2\n");
        assert_eq!(read_bytes(&[old]), Some(1));
        assert_eq!(read_bytes(&[old, new]), Some(2));
        assert_eq!(read_bytes(&[]), None);
    }
}
