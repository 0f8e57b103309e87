//! Reading every file of every cgroup, type by type.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::{Errno, pread};

use super::file::File;
use super::mount::Root;
use super::parse::BadText;
use super::reading::Reading;
use super::tree::{Group, Tree};
use super::{descriptors, v1, v2};
use crate::metric_set::{Effort, MetricSet, MetricSets, Problem};

/// What is known of one file of one cgroup between scans.
#[derive(Debug)]
pub(super) enum Slot {
    /// To be opened.
    Closed,
    /// Open since an earlier scan.
    Kept(OwnedFd),
    /// Not there, or not for us; tried again after so many scans, as a v2 controller may be enabled later.
    Absent(u8),
}

/// Scans before an absent file is looked for again; staggered up to twice as many.
const ABSENT_SCANS: u8 = 16;

/// How many problems a scan reports in words.
const MOST_PROBLEMS: usize = 20;

/// First size of the read buffer. It grows where a file fills it.
const BUFFER_BYTES: usize = 64 * 1024;

/// What a scan is for.
pub struct Request<'a> {
    /// Cgroups whose path it holds for are left out with all below them.
    pub ignored: &'a dyn Fn(&str) -> bool,
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
    budget: usize,
    text: Text,
    discovery: Duration,
    efforts: [Effort; MetricSet::COUNT],
    problems: Vec<Problem>,
    denied: BTreeMap<&'static str, String>,
}

/// A file and the hierarchy in which this host has it.
struct Planned {
    file: &'static File,
    mount: usize,
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.file.name(), self.mount)
    }
}

/// Why a file gave no text.
enum Failure {
    /// The cgroup was removed.
    Gone,
    /// The file is not there; perhaps the cgroup is not either.
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
            Errno::NODEV => Self::Gone,
            Errno::NOENT | Errno::NOTDIR => Self::Missing,
            Errno::OPNOTSUPP => Self::Unsupported,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            other => Self::Broken(std::io::Error::from(other).to_string()),
        }
    }
}

