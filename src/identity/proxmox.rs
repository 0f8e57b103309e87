//! Proxmox VE: containers and machines are known by a number, and named in their configuration.

use std::path::Path;

use super::file::{Problems, Watch};
use super::path::{base, parent};
use super::{Identity, Runtime};

/// The folder of configuration, which every member of a cluster has.
const PVE: &str = "etc/pve";

/// `/lxc/VMID` is a container, with its processes in `ns` below; the limits are on the outer cgroup.
/// `/qemu.slice/VMID.scope` is a machine.
pub(super) fn identify(path: &str, rootfs: &Path) -> Option<Identity> {
    let (vmid, kind) = match parent(path) {
        "lxc" => (base(path), "lxc"),
        "qemu.slice" => (base(path).strip_suffix(".scope")?, "qemu-server"),
        _ => return None,
    };
    if vmid.is_empty() || !vmid.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let pve = rootfs.join(PVE);
    if kind == "lxc" && !pve.exists() {
        return None;
    }
    let mut identity = Identity::new(Runtime::Proxmox, Some(vmid));
    identity.name = Some(vmid.to_owned());
    identity.watch = Some(Watch::new(pve.join(kind).join(format!("{vmid}.conf"))));
    Some(identity)
}

/// Reads the configuration where it changed; `true` where that brought a new name.
pub(super) fn refresh(identity: &mut Identity, problems: &mut Problems) -> bool {
    let Some(watch) = &mut identity.watch else { return false };
    if !watch.changed() {
        return false;
    }
    match watch.read() {
        Ok(text) => {
            let found = text.and_then(|text| name(&String::from_utf8_lossy(&text)));
            problems.clear(identity);
            let next = found.or_else(|| identity.key.clone());
            let changed = next != identity.name;
            identity.name = next;
            changed
        }
        Err(error) => {
            let path = watch.path().to_owned();
            problems.note(identity, &path, error);
            false
        }
    }
}

/// The value of `hostname:` (a container's) or `name:` (a machine's). Below the first `[` are snapshots,
/// with the names of their time.
fn name(text: &str) -> Option<String> {
    text.lines()
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| line.strip_prefix("hostname:").or_else(|| line.strip_prefix("name:")))
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_read_above_the_snapshots() {
        assert_eq!(name("#name: no\narch: amd64\nhostname: web\n").as_deref(), Some("web"));
        assert_eq!(name("boot: c\nname:  win11 \n[old]\nname: old\n").as_deref(), Some("win11"));
        assert_eq!(name("cores: 2\n[old]\nhostname: old\n"), None);
        assert_eq!(name("name:\nnameserver: 1.1.1.1\n"), None);
    }

    proptest! {
        #[test]
        fn any_file_is_read(text in r"((hostname|name|\[s\]|x):? ?[a-z]{0,3}\n?){0,6}") {
            if let Some(name) = name(&text) {
                prop_assert!(!name.is_empty() && name.trim() == name);
            }
        }
    }
}
