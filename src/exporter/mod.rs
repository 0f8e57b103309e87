//! Readings and identities → metric families.
//!
//! [`table`] is the contract: every family with its type, help and sources. [`Collector`] reads the host
//! and renders what it read; it does nothing between two calls.

mod compat;
mod details;
mod devices;
mod documentation;
mod family;
mod filter;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod host;
mod labels;
mod own;
mod process;
mod render;
mod scope;
pub mod table;
mod targets;
mod topology;
mod write;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::cgroup::{self, Reading, Root, Scanner};
use crate::disk::Usage;
use crate::identity::{self, Identity, Names};
use crate::metric_set::{Effort, MetricSet, MetricSets, Problem};
use crate::procfs::Figures;
use crate::units::Timestamp;
use crate::web::Format;
use details::Details;
use devices::Devices;
use host::Host;

pub use documentation::documentation;
pub use family::{Family, Kind};
pub use filter::{Choice, Filter, Pattern};
pub use labels::LabelsShown;
pub use process::Process;
pub use scope::Scope;
pub use targets::{TARGET_PARAMETER, TargetGroup};

/// What one scrape asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrape {
    /// The sets to collect; those that are not in [`Options::sets`] are left out.
    pub sets: MetricSets,
    /// What is not read by then is left out.
    pub deadline: Option<Instant>,
    /// Which part of the host it is about.
    pub scope: Scope,
}

/// Where the host's files are, and what is read of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The mount point of procfs.
    pub procfs: PathBuf,
    /// The mount point of sysfs.
    pub sysfs: PathBuf,
    /// The root of the host's file system, below which runtimes keep their files.
    pub rootfs: PathBuf,
    /// The sets that may be collected.
    pub sets: MetricSets,
    /// Whether to print what cAdvisor would where it and we differ.
    pub compat: bool,
    /// Which labels of containers every family gets.
    pub labels: LabelsShown,
    /// Which cgroups are shown.
    pub filter: Filter,
    /// How many kernel files may stay open between two scrapes. Each costs some 4.7 KiB of kernel memory
    /// and saves some 5 µs a scrape.
    pub kept_descriptors: usize,
    /// How often the writable layers of containers are walked to find their size; zero is never.
    pub disk_walk_interval: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            procfs: "/proc".into(),
            sysfs: "/sys".into(),
            rootfs: "/".into(),
            sets: MetricSets::defaults(),
            compat: false,
            labels: LabelsShown::default(),
            filter: Filter::default(),
            kept_descriptors: cgroup::MOST_KEPT,
            disk_walk_interval: Duration::ZERO,
        }
    }
}

/// Why nothing can be collected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are no cgroups to read.
    #[error(transparent)]
    Cgroup(#[from] cgroup::Error),
}

/// Reads every cgroup of a host and renders the readings as metrics.
#[derive(Debug)]
pub struct Collector {
    scanner: Scanner,
    /// One for each scope that was asked for: who tells of a shared network depends on who is asked.
    details: HashMap<Scope, Details>,
    names: Names,
    host: Host,
    devices: Devices,
    /// One for each group of the scanner, in its order.
    rows: Vec<Row>,
    generation: u64,
    naming: Duration,
    options: Options,
    shown: Shown,
    /// The readings as cAdvisor would print them, one for each group; empty unless asked for.
    filled: Vec<Reading>,
    /// Those of the last collection.
    sets: MetricSets,
    scope: Scope,
    /// The positions of its groups.
    chosen: Vec<usize>,
    now: Timestamp,
}

/// What is made once of a cgroup and kept while it lives.
#[derive(Debug)]
struct Row {
    /// The group's [`cgroup::Group::serial`].
    serial: u64,
    identity: Identity,
    /// The base labels, rendered.
    labels: Vec<u8>,
    is_shown: bool,
}

/// What of the cgroups is shown.
#[derive(Debug)]
struct Shown {
    labels: LabelsShown,
    filter: Filter,
}

