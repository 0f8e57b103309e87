//! Opening, reading and closing files of processes, with an account of what went wrong.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::io::Errno;

use crate::metric_set::{Effort, MetricSet, Problem};

/// The type of a procfs, see statfs(2).
const PROC_SUPER_MAGIC: u64 = 0x9fa0;

/// The inode of the host's PID namespace: PROC_PID_INIT_INO of linux/proc_ns.h.
const HOST_NAMESPACE: u64 = 0xefff_fffc;

/// How many problems a read reports in words.
const MOST_PROBLEMS: usize = 20;

/// First size of the read buffer. It grows where a file fills it.
const BUFFER_BYTES: usize = 32 * 1024;

/// The files of a procfs.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    sizes_count: bool,
    buffer: Vec<u8>,
    efforts: [Effort; MetricSet::COUNT],
    problems: Vec<Problem>,
    denied: BTreeMap<MetricSet, Denied>,
}

/// What was not for us to read.
#[derive(Debug)]
pub(super) struct Denied {
    pub times: usize,
    pub example: PathBuf,
}

/// Why a file told nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// The process has ended, or this kernel has no such file.
    Gone,
    /// It is not for us to read.
    Denied,
    /// Anything else.
    Broken(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // The last one is what a namespace says that goes with its last process.
        let gone = [Errno::NOENT, Errno::NOTDIR, Errno::SRCH, Errno::NXIO];
        match error.kind() {
            _ if gone.iter().any(|gone| Some(gone.raw_os_error()) == error.raw_os_error()) => {
                Self::Gone
            }
            ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Broken(error.to_string()),
        }
    }
}

impl Files {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            sizes_count: sizes_count(root).unwrap_or(false),
            buffer: vec![0; BUFFER_BYTES],
            efforts: [Effort::default(); MetricSet::COUNT],
            problems: Vec::new(),
            denied: BTreeMap::new(),
        }
    }

    /// Whether the size of a folder `fd` is the number of descriptors.
    pub(super) fn sizes_count(&self) -> bool {
        self.sizes_count
    }

    /// Starts a new account.
    pub(super) fn begin(&mut self) {
        self.efforts = [Effort::default(); MetricSet::COUNT];
        self.problems.clear();
        self.denied.clear();
    }

    pub(super) fn path(&self, pid: u32, name: &str) -> PathBuf {
        self.root.join(format!("{pid}/{name}"))
    }

    /// The inode of a file.
    pub(super) fn inode(&self, pid: u32, name: &str) -> Result<u64, Failure> {
        Ok(fs::metadata(self.path(pid, name))?.ino())
    }

    /// The inode of a file, and what `parse` makes of its text.
    pub(super) fn read<T>(
        &mut self,
        pid: u32,
        name: &str,
        parse: impl FnOnce(&[u8]) -> Result<T, Failure>,
    ) -> Result<(u64, T), Failure> {
        let mut file = File::open(self.path(pid, name))?;
        let inode = file.metadata()?.ino();
        let mut length = 0;
        loop {
            if length == self.buffer.len() {
                self.buffer.resize(length * 2, 0);
            }
            match file.read(&mut self.buffer[length..])? {
                // What some files of a process that is ending hold.
                0 if length == 0 => return Err(Failure::Gone),
                0 => return Ok((inode, parse(&self.buffer[..length])?)),
                more => length += more,
            }
        }
    }

    /// Gives each line of a file but the first, which has titles, to `take` with its number. The whole
    /// file, which may have a hundred thousand lines, is never held.
    pub(super) fn rows(
        &self,
        pid: u32,
        name: &str,
        mut take: impl FnMut(usize, &[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(self.path(pid, name))?);
        let mut content = Vec::new();
        for line in 1.. {
            content.clear();
            if file.read_until(b'\n', &mut content)? == 0 {
                break;
            }
            if line > 1 {
                take(line, content.trim_ascii_end())?;
            }
        }
        Ok(())
    }

    /// Whether we are in another PID namespace than the host's, and so see only some processes.
    pub(super) fn is_apart(&self) -> bool {
        fs::metadata(self.root.join("self/ns/pid")).is_ok_and(|own| own.ino() != HOST_NAMESPACE)
    }

    /// When a process started, in ticks since the boot.
    pub(super) fn start(&self, pid: u32) -> Option<u64> {
        start(&fs::read(self.path(pid, "stat")).ok()?)
    }

    /// The value, or an entry in the account of `set`. That a process has ended is nothing strange.
    pub(super) fn note<T>(
        &mut self,
        set: MetricSet,
        (pid, name): (u32, &str),
        result: Result<T, Failure>,
    ) -> Option<T> {
        match result {
            Ok(value) => return Some(value),
            Err(Failure::Gone) => (),
            Err(Failure::Denied) => {
                let example = self.path(pid, name);
                self.denied.entry(set).or_insert(Denied { times: 0, example }).times += 1;
            }
            Err(Failure::Broken(message)) => {
                self.efforts[set.index()].failures += 1;
                if self.problems.len() < MOST_PROBLEMS {
                    let path = self.path(pid, name).display().to_string();
                    self.problems.push(Problem { path, message });
                }
            }
        }
        None
    }

    pub(super) fn effort(&mut self, set: MetricSet) -> &mut Effort {
        &mut self.efforts[set.index()]
    }

    /// Puts the time since `mark` on the account of `set`, and moves the mark.
    pub(super) fn charge(&mut self, set: MetricSet, mark: &mut Instant) {
        let now = Instant::now();
        self.effort(set).duration += now - *mark;
        *mark = now;
    }

    pub(super) fn efforts(&self) -> &[Effort; MetricSet::COUNT] {
        &self.efforts
    }

    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(super) fn denied(&self) -> &BTreeMap<MetricSet, Denied> {
        &self.denied
    }
}

/// Since Linux 6.2 the size of `fd` is a number, before it was 0. We ourselves have descriptors open.
fn sizes_count(root: &Path) -> io::Result<bool> {
    let own = root.join("self/fd");
    let is_procfs = rustix::fs::statfs(&own)?.f_type as u64 == PROC_SUPER_MAGIC;
    Ok(is_procfs && fs::metadata(own)?.len() > 0)
}

/// Field 22 of `stat`, see proc_pid_stat(5). The name in parentheses may hold anything.
pub(super) fn start(stat: &[u8]) -> Option<u64> {
    let name_end = stat.iter().rposition(|b| *b == b')')?;
    // The first field after the name is number 3.
    words(&stat[name_end + 1..]).nth(22 - 3).and_then(number)
}

/// A decimal number without sign that fits.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The words of a line.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// The lines of a text with their numbers, empty ones left out.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    (1..).zip(text.split(|b| *b == b'\n')).filter(|(_, line)| !line.is_empty())
}

/// What is wrong with a line.
pub(super) fn bad(line: usize, expected: &str, found: &[u8]) -> Failure {
    let shown = String::from_utf8_lossy(&found[..found.len().min(80)]);
    Failure::Broken(format!("line {line}: expected {expected}, found {shown:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_start_is_known_whatever_the_name() {
        let stat =
            b"7 (a) b 1 2) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 200 1048576 10 1";
        assert_eq!(start(stat), Some(200));
        assert_eq!(start(b"7 (sh) S 1"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (start(&text), number(&text), words(&text).count(), lines(&text).count());
        }
    }
}
