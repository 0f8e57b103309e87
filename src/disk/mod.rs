//! Room taken in file systems: by the host's, and by the writable layers of containers.
//!
//! Where a container's files are is told by the mount table of its first process, whatever runtime made
//! it: an overlay names the folder of its writable layer, and a container with a file system of its own
//! (a volume, a ZFS dataset) has it mounted as its root. The latter tells how full it is; a layer shares
//! the file system of others, so its size can only be found by walking it: see [`Walker`].

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod mounts;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::statvfs;

use crate::metric_set::{Effort, Problem};
use mounts::{Mount, Root};
use walk::Walker;

/// A cgroup, as this room needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// A number of its own for each cgroup there ever was.
    pub serial: u64,
    /// What to look for.
    pub kind: PlaceKind,
}

/// What is looked for in a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceKind {
    /// It is the root cgroup: the host's file systems.
    Host,
    /// It is a container: the files of this process, one of its own.
    Container(u32),
    /// Nothing.
    Other,
}

/// One file system of a cgroup. `None` where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// What the file system is mounted from.
    pub device: String,
    /// Room taken, bytes.
    pub used_bytes: Option<u64>,
    /// Room there is, bytes.
    pub limit_bytes: Option<u64>,
    /// Inodes there are.
    pub inodes: Option<u64>,
    /// Inodes not taken.
    pub inodes_free: Option<u64>,
    /// How long ago the room taken was found out, where that was not just now.
    pub age: Option<Duration>,
}

/// Reads of a young container in which its mount table is read again, as a runtime changes the root of its
/// first process after it is in its cgroup.
const YOUNG_READS: u8 = 4;

/// Finds out what file systems hold, again and again.
#[derive(Debug)]
pub struct Disks {
    procfs: PathBuf,
    rootfs: PathBuf,
    walker: Option<Walker>,
    /// By the serial of the container.
    seats: HashMap<u64, Seat>,
    usages: Vec<Vec<Usage>>,
    effort: Effort,
    problems: Vec<Problem>,
    denied: Option<PathBuf>,
}

/// What is remembered of a container.
#[derive(Debug)]
struct Seat {
    pid: u32,
    young: u8,
    root: Option<Root>,
}

impl Disks {
    /// With a walk over the writable layers every `walk_interval`; none where that is zero.
    pub fn new(procfs: &Path, rootfs: &Path, walk_interval: Duration) -> Self {
        Self {
            procfs: procfs.to_owned(),
            rootfs: rootfs.to_owned(),
            walker: (!walk_interval.is_zero()).then(|| Walker::start(walk_interval)),
            seats: HashMap::new(),
            usages: Vec::new(),
            effort: Effort::default(),
            problems: Vec::new(),
            denied: None,
        }
    }

    /// Nothing is wanted: the last read is forgotten, the walks go on.
    pub fn skip(&mut self, places: usize) {
        self.usages.clear();
        self.usages.resize_with(places, Vec::new);
        self.effort = Effort::default();
        self.problems.clear();
    }