impl Row {
    fn new(group: &cgroup::Group, names: &mut Names, shown: &Shown) -> Self {
        let identity = names.identify(group.path());
        let labels = labels::base_labels(group.path(), &identity, &shown.labels);
        let is_shown = shown.filter.shows(group.path(), &identity);
        Self { serial: group.serial(), identity, labels, is_shown }
    }

    fn refresh(&mut self, group: &cgroup::Group, names: &mut Names, shown: &Shown) {
        if names.refresh(&mut self.identity) {
            self.labels = labels::base_labels(group.path(), &self.identity, &shown.labels);
            self.is_shown = shown.filter.shows(group.path(), &self.identity);
        }
    }
}

impl Collector {
    /// A collector of this host.
    ///
    /// # Errors
    /// Where no cgroup hierarchy is mounted, or one cannot be opened.
    pub fn new(mut options: Options) -> Result<Self, Error> {
        options.sets = with_needed(options.sets);
        let root = Root::open_for(&options.procfs, &options.sysfs, options.sets)?;
        Ok(Self {
            scanner: Scanner::new(root, &options.procfs, options.sets, options.kept_descriptors),
            details: HashMap::new(),
            scope: Scope::default(),
            chosen: Vec::new(),
            names: Names::new(&options.rootfs),
            devices: Devices::new(&options.sysfs),
            shown: Shown { labels: options.labels.clone(), filter: options.filter.clone() },
            filled: Vec::new(),
            sets: MetricSets::NONE,
            host: Host::new(options.clone()),
            options,
            rows: Vec::new(),
            generation: 0,
            naming: Duration::ZERO,
            now: Timestamp::default(),
        })
    }

    /// Reads every cgroup for all sets of [`Options::sets`]. `now` becomes `container_last_seen`.
    pub fn collect(&mut self, now: Timestamp) -> Snapshot<'_> {
        let scrape = Scrape { sets: self.options.sets, ..Scrape::default() };
        self.collect_for(now, &scrape)
    }

    /// Reads of every cgroup what a scrape asks for.
    pub fn collect_for(&mut self, now: Timestamp, scrape: &Scrape) -> Snapshot<'_> {
        self.now = now;
        self.sets = with_needed(scrape.sets).intersection(self.options.sets);
        self.scope = scrape.scope.clone();
        self.discover();
        self.chosen = self.scope.choose(self.scanner.groups(), &self.rows);
        let mut wanted = vec![false; self.rows.len()];
        self.chosen.iter().for_each(|at| wanted[*at] = true);
        self.scanner.read(&cgroup::Request {
            wanted: &|at| wanted[at],
            sets: self.sets,
            deadline: scrape.deadline,
        });
        if self.options.compat {
            let groups = self.scanner.groups().iter();
            self.filled = groups.map(|group| compat::as_cadvisor(group, self.sets)).collect();
        }
        if !self.chosen.is_empty() {
            let fresh = || Details::new(&self.options);
            let details = self.details.entry(self.scope.clone()).or_insert_with(fresh);
            let groups = self.scanner.groups();
            details.read(groups, &self.rows, &self.chosen, self.sets, scrape.deadline);
        }
        let readings = self.scanner.groups().iter().map(cgroup::Group::reading);
        self.devices.look_up(readings.flat_map(|reading| &reading.io));
        self.host.refresh();
        Snapshot { collector: self }
    }

    /// Finds the cgroups and their names; reads no figures.
    pub fn discover(&mut self) {
        let filter = &self.shown.filter;
        self.scanner.discover(&|path| identity::is_ignored(path) || filter.prunes(path));
        self.name();
    }

    /// Gives every cgroup its row, and brings the names up to date.
    fn name(&mut self) {
        let started = Instant::now();
        self.names.begin_scrape();
        let groups = self.scanner.groups();
        if self.generation != self.scanner.generation() {
            self.generation = self.scanner.generation();
            let mut known: HashMap<u64, Row> =
                self.rows.drain(..).map(|row| (row.serial, row)).collect();
            let (names, shown) = (&mut self.names, &self.shown);
            self.rows = groups
                .iter()
                .map(|g| known.remove(&g.serial()).unwrap_or_else(|| Row::new(g, names, shown)))
                .collect();
            self.names.forget(known.into_values().map(|row| row.identity));
            self.details.retain(|scope, _| scope.is_there(groups));
        }
        for (row, group) in self.rows.iter_mut().zip(groups) {
            row.refresh(group, &mut self.names, &self.shown);
        }
        self.naming = started.elapsed();
    }

    /// The last collection; empty before the first.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { collector: self }
    }

    /// Writes the last collection to `out` as an exposition in `format`, a family at a time.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn render(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        render::render(self, format, out)
    }

    /// What was left out of the last collection for want of rights or kernel support, as sentences for
    /// a log. Call it after the first [`Collector::collect`].
    pub fn missing_details(&self) -> Vec<String> {
        let mut missing = self.scanner.missing_details();
        missing.extend(self.details().into_iter().flat_map(Details::missing_details));
        missing.extend(self.names.missing_details());
        missing
    }

    /// Files that should have been readable in the last collection and were not; at most forty.
    pub fn problems(&self) -> Vec<&Problem> {
        let details = self.details().into_iter().flat_map(Details::problems);
        self.scanner.problems().iter().chain(details).collect()
    }

    /// What was read outside the cgroups in the last collection.
    fn details(&self) -> Option<&Details> {
        self.details.get(&self.scope).filter(|_| !self.chosen.is_empty())
    }

    /// Time spent and files failed in the last collection, by part.
    fn efforts(&self) -> impl Iterator<Item = (&'static str, Effort)> + '_ {
        let took = |duration| Effort { duration, ..Effort::default() };
        let details = self.details();
        let of = move |set| {
            let outside = details.map_or(Effort::default(), |details| details.effort(set));
            self.scanner.effort(set).and(outside)
        };
        [("discovery", took(self.scanner.discovery())), ("names", took(self.naming))]
            .into_iter()
            .chain(self.sets.iter().map(move |set| (set.name(), of(set))))
    }
}

