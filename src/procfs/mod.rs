//! What procfs tells of the processes of a cgroup: network, sockets, descriptors, scheduling.
//!
//! [`Processes`] is given the cgroups with their processes and reads what the wanted sets need. Every
//! file is opened, read and closed: a descriptor kept open below `/proc/PID/net` would keep the network
//! namespace of a dead container alive.

mod file;
mod namespace;
mod network;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Instant;

use crate::metric_set::{Effort, MetricSet, MetricSets, Problem};
use file::{Denied, Files};
use namespace::{Namespaces, Teller};

pub use network::{Interface, Traffic};

/// The sets that tell of network namespaces.
const OF_NAMESPACES: MetricSets = MetricSets::of(&[MetricSet::Network]);

/// A cgroup, as this room needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// A number of its own for each cgroup there ever was.
    pub serial: u64,
    /// The path below the cgroup mount, from `/`.
    pub path: &'a str,
    /// Whether it is a container: what lies below belongs to it.
    pub is_container: bool,
    /// The processes in this very cgroup, in the kernel's order.
    pub pids: &'a [u32],
}

/// What procfs tells of one cgroup.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// The interfaces of the network namespace that is told here; empty where there is none.
    pub interfaces: Vec<Interface>,
}

/// Reads procfs for all cgroups of a host, again and again.
#[derive(Debug)]
pub struct Processes {
    files: Files,
    namespaces: Namespaces,
    figures: Vec<Figures>,
}

impl Processes {
    /// A reader of the procfs mounted at `procfs`.
    pub fn new(procfs: &Path) -> Self {
        Self { files: Files::new(procfs), namespaces: Namespaces::default(), figures: Vec::new() }
    }

    /// Reads what `sets` need of these cgroups, parents before children. What is not read by the
    /// deadline is left out.
    pub fn read(&mut self, members: &[Member], sets: MetricSets, deadline: Option<Instant>) {
        self.files.begin();
        self.figures.clear();
        self.figures.resize_with(members.len(), Figures::default);
        let deadline = Deadline(deadline);
        self.read_namespaces(members, sets.intersection(OF_NAMESPACES), &deadline);
    }

    /// Reads each network namespace once. The search for them is on the account of the first set.
    fn read_namespaces(&mut self, members: &[Member], sets: MetricSets, deadline: &Deadline) {
        let Some(first) = sets.iter().next() else { return };
        let started = Instant::now();
        let tellers = self.namespaces.tellers(members, &mut self.files, first);
        for teller in tellers {
            if deadline.is_past() {
                sets.iter().for_each(|set| self.files.effort(set).late = true);
                break;
            }
            self.read_namespace(&teller, first, sets);
        }
        self.files.effort(first).duration += started.elapsed();
    }

    fn read_namespace(&mut self, teller: &Teller, first: MetricSet, sets: MetricSets) {
        let Self { files, namespaces, figures } = self;
        let found = files.read(teller.pid, namespace::FILE, network::interfaces);
        let Some((inode, interfaces)) = files.note(first, (teller.pid, namespace::FILE), found)
        else {
            return;
        };
        if inode != teller.namespace {
            namespaces.moved(teller, inode);
            return;
        }
        let figures = &mut figures[teller.member];
        if sets.contains(MetricSet::Network) {
            figures.interfaces = interfaces;
        }
    }

    /// What the last read found, one for each cgroup of its list.
    pub fn figures(&self) -> &[Figures] {
        &self.figures
    }

    /// How the last read went for a set.
    pub fn effort(&self, set: MetricSet) -> Effort {
        self.files.efforts()[set.index()]
    }

    /// Files that should have been readable in the last read and were not; at most twenty.
    pub fn problems(&self) -> &[Problem] {
        self.files.problems()
    }

    /// What our rights keep from us, as sentences for a log: of the last read.
    pub fn missing_details(&self) -> Vec<String> {
        let sentence = |(set, denied): (&MetricSet, &Denied)| {
            let Denied { times, example } = denied;
            let example = example.display();
            format!(
                "{set} figures of {times} cgroups are left out: permission denied, for example on {example}; {}",
                remedy(*set)
            )
        };
        self.files.denied().iter().map(sentence).collect()
    }
}

/// What would help where a file of a process is not for us to read.
const fn remedy(set: MetricSet) -> &'static str {
    match set {
        MetricSet::Descriptors => "needs CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE",
        // These files are open to all but where procfs is mounted with hidepid.
        _ => "needs CAP_SYS_PTRACE, as procfs is mounted with hidepid",
    }
}

/// When a read must end.
struct Deadline(Option<Instant>);

impl Deadline {
    fn is_past(&self) -> bool {
        self.0.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
