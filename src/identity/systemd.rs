//! systemd: every slice, service and scope is a cgroup of its unit's name.

use super::path::base;
use super::{Identity, Runtime};

/// A unit. It has no `name`: that label tells containers from the rest.
pub(super) fn identify(path: &str) -> Option<Identity> {
    let unit = base(path);
    [".slice", ".service", ".scope"]
        .iter()
        .any(|suffix| unit.ends_with(suffix))
        .then(|| Identity::new(Runtime::Systemd, Some(unit)))
}

/// Mount units repeat the figures of the services that use them.
pub(super) fn is_ignored(path: &str) -> bool {
    path.ends_with(".mount")
}