/// The cores' times are series of the family that has the total else.
fn with_needed(sets: MetricSets) -> MetricSets {
    if sets.contains(MetricSet::PerCpu) { sets.with(MetricSet::Cpu) } else { sets }
}

/// All cgroups of one collection, parents before children.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    collector: &'a Collector,
}

/// One cgroup of a collection.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The path below the cgroup mount, from `/`.
    pub path: &'a str,
    /// The inode of its directory: another one after it was removed and made again.
    pub inode: u64,
    /// Who it is.
    pub identity: &'a Identity,
    /// What the kernel says of it.
    pub reading: &'a Reading,
    /// What procfs tells of its processes.
    pub processes: &'a Figures,
    /// The file systems it uses.
    pub disks: &'a [Usage],
    /// When it was read.
    seen: Timestamp,
    /// The base labels, rendered.
    labels: &'a [u8],
}

impl<'a> Snapshot<'a> {
    /// When it was collected.
    pub fn at(&self) -> Timestamp {
        self.collector.now
    }

    /// The cgroups.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let collector = self.collector;
        let chosen = collector.chosen.iter().map(|at| {
            let (group, row) = (&collector.scanner.groups()[*at], &collector.rows[*at]);
            (group, row, collector.filled.get(*at).unwrap_or_else(|| group.reading()))
        });
        let all = chosen.zip(collector.details().into_iter().flat_map(Details::each));
        all.filter(|((group, ..), _)| group.is_alive()).map(
            |((group, row, reading), (processes, disks))| Entry {
                path: group.path(),
                inode: group.inode(),
                identity: &row.identity,
                reading,
                processes,
                disks,
                seen: collector.now,
                labels: &row.labels,
            },
        )
    }

    /// CPUs of the host that are online, where known.
    pub fn host_cores(&self) -> Option<u64> {
        self.collector.host.cores
    }

    /// Memory of the host in bytes, where known.
    pub fn host_memory_bytes(&self) -> Option<u64> {
        self.collector.host.memory_bytes
    }
}
