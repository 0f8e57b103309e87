//! What procfs tells of the processes of a cgroup: network, sockets, descriptors, scheduling.
//!
//! [`Processes`] is given the cgroups with their processes and reads what the wanted sets need. Every
//! file is opened, read and closed: a descriptor kept open below `/proc/PID/net` would keep the network
//! namespace of a dead container alive.

mod descriptors;
mod file;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod lineage;
mod namespace;
mod network;
mod schedule;
mod sockets;
mod statistics;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Instant;

use crate::metric_set::{Effort, MetricSet, MetricSets, Problem};
use file::{Denied, Files};
use namespace::{Namespaces, Teller};
use schedule::Schedules;

pub use descriptors::{Descriptors, SoftLimit};
pub use network::{Interface, Traffic};
pub use schedule::Schedule;
pub use sockets::{TcpStates, UdpQueues};
pub use statistics::Statistic;

/// The sets that tell of network namespaces.
const OF_NAMESPACES: MetricSets =
    MetricSets::of(&[MetricSet::Network, MetricSet::Tcp, MetricSet::Udp, MetricSet::AdvTcp]);

/// What a container sees that has not got the host's PID namespace.
const APART: &str = "this process is in a PID namespace of its own, as in a container: processes outside it, \
                     their network, sockets, disks and on cgroup v1 their number are not seen; it needs the \
                     host's (docker run --pid=host)";

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
    /// The sockets of that namespace.
    pub tcp: ByFamily<TcpStates>,
    /// The sockets of that namespace.
    pub udp: ByFamily<UdpQueues>,
    /// The kernel's figures of TCP in that namespace, by name.
    pub statistics: Vec<Statistic>,
    /// Open files of the cgroup's own processes.
    pub descriptors: Descriptors,
    /// Time of the threads of the cgroup and of all below it; `None` where none was ever seen.
    pub schedule: Option<Schedule>,
}

/// Figures of IPv4 and IPv6. `None` where the kernel does not tell, or they were not asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByFamily<T> {
    /// Of IPv4.
    pub v4: Option<Box<T>>,
    /// Of IPv6.
    pub v6: Option<Box<T>>,
}

impl<T> Default for ByFamily<T> {
    fn default() -> Self {
        Self { v4: None, v6: None }
    }
}

/// Reads procfs for all cgroups of a host, again and again.
#[derive(Debug)]
pub struct Processes {
    files: Files,
    namespaces: Namespaces,
    schedules: Schedules,
    figures: Vec<Figures>,
}

impl Processes {
    /// A reader of the procfs mounted at `procfs`.
    pub fn new(procfs: &Path) -> Self {
        Self {
            files: Files::new(procfs),
            namespaces: Namespaces::default(),
            schedules: Schedules::default(),
            figures: Vec::new(),
        }
    }

    /// Reads what `sets` need of these cgroups, parents before children. What is not read by the
    /// deadline is left out.
    pub fn read(&mut self, members: &[Member], sets: MetricSets, deadline: Option<Instant>) {
        self.files.begin();
        self.figures.clear();
        self.figures.resize_with(members.len(), Figures::default);
        let deadline = Deadline(deadline);
        self.read_namespaces(members, sets.intersection(OF_NAMESPACES), &deadline);
        if sets.contains(MetricSet::Descriptors) {
            self.read_descriptors(members, &deadline);
        }
        if sets.contains(MetricSet::Sched) {
            self.read_schedules(members, &deadline);
        }
    }

    /// Reads each network namespace once. The search for them is on the account of the first set.
    fn read_namespaces(&mut self, members: &[Member], sets: MetricSets, deadline: &Deadline) {
        let Some(first) = sets.iter().next() else { return };
        let mut mark = Instant::now();
        let tellers = self.namespaces.tellers(members, &mut self.files, first);
        self.files.charge(first, &mut mark);
        for teller in tellers {
            if deadline.is_past() {
                sets.iter().for_each(|set| self.files.effort(set).late = true);
                break;
            }
            if self.read_interfaces(&teller, first, sets) {
                self.files.charge(first, &mut mark);
                for set in sets.iter() {
                    let figures = &mut self.figures[teller.member];
                    sockets::read(teller.pid, set, &mut self.files, figures);
                    self.files.charge(set, &mut mark);
                }
            }
        }
    }

    /// Reads `net/dev`; `false` where the namespace could not be read or is no longer the expected one.
    fn read_interfaces(&mut self, teller: &Teller, first: MetricSet, sets: MetricSets) -> bool {
        let Self { files, namespaces, figures, .. } = self;
        let file = (teller.pid, namespace::FILE);
        let found = files.read(file.0, file.1, network::interfaces);
        let Some((inode, interfaces)) = files.note(first, file, found) else { return false };
        if inode != teller.namespace {
            namespaces.moved(teller, inode);
            return false;
        }
        if sets.contains(MetricSet::Network) {
            figures[teller.member].interfaces = interfaces;
        }
        true
    }

    fn read_descriptors(&mut self, members: &[Member], deadline: &Deadline) {
        let mut mark = Instant::now();
        for (member, figures) in members.iter().zip(&mut self.figures) {
            if deadline.is_past() {
                self.files.effort(MetricSet::Descriptors).late = true;
                break;
            }
            figures.descriptors = descriptors::read(member, &mut self.files);
        }
        self.files.charge(MetricSet::Descriptors, &mut mark);
    }

    fn read_schedules(&mut self, members: &[Member], deadline: &Deadline) {
        let mut mark = Instant::now();
        self.schedules.begin();
        for member in members {
            if deadline.is_past() {
                self.files.effort(MetricSet::Sched).late = true;
                break;
            }
            self.schedules.add(member, &mut self.files);
        }
        if !self.files.effort(MetricSet::Sched).late {
            self.schedules.forget();
        }
        for (figures, sum) in self.figures.iter_mut().zip(self.schedules.sums(members)) {
            figures.schedule = (sum != Schedule::default()).then_some(sum);
        }
        self.files.charge(MetricSet::Sched, &mut mark);
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
            let (what, remedy) = match set {
                MetricSet::Descriptors => (
                    "numbers of sockets, before Linux 6.2 also of descriptors,".to_owned(),
                    "needs CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE",
                ),
                // The other files are open to all but where procfs is mounted so.
                _ => (
                    format!("{set} figures"),
                    "needs CAP_SYS_PTRACE where procfs is mounted with hidepid",
                ),
            };
            let example = denied.example.display();
            format!(
                "{what} of {} cgroups are left out: permission denied, for example on {example}; {remedy}",
                denied.times
            )
        };
        let apart = self.files.is_apart().then(|| APART.to_owned());
        apart.into_iter().chain(self.files.denied().iter().map(sentence)).collect()
    }
}

/// When a read must end.
struct Deadline(Option<Instant>);

impl Deadline {
    fn is_past(&self) -> bool {
        self.0.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
