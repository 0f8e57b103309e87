//! The cgroups there are: found by a walk over every hierarchy, then kept up to date by what the kernel
//! tells of births and deaths.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, RawDir, Stat, openat};
use rustix::io::Errno;

use super::group::{Group, Place, look};
use super::mount::Root;
use super::slot::Slot;
use super::watch::{self, Changes, Watcher};

/// All cgroups, parents before children.
#[derive(Debug)]
pub(super) struct Tree {
    pub groups: Vec<Group>,
    /// Changes whenever a cgroup comes or goes.
    pub generation: u64,
    /// Directories that may not be listed.
    pub denied: BTreeSet<String>,
    /// Changes whenever processes were moved between cgroups.
    pub migrations: u64,
    /// The hierarchy of each file that is read of a cgroup.
    files: Vec<usize>,
    watcher: Option<Watcher>,
    unwatched: Option<Errno>,
    index: HashMap<Arc<[u8]>, usize>,
    /// Counts the walks over everything.
    round: u64,
    serials: u64,
    changed: bool,
}

/// Room for directory entries; a name has at most 255 bytes.
const ENTRIES_BYTES: usize = 32 * 1024;

impl Tree {
    pub(super) fn new(files: Vec<usize>) -> Self {
        let (watcher, unwatched) = match Watcher::new() {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            groups: Vec::new(),
            generation: 0,
            denied: BTreeSet::new(),
            migrations: 0,
            files,
            watcher,
            unwatched,
            index: HashMap::new(),
            round: 0,
            serials: 0,
            changed: false,
        }
    }

    /// Whether writes to files are seen, so that what is not written need not be read again.
    pub(super) fn sees_writes(&self) -> bool {
        self.watcher.is_some()
    }

    /// Why changes are not seen, where they are not.
    pub(super) fn unwatched(&self) -> Option<Errno> {
        self.unwatched
    }

    #[cfg(test)]
    pub(super) fn stop_watching(&mut self) {
        self.watcher = None;
    }

    /// Brings the cgroups up to date: new ones are added, removed ones dropped, and one that was made
    /// again under its old path starts anew. Directories for which `ignored` holds, given their path from
    /// `/`, are left out with all below them.
    ///
    /// Only what changed is looked at; everything is where that is unknown: the first time, without a
    /// watcher, after too many changes for the kernel to remember.
    pub(super) fn discover(&mut self, root: &Root, ignored: &dyn Fn(&str) -> bool) {
        let Changes { mut touched, removed, written, switched, migrated, unclear } =
            match &mut self.watcher {
                Some(watcher) => watcher.changes(),
                None => Changes { unclear: true, ..Changes::default() },
            };
        self.changed = false;
        let everything = unclear || self.round == 0;
        for group in &mut self.groups {
            if group.gone {
                group.gone = false;
                touched.push(group.dir.to_vec());
            }
            if unclear {
                group.slots.iter_mut().for_each(Slot::forget);
            }
        }
        self.migrations += u64::from(migrated || unclear);
        for place in written {
            if let Some(at) = self.index.get(&*place.dir) {
                let slots = self.groups[*at].slots.iter_mut().zip(&self.files);
                slots
                    .filter(|(_, mount)| **mount == place.mount)
                    .for_each(|(slot, _)| slot.forget());
            }
        }
        self.switch(&switched);
        for place in removed {
            if let Some(at) = self.index.get(&*place.dir) {
                self.groups[*at].places[place.mount] = None;
                self.groups[*at].was_removed = true;
            }
        }
        if everything {
            self.round += 1;
            self.denied.clear();
            touched = vec![Vec::new()];
        }
        self.follow(root, touched, everything, ignored);
        self.settle(everything);
    }

