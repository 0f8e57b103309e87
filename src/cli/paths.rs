//! `--path.*`: where the host's files are, for every command that reads cgroups.

use std::path::PathBuf;

use clap::Args;

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
}

impl Paths {
    /// What they say.
    pub fn into_options(self) -> Options {
        Options {
            procfs: self.procfs,
            sysfs: self.sysfs,
            rootfs: self.rootfs,
            ..Options::default()
        }
    }
}
