//! LXC: the container's name stands in the path.

use super::{Identity, Runtime, base};

/// `lxc.payload.NAME` since LXC 4, at any depth as containers nest; `lxc/NAME` before, and on Proxmox.
/// Below the latter lies `ns` with the processes: the limits are on the outer cgroup.
pub(super) fn identify(path: &str) -> Option<Identity> {
    let base = base(path);
    let name = base.strip_prefix("lxc.payload.").or_else(|| {
        let parent = path.strip_suffix(base)?.strip_suffix('/')?;
        (super::base(parent) == "lxc").then_some(base)
    })?;
    if name.is_empty() {
        return None;
    }
    let mut identity = Identity::new(Runtime::Lxc, Some(name));
    identity.name = Some(name.to_owned());
    Some(identity)
}

/// The monitors of containers, and the empty folders that LXC leaves behind.
pub(super) fn is_ignored(path: &str) -> bool {
    let base = base(path);
    base == "lxc.monitor" || base.starts_with("lxc.monitor.") || base.starts_with("lxc.pivot")
}
