//! What is asked of procfs and of file systems once the cgroups are known.

use std::time::Instant;

use super::{Options, Row};
use crate::cgroup::Group;
use crate::disk::{Disks, Place, PlaceKind, Usage};
use crate::metric_set::{Effort, MetricSet, MetricSets, Problem};
use crate::procfs::{Figures, Member, Processes};

/// Readers of what lies outside the cgroup file systems.
#[derive(Debug)]
pub(super) struct Details {
    processes: Processes,
    disks: Disks,
}

impl Details {
    pub(super) fn new(options: &Options) -> Self {
        let Options { procfs, rootfs, disk_walk_interval, .. } = options;
        Self {
            processes: Processes::new(procfs),
            disks: Disks::new(procfs, rootfs, *disk_walk_interval),
        }
    }

    /// Reads what `sets` need of the cgroups at the `chosen` positions.
    pub(super) fn read(
        &mut self,
        groups: &[Group],
        rows: &[Row],
        chosen: &[usize],
        sets: MetricSets,
        deadline: Option<Instant>,
    ) {
        let pairs = chosen.iter().map(|at| (&groups[*at], &rows[*at]));
        let members: Vec<Member> = pairs
            .map(|(group, row)| Member {
                serial: group.serial(),
                path: group.path(),
                is_container: row.identity.runtime.is_container(),
                pids: &group.reading().pids.list,
            })
            .collect();
        self.processes.read(&members, sets, deadline);
        if sets.contains(MetricSet::Disk) {
            self.disks.read(&places(&members), deadline);
        } else {
            self.disks.skip(members.len());
        }
    }

    /// What was found, one for each cgroup of the last read.
    pub(super) fn each(&self) -> impl Iterator<Item = (&Figures, &[Usage])> {
        self.processes.figures().iter().zip(self.disks.usages().iter().map(Vec::as_slice))
    }

    pub(super) fn effort(&self, set: MetricSet) -> Effort {
        match set {
            MetricSet::Disk => self.disks.effort(),
            other => self.processes.effort(other),
        }
    }

    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.processes.problems().iter().chain(self.disks.problems())
    }

    pub(super) fn missing_details(&self) -> impl Iterator<Item = String> {
        self.processes.missing_details().into_iter().chain(self.disks.missing_details())
    }
}

/// The root and the containers: these with their first process, or the first of a cgroup below.
fn places(members: &[Member]) -> Vec<Place> {
    let first = |index: usize| {
        let container = members[index].path;
        let is_below = |path: &str| {
            path.strip_prefix(container)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        // Sorted by path: what lies below follows, perhaps between others of the same beginning.
        members[index..]
            .iter()
            .take_while(|member| member.path.starts_with(container))
            .filter(|member| is_below(member.path))
            .find_map(|member| member.pids.first().copied())
    };
    let kind = |(index, member): (usize, &Member)| match (member.path, member.is_container) {
        ("/", _) => PlaceKind::Host,
        (_, true) => first(index).map_or(PlaceKind::Other, PlaceKind::Container),
        (_, false) => PlaceKind::Other,
    };
    let place = |at: (usize, &Member)| Place { serial: at.1.serial, kind: kind(at) };
    members.iter().enumerate().map(place).collect()
}
