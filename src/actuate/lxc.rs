//! LXC: the running container's own group, and its configuration file, so that the limit outlives a
//! restart. Both must hold the new size, or neither does.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use tokio::sync::{Mutex, MutexGuard};

use super::group::{Group, Version};
use super::limit::{GroupLimit, cpu_max, or_max, or_minus_one};
use super::{Actuate, ActuateError, Saved, blocking, lxc_config};
use crate::config::{Actuators, CgroupActuator};
use crate::target::{Resource, Target, TargetId};
use crate::units::Limit;

/// The kernel's period where the file sets none.
const DEFAULT_PERIOD_US: u64 = 100_000;

/// Writes the limits of LXC containers.
#[derive(Debug)]
pub(super) struct Lxc {
    path: PathBuf,
    host: CgroupActuator,
    /// A configuration file is read, changed and replaced: two changes at a time would lose one.
    changing: Mutex<()>,
}

/// A container's limit, live and in its file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ContainerLimit {
    live: GroupLimit,
    file: String,
}

impl Saved for ContainerLimit {
    fn size(&self) -> Limit<f64> {
        self.live.size()
    }

    fn grain(&self) -> f64 {
        self.live.grain()
    }
}

/// Where one container is.
#[derive(Clone, Debug)]
struct Container {
    target: TargetId,
    group: Group,
    config: PathBuf,
}

impl Lxc {
    pub(super) fn new(config: &Actuators) -> Self {
        Self {
            path: config.lxc.path.clone(),
            host: config.cgroup.clone(),
            changing: Mutex::new(()),
        }
    }

    pub(super) async fn lock(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Finds the container by the label `id`, else by `name`. Its limits are those of its own group,
    /// not of one that it makes below (Proxmox's `ns`).
    fn container(&self, target: &Target, resource: Resource) -> Result<Container, ActuateError> {
        let from_id = target.labels.get("id").and_then(|id| payload(id));
        let name = match (from_id, target.labels.get("name")) {
            (Some((_, name)), _) => name,
            (None, Some(name)) => name,
            (None, None) => "",
        };
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            return Err(ActuateError::lasting(
                &target.id,
                "labels id and name",
                format!("expected an LXC container's name, found {name:?}"),
                "keep the label `name`, or an `id` with /lxc.payload.NAME, in the rule's discover query",
            ));
        }
        let config = self.path.join(name).join("config");
        let group = match from_id {
            Some((path, _)) => Group::find(&target.id, &self.host, path, resource),
            None => Group::find(&target.id, &self.host, &format!("/lxc.payload.{name}"), resource)
                .or_else(|first| {
                    Group::find(&target.id, &self.host, &format!("/lxc/{name}"), resource)
                        .map_err(|_| first)
                }),
        }?;
        Ok(Container { target: target.id.clone(), group, config })
    }
}

impl Container {
    fn read(&self) -> Result<ContainerLimit, ActuateError> {
        Ok(ContainerLimit { live: self.group.read()?, file: self.read_file()? })
    }

    fn read_file(&self) -> Result<String, ActuateError> {
        fs::read_to_string(&self.config).map_err(|error| {
            ActuateError::lasting(
                &self.target,
                self.config.display().to_string(),
                format!("cannot read the container's configuration: {error}"),
                "set actuators.lxc.path to the folder of the containers, and run loadline as its owner",
            )
        })
    }

    /// Live first: the kernel may refuse, the file does not.
    fn write(&self, before: &ContainerLimit, to: f64) -> Result<(), ActuateError> {
        self.group.write(&before.live.with_size(&self.target, to)?)?;
        let live = self.group.read()?;
        let settings = settings(&live, self.group.version(), &before.file);
        let wanted = settings
            .iter()
            .fold(before.file.clone(), |text, (key, value)| lxc_config::set(&text, key, value));
        self.replace_file(&before.file, &wanted)?;
        let now = self.read_file()?;
        match settings.iter().find(|(key, value)| lxc_config::get(&now, key) != Some(value)) {
            None => Ok(()),
            Some((key, value)) => Err(ActuateError::passing(
                &self.target,
                self.config.display().to_string(),
                format!("wrote {key} = {value}, read back {:?}", lxc_config::get(&now, key)),
                "someone else writes this file: let one of the two do it",
            )),
        }
    }

