//! The limit files of one control group, on either version of the hierarchy.

use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use super::limit::{GroupLimit, cpu_max, or_max, or_minus_one};
use super::{ActuateError, Saved};
use crate::cgroup::parse::{self, BadText};
use crate::cgroup::{Controller, Root};
use crate::config::CgroupActuator;
use crate::target::{Resource, TargetId};
use crate::units::Limit;

/// Which of the kernel's two interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// One group of one controller.
#[derive(Clone, Debug)]
pub(super) struct Group {
    target: TargetId,
    resource: Resource,
    version: Version,
    /// Where the hierarchy is mounted.
    mount: PathBuf,
    /// The group's own folder, below `mount`.
    folder: PathBuf,
}

impl Group {
    /// The group at `path` (absolute below the mount, as in the label `id`) in the hierarchy that has
    /// the controller of `resource`: v2, v1, or v2's part of a hybrid host.
    ///
    /// # Errors
    /// The path leaves the mount or is its root, or there is no such group with this controller.
    pub(super) fn find(
        target: &TargetId,
        host: &CgroupActuator,
        path: &str,
        resource: Resource,
    ) -> Result<Self, ActuateError> {
        let place = || format!("cgroup {path:?}");
        let relative = below_root(path).ok_or_else(|| {
            ActuateError::lasting(
                target,
                place(),
                "expected an absolute path below the root group, without `..`",
                "narrow the rule's discover query to the groups that may be changed",
            )
        })?;
        let (mount, version) = hierarchy(host, resource).map_err(|problem| {
            let advice = "set actuators.cgroup.sysfs and procfs to those of the host";
            ActuateError::lasting(target, place(), problem, advice)
        })?;
        let folder = mount.join(relative);
        let group = Self { target: target.clone(), resource, version, mount, folder };
        if group.folder.join(group.limit_file()).exists() {
            return Ok(group);
        }
        Err(if group.folder.is_dir() {
            ActuateError::lasting(
                target,
                group.folder.join(group.limit_file()).display().to_string(),
                format!("the group exists, but the {resource} controller is not enabled in it"),
                format!("add {resource} to the parent group's cgroup.subtree_control"),
            )
        } else {
            ActuateError::passing(
                target,
                place(),
                format!("no such folder: {}", group.folder.display()),
                "the container may have stopped: look whether it runs, and on this host",
            )
        })
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// Reads the limit in force.
    pub(super) fn read(&self) -> Result<GroupLimit, ActuateError> {
        match (self.resource, self.version) {
            (Resource::Cpu, Version::V1) => Ok(GroupLimit::Cpu {
                quota_us: self.get("cpu.cfs_quota_us", parse::v1_quota)?,
                period_us: self.get("cpu.cfs_period_us", parse::single)?,
            }),
            (Resource::Cpu, Version::V2) => {
                let (quota_us, period_us) = self.get("cpu.max", parse::cpu_max)?;
                Ok(GroupLimit::Cpu { quota_us, period_us })
            }
            (Resource::Memory, Version::V1) => {
                let with_swap = "memory.memsw.limit_in_bytes";
                let counted = self.folder.join(with_swap).exists();
                Ok(GroupLimit::Memory {
                    bytes: self.get("memory.limit_in_bytes", parse::v1_bytes)?,
                    with_swap_bytes: counted
                        .then(|| self.get(with_swap, parse::v1_bytes))
                        .transpose()?,
                })
            }
            (Resource::Memory, Version::V2) => Ok(GroupLimit::Memory {
                bytes: self.get("memory.max", parse::limit)?,
                with_swap_bytes: None,
            }),
        }
    }

    /// Writes a limit: one `write(2)` a file, and only the files that differ.
    pub(super) fn write(&self, wanted: &GroupLimit) -> Result<(), ActuateError> {
        let now = self.read()?;
        match (*wanted, now, self.version) {
            (
                GroupLimit::Cpu { quota_us, period_us },
                GroupLimit::Cpu { quota_us: old, .. },
                version,
            ) => {
                if quota_us == old {
                    return Ok(());
                }
                match version {
                    Version::V1 => self.put("cpu.cfs_quota_us", or_minus_one(quota_us)),
                    Version::V2 => self.put("cpu.max", cpu_max(quota_us, period_us)),
                }
            }
            (
                GroupLimit::Memory { bytes, with_swap_bytes },
                GroupLimit::Memory { bytes: old, with_swap_bytes: old_sum },
                Version::V1,
            ) => self.write_v1_memory(bytes, with_swap_bytes, old, old_sum),
            (GroupLimit::Memory { bytes, .. }, GroupLimit::Memory { bytes: old, .. }, _) => {
                if bytes == old {
                    return Ok(());
                }
                if let Limit::At(bytes) = bytes {
                    self.refuse_to_kill(bytes)?;
                }
                self.put("memory.max", or_max(bytes))
            }
            _ => Err(ActuateError::lasting(
                &self.target,
                self.folder.display().to_string(),
                format!("a group of the {} controller was given {wanted:?}", self.resource),
                "report this as a defect",
            )),
        }
    }

    /// The kernel holds memory ≤ memory with swap at every instant: grow the sum first, shrink it last.
    fn write_v1_memory(
        &self,
        bytes: Limit<u64>,
        sum: Option<Limit<u64>>,
        old_bytes: Limit<u64>,
        old_sum: Option<Limit<u64>>,
    ) -> Result<(), ActuateError> {
        let sum = sum.filter(|_| sum != old_sum);
        let put_sum = |sum| self.put("memory.memsw.limit_in_bytes", or_minus_one(sum));
        let grows = bytes > old_bytes;
        if let Some(sum) = sum.filter(|_| grows) {
            put_sum(sum)?;
        }
        if bytes != old_bytes {
            self.put("memory.limit_in_bytes", or_minus_one(bytes))?;
        }
        if let Some(sum) = sum.filter(|_| !grows) {
            put_sum(sum)?;
        }
        Ok(())
    }

    /// On v2 a limit below what is in use makes the kernel kill, where v1 answers "busy". So a limit
    /// below the working set (usage less inactive file pages) is refused here.
    pub(super) fn refuse_to_kill(&self, bytes: u64) -> Result<(), ActuateError> {
        if self.version == Version::V1 {
            return Ok(());
        }
        let used = self.get("memory.current", parse::single)?;
        let inactive = self.get("memory.stat", |text| {
            let mut inactive = 0;
            parse::pairs(text, |key, value| {
                if key == b"inactive_file" {
                    inactive = value.number()?;
                }
                Ok(())
            })?;
            Ok(inactive)
        })?;
        let working_set = used.saturating_sub(inactive);
        if bytes >= working_set {
            return Ok(());
        }
        Err(ActuateError::passing(
            &self.target,
            self.folder.join("memory.max").display().to_string(),
            format!("{bytes} bytes is below the {working_set} bytes in use: the kernel would kill"),
            "wait until the container uses less, or raise scale.memory.min",
        ))
    }

    fn limit_file(&self) -> &'static str {
        match (self.resource, self.version) {
            (Resource::Cpu, Version::V1) => "cpu.cfs_quota_us",
            (Resource::Cpu, Version::V2) => "cpu.max",
            (Resource::Memory, Version::V1) => "memory.limit_in_bytes",
            (Resource::Memory, Version::V2) => "memory.max",
        }
    }