    /// Reads what is to be said of each place. What is not read by the deadline is left out.
    pub fn read(&mut self, places: &[Place], deadline: Option<Instant>) {
        self.skip(places.len());
        self.denied = None;
        let started = Instant::now();
        let host = self.host_mounts();
        for (index, place) in places.iter().enumerate() {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.effort.late = true;
                break;
            }
            match place.kind {
                PlaceKind::Host => self.usages[index] = self.of_host(&host),
                PlaceKind::Container(pid) => {
                    let usage = self.of_container(place.serial, pid, &host);
                    self.usages[index].extend(usage);
                }
                PlaceKind::Other => (),
            }
        }
        let alive: HashSet<u64> = places.iter().map(|place| place.serial).collect();
        self.seats.retain(|serial, _| alive.contains(serial));
        if let Some(walker) = &self.walker {
            let layer = |(serial, seat): (&u64, &Seat)| match &seat.root {
                Some(Root::Layer(path)) => Some((*serial, self.below_rootfs(path))),
                _ => None,
            };
            walker.watch(self.seats.iter().filter_map(layer).collect());
        }
        self.effort.duration = started.elapsed();
    }

    /// What the last read found, one for each place of its list.
    pub fn usages(&self) -> &[Vec<Usage>] {
        &self.usages
    }

    /// How the last read went.
    pub fn effort(&self) -> Effort {
        self.effort
    }

    /// What should have been readable in the last read and was not.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What our rights keep from us, as sentences for a log: of the last read.
    pub fn missing_details(&self) -> Vec<String> {
        let walks = self.walker.as_ref().and_then(Walker::trouble);
        let denied = self.denied.as_ref().map(|example| {
            format!("disk figures are left out: permission denied, for example on {}; needs CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE", example.display())
        });
        denied.into_iter().chain(walks).collect()
    }

    /// The host's mounts; ours where those of process 1 are not to be had.
    fn host_mounts(&mut self) -> Vec<Mount> {
        let tables = ["1/mountinfo", "self/mountinfo"].map(|name| self.procfs.join(name));
        let read = fs::read(&tables[0]).or_else(|_| fs::read(&tables[1]));
        match read {
            Ok(text) => mounts::parse(&text),
            Err(error) => {
                self.fail(&tables[1], error.to_string());
                Vec::new()
            }
        }
    }

    /// The host's file systems on devices and ZFS, each once. Those of the network are left alone: to ask
    /// one whose server is gone takes for ever.
    fn of_host(&mut self, host: &[Mount]) -> Vec<Usage> {
        let mut found: Vec<Usage> = Vec::new();
        for mount in host.iter().filter(|mount| mount.is_local()) {
            if found.iter().all(|usage| usage.device != mount.source) {
                let point = self.below_rootfs(&mount.point);
                found.extend(self.file_system(&point, &mount.source));
            }
        }
        found
    }

    fn of_container(&mut self, serial: u64, pid: u32, host: &[Mount]) -> Option<Usage> {
        let seat = self
            .seats
            .entry(serial)
            .and_modify(|seat| {
                if seat.pid != pid {
                    *seat = Seat { pid, young: YOUNG_READS, root: seat.root.take() };
                }
            })
            .or_insert(Seat { pid, young: YOUNG_READS, root: None });
        if seat.young > 0 {
            seat.young -= 1;
            // A process that has ended leaves what is known.
            if let Ok(text) = fs::read(self.procfs.join(format!("{pid}/mountinfo"))) {
                seat.root = mounts::root(&mounts::parse(&text), host);
            }
        }
        match seat.root.clone()? {
            Root::Own(source) => {
                let root = self.procfs.join(format!("{pid}/root"));
                self.file_system(&root, &source)
            }
            Root::Layer(layer) => {
                let source = mounts::source(&layer, host)?.to_owned();
                let path = self.below_rootfs(&layer);
                let whole = self.file_system(&path, &source)?;
                let walked = self.walker.as_ref().and_then(|walker| walker.result(serial));
                Some(Usage {
                    device: source,
                    used_bytes: walked.map(|walk| walk.bytes),
                    limit_bytes: whole.limit_bytes,
                    inodes: None,
                    inodes_free: None,
                    age: walked.map(|walk| walk.at.elapsed()),
                })
            }
        }
    }

    fn file_system(&mut self, path: &Path, source: &str) -> Option<Usage> {
        match statvfs(path).map_err(std::io::Error::from) {
            Ok(stat) => Some(Usage {
                device: source.to_owned(),
                used_bytes: stat.f_blocks.checked_sub(stat.f_bfree)?.checked_mul(stat.f_frsize),
                limit_bytes: stat.f_blocks.checked_mul(stat.f_frsize),
                // btrfs makes inodes as it needs them and says 0.
                inodes: Some(stat.f_files).filter(|inodes| *inodes > 0),
                inodes_free: Some(stat.f_ffree).filter(|_| stat.f_files > 0),
                age: None,
            }),
            Err(error) => {
                match error.kind() {
                    ErrorKind::NotFound => (),
                    ErrorKind::PermissionDenied => self.denied = Some(path.to_owned()),
                    _ => self.fail(path, error.to_string()),
                }
                None
            }
        }
    }

    fn below_rootfs(&self, path: &Path) -> PathBuf {
        self.rootfs.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn fail(&mut self, path: &Path, message: String) {
        self.effort.failures += 1;
        self.problems.push(Problem { path: path.display().to_string(), message });
    }
}
