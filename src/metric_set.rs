//! The sets into which metrics are grouped, so that a user can switch them on and off; and how the
//! collection of a set went.
//!
//! Names are those of cAdvisor's `--enable_metrics`, in lower case; `spec` and `descriptors` are ours.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One set of metrics: what a `--collector.NAME` flag and the `collector` label speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricSet {
    /// CPU time and throttling.
    Cpu,
    /// Memory in use.
    Memory,
    /// Processes killed for want of memory.
    OomEvent,
    /// Pressure stall information.
    Pressure,
    /// Block I/O.
    DiskIo,
    /// How many processes and threads there are.
    Process,
    /// Limits, shares and reservations.
    Spec,
    /// Traffic of network interfaces.
    Network,
    /// CPU time core by core.
    PerCpu,
    /// Time that processes ran and waited for a core.
    Sched,
    /// Open files, sockets and their limit.
    Descriptors,
    /// TCP sockets by state.
    Tcp,
    /// UDP sockets by state.
    Udp,
    /// The kernel's counters of TCP.
    AdvTcp,
    /// Room taken in file systems.
    Disk,
    /// Huge pages.
    HugeTlb,
    /// Memory by node.
    MemoryNuma,
    /// Settings of cpusets.
    CpuSet,
    /// Caches, cores and nodes of the machine.
    CpuTopology,
}

impl MetricSet {
    /// How many sets there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Every set, in the order of [`MetricSet::index`].
    pub const ALL: [Self; 19] = [
        Self::Cpu,
        Self::Memory,
        Self::OomEvent,
        Self::Pressure,
        Self::DiskIo,
        Self::Process,
        Self::Spec,
        Self::Network,
        Self::PerCpu,
        Self::Sched,
        Self::Descriptors,
        Self::Tcp,
        Self::Udp,
        Self::AdvTcp,
        Self::Disk,
        Self::HugeTlb,
        Self::MemoryNuma,
        Self::CpuSet,
        Self::CpuTopology,
    ];

    /// Its place in an array of all sets.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name in flags, labels and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::OomEvent => "oom_event",
            Self::Pressure => "pressure",
            Self::DiskIo => "diskio",
            Self::Process => "process",
            Self::Spec => "spec",
            Self::Network => "network",
            Self::PerCpu => "percpu",
            Self::Sched => "sched",
            Self::Descriptors => "descriptors",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::AdvTcp => "advtcp",
            Self::Disk => "disk",
            Self::HugeTlb => "hugetlb",
            Self::MemoryNuma => "memory_numa",
            Self::CpuSet => "cpuset",
            Self::CpuTopology => "cpu_topology",
        }
    }

    /// What it is about, for help texts.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Cpu => "CPU time and throttling",
            Self::Memory => "Memory in use and its reclaim",
            Self::OomEvent => "Processes killed for want of memory",
            Self::Pressure => "Pressure stall information",
            Self::DiskIo => "Block I/O",
            Self::Process => "How many processes and threads there are",
            Self::Spec => "Limits, shares and reservations",
            Self::Network => "Traffic of network interfaces",
            Self::PerCpu => "CPU time core by core instead of the total, on cgroup v1",
            Self::Sched => "Time that processes ran and waited for a core",
            Self::Descriptors => "Open files, sockets and their limit",
            Self::Tcp => "TCP sockets by state",
            Self::Udp => "UDP sockets by state",
            Self::AdvTcp => "The kernel's counters of TCP",
            Self::Disk => "Room taken in file systems",
            Self::HugeTlb => "Huge pages",
            Self::MemoryNuma => "Memory by node",
            Self::CpuSet => "Settings of cpusets",
            Self::CpuTopology => "Caches, cores, nodes and memory modules of the machine",
        }
    }

    /// Whether it is collected unless a user says otherwise.
    pub const fn is_default(self) -> bool {
        self.index() <= Self::Network.index()
    }
}

impl fmt::Display for MetricSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for MetricSet {
    type Err = String;

    /// Reads a name in any case, as cAdvisor writes `diskIO`.
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|set| set.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|set| set.name()).collect();
            format!("no such collector: {text:?}, expected one of {}", names.join(", "))
        })
    }
}

/// Some of the sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricSets(u32);

impl MetricSets {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// These sets.
    pub const fn of(sets: &[MetricSet]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < sets.len() {
            bits |= 1 << sets[at].index();
            at += 1;
        }
        Self(bits)
    }

    /// Those that are collected unless a user says otherwise.
    pub fn defaults() -> Self {
        MetricSet::ALL.into_iter().filter(|set| set.is_default()).fold(Self::NONE, Self::with)
    }

    /// These and `set`.
    pub const fn with(self, set: MetricSet) -> Self {
        Self(self.0 | 1 << set.index())
    }

    /// These but `set`.
    pub const fn without(self, set: MetricSet) -> Self {
        Self(self.0 & !(1 << set.index()))
    }

    /// These and those.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `set` is one of them.
    pub const fn contains(self, set: MetricSet) -> bool {
        self.0 & 1 << set.index() != 0
    }

    /// What both hold.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The sets, in the order of [`MetricSet::ALL`].
    pub fn iter(self) -> impl Iterator<Item = MetricSet> {
        MetricSet::ALL.into_iter().filter(move |set| self.contains(*set))
    }
}

impl Default for MetricSets {
    fn default() -> Self {
        Self::defaults()
    }
}

/// How the last collection went for one part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Wall time spent.
    pub duration: Duration,
    /// Files that should have been readable and were not.
    pub failures: u32,
    /// Whether the deadline came before all was read.
    pub late: bool,
}

impl Effort {
    /// Whether all was read.
    pub fn is_success(&self) -> bool {
        self.failures == 0 && !self.late
    }

    /// Both parts together.
    pub fn and(self, other: Self) -> Self {
        Self {
            duration: self.duration + other.duration,
            failures: self.failures + other.failures,
            late: self.late || other.late,
        }
    }
}

/// A file that should have been readable and was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_sets() {
        for (index, set) in MetricSet::ALL.into_iter().enumerate() {
            assert_eq!(set.index(), index);
            assert_eq!(set.name().parse(), Ok(set));
            let only = MetricSets::of(&[set]);
            assert_eq!(only.iter().collect::<Vec<_>>(), [set]);
            assert!(only.without(set).is_empty());
        }
        assert_eq!("diskIO".parse(), Ok(MetricSet::DiskIo));
        assert!("disc".parse::<MetricSet>().expect_err("unknown").contains("diskio"));
        let defaults = MetricSets::defaults();
        assert!(defaults.contains(MetricSet::Network) && !defaults.contains(MetricSet::PerCpu));
        let both = defaults.intersection(MetricSets::of(&[MetricSet::Cpu, MetricSet::Tcp]));
        assert_eq!(both, MetricSets::of(&[MetricSet::Cpu]));
    }
}