    /// Forgets the files of the children of these directories: some are new, and others dead.
    fn switch(&mut self, parents: &[watch::Place]) {
        if parents.is_empty() {
            return;
        }
        let parents: HashSet<(usize, &[u8])> =
            parents.iter().map(|place| (place.mount, &*place.dir)).collect();
        for group in &mut self.groups {
            let Some(parent) = watch::parent(&group.dir) else { continue };
            for (slot, mount) in group.slots.iter_mut().zip(&self.files) {
                if parents.contains(&(*mount, parent)) {
                    *slot = Slot::default();
                }
            }
        }
    }

    /// Looks at these directories and at what is new below them; `everything`: at all below them.
    fn follow(
        &mut self,
        root: &Root,
        mut pending: Vec<Vec<u8>>,
        everything: bool,
        ignored: &dyn Fn(&str) -> bool,
    ) {
        while let Some(dir) = pending.pop() {
            let stats: [Option<Stat>; Root::MOST_MOUNTS] =
                std::array::from_fn(|mount| look(root, mount, &dir));
            let Some(at) = self.group(&dir, stats.iter().any(Option::is_some), ignored) else {
                continue;
            };
            if everything && std::mem::replace(&mut self.groups[at].round, self.round) == self.round
            {
                continue;
            }
            if everything {
                self.watch_again(root, at, &stats);
            }
            let new = self.place(root, at, &stats);
            for (mount, stat) in stats.iter().enumerate() {
                // The kernel counts a directory's children in its links: two is a leaf. File systems
                // that do not count say one.
                let unknown = everything && stat.is_some_and(|stat| stat.st_nlink != 2);
                if new[mount] || unknown {
                    self.list(root, mount, &dir, &mut pending);
                }
            }
        }
    }

    /// The index of the cgroup at `dir`, made where it exists, is not ignored and can be told from others.
    fn group(&mut self, dir: &[u8], exists: bool, ignored: &dyn Fn(&str) -> bool) -> Option<usize> {
        if let Some(at) = self.index.get(dir) {
            return Some(*at);
        }
        let path = format!("/{}", String::from_utf8_lossy(dir));
        if !exists || ignored(&path) || self.is_taken(&path) {
            return None;
        }
        let group = Group::new(dir, path, self.files.len());
        self.index.insert(Arc::clone(&group.dir), self.groups.len());
        self.groups.push(group);
        Some(self.groups.len() - 1)
    }

    /// Whether another directory is shown under this path: two names that are not UTF-8 may look alike,
    /// and no two cgroups may have the same series.
    fn is_taken(&self, path: &str) -> bool {
        path.contains(char::REPLACEMENT_CHARACTER) && self.groups.iter().any(|g| g.path() == path)
    }

    /// Watches directories that look like those known, in a walk over everything. A removed one took its
    /// watch along, and perhaps another has its inode by now: the new watch tells them apart.
    fn watch_again(&mut self, root: &Root, at: usize, stats: &[Option<Stat>; Root::MOST_MOUNTS]) {
        for (mount, stat) in stats.iter().enumerate() {
            let Some(place) = self.groups[at].places[mount] else { continue };
            if stat.is_none_or(|stat| stat.st_ino != place.inode) {
                continue;
            }
            let watch = self.watch(root, mount, at);
            let group = &mut self.groups[at];
            if watch.is_some() && place.watch.is_some() && watch != place.watch {
                group.places[mount] = None;
                group.was_removed = true;
            } else {
                group.places[mount] = Some(Place { watch, ..place });
            }
        }
    }

