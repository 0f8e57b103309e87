//! What changes between two scans, told by the kernel: births and deaths of cgroups, and writes to their
//! files. It saves a walk over all directories and a read of all limits in each scan.
//!
//! inotify sees what is done through the file system: mkdir, rmdir, rename, write. Cgroups are made and
//! removed, and their limits set, in no other way. What the kernel itself counts it does not see.

use std::collections::HashMap;
use std::fmt;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// Room for events; the kernel hands out many at a time.
const EVENTS_BYTES: usize = 64 * 1024;

/// Files whose writing moves processes and changes no setting.
const MIGRATION_FILES: [&[u8]; 3] = [b"cgroup.procs", b"tasks", b"cgroup.threads"];

/// Files in which the kernel counts events, and tells watchers each time. Nobody can write to them.
const COUNTS: &[u8] = b".events";

/// The file of a v2 cgroup whose writing gives its children files, or takes them away.
const SWITCH_FILE: &[u8] = b"cgroup.subtree_control";

/// A directory of one hierarchy.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub mount: usize,
    pub dir: Arc<[u8]>,
}

/// What happened since the last look.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Paths at which a directory came or went, perhaps more than once.
    pub touched: Vec<Vec<u8>>,
    /// Directories that were removed; something may be there again.
    pub removed: Vec<Place>,
    /// Directories in which a file was written.
    pub written: Vec<Place>,
    /// Directories whose children gained or lost files.
    pub switched: Vec<Place>,
    /// Processes were moved from one cgroup to another.
    pub migrated: bool,
    /// Events were lost, or directories renamed: only a walk over everything helps.
    pub unclear: bool,
}

/// Watches directories. Costs nothing until it is asked.
pub(super) struct Watcher {
    events: OwnedFd,
    places: HashMap<i32, Place>,
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watcher({} places)", self.places.len())
    }
}

impl Watcher {
    /// # Errors
    /// Where the user has too many inotify instances.
    pub(super) fn new() -> Result<Self, Errno> {
        let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self { events, places: HashMap::new() })
    }

    /// Watches the directory `path`, which is `place`; returns a number for [`Watcher::forget`].
    ///
    /// # Errors
    /// Where the directory is gone, and `NOSPC` where the user has too many watches.
    pub(super) fn watch(&mut self, path: &Path, place: Place) -> Result<i32, Errno> {
        let flags = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::MODIFY
            | WatchFlags::ONLYDIR
            | WatchFlags::DONT_FOLLOW;
        let watch = inotify::add_watch(&self.events, path, flags)?;
        self.places.insert(watch, place);
        Ok(watch)
    }

    /// Ends the watch of `dir`, unless it went over to another directory by renaming. That of a removed
    /// directory has ended by itself.
    pub(super) fn forget(&mut self, watch: i32, dir: &[u8]) {
        if self.places.get(&watch).is_some_and(|place| *place.dir == *dir) {
            self.places.remove(&watch);
            let _ = inotify::remove_watch(&self.events, watch);
        }
    }

    /// What happened since the last call.
    pub(super) fn changes(&mut self) -> Changes {
        let mut changes = Changes::default();
        let mut buffer = [MaybeUninit::uninit(); EVENTS_BYTES];
        let mut reader = Reader::new(self.events.as_fd(), &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                Err(Errno::WOULDBLOCK) => return changes,
                Err(_) => {
                    changes.unclear = true;
                    return changes;
                }
            };
            let name = event.file_name().map_or(&b""[..], |name| name.to_bytes());
            note(&mut self.places, event.wd(), event.events(), name, &mut changes);
        }
    }
}

/// Takes down one event.
fn note(
    places: &mut HashMap<i32, Place>,
    watch: i32,
    events: ReadFlags,
    name: &[u8],
    changes: &mut Changes,
) {
    if events.contains(ReadFlags::QUEUE_OVERFLOW) {
        changes.unclear = true;
    } else if events.contains(ReadFlags::IGNORED) {
        places.remove(&watch);
    } else if let Some(place) = places.get(&watch) {
        if !events.contains(ReadFlags::ISDIR) {
            let is_write = events.contains(ReadFlags::MODIFY);
            if is_write && MIGRATION_FILES.contains(&name) {
                changes.migrated = true;
            } else if name == SWITCH_FILE {
                changes.switched.push(place.clone());
            } else if !(is_write && name.ends_with(COUNTS)) {
                changes.written.push(place.clone());
            }
        } else if events.intersects(ReadFlags::MOVED_FROM | ReadFlags::MOVED_TO) {
            changes.unclear = true;
        } else {
            let dir = child(&place.dir, name);
            if events.contains(ReadFlags::DELETE) {
                changes.removed.push(Place { mount: place.mount, dir: dir.as_slice().into() });
            }
            changes.touched.push(dir);
        }
    }
}

/// The path of `name` in `dir`, without a leading slash.
pub(super) fn child(dir: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(dir.len() + 1 + name.len());
    path.extend_from_slice(dir);
    if !dir.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// The path of the directory that `dir` is in; `None`: it is the top.
pub(super) fn parent(dir: &[u8]) -> Option<&[u8]> {
    if dir.is_empty() {
        return None;
    }
    let end = dir.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    Some(&dir[..end])
}
