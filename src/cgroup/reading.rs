//! One cgroup at one instant. Every field is `None` where the kernel does not tell.

use std::num::NonZeroU64;

use crate::units::{Limit, Timestamp};

/// A number less than `u64::MAX`. `Option<Count>` takes eight bytes where `Option<u64>` takes sixteen,
/// and there are thousands of readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(NonZeroU64);

impl Count {
    /// The number `n`; `None` for `u64::MAX`, which no counter reaches.
    pub fn new(n: u64) -> Option<Self> {
        NonZeroU64::new(!n).map(Self)
    }

    /// The number.
    pub fn get(self) -> u64 {
        !self.0.get()
    }
}

/// What the kernel says of one cgroup.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// CPU time, throttling, quota.
    pub cpu: Cpu,
    /// Memory in use and its limits.
    pub memory: Memory,
    /// Pressure stall information.
    pub pressure: Pressure,
    /// Block I/O, one entry a device, in the kernel's order.
    pub io: Vec<IoDevice>,
    /// Processes and threads.
    pub pids: Pids,
    /// What only sets that are off by default ask for.
    pub rare: Option<Box<Rare>>,
    /// When the cgroup's directory was made. The kernel may give a later time for a directory it had
    /// dropped from its cache before the first look.
    pub start_time: Option<Timestamp>,
}

/// CPU time and its limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cpu {
    /// CPU time used, nanoseconds.
    pub usage_ns: Option<u64>,
    /// Of it in user mode, nanoseconds.
    pub user_ns: Option<u64>,
    /// Of it in the kernel, nanoseconds.
    pub system_ns: Option<u64>,
    /// Enforcement periods that have elapsed.
    pub periods: Option<u64>,
    /// Periods in which the quota ran out.
    pub throttled_periods: Option<u64>,
    /// Time spent throttled, nanoseconds.
    pub throttled_ns: Option<u64>,
    /// Periods in which a burst was used.
    pub bursts: Option<u64>,
    /// CPU time used above the quota in bursts, nanoseconds.
    pub burst_ns: Option<u64>,
    /// CPU time allowed a period, microseconds.
    pub quota_us: Option<Limit<u64>>,
    /// Length of a period, microseconds.
    pub period_us: Option<u64>,
    /// Relative weight on cgroup v1's scale (1024 is the default there).
    pub shares: Option<u64>,
}

impl Cpu {
    /// The quota in cores.
    pub fn limit_cores(&self) -> Option<Limit<f64>> {
        match (self.quota_us?, self.period_us?) {
            (Limit::Max, _) => Some(Limit::Max),
            (Limit::At(_), 0) => None,
            (Limit::At(quota), period) => Some(Limit::At(quota as f64 / period as f64)),
        }
    }
}

/// Memory in use and its limits, all in bytes unless said otherwise. Figures cover the subtree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// All memory charged.
    pub usage: Option<u64>,
    /// Usage without the page cache that has not been used lately: what can hardly be reclaimed.
    pub working_set: Option<u64>,
    /// Anonymous memory (what cAdvisor calls rss).
    pub rss: Option<u64>,
    /// Page cache, with shared memory.
    pub cache: Option<u64>,
    /// Mapped files.
    pub mapped_file: Option<u64>,
    /// Swap in use.
    pub swap: Option<u64>,
    /// Kernel memory.
    pub kernel: Option<u64>,
    /// Highest usage ever.
    pub max_usage: Option<u64>,
    /// How often usage hit the limit.
    pub failcnt: Option<u64>,
    /// Page cache lately used.
    pub active_file: Option<u64>,
    /// Page cache not lately used.
    pub inactive_file: Option<u64>,
    /// Page faults.
    pub page_faults: Option<u64>,
    /// Page faults that needed I/O.
    pub major_page_faults: Option<u64>,
    /// Page faults without those of cgroups below; on v2 with them, as the kernel does not tell.
    pub own_page_faults: Option<u64>,
    /// Page faults that needed I/O, likewise.
    pub own_major_page_faults: Option<u64>,
    /// Processes killed for want of memory.
    pub oom_kills: Option<u64>,
    /// Hard limit.
    pub limit: Option<Limit<u64>>,
    /// Limit of swap: of swap alone on v2, of memory and swap together on v1.
    pub swap_limit: Option<Limit<u64>>,
    /// What reclaim leaves alone: `memory.min` on v2, the soft limit on v1.
    pub reservation: Option<Limit<u64>>,
    /// Anonymous memory lately used.
    pub active_anon: Option<Count>,
    /// Anonymous memory not lately used.
    pub inactive_anon: Option<Count>,
    /// Anonymous memory in transparent huge pages.
    pub anon_huge: Option<Count>,
    /// Page cache to be written back.
    pub file_dirty: Option<Count>,
    /// Page cache that is being written back.
    pub file_writeback: Option<Count>,
    /// Pages that reclaim looked at.
    pub pages_scanned: Option<Count>,
    /// Pages that reclaim took.
    pub pages_reclaimed: Option<Count>,
    /// Pages of files that were read again after reclaim had taken them.
    pub refaulted_file: Option<Count>,
    /// Anonymous pages that were swapped in again.
    pub refaulted_anon: Option<Count>,
    /// How often the cgroup was slowed down above `memory.high`.
    pub high_events: Option<Count>,
    /// How often usage was about to pass `memory.max`.
    pub max_events: Option<Count>,
}

/// Pressure stall information of the three resources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pressure {
    /// Waiting for a CPU.
    pub cpu: Stall,
    /// Waiting for memory.
    pub memory: Stall,
    /// Waiting for I/O.
    pub io: Stall,
}

