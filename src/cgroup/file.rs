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
}

impl File {
    /// Whether a descriptor may serve for more than one read. v1 keeps the list of processes that an
    /// open `cgroup.procs` was first read with for a second after the last read, so it would be stale.
    pub(super) fn may_be_kept(&self) -> bool {
        !self.paged
    }

    pub(super) fn name(&self) -> &'static str {
        self.name.to_str().unwrap_or("?")
    }
}

/// Shorthand for the tables of `v1` and `v2`.
pub(super) const fn file(
    controller: Controller,
    sets: MetricSets,
    name: &'static CStr,
    parse: fn(&[u8], &mut Reading) -> Result<(), BadText>,
) -> File {
    File { controller, sets, name, parse, paged: false }
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

/// `cgroup.procs`, the same in both versions: a process a line, 0 for one of another PID namespace.
pub(super) fn processes(text: &[u8], reading: &mut Reading) -> Result<(), BadText> {
    let mut count = 0;
    parse::numbers(text, |pid| {
        count += 1;
        reading.pids.list.extend(u32::try_from(pid).ok().filter(|pid| *pid != 0));
    })?;
    reading.pids.processes = Some(count);
    Ok(())
}
