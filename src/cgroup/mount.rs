//! Where the cgroup hierarchies are mounted: v1, hybrid or v2.

use std::ffi::{CStr, OsString};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags, accessat, openat};

use super::Error;
use crate::metric_set::{MetricSet, MetricSets};

/// What a file belongs to, and so the hierarchy in which it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// Shares and quota of CPU time.
    Cpu,
    /// CPU time used.
    Cpuacct,
    /// Memory.
    Memory,
    /// Block I/O.
    Blkio,
    /// Processes and threads.
    Pids,
    /// Cores and nodes allowed.
    Cpuset,
    /// Huge pages.
    Hugetlb,
    /// Pressure stall information: always of the unified hierarchy.
    Pressure,
}

impl Controller {
    /// The v1 controllers that we read. The first is where a cgroup's identity is looked for first.
    const V1: [Self; 5] = [Self::Memory, Self::Cpu, Self::Cpuacct, Self::Blkio, Self::Pids];

    /// v1 controllers that few sets need: each is another tree to walk.
    const RARE: [Self; 2] = [Self::Cpuset, Self::Hugetlb];

    fn v1_name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cpuacct => "cpuacct",
            Self::Memory => "memory",
            Self::Blkio => "blkio",
            Self::Pids => "pids",
            Self::Cpuset => "cpuset",
            Self::Hugetlb => "hugetlb",
            Self::Pressure => "",
        }
    }
}

/// Which generation of cgroups a host uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Only v1 hierarchies.
    V1,
    /// v1 hierarchies for resources, and a v2 one beside them.
    Hybrid,
    /// One v2 hierarchy.
    V2,
}

/// One mounted hierarchy.
#[derive(Debug)]
pub(super) struct Mount {
    pub path: PathBuf,
    pub fd: OwnedFd,
}

/// The mounted hierarchies, opened.
#[derive(Debug)]
pub struct Root {
    pub(super) mounts: Vec<Mount>,
    v1: Vec<(Controller, usize)>,
    unified: Option<usize>,
}

/// A hierarchy before it is opened: its mount point and, for v1, its controllers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    path: PathBuf,
    /// `None` for v2.
    controllers: Option<Vec<String>>,
}

impl Root {
    /// How many hierarchies there can be: the v1 controllers and the unified one.
    pub(super) const MOST_MOUNTS: usize = Controller::V1.len() + Controller::RARE.len() + 1;

    /// Finds the hierarchies: those of the mount table below `sysfs`, else what lies in
    /// `sysfs/fs/cgroup`, else any of the mount table. Where one is mounted twice, the first counts.
    ///
    /// # Errors
    /// Where there is none, or one cannot be opened.
    pub fn open(procfs: &Path, sysfs: &Path) -> Result<Self, Error> {
        Self::open_for(procfs, sysfs, MetricSets::defaults())
    }

    /// The same with the hierarchies that only some sets need.
    ///
    /// # Errors
    /// As [`Root::open`].
    pub fn open_for(procfs: &Path, sysfs: &Path, sets: MetricSets) -> Result<Self, Error> {
        let mountinfo = procfs.join("self/mountinfo");
        let cgroups = sysfs.join("fs/cgroup");
        let listed = fs::read(&mountinfo).map(|text| hierarchies(&text)).unwrap_or_default();
        let mut found: Vec<Found> =
            listed.iter().filter(|m| m.path.starts_with(sysfs)).cloned().collect();
        if found.is_empty() {
            found = by_looks(&cgroups);
        }
        if found.is_empty() {
            found = listed;
        }
        if found.is_empty() {
            return Err(Error::NoHierarchy { mountinfo, cgroups });
        }
        let needed = |controller: &Controller| match controller {
            Controller::Cpuset => sets.contains(MetricSet::CpuSet),
            Controller::Hugetlb => sets.contains(MetricSet::HugeTlb),
            _ => true,
        };
        let controllers = Controller::V1.into_iter().chain(Controller::RARE).filter(needed);
        let root = Self::from_found(found, controllers)?;
        if root.mounts.is_empty() {
            return Err(Error::NoHierarchy { mountinfo, cgroups });
        }
        Ok(root)
    }

