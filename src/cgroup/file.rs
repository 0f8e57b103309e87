//! One kernel file: where it lies and how its text becomes part of a [`Reading`].

use std::ffi::CStr;

use super::mount::Controller;
use super::parse::BadText;
use super::reading::Reading;
use crate::metric_set::MetricSets;

/// A file that each cgroup of a hierarchy has.
pub(super) struct File {
    /// Decides the hierarchy in which the file is looked for.
    pub controller: Controller,
    /// The sets that need the file.
    pub sets: MetricSets,
    pub name: &'static CStr,
    pub parse: Parse,
}

/// How a file is read.
pub(super) enum Parse {
    /// The kernel gives the whole text in one read.
    Whole(fn(&[u8], &mut Reading) -> Result<(), BadText>),
    /// The kernel gives a page at a time, and only the number of lines counts.
    Lines(fn(u64, &mut Reading)),
}

impl Parse {
    /// Whether a descriptor may serve for more than one read. v1 keeps the list of processes that an
    /// open `cgroup.procs` was first read with for a second after the last read, so it would be stale.
    pub(super) fn may_be_kept(&self) -> bool {
        matches!(self, Self::Whole(_))
    }
}

impl File {
    pub(super) fn name(&self) -> &'static str {
        self.name.to_str().unwrap_or("?")
    }
}

/// Shorthand for the tables of `v1` and `v2`.
pub(super) const fn file(
    controller: Controller,
    sets: MetricSets,
    name: &'static CStr,
    parse: fn(&[u8], &mut Reading) -> Result<(), BadText>,
) -> File {
    File { controller, sets, name, parse: Parse::Whole(parse) }
}
