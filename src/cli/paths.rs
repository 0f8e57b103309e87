//! `--path.*`: where the host's files are, for every command that reads cgroups.

use std::path::PathBuf;

use clap::Args;

use crate::cgroup::MOST_KEPT;
use crate::exporter::Options;

/// The flags.
#[derive(Args)]
pub struct Paths {
    /// Mount point of procfs
    #[arg(long = "path.procfs", value_name = "FOLDER", default_value = "/proc")]
    procfs: PathBuf,
    /// Mount point of sysfs
    #[arg(long = "path.sysfs", value_name = "FOLDER", default_value = "/sys")]
    sysfs: PathBuf,
    /// Root of the host's file system, below which container engines keep their files
    #[arg(long = "path.rootfs", value_name = "FOLDER", default_value = "/")]
    rootfs: PathBuf,
    /// Kernel files kept open between two scrapes: each costs 4.7 KiB of kernel memory and saves time
    #[arg(long = "cgroup.kept-descriptors", value_name = "N", default_value_t = MOST_KEPT)]
    kept_descriptors: usize,
}

impl Paths {
    /// What they say.
    pub fn into_options(self) -> Options {
        Options {
            procfs: self.procfs,
            sysfs: self.sysfs,
            rootfs: self.rootfs,
            kept_descriptors: self.kept_descriptors,
            ..Options::default()
        }
    }
}