    fn restore(&self, before: &ContainerLimit) -> Result<(), ActuateError> {
        let live = self.group.write(&before.live);
        // The file is put back even where the group has vanished.
        let file = self.read_file().and_then(|now| self.replace_file(&now, &before.file));
        live.and(file)
    }

    fn replace_file(&self, now: &str, wanted: &str) -> Result<(), ActuateError> {
        if now == wanted {
            return Ok(());
        }
        replace(&self.config, wanted).map_err(|error| {
            ActuateError::lasting(
                &self.target,
                self.config.display().to_string(),
                format!("cannot replace the container's configuration: {error}"),
                "make its folder writable for loadline, with room left on the disk",
            )
        })
    }
}

impl Actuate for Lxc {
    type Saved = ContainerLimit;

    async fn read(
        &self,
        target: &Target,
        resource: Resource,
    ) -> Result<ContainerLimit, ActuateError> {
        let container = self.container(target, resource)?;
        blocking(&target.id, move || container.read()).await
    }

    async fn write(
        &self,
        target: &Target,
        before: &ContainerLimit,
        to: f64,
    ) -> Result<(), ActuateError> {
        let container = self.container(target, before.live.resource())?;
        let before = before.clone();
        blocking(&target.id, move || container.write(&before, to)).await
    }

    async fn restore(&self, target: &Target, before: &ContainerLimit) -> Result<(), ActuateError> {
        let container = self.container(target, before.live.resource())?;
        let before = before.clone();
        blocking(&target.id, move || container.restore(&before)).await
    }
}

/// The container's own group in a cgroup path, and its name: `/lxc.payload.NAME` (LXC 4 and later) or
/// `/lxc/NAME` (earlier, and Proxmox); whatever lies below is the container's own affair.
fn payload(path: &str) -> Option<(&str, &str)> {
    let mut end = 0;
    let mut parent = "";
    for part in path.split('/') {
        end += part.len();
        let name = part.strip_prefix("lxc.payload.").or((parent == "lxc").then_some(part));
        if let Some(name) = name {
            return Some((&path[..end], name));
        }
        parent = part;
        end += 1;
    }
    None
}

/// The lines that give a container this limit at its next start.
fn settings(live: &GroupLimit, version: Version, file: &str) -> Vec<(&'static str, String)> {
    const PERIOD: &str = "lxc.cgroup.cpu.cfs_period_us";
    const WITH_SWAP: &str = "lxc.cgroup.memory.memsw.limit_in_bytes";
    match (*live, version) {
        (GroupLimit::Cpu { quota_us, period_us }, Version::V1) => {
            let mut lines = Vec::new();
            let at_start = lxc_config::get(file, PERIOD)
                .map_or(Some(DEFAULT_PERIOD_US), |period| period.parse().ok());
            if at_start != Some(period_us) {
                lines.push((PERIOD, period_us.to_string()));
            }
            lines.push(("lxc.cgroup.cpu.cfs_quota_us", or_minus_one(quota_us)));
            lines
        }
        (GroupLimit::Cpu { quota_us, period_us }, Version::V2) => {
            vec![("lxc.cgroup2.cpu.max", cpu_max(quota_us, period_us))]
        }
        (GroupLimit::Memory { bytes, with_swap_bytes }, Version::V1) => {
            let mut lines = vec![("lxc.cgroup.memory.limit_in_bytes", or_minus_one(bytes))];
            // A sum below the new limit would keep the container from starting.
            if let Some(sum) =
                with_swap_bytes.filter(|_| lxc_config::get(file, WITH_SWAP).is_some())
            {
                lines.push((WITH_SWAP, or_minus_one(sum)));
            }
            lines
        }
        (GroupLimit::Memory { bytes, .. }, Version::V2) => {
            vec![("lxc.cgroup2.memory.max", or_max(bytes))]
        }
    }
}

/// Replaces a file in one step, through a new one beside it; mode and owner stay.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let old = fs::metadata(&path)?;
    let beside = path.with_extension("loadline");
    // A file left by a crash, or a link laid there, is not written through.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let write = || {
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        fchown(&file, Some(old.uid()), Some(old.gid()))?;
        file.set_permissions(fs::Permissions::from_mode(old.mode() & 0o7777))?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        match path.parent() {
            Some(folder) => fs::File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().inspect_err(|_| {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
    })
}
