//! LXC, and Incus and LXD on top of it: the container's name stands in the path.

use std::path::Path;

use super::path::{base, parent};
use super::{Identity, Runtime};

/// Where Incus and LXD have one entry for each container, called as its cgroup.
const CONTAINERS: [&str; 3] =
    ["var/lib/incus/containers", "var/lib/lxd/containers", "var/snap/lxd/common/lxd/containers"];

/// `lxc.payload.NAME` since LXC 4, at any depth as containers nest; `lxc.payload/NAME` and `lxc/NAME`
/// before. Incus and LXD put the project before the name, except for the default one.
pub(super) fn identify(path: &str, rootfs: &Path) -> Option<Identity> {
    let base = base(path);
    let payload = base.strip_prefix("lxc.payload.");
    let key = payload.or_else(|| matches!(parent(path), "lxc" | "lxc.payload").then_some(base))?;
    if key.is_empty() {
        return None;
    }
    let managed = payload.is_some()
        && CONTAINERS.iter().any(|dir| rootfs.join(dir).join(key).symlink_metadata().is_ok());
    if !managed {
        let mut identity = Identity::new(Runtime::Lxc, Some(key));
        identity.name = Some(key.to_owned());
        return Some(identity);
    }
    let mut identity = Identity::new(Runtime::Incus, Some(key));
    // No container of theirs has a `_` in its name: it must do as the name of a host.
    let (project, name) = key.rsplit_once('_').unwrap_or(("default", key));
    identity.name = Some(name.to_owned());
    identity.labels.insert("project".to_owned(), project.to_owned());
    Some(identity)
}

/// The monitors of containers, and the empty folders that LXC leaves behind.
pub(super) fn is_ignored(path: &str) -> bool {
    let base = base(path);
    base == "lxc.monitor" || base.starts_with("lxc.monitor.") || base.starts_with("lxc.pivot")
}
