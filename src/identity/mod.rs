//! Who a cgroup is: which runtime made it, and what that runtime calls it.
//!
//! All of it comes from the cgroup's path and from files that the runtimes leave on disk; no daemon is
//! asked. One file a runtime.

mod containerd;
mod crio;
mod docker;
mod file;
mod kubernetes;
mod lxc;
mod machine;
mod oci;
mod path;
mod podman;
mod proxmox;
mod slurm;
mod storage;
mod systemd;
#[cfg(test)]
mod tests;
mod users;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::units::Timestamp;
use file::{Problems, Watch};
use storage::Storage;
use users::Users;

/// What made a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Runtime {
    /// A Docker container.
    Docker,
    /// A Podman container.
    Podman,
    /// A container of containerd: of Kubernetes, nerdctl or ctr.
    Containerd,
    /// A container of CRI-O.
    Crio,
    /// A pod of Kubernetes, whose containers are below.
    Kubernetes,
    /// An LXC container.
    Lxc,
    /// A container of Incus or LXD.
    Incus,
    /// A container or virtual machine of Proxmox VE.
    Proxmox,
    /// A container of systemd-nspawn.
    Nspawn,
    /// A virtual machine or container of libvirt.
    Libvirt,
    /// A job of Slurm, or a step of one.
    Slurm,
    /// A slice, service or scope of systemd.
    Systemd,
    /// Anything else, also the root.
    Raw,
}

impl Runtime {
    /// Every runtime.
    pub const ALL: [Self; 13] = [
        Self::Docker,
        Self::Podman,
        Self::Containerd,
        Self::Crio,
        Self::Kubernetes,
        Self::Lxc,
        Self::Incus,
        Self::Proxmox,
        Self::Nspawn,
        Self::Libvirt,
        Self::Slurm,
        Self::Systemd,
        Self::Raw,
    ];

    /// The name in labels and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Containerd => "containerd",
            Self::Crio => "cri-o",
            Self::Kubernetes => "kubernetes",
            Self::Lxc => "lxc",
            Self::Incus => "incus",
            Self::Proxmox => "proxmox",
            Self::Nspawn => "nspawn",
            Self::Libvirt => "libvirt",
            Self::Slurm => "slurm",
            Self::Systemd => "systemd",
            Self::Raw => "raw",
        }
    }

    /// Whether its cgroups are containers or virtual machines.
    pub const fn is_container(self) -> bool {
        !matches!(self, Self::Kubernetes | Self::Slurm | Self::Systemd | Self::Raw)
    }
}

impl FromStr for Runtime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|runtime| runtime.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no such runtime: {text:?}, expected one of {names}")
        })
    }
}

/// What a container's health check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The last check succeeded.
    Healthy,
    /// Too many checks in a row failed.
    Unhealthy,
    /// The container is still within its time to start.
    Starting,
    /// The container has no check.
    None,
}

/// Who a cgroup is. `name` and `image` are there for containers, virtual machines and jobs only, so that
/// dashboards can select them by `name!=""` and `image!=""`; what the runtime does not tell is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What made it.
    pub runtime: Runtime,
    /// The runtime's own key: 64 hexadecimal digits of Docker and its kin, LXC's name, Proxmox's
    /// number, systemd's unit.
    pub key: Option<String>,
    /// The container's name.
    pub name: Option<String>,
    /// The image as the container was told to use it.
    pub image: Option<String>,
    /// The image's own id, in the runtime's notation.
    pub image_id: Option<String>,
    /// The container's labels.
    pub labels: BTreeMap<String, String>,
    /// The pod's name in Kubernetes.
    pub pod: Option<String>,
    /// The pod's namespace in Kubernetes.
    pub namespace: Option<String>,
    /// The container's name within its pod. The container that holds the pod's namespaces has none under
    /// containerd and is called `POD` under CRI-O and Docker, as in the kubelet.
    pub container: Option<String>,
    /// The pod's uid in Kubernetes.
    pub pod_uid: Option<String>,
    /// The user whose systemd manager runs a rootless container, or whose job it is in Slurm.
    pub user: Option<u32>,
    /// The first process, as the host numbers it.
    pub pid: Option<u32>,
    /// When the container was made.
    pub created: Option<Timestamp>,
    /// When the container was last started.
    pub started: Option<Timestamp>,
    /// What its health check says; Docker only.
    pub health: Option<Health>,
    /// How often the engine started it again; Docker only.
    pub restarts: Option<u64>,
    /// The file that tells all this, where it is the container's own.
    watch: Option<Watch>,
    /// How many more scrapes may look for what is not known yet.
    attempts: u8,
}

/// Runtimes make the cgroup first and write files a moment later; after these many scrapes nothing
/// more is expected.
const ATTEMPTS: u8 = 10;

impl Identity {
    fn new(runtime: Runtime, key: Option<&str>) -> Self {
        Self {
            runtime,
            key: key.map(str::to_owned),
            name: None,
            image: None,
            image_id: None,
            labels: BTreeMap::new(),
            pod: None,
            namespace: None,
            container: None,
            pod_uid: None,
            user: None,
            pid: None,
            created: None,
            started: None,
            health: None,
            restarts: None,
            watch: None,
            attempts: ATTEMPTS,
        }
    }

