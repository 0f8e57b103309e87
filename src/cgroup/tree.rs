//! The cgroups there are: found by walking every hierarchy, remembered between walks.

use std::collections::HashMap;
use std::ffi::CStr;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, Stat, openat, statat};
use rustix::io::Errno;

use super::mount::Root;
use super::reading::Reading;
use super::scan::Slot;
use crate::units::Timestamp;

/// One cgroup: a path, the directories it has in the hierarchies, and its last reading.
#[derive(Debug)]
pub struct Group {
    /// The path below the mounts without its leading slash, as the kernel spells it.
    pub(super) dir: Vec<u8>,
    path: String,
    inode: u64,
    serial: u64,
    places: [Place; Root::MOST_MOUNTS],
    pub(super) slots: Vec<Slot>,
    pub(super) gone: bool,
    pub(super) reading: Reading,
}

/// The directory of a cgroup in one hierarchy.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// 0 where there is none.
    inode: u64,
    /// The walk that last saw it.
    round: u64,
}

impl Group {
    /// The path below the mount, from `/`: cAdvisor's `id`. Bytes that are not UTF-8 are replaced.
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
        self.places[mount].inode != 0
    }

    /// Whether its directories are still the ones that were found.
    pub(super) fn still_there(&self, root: &Root) -> bool {
        root.mounts.iter().zip(&self.places).filter(|(_, place)| place.inode != 0).all(
            |(mount, place)| {
                let stat = if self.dir.is_empty() {
                    statat(&mount.fd, c"", AtFlags::EMPTY_PATH)
                } else {
                    statat(&mount.fd, &self.dir[..], AtFlags::SYMLINK_NOFOLLOW)
                };
                stat.is_ok_and(|s| s.st_ino == place.inode)
            },
        )
    }

    fn born(&mut self, serial: u64, inode: u64) {
        self.serial = serial;
        self.inode = inode;
        self.places = Default::default();
        self.reading = Reading::default();
        self.close();
    }

    fn close(&mut self) {
        self.slots.iter_mut().for_each(|slot| *slot = Slot::Closed);
    }
}

/// All cgroups, parents before children.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub groups: Vec<Group>,
    /// Changes whenever a cgroup comes or goes.
    pub generation: u64,
    /// Directories that may not be listed, from the last walk.
    pub denied: Vec<String>,
    index: HashMap<Vec<u8>, usize>,
    round: u64,
    serials: u64,
}

/// What a walk over one hierarchy needs besides the tree.
pub(super) struct Walk<'a> {
    pub mount: usize,
    pub files: usize,
    pub ignored: &'a dyn Fn(&str) -> bool,
}

/// Room for directory entries; a name has at most 255 bytes.
const ENTRIES_BYTES: usize = 32 * 1024;

impl Tree {
    /// Walks all hierarchies: new cgroups are added, removed ones dropped, and one that was made again
    /// under its old path starts anew. `files` is how many files are read of each cgroup; directories
    /// for which `ignored` holds, given their path from `/`, are left out with all below them.
    pub fn discover(&mut self, root: &Root, files: usize, ignored: &dyn Fn(&str) -> bool) {
        self.round += 1;
        self.denied.clear();
        let known = self.groups.len();
        let serials = self.serials;
        for mount in 0..root.mounts.len() {
            self.walk(root, &Walk { mount, files, ignored });
        }
        let round = self.round;
        for group in &mut self.groups {
            group.gone = false;
            for place in &mut group.places {
                if place.round != round {
                    place.inode = 0;
                }
            }
        }
        self.groups.retain(|group| group.places.iter().any(|place| place.inode != 0));
        // Every birth takes a serial, also of a cgroup that was made again.
        if self.groups.len() != known || self.serials != serials {
            self.generation += 1;
            self.groups.sort_unstable_by(|a, b| a.dir.cmp(&b.dir));
            self.index = self.groups.iter().enumerate().map(|(i, g)| (g.dir.clone(), i)).collect();
        }
    }

    fn walk(&mut self, root: &Root, walk: &Walk) {
        let mount = &root.mounts[walk.mount];
        if let Ok(stat) = statat(&mount.fd, c"", AtFlags::EMPTY_PATH) {
            self.note(walk, b"", &stat);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mut buffer = Vec::with_capacity(ENTRIES_BYTES);
        let mut pending: Vec<Vec<u8>> = vec![Vec::new()];
        let mut child = Vec::new();
        while let Some(dir) = pending.pop() {
            let here = if dir.is_empty() { &b"."[..] } else { &dir };
            let opened = match openat(&mount.fd, here, flags, Mode::empty()) {
                Ok(fd) => fd,
                Err(error) => {
                    if matches!(error, Errno::ACCESS | Errno::PERM) {
                        let shown = String::from_utf8_lossy(&dir);
                        self.denied.push(format!("{}/{shown}", mount.path.display()));
                    }
                    continue;
                }
            };
            let mut entries = RawDir::new(&opened, buffer.spare_capacity_mut());
            while let Some(Ok(entry)) = entries.next() {
                let name = entry.file_name();
                if !may_be_directory(entry.file_type(), name) {
                    continue;
                }
                // Gone meanwhile, or no directory after all.
                let Ok(stat) = statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
                if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                    continue;
                }
                child.clear();
                child.extend_from_slice(&dir);
                if !dir.is_empty() {
                    child.push(b'/');
                }
                child.extend_from_slice(name.to_bytes());
                // The kernel counts a directory's children in its links: two is a leaf. File systems
                // that do not count say one.
                if self.note(walk, &child, &stat) && stat.st_nlink != 2 {
                    pending.push(child.clone());
                }
            }
        }
    }

    /// Takes down that `dir` was seen in a hierarchy; `false` where it is to be left out.
    fn note(&mut self, walk: &Walk, dir: &[u8], stat: &Stat) -> bool {
        let inode = stat.st_ino;
        let index = match self.index.get(dir) {
            Some(index) => *index,
            None => {
                let path = format!("/{}", String::from_utf8_lossy(dir));
                if (walk.ignored)(&path) {
                    return false;
                }
                self.groups.push(Group {
                    dir: dir.to_owned(),
                    path,
                    inode: 0,
                    serial: 0,
                    places: Default::default(),
                    slots: (0..walk.files).map(|_| Slot::Closed).collect(),
                    gone: false,
                    reading: Reading::default(),
                });
                self.index.insert(dir.to_owned(), self.groups.len() - 1);
                self.groups.len() - 1
            }
        };
        let group = &mut self.groups[index];
        let before = group.places[walk.mount].inode;
        if group.inode == 0 || (before != 0 && before != inode) {
            self.serials += 1;
            group.born(self.serials, inode);
        } else if before == 0 {
            // New in this hierarchy: descriptors kept from an earlier stay there are dead.
            group.close();
        }
        group.places[walk.mount] = Place { inode, round: self.round };
        let made = Timestamp::from_millis(
            stat.st_mtime
                .saturating_mul(1000)
                .saturating_add(stat.st_mtime_nsec as i64 / 1_000_000),
        );
        let start = group.reading.start_time.map_or(made, |known| known.min(made));
        group.reading.start_time = Some(start);
        true
    }
}

fn may_be_directory(kind: FileType, name: &CStr) -> bool {
    matches!(kind, FileType::Directory | FileType::Unknown)
        && !matches!(name.to_bytes(), b"." | b"..")
}
