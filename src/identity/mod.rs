//! Who a cgroup is: which runtime made it, and what that runtime calls it.
//!
//! All of it comes from the cgroup's path and from files that the runtimes leave on disk; no daemon is
//! asked. One file a runtime.

mod docker;
mod lxc;
mod systemd;

use std::collections::BTreeMap;
use std::path::Path;

use crate::units::Timestamp;

/// What made a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Runtime {
    /// A Docker container.
    Docker,
    /// An LXC container.
    Lxc,
    /// A slice, service or scope of systemd.
    Systemd,
    /// Anything else, also the root.
    Raw,
}

impl Runtime {
    /// The name in labels and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Lxc => "lxc",
            Self::Systemd => "systemd",
            Self::Raw => "raw",
        }
    }

    /// Whether its cgroups are containers.
    pub const fn is_container(self) -> bool {
        matches!(self, Self::Docker | Self::Lxc)
    }
}

/// Who a cgroup is. `name` and `image` are there for containers only, so that dashboards can select
/// containers by `name!=""` and `image!=""`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What made it.
    pub runtime: Runtime,
    /// The runtime's own key: Docker's 64 hexadecimal digits, LXC's name, systemd's unit.
    pub key: Option<String>,
    /// The container's name.
    pub name: Option<String>,
    /// The image as the container was told to use it.
    pub image: Option<String>,
    /// The container's labels.
    pub labels: BTreeMap<String, String>,
    /// When the container was last started, where the runtime says so.
    pub started: Option<Timestamp>,
}

impl Identity {
    fn new(runtime: Runtime, key: Option<&str>) -> Self {
        Self {
            runtime,
            key: key.map(str::to_owned),
            name: None,
            image: None,
            labels: BTreeMap::new(),
            started: None,
        }
    }
}

/// Whether a cgroup is no workload of its own: mount units repeat the figures of others, and LXC's
/// monitors are its own processes.
pub fn is_ignored(path: &str) -> bool {
    systemd::is_ignored(path) || lxc::is_ignored(path)
}

/// Names cgroups from the files below one root of the host's file system.
#[derive(Debug)]
pub struct Names {
    docker: docker::Names,
}

impl Names {
    /// Looks for the runtimes' files below `rootfs`.
    pub fn new(rootfs: &Path) -> Self {
        Self { docker: docker::Names::new(rootfs) }
    }

    /// Who the cgroup at `path` is. The runtimes are asked from the most to the least specific.
    pub fn identify(&mut self, path: &str) -> Identity {
        self.docker
            .identify(path)
            .or_else(|| lxc::identify(path))
            .or_else(|| systemd::identify(path))
            .unwrap_or_else(|| Identity::new(Runtime::Raw, None))
    }

    /// Brings an identity up to date, as a container may be renamed or started again; `true` where it
    /// changed. Costs one `stat` where nothing did.
    pub fn refresh(&mut self, identity: &mut Identity) -> bool {
        match identity.runtime {
            Runtime::Docker => self.docker.refresh(identity),
            Runtime::Lxc | Runtime::Systemd | Runtime::Raw => false,
        }
    }

    /// Forgets what is remembered for cgroups that are no more.
    pub fn forget(&mut self, gone: impl Iterator<Item = Identity>) {
        for identity in gone {
            if let (Runtime::Docker, Some(id)) = (identity.runtime, &identity.key) {
                self.docker.forget(id);
            }
        }
    }

    /// What could not be read for want of rights, and what is unreadable, as sentences for a log.
    pub fn missing_details(&self) -> Vec<String> {
        self.docker.missing_details()
    }
}

/// The last part of a path: the cgroup's own name.
fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether `text` is the full id of a container: 64 hexadecimal digits in lower case.
fn is_container_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_tell_the_runtime() {
        let dir = tempfile::tempdir().expect("tempdir");
        let mut names = Names::new(dir.path());
        let hex = "0123456789abcdef".repeat(4);
        let cases = [
            (format!("/docker/{hex}"), Runtime::Docker, Some(hex.clone())),
            (format!("/system.slice/docker-{hex}.scope"), Runtime::Docker, Some(hex.clone())),
            (
                format!("/system.slice/docker-{}.scope", &hex[1..]),
                Runtime::Systemd,
                Some(format!("docker-{}.scope", &hex[1..])),
            ),
            (format!("/docker/{hex}/init.scope"), Runtime::Systemd, Some("init.scope".into())),
            (format!("/elsewhere/{hex}"), Runtime::Raw, None),
            ("/docker".into(), Runtime::Raw, None),
            ("/lxc.payload.web".into(), Runtime::Lxc, Some("web".into())),
            ("/lxc/101".into(), Runtime::Lxc, Some("101".into())),
            ("/lxc/101/ns".into(), Runtime::Raw, None),
            ("/lxc".into(), Runtime::Raw, None),
            ("/lxc.payload.".into(), Runtime::Raw, None),
            ("/system.slice/ssh.service".into(), Runtime::Systemd, Some("ssh.service".into())),
            ("/user.slice".into(), Runtime::Systemd, Some("user.slice".into())),
            ("/".into(), Runtime::Raw, None),
        ];
        for (path, runtime, key) in cases {
            let identity = names.identify(&path);
            assert_eq!((identity.runtime, identity.key), (runtime, key), "{path}");
        }
    }

    #[test]
    fn only_containers_have_names() {
        let dir = tempfile::tempdir().expect("tempdir");
        let mut names = Names::new(dir.path());
        assert_eq!(names.identify("/lxc.payload.web").name.as_deref(), Some("web"));
        for path in ["/", "/system.slice", "/system.slice/ssh.service", "/loadline"] {
            let identity = names.identify(path);
            assert_eq!((identity.name, identity.image), (None, None), "{path}");
            assert!(!identity.runtime.is_container(), "{path}");
        }
    }

    #[test]
    fn what_is_no_workload_is_ignored() {
        for path in
            ["/lxc.monitor.web", "/lxc.monitor", "/lxc.pivot", "/system.slice/dev-hugepages.mount"]
        {
            assert!(is_ignored(path), "{path}");
        }
        for path in ["/", "/lxc.payload.web", "/system.slice", "/docker", "/mount"] {
            assert!(!is_ignored(path), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_somebody(path in "(/.{0,70}){0,4}") {
            let mut names = Names::new(Path::new("/nonexistent"));
            let identity = names.identify(&path);
            let _ = is_ignored(&path);
            prop_assert!(identity.runtime.is_container() || identity.name.is_none());
        }
    }
}
