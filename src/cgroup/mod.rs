//! What the kernel says of its control groups.
//!
//! [`Root`] knows where the hierarchies are mounted (v1, hybrid, v2); a [`Scanner`] finds every cgroup
//! below them and reads it into one [`Reading`]. Files are read type by type over all cgroups, not
//! cgroup by cgroup: a read of `memory.stat` flushes the kernel's counters of a whole subtree, and the
//! next one of the same type then finds little to do.

mod descriptors;
mod file;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod group;
mod mount;
pub(crate) mod parse;
mod reading;
mod scan;
mod slot;
#[cfg(test)]
mod tests;
mod tree;
mod v1;
mod v2;
mod watch;

use std::path::PathBuf;

pub use crate::metric_set::{Effort, Problem};
pub use descriptors::MOST_KEPT;
pub use group::Group;
pub(crate) use mount::unescape;
pub use mount::{Controller, Layout, Root};
pub use reading::{
    Count, Cpu, HugePages, IoCost, IoDevice, Memory, NumaPages, Pids, Pressure, Rare, Reading,
    Stall,
};
pub use scan::{Request, Scanner};

/// Why no cgroup can be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No hierarchy is mounted where we looked.
    #[error(
        "no cgroup hierarchy found: looked in {mountinfo} and {cgroups}; mount cgroups there or set --path.procfs and --path.sysfs"
    )]
    NoHierarchy {
        /// The mount table that was read.
        mountinfo: PathBuf,
        /// The usual place of the mounts.
        cgroups: PathBuf,
    },
    /// A hierarchy is there but cannot be opened.
    #[error("cannot open the cgroup hierarchy {path}: {source}")]
    Unreadable {
        /// Its mount point.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
}
