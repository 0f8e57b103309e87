//! Reading every file of every cgroup, type by type.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::file::{Clocks, File, Freshness};
use super::group::Group;
use super::mount::Root;
use super::parse::{self, BadText};
use super::slot::Buffers;
use super::tree::Tree;
use super::{descriptors, v1, v2};
use crate::metric_set::{Effort, MetricSet, MetricSets, Problem};

/// v1 goes on showing the list of processes that an open `cgroup.procs` was first read with until nobody
/// has read it for a second.
const LIST_LIFE: Duration = Duration::from_secs(2);

/// How many problems a scan reports in words.
const MOST_PROBLEMS: usize = 20;

/// What a scan is for.
pub struct Request<'a> {
    /// Cgroups at the positions that it holds for are read; the others' readings are empty.
    pub wanted: &'a dyn Fn(usize) -> bool,
    /// The files that these sets need are read.
    pub sets: MetricSets,
    /// What is not read by then is left out.
    pub deadline: Option<Instant>,
}

/// Finds and reads all cgroups of a host, again and again.
#[derive(Debug)]
pub struct Scanner {
    root: Root,
    tree: Tree,
    plan: Vec<Planned>,
    /// How many descriptors may be kept.
    budget: usize,
    vmstat: PathBuf,
    last_scan: Option<Instant>,
    buffers: Buffers,
    discovery: Duration,
    efforts: [Effort; MetricSet::COUNT],
    problems: Vec<Problem>,
    denied: BTreeMap<&'static str, String>,
}

/// A file and the hierarchy in which this host has it.
struct Planned {
    file: &'static File,
    mount: usize,
    /// How many files are more worth a kept descriptor.
    rank: usize,
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.file.name(), self.mount)
    }
}

/// Why a file gave no text.
enum Failure {
    /// The file is not there, or no more; perhaps the cgroup is not either.
    Missing,
    /// The file is there but this kernel or cgroup does not support it.
    Unsupported,
    /// We may not read it.
    Denied,
    /// Anything else.
    Broken(String),
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NODEV | Errno::NOENT | Errno::NOTDIR => Self::Missing,
            Errno::OPNOTSUPP => Self::Unsupported,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            other => Self::Broken(std::io::Error::from(other).to_string()),
        }
    }
}

impl From<BadText> for Failure {
    fn from(bad: BadText) -> Self {
        let BadText { line, expected, found } = bad;
        Self::Broken(format!("line {line}: expected {expected}, found {found:?}"))
    }
}

/// The files that these sets need and the host has.
fn plan(root: &Root, sets: MetricSets) -> Vec<Planned> {
    let v1 = v1::FILES.iter().map(|file| (file, root.v1(file.controller)));
    let v2 = v2::FILES.iter().map(|file| (file, root.v2(file.controller)));
    let mut plan: Vec<Planned> = v1
        .chain(v2)
        .filter(|(file, _)| !file.sets.intersection(sets).is_empty())
        .filter_map(|(file, mount)| Some(Planned { file, mount: mount?, rank: 0 }))
        .filter(|planned| {
            planned.file.stands_in_for.is_none_or(|better| !root.has(planned.mount, better))
        })
        .collect();
    // What is read in every scan comes first, and what is hardly ever read not at all.
    let worth = |planned: &Planned| match planned.file.freshness {
        Freshness::EveryScan => 0,
        Freshness::While(_) => 1,
        Freshness::UntilWritten => 2,
    };
    let mut order: Vec<usize> = (0..plan.len()).collect();
    order.sort_by_key(|at| worth(&plan[*at]));
    for (rank, at) in order.into_iter().enumerate() {
        let kept = worth(&plan[at]) < 2;
        plan[at].rank = if kept { rank } else { usize::MAX };
    }
    plan
}

/// One file on its way through all cgroups.
struct Pass {
    index: usize,
    file: &'static File,
    /// The hierarchy that has it.
    mount: usize,
    /// Of how many cgroups the descriptor may stay open.
    kept: usize,
    /// Whether one that is open would give what is true now.
    reuse: bool,
    /// Whether texts may stand for another scan.
    remember: bool,
    clocks: Clocks,
}