    /// Uses up one of the attempts; `false` where none is left.
    fn take_attempt(&mut self) -> bool {
        let left = self.attempts > 0;
        self.attempts = self.attempts.saturating_sub(1);
        left
    }
}

/// Whether a cgroup is no workload of its own: mount units repeat the figures of others, and the
/// monitors of containers are processes of their runtimes.
pub fn is_ignored(path: &str) -> bool {
    systemd::is_ignored(path)
        || lxc::is_ignored(path)
        || podman::is_ignored(path)
        || crio::is_ignored(path)
}

/// Names cgroups from the files below one root of the host's file system.
#[derive(Debug)]
pub struct Names {
    rootfs: PathBuf,
    users: Users,
    docker: docker::Names,
    podman: podman::Names,
    containerd: containerd::Names,
    /// Where CRI-O has its running containers.
    storage: Storage,
    logs: kubernetes::Logs,
    problems: Problems,
    /// Counts [`Names::begin_scrape`].
    scrape: u64,
}

impl Names {
    /// Looks for the runtimes' files below `rootfs`.
    pub fn new(rootfs: &Path) -> Self {
        Self {
            rootfs: rootfs.to_owned(),
            users: Users::new(rootfs),
            docker: docker::Names::new(rootfs),
            podman: podman::Names::new(rootfs),
            containerd: containerd::Names::new(rootfs),
            storage: Storage::of_system(rootfs),
            logs: kubernetes::Logs::new(rootfs),
            problems: Problems::default(),
            scrape: 1,
        }
    }

    /// To be called before the identities of a scrape are refreshed: files that many containers share
    /// are looked at once between two calls.
    pub fn begin_scrape(&mut self) {
        self.scrape += 1;
    }

    /// Who the cgroup at `path` is. The runtimes are asked from the most to the least specific.
    pub fn identify(&mut self, path: &str) -> Identity {
        let mut identity = self
            .by_id(path)
            .or_else(|| kubernetes::identify(path))
            .or_else(|| proxmox::identify(path, &self.rootfs))
            .or_else(|| lxc::identify(path, &self.rootfs))
            .or_else(|| machine::identify(path))
            .or_else(|| slurm::identify(path))
            .or_else(|| systemd::identify(path))
            .or_else(|| self.containerd.identify_short(path))
            .unwrap_or_else(|| Identity::new(Runtime::Raw, None));
        self.update(&mut identity);
        identity
    }

    /// A container whose cgroup is called by its full id.
    fn by_id(&mut self, path: &str) -> Option<Identity> {
        let leaf = path::leaf(path::base(path))?;
        let pod_uid = kubernetes::pod_of(path, leaf);
        let mut identity = self
            .docker
            .identify(path, leaf, &mut self.users)
            .or_else(|| podman::identify(path, leaf))
            .or_else(|| crio::identify(leaf))
            .or_else(|| self.containerd.identify(path, leaf, pod_uid.is_some()))?;
        identity.pod_uid = pod_uid;
        Some(identity)
    }

    /// Brings an identity up to date, as a container may be renamed or started
    /// again, and its files may be written after its cgroup is made; `true` where it changed. Where
    /// nothing did this costs one `stat` with Docker and Proxmox, one for all of Podman's containers, and
    /// none with the rest.
    pub fn refresh(&mut self, identity: &mut Identity) -> bool {
        match identity.runtime {
            Runtime::Docker | Runtime::Podman | Runtime::Proxmox => self.update(identity),
            Runtime::Containerd | Runtime::Crio | Runtime::Kubernetes if identity.attempts > 0 => {
                self.update(identity)
            }
            _ => false,
        }
    }

    fn update(&mut self, identity: &mut Identity) -> bool {
        let problems = &mut self.problems;
        match identity.runtime {
            Runtime::Docker => docker::refresh(identity, problems),
            Runtime::Proxmox => proxmox::refresh(identity, problems),
            Runtime::Podman => {
                self.podman.refresh(identity, self.scrape, &mut self.users, problems)
            }
            Runtime::Containerd | Runtime::Crio | Runtime::Kubernetes => self.look(identity),
            _ => false,
        }
    }

    /// Looks for what does not change once it is known; `true` where something new was found.
    fn look(&mut self, identity: &mut Identity) -> bool {
        let before = identity.clone();
        identity.take_attempt();
        let problems = &mut self.problems;
        let told = match identity.runtime {
            Runtime::Containerd => self.containerd.read(identity, problems),
            Runtime::Crio => crio::read(&self.storage.running(), identity, problems),
            _ => false,
        };
        let in_pod = identity.pod_uid.is_some();
        let named = in_pod && identity.pod.is_none() && self.logs.read(identity, problems);
        if told || (named && identity.runtime == Runtime::Kubernetes) {
            identity.attempts = 0;
        }
        Identity { attempts: before.attempts, ..identity.clone() } != before
    }

    /// Forgets what is remembered for cgroups that are no more.
    pub fn forget(&mut self, gone: impl Iterator<Item = Identity>) {
        for identity in gone {
            self.problems.clear(&identity);
        }
    }

    /// What could not be read for want of rights, and what is unreadable, as sentences for a log.
    pub fn missing_details(&self) -> Vec<String> {
        self.problems.sentences()
    }
}
