//! How many file descriptors may stay open between two scans.
//!
//! A kept descriptor makes a small file six to ten times cheaper to read, and costs about 4.7 KiB of
//! kernel memory from its first read on.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Kept unless a user says otherwise: some 19 MiB of kernel memory at most.
pub const MOST_KEPT: usize = 4_000;

/// Left for sockets, walks and everything else of the process.
const RESERVE: u64 = 1_024;

/// Raises the soft limit of open files to the hard one and tells how many of `most` descriptors the
/// scanner may keep open.
pub(super) fn budget(most: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // Refused only where another limit rules; the soft limit then stands.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let kept = allowed.saturating_sub(RESERVE.max(allowed / 4));
    usize::try_from(kept).unwrap_or(usize::MAX).min(most)
}