/// Time lost to waiting for one resource, microseconds since the cgroup was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stall {
    /// At least one task waited.
    pub some_us: Option<u64>,
    /// All tasks waited at once.
    pub full_us: Option<u64>,
}

/// Block I/O on one device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IoDevice {
    /// Major device number.
    pub major: u32,
    /// Minor device number.
    pub minor: u32,
    /// Bytes read.
    pub read_bytes: Option<u64>,
    /// Bytes written.
    pub written_bytes: Option<u64>,
    /// Read operations.
    pub reads: Option<u64>,
    /// Write operations.
    pub writes: Option<u64>,
    /// Bytes of synchronous operations: v1 only.
    pub sync_bytes: Option<Count>,
    /// Bytes of asynchronous operations: v1 only.
    pub async_bytes: Option<Count>,
    /// Bytes discarded: v1 only.
    pub discarded_bytes: Option<Count>,
    /// Bytes of all operations as the kernel adds them up: v1 only.
    pub total_bytes: Option<Count>,
    /// What the io.cost controller says, where it is in use.
    pub cost: Option<Box<IoCost>>,
}

/// Time of a device as the io.cost controller counts it, microseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IoCost {
    /// Device time used.
    pub usage_us: Option<u64>,
    /// Time waited for a share of the device.
    pub wait_us: Option<u64>,
    /// Time in debt for I/O that could not wait.
    pub indebt_us: Option<u64>,
    /// Time delayed to pay such debt.
    pub indelay_us: Option<u64>,
}

/// Processes and threads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pids {
    /// Threads in the subtree.
    pub current: Option<u64>,
    /// How many there may be.
    pub max: Option<Limit<u64>>,
    /// Processes in this very cgroup.
    pub processes: Option<u64>,
    /// The processes in this very cgroup that our PID namespace knows.
    pub list: Vec<u32>,
}

/// What few ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rare {
    /// CPU time used core by core, nanoseconds, in the order of the cores: v1 only.
    pub cores_ns: Vec<u64>,
    /// Memory by node.
    pub numa: Vec<NumaPages>,
    /// Huge pages, one entry a size.
    pub huge_pages: Vec<HugePages>,
    /// Whether memory follows a change of the cpuset's nodes: v1 only.
    pub memory_migrate: Option<bool>,
}

/// Memory of one kind on one node.
#[derive(Clone, Debug, PartialEq)]
pub struct NumaPages {
    /// `file`, `anon` or `unevictable`.
    pub kind: &'static str,
    /// Whether cgroups below are counted too.
    pub is_hierarchy: bool,
    /// The node.
    pub node: u32,
    /// How many pages.
    pub pages: u64,
}

/// Huge pages of one size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HugePages {
    /// The size as the kernel writes it: `2MB`.
    pub size: &'static str,
    /// In use, bytes.
    pub usage: Option<u64>,
    /// Highest usage ever, bytes: v1 only.
    pub max_usage: Option<u64>,
    /// How often usage hit the limit.
    pub failcnt: Option<u64>,
}

impl Reading {
    /// The rare figures, made where there are none yet.
    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The huge pages of a size, made where they are not there yet.
    pub(super) fn huge_pages(&mut self, size: &'static str) -> &mut HugePages {
        let list = &mut self.rare().huge_pages;
        let index = list.iter().position(|pages| pages.size == size).unwrap_or_else(|| {
            list.push(HugePages { size, ..HugePages::default() });
            list.len() - 1
        });
        &mut list[index]
    }

    /// Forgets all but the start time and the room of the lists.
    pub(super) fn clear(&mut self) {
        let (mut io, mut list) =
            (std::mem::take(&mut self.io), std::mem::take(&mut self.pids.list));
        io.clear();
        list.clear();
        let pids = Pids { list, ..Pids::default() };
        *self = Self { io, pids, start_time: self.start_time, ..Self::default() };
    }

    /// The entry of a device, made where it is not there yet.
    pub(super) fn device(&mut self, major: u32, minor: u32) -> &mut IoDevice {
        let found = self.io.iter().position(|d| (d.major, d.minor) == (major, minor));
        let index = found.unwrap_or_else(|| {
            self.io.push(IoDevice { major, minor, ..IoDevice::default() });
            self.io.len() - 1
        });
        &mut self.io[index]
    }

    /// The io.cost figures of a device, made where there are none yet.
    pub(super) fn io_cost(&mut self, major: u32, minor: u32) -> &mut IoCost {
        self.device(major, minor).cost.get_or_insert_default()
    }

    /// Derives what no single file tells, once all are read.
    pub(super) fn finish(&mut self) {
        let memory = &mut self.memory;
        // The root of a v2 hierarchy has memory.stat but no memory.current.
        if memory.usage.is_none()
            && let (Some(rss), Some(cache)) = (memory.rss, memory.cache)
        {
            memory.usage = Some(rss.saturating_add(cache));
        }
        memory.working_set =
            memory.usage.map(|usage| usage.saturating_sub(memory.inactive_file.unwrap_or(0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_reading_is_small() {
        assert_eq!(size_of::<Option<Count>>(), 8);
        let bytes = size_of::<Reading>();
        assert!(bytes <= 800, "{bytes} bytes: what few ask for belongs into Rare");
    }

    proptest! {
        #[test]
        fn counts_are_exact(n in 0..u64::MAX) {
            prop_assert_eq!(Count::new(n).map(Count::get), Some(n));
            prop_assert_eq!(Count::new(u64::MAX), None);
        }
    }
}
