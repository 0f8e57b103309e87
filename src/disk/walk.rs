//! The walk over writable layers: one thread of low priority, never part of a scrape, off by default.

use std::collections::{HashMap, HashSet};
use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags, Stat, fstat, open, openat2, statat,
};
use rustix::io::Errno;

/// After so many files the walk rests for as long as they took: at most half of one core.
const FILES_BETWEEN_RESTS: u32 = 1_000;

/// Room for directory entries; a name has at most 255 bytes.
const ENTRIES_BYTES: usize = 32 * 1024;

/// A size of a block in `stat`, bytes.
const BLOCK_BYTES: u64 = 512;

/// The result of a walk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    /// Room taken, bytes.
    pub bytes: u64,
    /// When the walk ended.
    pub at: Instant,
}

/// The thread that walks. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Walker {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The folders to be walked, by the serial of the container.
    watched: HashMap<u64, PathBuf>,
    results: HashMap<u64, Walk>,
    trouble: Option<String>,
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked had not left half of a change: each is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps; `false` where it shall end.
    fn rest(&self, time: Duration) -> bool {
        let ended = |state: &mut State| !state.ended;
        let waited = self.changed.wait_timeout_while(self.lock(), time, ended);
        !waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }
}

impl Walker {
    /// Starts the thread: it walks all watched folders, and again `interval` after it began.
    pub(super) fn start(interval: Duration) -> Self {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let started = std::thread::Builder::new()
            .name("disk-walk".to_owned())
            .spawn(move || walk_again_and_again(&of_thread, interval));
        if let Err(error) = started {
            shared.lock().trouble =
                Some(format!("sizes of containers are left out: cannot start a thread: {error}"));
        }
        Self { shared }
    }

    /// Sets the folders to walk. A new one is walked in the next round.
    pub(super) fn watch(&self, folders: HashMap<u64, PathBuf>) {
        let mut state = self.shared.lock();
        let is_first = state.watched.is_empty() && !folders.is_empty();
        state.results.retain(|serial, _| folders.contains_key(serial));
        state.watched = folders;
        if is_first {
            self.shared.changed.notify_all();
        }
    }

    pub(super) fn result(&self, serial: u64) -> Option<Walk> {
        self.shared.lock().results.get(&serial).copied()
    }

    /// Why there are no results, where there is a reason.
    pub(super) fn trouble(&self) -> Option<String> {
        self.shared.lock().trouble.clone()
    }
}

impl Drop for Walker {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
    }
}

fn walk_again_and_again(shared: &Shared, interval: Duration) {
    // To Linux 0 is the calling thread; refused only where it has a lower priority already.
    let _ = rustix::process::setpriority_process(None, 19);
    loop {
        let waited = shared
            .changed
            .wait_while(shared.lock(), |state| state.watched.is_empty() && !state.ended);
        let folders = waited.unwrap_or_else(PoisonError::into_inner).watched.clone();
        let started = Instant::now();
        for (serial, folder) in folders {
            let walked = size(&folder, |took| shared.rest(took));
            let mut state = shared.lock();
            if state.ended {
                return;
            }
            match walked {
                Ok(bytes) if state.watched.contains_key(&serial) => {
                    state.results.insert(serial, Walk { bytes, at: Instant::now() });
                }
                Ok(_) | Err(Errno::NOENT) => (),
                Err(error) => {
                    let error = std::io::Error::from(error);
                    let path = folder.display();
                    state.trouble = Some(format!(
                        "sizes of containers are left out: cannot walk {path}: {error}; needs CAP_DAC_READ_SEARCH and Linux 5.6"
                    ));
                }
            }
        }
        if !shared.rest(interval.saturating_sub(started.elapsed())) {
            return;
        }
    }
}