    /// Takes down where a cgroup was seen; tells in which hierarchies its directory is new.
    fn place(
        &mut self,
        root: &Root,
        at: usize,
        stats: &[Option<Stat>; Root::MOST_MOUNTS],
    ) -> [bool; Root::MOST_MOUNTS] {
        let before = self.groups[at].places;
        let dir = Arc::clone(&self.groups[at].dir);
        let mut new = [false; Root::MOST_MOUNTS];
        let mut again = false;
        for (mount, stat) in stats.iter().enumerate() {
            let inode = stat.map(|stat| stat.st_ino);
            let known = before[mount].map(|place| place.inode);
            if inode == known {
                continue;
            }
            self.changed = true;
            new[mount] = inode.is_some();
            again |= inode.is_some() && known.is_some();
            self.unwatch(before[mount], &dir);
            let watch = inode.and_then(|_| self.watch(root, mount, at));
            self.groups[at].places[mount] = inode.map(|inode| Place { inode, watch });
        }
        let group = &mut self.groups[at];
        if new.contains(&true) {
            // Descriptors and texts of an earlier stay are dead.
            group.slots.iter_mut().for_each(|slot| *slot = Slot::default());
            if again || group.was_removed || before.iter().all(Option::is_none) {
                self.serials += 1;
                group.born(self.serials);
            }
        }
        for stat in stats.iter().flatten() {
            group.note_time(stat);
        }
        new
    }

    /// Watches the directory of a cgroup in one hierarchy.
    fn watch(&mut self, root: &Root, mount: usize, at: usize) -> Option<i32> {
        let dir = &self.groups[at].dir;
        let path = root.mounts[mount].path.join(OsStr::from_bytes(dir));
        let place = watch::Place { mount, dir: Arc::clone(dir) };
        match self.watcher.as_mut()?.watch(&path, place) {
            Ok(watch) => Some(watch),
            Err(error @ (Errno::NOSPC | Errno::NOMEM)) => {
                self.watcher = None;
                self.unwatched = Some(error);
                None
            }
            // Gone again: the watch on its parent tells, as it told of the birth.
            Err(_) => None,
        }
    }

    fn unwatch(&mut self, place: Option<Place>, dir: &[u8]) {
        let watch = place.and_then(|place| place.watch);
        if let (Some(watch), Some(watcher)) = (watch, &mut self.watcher) {
            watcher.forget(watch, dir);
        }
    }

    /// Appends the directories in `dir` of one hierarchy to `found`.
    fn list(&mut self, root: &Root, mount: usize, dir: &[u8], found: &mut Vec<Vec<u8>>) {
        let mount = &root.mounts[mount];
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let here = if dir.is_empty() { &b"."[..] } else { dir };
        let opened = match openat(&mount.fd, here, flags, Mode::empty()) {
            Ok(opened) => opened,
            Err(error) => {
                if matches!(error, Errno::ACCESS | Errno::PERM) {
                    let shown = String::from_utf8_lossy(dir);
                    self.denied.insert(format!("{}/{shown}", mount.path.display()));
                }
                return;
            }
        };
        let mut buffer = Vec::with_capacity(ENTRIES_BYTES);
        let mut entries = RawDir::new(&opened, buffer.spare_capacity_mut());
        while let Some(Ok(entry)) = entries.next() {
            if may_be_directory(entry.file_type(), entry.file_name()) {
                found.push(watch::child(dir, entry.file_name().to_bytes()));
            }
        }
    }

    /// Drops what is no more, and puts parents before children.
    fn settle(&mut self, everything: bool) {
        let round = self.round;
        let is_left = |group: &Group| {
            (!everything || group.round == round) && group.places.iter().any(Option::is_some)
        };
        let (left, lost): (Vec<Group>, Vec<Group>) =
            std::mem::take(&mut self.groups).into_iter().partition(is_left);
        self.groups = left;
        for group in &lost {
            group.places.iter().for_each(|place| self.unwatch(*place, &group.dir));
        }
        if self.changed || !lost.is_empty() {
            self.generation += 1;
            self.groups.sort_unstable_by(|a, b| a.dir.cmp(&b.dir));
            let places = self.groups.iter().enumerate();
            self.index = places.map(|(at, group)| (Arc::clone(&group.dir), at)).collect();
        }
    }
}

fn may_be_directory(kind: FileType, name: &CStr) -> bool {
    matches!(kind, FileType::Directory | FileType::Unknown)
        && !matches!(name.to_bytes(), b"." | b"..")
}
