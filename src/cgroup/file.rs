//! One kernel file: where it lies and how its text becomes part of a [`Reading`].

use std::ffi::CStr;

use super::mount::Controller;
use super::parse::{self, BadText};
use super::reading::Reading;
use crate::metric_set::{MetricSet as S, MetricSets};

/// A file that each cgroup of a hierarchy has.
pub(super) struct File {
    /// Decides the hierarchy in which the file is looked for.
    pub controller: Controller,
    /// The sets that need the file.
    pub sets: MetricSets,
    pub name: &'static CStr,
    pub parse: fn(&[u8], &mut Reading) -> Result<(), BadText>,
    /// Whether the kernel gives the text a page at a time; else it comes in one read.
    pub paged: bool,
    pub freshness: Freshness,
    /// A file that makes this one needless where the hierarchy's root has it.
    pub stands_in_for: Option<&'static CStr>,
}

/// The figures that a remembered text depends on.
pub(super) type Key = [u64; 3];

/// When the text of an earlier scan still stands.
#[derive(Clone, Copy)]
pub(super) enum Freshness {
    /// Never: the file is read in every scan.
    EveryScan,
    /// Until somebody writes to a file of the cgroup: a setting.
    UntilWritten,
    /// As long as these figures are the same, which follow from files earlier in the table, and nobody
    /// writes to a file of the cgroup. `None`: it does not stand.
    While(fn(&Reading, &Clocks) -> Option<Key>),
}

/// Counters of the host at the start of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clocks {
    /// Processes killed for want of memory, `oom_kill` of `/proc/vmstat`.
    pub oom_kills: Option<u64>,
    /// Changes whenever processes were moved between cgroups.
    pub migrations: u64,
}

impl File {
    pub(super) fn name(&self) -> &'static str {
        self.name.to_str().unwrap_or("?")
    }

    pub(super) const fn fresh(mut self, freshness: Freshness) -> Self {
        self.freshness = freshness;
        self
    }

    /// Reads this file only where the kernel is too old for another.
    pub(super) const fn stands_in_for(mut self, better: &'static CStr) -> Self {
        self.stands_in_for = Some(better);
        self
    }

    /// The key under which a text read now may be used again; `None` where it may not.
    pub(super) fn key(&self, reading: &Reading, clocks: &Clocks) -> Option<Key> {
        match self.freshness {
            Freshness::EveryScan => None,
            Freshness::UntilWritten => Some(Key::default()),
            Freshness::While(key) => key(reading, clocks),
        }
    }
}

/// Shorthand for the tables of `v1` and `v2`.
pub(super) const fn file(
    controller: Controller,
    sets: MetricSets,
    name: &'static CStr,
    parse: fn(&[u8], &mut Reading) -> Result<(), BadText>,
) -> File {
    File {
        controller,
        sets,
        name,
        parse,
        paged: false,
        freshness: Freshness::EveryScan,
        stands_in_for: None,
    }
}

/// Nothing ran and no memory came or went: then no peak was reached and no limit hit either. Of the
/// kernel's part of the memory it tells nothing: that of an ended process is given back later.
pub(super) fn while_still(reading: &Reading, _: &Clocks) -> Option<Key> {
    Some([reading.cpu.usage_ns?, reading.memory.usage?, 0])
}

/// `cgroup.procs`, the same in both versions. A process starts and ends by running; else it is moved.
pub(super) const fn processes(controller: Controller) -> File {
    let unmoved = |reading: &Reading, clocks: &Clocks| {
        Some([reading.cpu.usage_ns?, reading.pids.current?, clocks.migrations])
    };
    File {
        controller,
        sets: PROCESSES,
        name: c"cgroup.procs",
        parse: list_of_processes,
        paged: true,
        freshness: Freshness::While(unmoved),
        stands_in_for: None,
    }
}

/// The sets that need the list of processes.
pub(super) const PROCESSES: MetricSets = MetricSets::of(&[
    S::Process,
    S::Network,
    S::Sched,
    S::Descriptors,
    S::Tcp,
    S::Udp,
    S::AdvTcp,
    S::Disk,
]);

/// A process a line, 0 for one of another PID namespace.
fn list_of_processes(text: &[u8], reading: &mut Reading) -> Result<(), BadText> {
    let mut count = 0;
    parse::numbers(text, |pid| {
        count += 1;
        reading.pids.list.extend(u32::try_from(pid).ok().filter(|pid| *pid != 0));
    })?;
    reading.pids.processes = Some(count);
    Ok(())
}