    fn get<T>(
        &self,
        file: &str,
        parse: impl FnOnce(&[u8]) -> Result<T, BadText>,
    ) -> Result<T, ActuateError> {
        let path = self.folder.join(file);
        let text = fs::read(&path).map_err(|error| self.failed(file, "read", &error))?;
        parse(&text).map_err(|bad| {
            ActuateError::lasting(
                &self.target,
                path.display().to_string(),
                format!("line {}: expected {}, found {:?}", bad.line, bad.expected, bad.found),
                "look whether the file is the kernel's own",
            )
        })
    }

    fn put(&self, file: &str, value: String) -> Result<(), ActuateError> {
        let write = || -> io::Result<()> {
            let mut open =
                fs::OpenOptions::new().write(true).truncate(true).open(self.folder.join(file))?;
            let written = open.write(value.as_bytes())?;
            if written == value.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
        };
        write().map_err(|error| self.failed(file, &format!("write {value:?}"), &error))
    }

    fn failed(&self, file: &str, action: &str, error: &io::Error) -> ActuateError {
        use rustix::io::Errno;
        let place = self.folder.join(file).display().to_string();
        let problem = format!("cannot {action}: {error}");
        let passing = |advice: &str| ActuateError::passing(&self.target, &place, &problem, advice);
        let lasting = |advice: &str| ActuateError::lasting(&self.target, &place, &problem, advice);
        match Errno::from_io_error(error) {
            Some(Errno::NOENT | Errno::NODEV) => {
                passing("the container has stopped: nothing to do")
            }
            Some(Errno::BUSY) => {
                passing("more memory is in use than the new limit: wait, or raise scale.memory.min")
            }
            Some(Errno::INTR | Errno::AGAIN) => passing("it will be tried again"),
            Some(Errno::ACCESS | Errno::PERM) => {
                lasting("run loadline as a user who may write there, as a rule root")
            }
            Some(Errno::ROFS) => lasting("mount the cgroup hierarchy writable for loadline"),
            Some(Errno::INVAL) => lasting(&self.why_invalid(file)),
            _ => lasting("look at the kernel's log"),
        }
    }