    fn from_found(
        found: Vec<Found>,
        controllers: impl Iterator<Item = Controller>,
    ) -> Result<Self, Error> {
        let mut root = Self { mounts: Vec::new(), v1: Vec::new(), unified: None };
        for controller in controllers {
            let mount = found
                .iter()
                .find(|m| m.controllers.iter().flatten().any(|name| name == controller.v1_name()));
            if let Some(mount) = mount {
                let index = root.mount(&mount.path)?;
                root.v1.push((controller, index));
            }
        }
        if let Some(mount) = found.iter().find(|m| m.controllers.is_none()) {
            root.unified = Some(root.mount(&mount.path)?);
        }
        Ok(root)
    }

    /// The index of the mount at `path`, opened where it is new: cpu and cpuacct often share one.
    fn mount(&mut self, path: &Path) -> Result<usize, Error> {
        if let Some(index) = self.mounts.iter().position(|m| m.path == path) {
            return Ok(index);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(CWD, path, flags, Mode::empty())
            .map_err(|e| Error::Unreadable { path: path.to_owned(), source: e.into() })?;
        self.mounts.push(Mount { path: path.to_owned(), fd });
        Ok(self.mounts.len() - 1)
    }

    /// Which generation of cgroups the host uses.
    pub fn layout(&self) -> Layout {
        match (self.v1.is_empty(), self.unified) {
            (true, _) => Layout::V2,
            (false, Some(_)) => Layout::Hybrid,
            (false, None) => Layout::V1,
        }
    }

    /// The mount point below which a controller's files lie, and whether they are v2 files. `None` where
    /// no hierarchy is mounted for it.
    pub fn files(&self, controller: Controller) -> Option<(&Path, bool)> {
        let (v1, v2) = (self.v1(controller), self.v2(controller));
        Some((&self.mounts[v1.or(v2)?].path, v1.is_none()))
    }

    /// Whether the root of a hierarchy has a file.
    pub(super) fn has(&self, mount: usize, file: &CStr) -> bool {
        accessat(&self.mounts[mount].fd, file, Access::EXISTS, AtFlags::empty()).is_ok()
    }

    /// The v1 hierarchy of a controller.
    pub(super) fn v1(&self, controller: Controller) -> Option<usize> {
        self.v1.iter().find(|(c, _)| *c == controller).map(|(_, index)| *index)
    }

    /// The unified hierarchy, where it serves this controller: all that v1 does not have.
    pub(super) fn v2(&self, controller: Controller) -> Option<usize> {
        self.unified.filter(|_| self.v1(controller).is_none())
    }
}

/// The cgroup mounts of a mount table in the form of `/proc/self/mountinfo`, in its order.
pub(super) fn hierarchies(mountinfo: &[u8]) -> Vec<Found> {
    mountinfo.split(|b| *b == b'\n').filter_map(hierarchy).collect()
}

fn hierarchy(line: &[u8]) -> Option<Found> {
    let fields: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
    let point = fields.get(4)?;
    let dash = fields.iter().position(|f| *f == b"-")?;
    let path = PathBuf::from(OsString::from_vec(unescape(point)));
    match *fields.get(dash + 1)? {
        b"cgroup2" => Some(Found { path, controllers: None }),
        b"cgroup" => {
            let options = String::from_utf8_lossy(fields.get(dash + 3)?);
            Some(Found { path, controllers: Some(options.split(',').map(str::to_owned).collect()) })
        }
        _ => None,
    }
}

/// Undoes the kernel's octal escapes of blanks and backslashes (`\040`).
pub(crate) fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let octal =
            tail.get(..3).filter(|d| *first == b'\\' && d.iter().all(|c| (b'0'..b'8').contains(c)));
        match octal {
            Some(digits) => {
                out.push(digits.iter().fold(0u8, |n, d| n.wrapping_mul(8).wrapping_add(d - b'0')));
                rest = &tail[3..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

/// The hierarchies in `dir` by the look of it: a v2 root, or folders named after controllers.
fn by_looks(dir: &Path) -> Vec<Found> {
    let is_v2 = |path: &Path| path.join("cgroup.controllers").exists();
    if is_v2(dir) {
        return vec![Found { path: dir.to_owned(), controllers: None }];
    }
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut found: Vec<Found> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| {
            let path = entry.path();
            if is_v2(&path) {
                return Some(Found { path, controllers: None });
            }
            let names: Vec<String> =
                entry.file_name().to_str()?.split(',').map(str::to_owned).collect();
            let all = || Controller::V1.iter().chain(&Controller::RARE);
            let known = |name: &String| all().any(|c| c.v1_name() == name);
            names.iter().any(known).then_some(Found { path, controllers: Some(names) })
        })
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn paths(text: &str) -> Vec<String> {
        hierarchies(text.as_bytes()).iter().map(|m| m.path.display().to_string()).collect()
    }

    #[test]
    fn the_mount_table_names_hierarchies() {
        let text = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
                    32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw master:1 - cgroup cgroup rw,cpu,cpuacct\n\
                    41 31 0:38 / /a\\040b\\134 rw,relatime shared:2 - cgroup2 cgroup2 rw\n\
                    broken line\n";
        assert_eq!(paths(text), ["/sys/fs/cgroup/cpu,cpuacct", "/a b\\"]);
        let found = hierarchies(text.as_bytes());
        assert!(found[0].controllers.iter().flatten().any(|c| c == "cpuacct"));
        assert_eq!(found[1].controllers, None);
    }

    #[test]
    fn layouts_are_told_by_their_looks() {
        let dir = tempfile::tempdir().expect("tempdir");
        let cgroups = dir.path().join("fs/cgroup");
        let layout = || Root::open(dir.path(), dir.path()).map(|root| root.layout());
        assert!(matches!(layout(), Err(Error::NoHierarchy { .. })));
        fs::create_dir_all(cgroups.join("cpu,cpuacct")).expect("mkdir");
        fs::create_dir_all(cgroups.join("memory")).expect("mkdir");
        let root = Root::open(dir.path(), dir.path()).expect("v1");
        assert_eq!(root.layout(), Layout::V1);
        assert_eq!(root.v1(Controller::Cpu), root.v1(Controller::Cpuacct));
        assert_ne!(root.v1(Controller::Cpu), root.v1(Controller::Memory));
        assert_eq!(root.v2(Controller::Pressure), None);
        fs::create_dir_all(cgroups.join("cpuset")).expect("mkdir");
        let root = Root::open(dir.path(), dir.path()).expect("v1");
        assert_eq!(root.v1(Controller::Cpuset), None, "a tree to walk for nothing");
        let sets = MetricSets::of(&[MetricSet::CpuSet]);
        let root = Root::open_for(dir.path(), dir.path(), sets).expect("v1");
        assert!(root.v1(Controller::Cpuset).is_some());
        fs::create_dir_all(cgroups.join("unified")).expect("mkdir");
        fs::write(cgroups.join("unified/cgroup.controllers"), "pids\n").expect("write");
        let root = Root::open(dir.path(), dir.path()).expect("hybrid");
        assert_eq!(root.layout(), Layout::Hybrid);
        assert_eq!(root.v2(Controller::Memory), None);
        assert_eq!(root.v2(Controller::Pids), root.v2(Controller::Pressure));
        fs::write(cgroups.join("cgroup.controllers"), "cpu memory\n").expect("write");
        assert_eq!(layout().expect("v2"), Layout::V2);
    }

    proptest! {
        #[test]
        fn any_mount_table_is_survived(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = hierarchies(&text);
        }

        #[test]
        fn escaped_mount_points_come_back(path in "/[a-z \\\\\t]{0,12}") {
            let escaped: String = path
                .bytes()
                .map(|b| if b.is_ascii_alphabetic() || b == b'/' { (b as char).to_string() } else { format!("\\{b:03o}") })
                .collect();
            let line = format!("1 2 0:3 / {escaped} rw - cgroup2 cgroup2 rw");
            prop_assert_eq!(paths(&line), [path]);
        }
    }
}
