//! One cgroup.

use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Stat, statat};

use super::mount::Root;
use super::reading::Reading;
use super::slot::Slot;
use crate::units::Timestamp;

/// One cgroup: a path, the directories it has in the hierarchies, and its last reading.
#[derive(Debug)]
pub struct Group {
    /// The path below the mounts without its leading slash, as the kernel spells it.
    pub(super) dir: Arc<[u8]>,
    path: String,
    inode: u64,
    serial: u64,
    pub(super) places: [Option<Place>; Root::MOST_MOUNTS],
    pub(super) slots: Box<[Slot]>,
    pub(super) gone: bool,
    pub(super) reading: Reading,
    /// The last walk over everything that came by.
    pub(super) round: u64,
    /// A directory of it was removed; one of the same path is another cgroup's.
    pub(super) was_removed: bool,
}

/// The directory of a cgroup in one hierarchy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub inode: u64,
    pub watch: Option<i32>,
}

impl Group {
    pub(super) fn new(dir: &[u8], path: String, files: usize) -> Self {
        Self {
            dir: dir.into(),
            path,
            inode: 0,
            serial: 0,
            places: [None; Root::MOST_MOUNTS],
            slots: (0..files).map(|_| Slot::default()).collect(),
            gone: false,
            reading: Reading::default(),
            round: 0,
            was_removed: false,
        }
    }

    /// The path below the mount, from `/`: cAdvisor's `id`. Bytes that are not UTF-8 are replaced; of
    /// cgroups that then look alike only one is read.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The directory's inode where the cgroup was found first. A cgroup removed and made again under
    /// the same path has another one.
    pub fn inode(&self) -> u64 {
        self.inode
    }

    /// A number of its own for each cgroup the scanner ever found.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// What the last scan read.
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// Whether it was still there at the end of the last scan.
    pub fn is_alive(&self) -> bool {
        !self.gone
    }

    /// Whether it has a directory in this hierarchy.
    pub(super) fn is_in(&self, mount: usize) -> bool {
        self.places[mount].is_some()
    }

    /// Whether its directories are still the ones that were found.
    pub(super) fn still_there(&self, root: &Root) -> bool {
        (0..root.mounts.len()).all(|mount| {
            self.places[mount].is_none_or(|place| {
                look(root, mount, &self.dir).is_some_and(|stat| stat.st_ino == place.inode)
            })
        })
    }

    /// It is a cgroup of its own from now on.
    pub(super) fn born(&mut self, serial: u64) {
        self.serial = serial;
        self.inode = self.places.iter().flatten().next().map_or(0, |place| place.inode);
        self.reading = Reading::default();
        self.was_removed = false;
    }

    /// The time its directory was made is the earliest that was ever seen.
    pub(super) fn note_time(&mut self, stat: &Stat) {
        let made = Timestamp::from_millis(
            stat.st_mtime
                .saturating_mul(1000)
                .saturating_add(stat.st_mtime_nsec as i64 / 1_000_000),
        );
        let start = self.reading.start_time.map_or(made, |known| known.min(made));
        self.reading.start_time = Some(start);
    }
}

/// The directory `dir` of one hierarchy, where it is there and a directory.
pub(super) fn look(root: &Root, mount: usize, dir: &[u8]) -> Option<Stat> {
    let fd = &root.mounts.get(mount)?.fd;
    let stat = if dir.is_empty() {
        statat(fd, c"", AtFlags::EMPTY_PATH)
    } else {
        statat(fd, dir, AtFlags::SYMLINK_NOFOLLOW)
    };
    stat.ok().filter(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}