impl Pass {
    /// Takes the file into the reading of one cgroup: as remembered, else as the kernel gives it.
    fn take(
        &self,
        root: &Root,
        position: usize,
        group: &mut Group,
        buffers: &mut Buffers,
    ) -> Result<(), Failure> {
        let Group { dir, slots, reading, .. } = group;
        let slot = &mut slots[self.index];
        let key = self.file.key(reading, &self.clocks).filter(|_| self.remember);
        let may_keep = position < self.kept;
        if !may_keep {
            slot.close();
        }
        if let Some(text) = key.and_then(|key| slot.remembered(&key)) {
            return Ok((self.file.parse)(text, reading)?);
        }
        let hierarchy = &root.mounts[self.mount].fd;
        // A text that was never outdated may well stand for long.
        let keep = may_keep && self.reuse && (key.is_none() || slot.was_outdated());
        let Some(opened) = slot.open(hierarchy, dir, self.file.name, keep, buffers)? else {
            return Ok(());
        };
        let text = buffers.read(opened.as_fd(), self.file.paged)?;
        drop(opened);
        (self.file.parse)(text, reading)?;
        match key {
            Some(key) => slot.remember(key, text),
            None => slot.forget(),
        }
        Ok(())
    }
}

impl Scanner {
    /// A scanner of these hierarchies for these sets. Raises the process's soft limit of open files to
    /// the hard one, and keeps at most `descriptors` files open between scans. `procfs` is where the host's
    /// counters are.
    pub fn new(root: Root, procfs: &Path, sets: MetricSets, descriptors: usize) -> Self {
        let plan = plan(&root, sets);
        let mounts = plan.iter().map(|planned| planned.mount).collect();
        Self {
            tree: Tree::new(mounts),
            root,
            plan,
            budget: descriptors::budget(descriptors),
            vmstat: procfs.join("vmstat"),
            last_scan: None,
            buffers: Buffers::new(),
            discovery: Duration::ZERO,
            efforts: [Effort::default(); MetricSet::COUNT],
            problems: Vec::new(),
            denied: BTreeMap::new(),
        }
    }

    /// The hierarchies.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Finds all cgroups. Those for whose path `ignored` holds are left out with all below them.
    pub fn discover(&mut self, ignored: &dyn Fn(&str) -> bool) {
        self.efforts = [Effort::default(); MetricSet::COUNT];
        self.problems.clear();
        let started = Instant::now();
        self.tree.discover(&self.root, ignored);
        self.discovery = started.elapsed();
    }

    /// Reads those files of the cgroups found that the request asks for.
    pub fn read(&mut self, request: &Request) {
        for group in &mut self.tree.groups {
            group.reading.clear();
        }
        let clocks = self.clocks();
        let started = Instant::now();
        let rested = self.last_scan.replace(started).is_some_and(|last| started - last > LIST_LIFE);
        let groups = self.tree.groups.len();
        for index in 0..self.plan.len() {
            let Planned { file, mount, rank } = self.plan[index];
            let wanted = file.sets.intersection(request.sets);
            let Some(set) = wanted.iter().next() else { continue };
            let started = Instant::now();
            if request.deadline.is_some_and(|deadline| started >= deadline) {
                wanted.iter().for_each(|set| self.efforts[set.index()].late = true);
                continue;
            }
            let pass = Pass {
                index,
                file,
                mount,
                kept: self.budget.saturating_sub(groups.saturating_mul(rank)),
                reuse: rested || !file.paged,
                remember: self.tree.sees_writes(),
                clocks,
            };
            self.read_file(set, &pass, request.wanted);
            self.efforts[set.index()].duration += started.elapsed();
        }
        for group in &mut self.tree.groups {
            group.reading.finish();
        }
    }