/// The room that a folder and all below it take, in bytes: hard links once, no other file system, and no
/// link is followed, as a container may change its files while it is walked. `rest` is called now and then
/// with the time to rest; the walk ends where it gives `false`.
fn size(folder: &Path, mut rest: impl FnMut(Duration) -> bool) -> Result<u64, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let top = open(folder, flags, Mode::empty())?;
    let stat = fstat(&top)?;
    let mut sum = Sum { bytes: 0, device: stat.st_dev, links: HashSet::new() };
    sum.add(&stat);
    let mut pending: Vec<Vec<u8>> = vec![b".".to_vec()];
    let mut buffer = Vec::with_capacity(ENTRIES_BYTES);
    let (mut files, mut since) = (0, Instant::now());
    while let Some(dir) = pending.pop() {
        let stay = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        let opened = match openat2(&top, &dir[..], flags, Mode::empty(), stay) {
            Ok(opened) => opened,
            Err(error @ (Errno::NOSYS | Errno::ACCESS)) => return Err(error),
            // Gone meanwhile, made a link, or below a mount.
            Err(_) => continue,
        };
        let mut entries = RawDir::new(&opened, buffer.spare_capacity_mut());
        while let Some(Ok(entry)) = entries.next() {
            let name = entry.file_name();
            if let Some(child) = sum.entry(&opened, name) {
                pending.push([&dir[..], b"/", child].concat());
            }
            files += 1;
        }
        if files >= FILES_BETWEEN_RESTS {
            if !rest(since.elapsed()) {
                break;
            }
            (files, since) = (0, Instant::now());
        }
    }
    Ok(sum.bytes)
}

/// What a walk has found so far.
struct Sum {
    bytes: u64,
    device: u64,
    /// Inodes of files with several names.
    links: HashSet<u64>,
}

impl Sum {
    /// Adds an entry of a folder; gives its name where it is a folder to be walked.
    fn entry<'a>(&mut self, dir: &OwnedFd, name: &'a CStr) -> Option<&'a [u8]> {
        if matches!(name.to_bytes(), b"." | b"..") {
            return None;
        }
        // Gone meanwhile.
        let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let added = self.add(&stat);
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        (added && is_folder).then_some(name.to_bytes())
    }

    fn add(&mut self, stat: &Stat) -> bool {
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let again = !is_folder && stat.st_nlink > 1 && !self.links.insert(stat.st_ino);
        if stat.st_dev != self.device || again {
            return false;
        }
        let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
        self.bytes = self.bytes.saturating_add(blocks.saturating_mul(BLOCK_BYTES));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::Command;

    fn du(path: &Path) -> u64 {
        let out = Command::new("du").args(["-s", "-x", "--block-size=1"]).arg(path).output();
        let text = String::from_utf8(out.expect("du runs").stdout).expect("text");
        text.split_whitespace().next().expect("a number").parse().expect("a number")
    }

    #[test]
    fn a_walk_counts_what_du_counts() {
        let dir = tempfile::tempdir().expect("tempdir");
        let outside = tempfile::tempdir().expect("tempdir");
        fs::write(outside.path().join("big"), vec![1; 300_000]).expect("write");
        for number in 0..30 {
            let below = dir.path().join(format!("a{}/b{number}", number % 3));
            fs::create_dir_all(&below).expect("mkdir");
            fs::write(below.join("file"), vec![1; 5_000 * number]).expect("write");
        }
        fs::hard_link(dir.path().join("a0/b27/file"), dir.path().join("a1/again")).expect("link");
        std::os::unix::fs::symlink(outside.path(), dir.path().join("link")).expect("link");
        let walked = size(dir.path(), |_| true).expect("walked");
        assert_eq!(walked, du(dir.path()));
        assert!(walked > 1_000_000);
    }

    #[test]
    fn a_walk_ends_when_told_to_and_says_what_is_wrong() {
        let dir = tempfile::tempdir().expect("tempdir");
        for number in 0..FILES_BETWEEN_RESTS + 1 {
            fs::write(dir.path().join(number.to_string()), "x").expect("write");
        }
        fs::create_dir(dir.path().join("below")).expect("mkdir");
        fs::write(dir.path().join("below/big"), vec![1; 300_000]).expect("write");
        let all = size(dir.path(), |_| true).expect("walked");
        assert!(size(dir.path(), |_| false).expect("walked") <= all - 300_000);
        assert_eq!(size(&dir.path().join("none"), |_| true), Err(Errno::NOENT));
    }
}