impl Scanner {
    /// A scanner of these hierarchies. Raises the process's soft limit of open files to the hard one.
    pub fn new(root: Root) -> Self {
        let v1 = v1::FILES.iter().map(|file| (file, root.v1(file.controller)));
        let v2 = v2::FILES.iter().map(|file| (file, root.v2(file.controller)));
        let plan = v1
            .chain(v2)
            .filter_map(|(file, mount)| mount.map(|mount| Planned { file, mount }))
            .collect();
        Self {
            root,
            tree: Tree::default(),
            plan,
            budget: descriptors::budget(),
            text: Text { path: Vec::new(), content: vec![0; BUFFER_BYTES] },
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

    /// Finds all cgroups, then reads those of their files that the request asks for.
    pub fn scan(&mut self, request: &Request) {
        self.discover(request.ignored);
        self.read(request);
    }

    #[cfg(test)]
    pub(super) fn set_budget(&mut self, descriptors: usize) {
        self.budget = descriptors;
    }

    /// The first half of [`Scanner::scan`].
    pub(super) fn discover(&mut self, ignored: &dyn Fn(&str) -> bool) {
        self.efforts = [Effort::default(); MetricSet::COUNT];
        self.problems.clear();
        let started = Instant::now();
        self.tree.discover(&self.root, self.plan.len(), ignored);
        self.discovery = started.elapsed();
    }

    /// The second half of [`Scanner::scan`].
    pub(super) fn read(&mut self, request: &Request) {
        for group in &mut self.tree.groups {
            group.reading.clear();
        }
        let kept = self.budget / self.tree.groups.len().max(1);
        let mut doubtful = Vec::new();
        for index in 0..self.plan.len() {
            let wanted = self.plan[index].file.sets.intersection(request.sets);
            let Some(set) = wanted.iter().next() else { continue };
            if request.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                wanted.iter().for_each(|set| self.efforts[set.index()].late = true);
                continue;
            }
            let keep = index < kept && self.plan[index].file.may_be_kept();
            self.read_file(index, set, keep, &mut doubtful);
        }
        // A file missing from a cgroup is nothing strange, unless the cgroup is missing too.
        for index in doubtful {
            let group = &mut self.tree.groups[index];
            group.gone |= !group.still_there(&self.root);
        }
        for group in &mut self.tree.groups {
            group.reading.finish();
        }
    }

    /// Reads one file of all cgroups, on the account of `set`.
    fn read_file(&mut self, index: usize, set: MetricSet, keep: bool, doubtful: &mut Vec<usize>) {
        let started = Instant::now();
        let Self { root, tree, plan, text, problems, denied, efforts, .. } = self;
        let Planned { file, mount: mount_index } = plan[index];
        let mount = &root.mounts[mount_index];
        let effort = &mut efforts[set.index()];
        for (position, group) in tree.groups.iter_mut().enumerate() {
            if group.gone || !group.is_in(mount_index) {
                continue;
            }
            let Group { dir, slots, reading, .. } = group;
            let slot = &mut slots[index];
            let result = match slot.open(&mount.fd, dir, file.name, keep, text) {
                Ok(None) => continue,
                Ok(Some(opened)) => text.parse(opened.as_fd(), file, reading),
                Err(error) => Err(error.into()),
            };
            let Err(failure) = result else { continue };
            let shown = || format!("{}{}/{}", mount.path.display(), group.path(), file.name());
            match failure {
                Failure::Gone => {
                    group.gone = true;
                    continue;
                }
                Failure::Broken(message) => {
                    effort.failures += 1;
                    if problems.len() < MOST_PROBLEMS {
                        problems.push(Problem { path: shown(), message });
                    }
                    continue;
                }
                Failure::Missing => doubtful.push(position),
                Failure::Unsupported => (),
                Failure::Denied => {
                    denied.entry(file.name()).or_insert_with(shown);
                }
            }
            let stagger = (group.serial() % u64::from(ABSENT_SCANS)) as u8;
            group.slots[index] = Slot::Absent(ABSENT_SCANS + stagger);
        }
        effort.duration += started.elapsed();
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
        missing
    }

    /// Collectors of which no cgroup has any file.
    fn absent_sets(&self) -> impl Iterator<Item = String> {
        let seen = |set: MetricSet| {
            self.plan.iter().enumerate().filter(|(_, p)| p.file.sets.contains(set)).any(
                |(index, planned)| {
                    self.tree.groups.iter().any(|group| {
                        group.is_in(planned.mount) && !matches!(group.slots[index], Slot::Absent(_))
                    })
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

/// The descriptor of a file: open since earlier, or only for this read.
enum Opened<'a> {
    Kept(&'a OwnedFd),
    Once(OwnedFd),
}

impl AsFd for Opened<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Kept(fd) => fd.as_fd(),
            Self::Once(fd) => fd.as_fd(),
        }
    }
}

impl Slot {
    /// The file `name` in `dir` of a hierarchy; `None` where it is known to be absent.
    fn open(
        &mut self,
        hierarchy: &OwnedFd,
        dir: &[u8],
        name: &CStr,
        keep: bool,
        text: &mut Text,
    ) -> Result<Option<Opened<'_>>, Errno> {
        match self {
            Self::Absent(scans) if *scans > 0 => {
                *scans -= 1;
                return Ok(None);
            }
            Self::Kept(_) if keep => (),
            _ => {
                let fd = text.open(hierarchy, dir, name)?;
                if !keep {
                    *self = Self::Closed;
                    return Ok(Some(Opened::Once(fd)));
                }
                *self = Self::Kept(fd);
            }
        }
        match self {
            Self::Kept(fd) => Ok(Some(Opened::Kept(fd))),
            _ => Ok(None),
        }
    }
}

/// The two buffers that every read reuses.
#[derive(Debug)]
struct Text {
    path: Vec<u8>,
    content: Vec<u8>,
}

impl Text {
    fn open(&mut self, hierarchy: &OwnedFd, dir: &[u8], name: &CStr) -> Result<OwnedFd, Errno> {
        self.path.clear();
        self.path.extend_from_slice(dir);
        if !dir.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name.to_bytes_with_nul());
        // The name of a directory holds no NUL, so there is one: at the end.
        let path = CStr::from_bytes_with_nul(&self.path).map_err(|_| Errno::INVAL)?;
        openat(hierarchy, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    }

    fn parse(&mut self, fd: BorrowedFd, file: &File, reading: &mut Reading) -> Result<(), Failure> {
        let length = if file.paged { self.pages(fd)? } else { self.whole(fd)? };
        (file.parse)(&self.content[..length], reading).map_err(|bad| {
            let BadText { line, expected, found } = bad;
            Failure::Broken(format!("line {line}: expected {expected}, found {found:?}"))
        })
    }

    /// Reads a file that the kernel gives in one piece; returns how many bytes there are.
    fn whole(&mut self, fd: BorrowedFd) -> Result<usize, Errno> {
        loop {
            let length = pread(fd, &mut self.content[..], 0)?;
            if length < self.content.len() {
                return Ok(length);
            }
            self.content.resize(length * 2, 0);
        }
    }

    /// Reads a file that the kernel gives page by page, to its end.
    fn pages(&mut self, fd: BorrowedFd) -> Result<usize, Errno> {
        let mut length = 0;
        loop {
            if length == self.content.len() {
                self.content.resize(length * 2, 0);
            }
            match pread(fd, &mut self.content[length..], length as u64)? {
                0 => return Ok(length),
                more => length += more,
            }
        }
    }
}