    /// The kernel gives one number for many reasons; the likeliest are told apart by looking around.
    fn why_invalid(&self, file: &str) -> String {
        match file {
            "cpu.cfs_quota_us" => match self.smallest_quota_above() {
                Some((path, cores)) => format!(
                    "on cgroup v1 a quota cannot exceed its parents': {path} allows {cores} cores; \
                     raise that, or lower scale.cpu.max"
                ),
                None => {
                    "on cgroup v1 a quota cannot go below that of a group inside it, nor below \
                         cpu.cfs_burst_us: lower those first"
                        .to_owned()
                }
            },
            "cpu.max" => "a quota cannot go below cpu.max.burst: lower that first".to_owned(),
            _ => "the kernel keeps memory.limit_in_bytes at or below memory.memsw.limit_in_bytes"
                .to_owned(),
        }
    }

    /// The tightest quota among the parents: path below the mount, cores.
    fn smallest_quota_above(&self) -> Option<(String, f64)> {
        let mut least: Option<(String, f64)> = None;
        for folder in self.folder.ancestors().skip(1).take_while(|a| *a != self.mount) {
            let parent = Self { folder: folder.to_path_buf(), ..self.clone() };
            let Ok(Limit::At(cores)) = parent.read().map(|limit| limit.size()) else { continue };
            if least.as_ref().is_none_or(|(_, smallest)| cores < *smallest) {
                let path = folder.strip_prefix(&self.mount).unwrap_or(folder);
                least = Some((format!("/{}", path.display()), cores));
            }
        }
        least
    }
}

/// The mount point and version of the hierarchy that holds the limits of `resource`.
fn hierarchy(host: &CgroupActuator, resource: Resource) -> Result<(PathBuf, Version), String> {
    let controller = match resource {
        Resource::Cpu => Controller::Cpu,
        Resource::Memory => Controller::Memory,
    };
    let root = Root::open(&host.procfs, &host.sysfs).map_err(|error| error.to_string())?;
    match root.files(controller) {
        Some((mount, true)) => Ok((mount.to_path_buf(), Version::V2)),
        Some((mount, false)) => Ok((mount.to_path_buf(), Version::V1)),
        None => Err(format!("no hierarchy with the {resource} controller is mounted")),
    }
}

/// `path` without its leading slash; `None` where it is not absolute, is the root, or climbs.
fn below_root(path: &str) -> Option<&Path> {
    let relative = Path::new(path).strip_prefix("/").ok()?;
    let mut parts = relative.components().peekable();
    parts.peek()?;
    parts.all(|part| matches!(part, Component::Normal(_))).then_some(relative)
}
