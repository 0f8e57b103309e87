//! One file of one cgroup between two scans: its descriptor, or its text.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::{Errno, pread};

use super::file::Key;

/// What is known of one file of one cgroup.
#[derive(Debug, Default)]
pub(super) struct Slot {
    descriptor: Descriptor,
    text: Option<Remembered>,
}

#[derive(Debug, Default)]
enum Descriptor {
    /// To be opened.
    #[default]
    Closed,
    /// Open since an earlier scan.
    Kept(OwnedFd),
    /// Not there, or not for us; tried again after so many scans, as a v2 controller may be enabled later.
    Absent(u8),
}

/// A text that stands as long as its key does.
#[derive(Debug)]
struct Remembered {
    key: Key,
    text: Box<[u8]>,
}

/// Scans before an absent file is looked for again; staggered up to twice as many.
const ABSENT_SCANS: u8 = 16;

/// The longest text worth remembering: longer ones cost more memory than a read costs time.
const LONGEST_REMEMBERED: usize = 1024;

impl Slot {
    /// The text remembered under this key.
    pub(super) fn remembered(&self, key: &Key) -> Option<&[u8]> {
        self.text.as_ref().filter(|known| known.key == *key).map(|known| &*known.text)
    }

    /// Whether there was a text that no longer stands, now or earlier.
    pub(super) fn was_outdated(&self) -> bool {
        self.text.is_some() || matches!(self.descriptor, Descriptor::Kept(_))
    }

    /// Remembers `text` as long as the key stays what it is now.
    pub(super) fn remember(&mut self, key: Key, text: &[u8]) {
        match &mut self.text {
            Some(known) if known.text.len() == text.len() => {
                known.key = key;
                known.text.copy_from_slice(text);
            }
            known if text.len() <= LONGEST_REMEMBERED => {
                *known = Some(Remembered { key, text: text.into() });
            }
            known => *known = None,
        }
    }

    /// Closes what is open.
    pub(super) fn close(&mut self) {
        if let Descriptor::Kept(_) = self.descriptor {
            self.descriptor = Descriptor::Closed;
        }
    }

    /// Forgets the text, and that the file was not there.
    pub(super) fn forget(&mut self) {
        self.text = None;
        if let Descriptor::Absent(_) = self.descriptor {
            self.descriptor = Descriptor::Closed;
        }
    }

    /// The file could not be read: it is left alone for a while. `stagger` spreads the next tries.
    pub(super) fn set_absent(&mut self, stagger: u64) {
        let later = (stagger % u64::from(ABSENT_SCANS)) as u8;
        *self = Self { descriptor: Descriptor::Absent(ABSENT_SCANS + later), text: None };
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self.descriptor, Descriptor::Absent(_))
    }

    #[cfg(test)]
    pub(super) fn is_kept(&self) -> bool {
        matches!(self.descriptor, Descriptor::Kept(_))
    }

    /// The file `name` in `dir` of a hierarchy; `None` where it is known to be absent.
    pub(super) fn open(
        &mut self,
        hierarchy: &OwnedFd,
        dir: &[u8],
        name: &CStr,
        keep: bool,
        buffers: &mut Buffers,
    ) -> Result<Option<Opened<'_>>, Errno> {
        match &mut self.descriptor {
            Descriptor::Absent(scans) if *scans > 0 => {
                *scans -= 1;
                return Ok(None);
            }
            Descriptor::Kept(_) if keep => (),
            _ => {
                let fd = buffers.open(hierarchy, dir, name)?;
                if !keep {
                    self.descriptor = Descriptor::Closed;
                    return Ok(Some(Opened::Once(fd)));
                }
                self.descriptor = Descriptor::Kept(fd);
            }
        }
        match &self.descriptor {
            Descriptor::Kept(fd) => Ok(Some(Opened::Kept(fd))),
            _ => Ok(None),
        }
    }
}

/// The descriptor of a file: open since earlier, or only for this read.
pub(super) enum Opened<'a> {
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

/// First size of the read buffer. It grows where a file fills it.
const BUFFER_BYTES: usize = 64 * 1024;

/// The two buffers that every read reuses.
#[derive(Debug)]
pub(super) struct Buffers {
    path: Vec<u8>,
    content: Vec<u8>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self { path: Vec::new(), content: vec![0; BUFFER_BYTES] }
    }

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

    /// The whole text of a file. The kernel gives it in one piece, or `paged`: piece by piece.
    pub(super) fn read(&mut self, fd: BorrowedFd, paged: bool) -> Result<&[u8], Errno> {
        let length = if paged { self.pages(fd)? } else { self.whole(fd)? };
        Ok(&self.content[..length])
    }

    fn whole(&mut self, fd: BorrowedFd) -> Result<usize, Errno> {
        loop {
            let length = pread(fd, &mut self.content[..], 0)?;
            if length < self.content.len() {
                return Ok(length);
            }
            self.content.resize(length * 2, 0);
        }
    }

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