    /// Reads one file of all cgroups of a hierarchy, on the account of `set`.
    fn read_file(&mut self, set: MetricSet, pass: &Pass, wanted: &dyn Fn(usize) -> bool) {
        let Self { root, tree, buffers, problems, denied, efforts, .. } = self;
        let Pass { file, mount, .. } = *pass;
        let groups = tree.groups.iter_mut().enumerate();
        for (position, group) in groups.filter(|(at, g)| !g.gone && g.is_in(mount) && wanted(*at)) {
            let Err(failure) = pass.take(root, position, group, buffers) else { continue };
            let mount = &root.mounts[mount];
            let shown = || format!("{}{}/{}", mount.path.display(), group.path(), file.name());
            match failure {
                Failure::Broken(message) => {
                    efforts[set.index()].failures += 1;
                    if problems.len() < MOST_PROBLEMS {
                        problems.push(Problem { path: shown(), message });
                    }
                    continue;
                }
                // Nothing strange, unless the cgroup is missing too.
                Failure::Missing => group.gone = !group.still_there(root),
                Failure::Unsupported => (),
                Failure::Denied => {
                    denied.entry(file.name()).or_insert_with(shown);
                }
            }
            let serial = group.serial();
            group.slots[pass.index].set_absent(serial);
        }
    }

    fn clocks(&self) -> Clocks {
        let vmstat = fs::read(&self.vmstat).unwrap_or_default();
        Clocks { oom_kills: parse::oom_kills(&vmstat), migrations: self.tree.migrations }
    }

    #[cfg(test)]
    pub(super) fn set_budget(&mut self, descriptors: usize) {
        self.budget = descriptors;
    }

    #[cfg(test)]
    pub(super) fn stop_watching(&mut self) {
        self.tree.stop_watching();
    }

    /// The cgroups of the last scan, parents before children, with those that vanished during it.
    pub fn groups(&self) -> &[Group] {
        &self.tree.groups
    }

    /// A number that changes whenever a cgroup comes or goes.
    pub fn generation(&self) -> u64 {
        self.tree.generation
    }

    /// How the last scan went for a set.
    pub fn effort(&self, set: MetricSet) -> Effort {
        self.efforts[set.index()]
    }

    /// How long the last scan took to find the cgroups.
    pub fn discovery(&self) -> Duration {
        self.discovery
    }

    /// What could not be read in the last scan though it should have been; at most twenty.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What the host or our rights keep from us, as sentences for a log: of all scans so far.
    pub fn missing_details(&self) -> Vec<String> {
        let mut missing: Vec<String> = self
            .tree
            .denied
            .iter()
            .map(|dir| format!("cgroups below {dir} are left out: permission denied"))
            .collect();
        missing.extend(self.denied.iter().map(|(file, example)| {
            format!("what {file} tells is left out: permission denied, for example on {example}")
        }));
        missing.extend(self.absent_sets());
        missing.extend(self.tree.unwatched().map(|why| {
            format!(
                "changes are not watched, so each scrape walks over all cgroups and reads all limits: {}: raise fs.inotify.max_user_instances and fs.inotify.max_user_watches",
                std::io::Error::from(why)
            )
        }));
        missing
    }

    /// Collectors of which no cgroup has any file.
    fn absent_sets(&self) -> impl Iterator<Item = String> {
        let seen = |set: MetricSet| {
            self.plan.iter().enumerate().filter(|(_, p)| p.file.sets.contains(set)).any(
                |(index, planned)| {
                    self.tree
                        .groups
                        .iter()
                        .any(|group| group.is_in(planned.mount) && !group.slots[index].is_absent())
                },
            )
        };
        let hints = [
            (MetricSet::Cpu, "the cpu controller is not enabled"),
            (
                MetricSet::Memory,
                "the memory controller is not enabled; on some boards the kernel needs cgroup_enable=memory",
            ),
            (
                MetricSet::Pressure,
                "the kernel has no pressure stall information for cgroups; it needs version 4.20, a unified hierarchy and perhaps psi=1",
            ),
            (MetricSet::DiskIo, "the io controller is not enabled"),
            (MetricSet::Process, "the pids controller is not enabled"),
        ];
        hints
            .into_iter()
            .filter(move |(set, _)| !seen(*set))
            .map(|(set, hint)| format!("no {set} figures: {hint}"))
    }
}
